//! The column names of the CSV exports, one list of spellings for each field.

/// A field of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Plugin,
    Name,
    Family,
    Risk,
    SeverityNumber,
    Host,
    Ip,
    Ipv6,
    Fqdn,
    Netbios,
    HostName,
    Mac,
    Os,
    AssetId,
    AgentId,
    Protocol,
    Port,
    Service,
    Cve,
    Cwe,
    Vector2,
    Vector3,
    Vector4,
    Score2,
    Score3,
    Score4,
    Synopsis,
    Description,
    Solution,
    Output,
    SeeAlso,
    Cpe,
    State,
    LastSeen,
    Vpr,
    Exploit,
    Malware,
    Unsupported,
    RecastReason,
    AcceptComment,
}

/// Spellings in lower case, the most specific first. In a row, the first that is not empty counts.
pub(super) const FIELDS: &[(Field, &[&str])] = &[
    (Field::Plugin, &["plugin id", "plugin", "definition.id", "pluginid"]),
    (Field::Name, &["name", "plugin name", "definition.name"]),
    (Field::Family, &["plugin family", "family", "definition.family"]),
    (Field::Risk, &["risk", "severity", "definition.severity", "risk factor"]),
    (Field::SeverityNumber, &["severity id"]),
    (Field::Host, &["host", "asset.name"]),
    (Field::Ip, &["ip address", "asset.display_ipv4_address", "asset.ipv4_addresses", "ipv4"]),
    (Field::Ipv6, &["ipv6", "asset.display_ipv6_address"]),
    (Field::Fqdn, &["fqdn", "dns name", "asset.display_fqdn"]),
    (Field::Netbios, &["netbios name", "netbios", "asset.netbios_name"]),
    (Field::HostName, &["asset.host_name", "hostname"]),
    (Field::Mac, &["mac address", "asset.display_mac_address"]),
    (Field::Os, &["os", "asset.operating_system", "operating system"]),
    (Field::AssetId, &["asset.id", "asset uuid", "host id"]),
    (Field::AgentId, &["agent id", "asset.agent_uuid"]),
    (Field::Protocol, &["protocol"]),
    (Field::Port, &["port"]),
    (Field::Service, &["service"]),
    (Field::Cve, &["cve", "definition.cve"]),
    (Field::Cwe, &["cwe", "definition.cwe"]),
    (Field::Vector2, &["cvss vector", "cvss v2 vector", "definition.cvss2.base_vector"]),
    (Field::Vector3, &["cvss3 vector", "cvss v3 vector", "cvss v3.0 vector", "definition.cvss3.base_vector"]),
    (Field::Vector4, &["cvss4 vector", "cvss v4 vector", "cvss v4.0 vector", "definition.cvss4.base_vector"]),
    (
        Field::Score2,
        &[
            "cvss",
            "cvss v2.0 base score",
            "cvss v2 base score",
            "cvss base score",
            "definition.cvss2.base_score",
        ],
    ),
    (
        Field::Score3,
        &[
            "cvss v3.0 base score",
            "cvss v3 base score",
            "cvss3 base score",
            "cvssv3",
            "definition.cvss3.base_score",
        ],
    ),
    (
        Field::Score4,
        &["cvss v4.0 base score", "cvss v4 base score", "cvss4 base score", "definition.cvss4.base_score"],
    ),
    (Field::Synopsis, &["synopsis", "definition.synopsis"]),
    (Field::Description, &["description", "definition.description"]),
    (Field::Solution, &["solution", "steps to remediate", "definition.solution"]),
    (Field::Output, &["plugin output", "output"]),
    (Field::SeeAlso, &["see also", "definition.see_also"]),
    (Field::Cpe, &["cpe", "definition.cpe"]),
    (Field::State, &["vulnerability state", "state"]),
    (Field::LastSeen, &["last observed", "last found", "last_seen", "last seen", "host end"]),
    (
        Field::Vpr,
        &[
            "vpr score",
            "vulnerability priority rating",
            "vulnerability priority rating (vpr)",
            "definition.vpr.score",
        ],
    ),
    (Field::Exploit, &["exploit?", "exploit available", "metasploit"]),
    (Field::Malware, &["exploited by malware", "definition.exploited_by_malware"]),
    (Field::Unsupported, &["unsupported by vendor", "definition.unsupported_by_vendor"]),
    (Field::RecastReason, &["recast risk comment", "recast_reason"]),
    (Field::AcceptComment, &["accept risk comment"]),
];

/// Which columns of a file hold which fields.
pub(super) struct Columns {
    columns: Vec<Vec<usize>>,
    /// Tenable.sc lists a plugin once for all hosts; the others once for each host.
    pub(super) is_security_center: bool,
}

impl Columns {
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let names: Vec<String> = names.map(|name| name.trim().to_ascii_lowercase()).collect();
        let columns = FIELDS.iter().map(|(_, spellings)| {
            spellings.iter().filter_map(|spelling| names.iter().position(|name| name == spelling)).collect()
        });
        let is_security_center =
            names.iter().any(|name| name == "plugin") && !names.iter().any(|name| name == "host");
        Self { columns: columns.collect(), is_security_center }
    }

    pub(super) fn has(&self, field: Field) -> bool {
        !self.indices(field).is_empty()
    }

    fn indices(&self, field: Field) -> &[usize] {
        FIELDS.iter().position(|(known, _)| *known == field).map_or(&[], |at| &self.columns[at])
    }

    /// The field of a row; empty if it is not there.
    pub(super) fn get<'r>(&self, row: &'r csv::StringRecord, field: Field) -> &'r str {
        self.indices(field)
            .iter()
            .filter_map(|index| row.get(*index))
            .map(str::trim)
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    }
}
