//! What the output of a script means: which scripts show weaknesses, and which.
//!
//! [`SCRIPTS`] is the one readable place for it. Beyond the table, two shapes are understood
//! whatever the script is called: the tables of Nmap's `vulns` library (title, state, ids) and the
//! accounts that a `*-brute` script found. Output of all other scripts is information on the
//! service and makes no finding.

use bartizan_intake::xml::Element;
use bartizan_model::{FixHint, FixKind, Severity, Timestamp, Weakness, WeaknessKey, excerpt};

use crate::network::without_url_credentials;
use crate::secret::without_passwords;

const FAMILY: &str = "nmap";

/// A script that decides on weaknesses.
pub(super) struct Script {
    pub(super) id: &'static str,
    /// As in the head of the script; with them `--script` selects it.
    pub(super) categories: &'static [&'static str],
    /// Names of services (as Nmap prints them) for which it runs. Empty: any TLS service.
    pub(super) services: &'static [&'static str],
    pub(super) rules: &'static [Rule],
    decide: Decide,
}

/// A weakness that a script decides on.
pub(super) struct Rule {
    pub(super) id: &'static str,
    title: &'static str,
    severity: Severity,
    cwe: u32,
    fix: (FixKind, &'static str),
}

/// How the output tells that the weakness of the script's first rule is there.
enum Decide {
    /// The script speaks only then.
    Any,
    /// The output contains one of these texts.
    Says(&'static [&'static str]),
    /// The output contains none of these texts.
    Unless(&'static [&'static str]),
    /// The script prints user names and passwords: the output is no evidence to keep.
    Accounts,
    Ciphers,
    Certificate,
}

const HTTP: &[&str] = &["http", "https", "http-proxy", "http-alt", "https-alt", "ipp", "caldav", "soap"];
const SMB: &[&str] = &["microsoft-ds", "netbios-ssn", "smb"];
const TLS: &[&str] = &[];

use FixKind::{Configure, Restrict, Upgrade};
use Severity::{Critical, High, Low, Medium};

#[rustfmt::skip]
pub(super) const SCRIPTS: &[Script] = &[
    Script { id: "http-git", categories: &["default", "safe", "vuln"], services: HTTP, decide: Decide::Any, rules: &[
        Rule { id: "http-git", title: "Git repository served by a web server", severity: High, cwe: 527,
            fix: (Restrict, "Stop serving the folder .git, and replace every secret in its history.") } ] },
    Script { id: "http-svn-info", categories: &["default", "discovery", "safe"], services: HTTP, decide: Decide::Any, rules: &[
        Rule { id: "http-svn-info", title: "Subversion repository served by a web server", severity: Medium, cwe: 527,
            fix: (Restrict, "Require authentication for the Subversion repository.") } ] },
    Script { id: "http-config-backup", categories: &["auth", "intrusive"], services: HTTP, decide: Decide::Any, rules: &[
        Rule { id: "http-config-backup", title: "Backup of a configuration file served by a web server", severity: High, cwe: 530,
            fix: (Restrict, "Remove the backup files from the web root and replace the secrets in them.") } ] },
    Script { id: "http-passwd", categories: &["intrusive", "vuln"], services: HTTP, decide: Decide::Accounts, rules: &[
        Rule { id: "http-passwd", title: "Directory traversal in a web server", severity: High, cwe: 22,
            fix: (Upgrade, "Upgrade the web server or application to a version without the directory traversal.") } ] },
    Script { id: "http-trace", categories: &["vuln", "discovery", "safe"], services: HTTP, decide: Decide::Says(&["TRACE is enabled"]), rules: &[
        Rule { id: "http-trace", title: "HTTP method TRACE enabled", severity: Low, cwe: 693,
            fix: (Configure, "Turn off the HTTP method TRACE.") } ] },
    Script { id: "http-open-proxy", categories: &["default", "discovery", "external", "safe"], services: HTTP, decide: Decide::Says(&["OPEN proxy"]), rules: &[
        Rule { id: "http-open-proxy", title: "Open HTTP proxy", severity: Medium, cwe: 441,
            fix: (Restrict, "Let only known clients use the proxy.") } ] },
    Script { id: "socks-open-proxy", categories: &["default", "discovery", "external", "safe"], services: &["socks5", "socks", "socks4"], decide: Decide::Any, rules: &[
        Rule { id: "socks-open-proxy", title: "Open SOCKS proxy", severity: Medium, cwe: 441,
            fix: (Restrict, "Let only known clients use the proxy.") } ] },
    Script { id: "http-default-accounts", categories: &["discovery", "auth", "intrusive"], services: HTTP, decide: Decide::Accounts, rules: &[
        Rule { id: "http-default-accounts", title: "Default credentials accepted by a web application", severity: Critical, cwe: 1392,
            fix: (Configure, "Set own credentials for the application.") } ] },
    Script { id: "ftp-anon", categories: &["default", "auth", "safe"], services: &["ftp", "ftps"], decide: Decide::Says(&["Anonymous FTP login allowed"]), rules: &[
        Rule { id: "ftp-anon", title: "Anonymous FTP login", severity: Medium, cwe: 306,
            fix: (Restrict, "Turn off anonymous login on the FTP server.") } ] },
    Script { id: "redis-info", categories: &["discovery", "safe"], services: &["redis"], decide: Decide::Says(&["Version:", "Role:"]), rules: &[
        Rule { id: "redis-info", title: "Redis answers without a password", severity: High, cwe: 306,
            fix: (Configure, "Require a password (ACL) and let Redis listen only where its clients are.") } ] },
    Script { id: "memcached-info", categories: &["discovery", "safe"], services: &["memcached", "memcache"], decide: Decide::Says(&["Authentication: no"]), rules: &[
        Rule { id: "memcached-info", title: "Memcached answers without authentication", severity: High, cwe: 306,
            fix: (Restrict, "Let memcached listen only where its clients are.") } ] },
    Script { id: "mongodb-databases", categories: &["default", "discovery", "safe"], services: &["mongodb", "mongod"], decide: Decide::Says(&["databases"]), rules: &[
        Rule { id: "mongodb-databases", title: "MongoDB lists its databases without a password", severity: High, cwe: 306,
            fix: (Configure, "Turn on access control in MongoDB and let it listen only where its clients are.") } ] },
    Script { id: "mongodb-info", categories: &["default", "discovery", "safe"], services: &["mongodb", "mongod"], decide: Decide::Says(&["opcounters", "uptime ="]), rules: &[
        Rule { id: "mongodb-info", title: "MongoDB shows its server status without a password", severity: Medium, cwe: 306,
            fix: (Configure, "Turn on access control in MongoDB and let it listen only where its clients are.") } ] },
    Script { id: "couchdb-databases", categories: &["discovery", "safe"], services: &["couchdb", "http"], decide: Decide::Unless(&["unauthorized", "forbidden"]), rules: &[
        Rule { id: "couchdb-databases", title: "CouchDB lists its databases without a password", severity: High, cwe: 306,
            fix: (Configure, "Create an administrator in CouchDB and require valid users.") } ] },
    Script { id: "mysql-empty-password", categories: &["intrusive", "auth"], services: &["mysql"], decide: Decide::Says(&["has empty password"]), rules: &[
        Rule { id: "mysql-empty-password", title: "MySQL account with an empty password", severity: Critical, cwe: 258,
            fix: (Configure, "Set a password for the account or remove it.") } ] },
    Script { id: "ms-sql-empty-password", categories: &["auth", "intrusive"], services: &["ms-sql-s"], decide: Decide::Says(&["Login Success"]), rules: &[
        Rule { id: "ms-sql-empty-password", title: "SQL Server account with an empty password", severity: Critical, cwe: 258,
            fix: (Configure, "Set a password for the account or turn it off.") } ] },
    Script { id: "x11-access", categories: &["default", "safe", "auth"], services: &["x11"], decide: Decide::Any, rules: &[
        Rule { id: "x11-access", title: "X server open to everybody", severity: High, cwe: 306,
            fix: (Restrict, "Turn off remote access to the X server.") } ] },
    Script { id: "vnc-info", categories: &["default", "discovery", "safe"], services: &["vnc"], decide: Decide::Says(&["None (1)"]), rules: &[
        Rule { id: "vnc-info", title: "VNC without authentication", severity: Critical, cwe: 306,
            fix: (Configure, "Set a password on the VNC server and let it be reached through a gateway only.") } ] },
    Script { id: "rsync-list-modules", categories: &["discovery", "safe"], services: &["rsync"], decide: Decide::Any, rules: &[
        Rule { id: "rsync-list-modules", title: "rsync lists its modules to everybody", severity: Low, cwe: 200,
            fix: (Configure, "Set `list = no` and require users for the rsync modules.") } ] },
    Script { id: "nfs-showmount", categories: &["discovery", "safe"], services: &["rpcbind", "mountd", "nfs"], decide: Decide::Any, rules: &[
        Rule { id: "nfs-showmount", title: "NFS exports shown to everybody", severity: Low, cwe: 200,
            fix: (Restrict, "Export only to the hosts that need it and filter the mount service.") } ] },
    Script { id: "smtp-open-relay", categories: &["discovery", "intrusive", "external"], services: &["smtp", "smtps", "submission"], decide: Decide::Says(&["Server is an open relay"]), rules: &[
        Rule { id: "smtp-open-relay", title: "Open mail relay", severity: High, cwe: 441,
            fix: (Configure, "Relay mail for known senders only.") } ] },
    Script { id: "dns-zone-transfer", categories: &["intrusive", "discovery"], services: &["domain"], decide: Decide::Says(&["SOA"]), rules: &[
        Rule { id: "dns-zone-transfer", title: "DNS zone transfer allowed to everybody", severity: Medium, cwe: 200,
            fix: (Configure, "Allow zone transfers to the secondary name servers only.") } ] },
    Script { id: "dns-recursion", categories: &["default", "safe"], services: &["domain"], decide: Decide::Says(&["Recursion appears to be enabled"]), rules: &[
        Rule { id: "dns-recursion", title: "Name server resolves for everybody", severity: Low, cwe: 406,
            fix: (Configure, "Allow recursion for own clients only.") } ] },
    Script { id: "ntp-monlist", categories: &["discovery", "intrusive"], services: &["ntp"], decide: Decide::Any, rules: &[
        Rule { id: "ntp-monlist", title: "NTP answers monlist requests", severity: Medium, cwe: 406,
            fix: (Configure, "Turn off monlist (`disable monitor`).") } ] },
    Script { id: "smb-security-mode", categories: &["default", "discovery", "safe"], services: SMB, decide: Decide::Says(&["message_signing: disabled", "message_signing: supported"]), rules: &[
        Rule { id: "smb-signing", title: "SMB signing not required", severity: Medium, cwe: 347,
            fix: (Configure, "Require SMB signing.") } ] },
    Script { id: "smb2-security-mode", categories: &["default", "discovery", "safe"], services: SMB, decide: Decide::Says(&["not required", "signing is disabled", "signing disabled"]), rules: &[
        Rule { id: "smb-signing", title: "SMB signing not required", severity: Medium, cwe: 347,
            fix: (Configure, "Require SMB signing.") } ] },
    Script { id: "smb-enum-shares", categories: &["discovery", "intrusive"], services: SMB, decide: Decide::Says(&["Anonymous access: READ"]), rules: &[
        Rule { id: "smb-enum-shares", title: "SMB share open to everybody", severity: High, cwe: 306,
            fix: (Restrict, "Require authentication for the share.") } ] },
    Script { id: "docker-version", categories: &["version"], services: &["docker"], decide: Decide::Any, rules: &[
        Rule { id: "docker-version", title: "Docker API answers without authentication", severity: Critical, cwe: 306,
            fix: (Restrict, "Require client certificates for the Docker API or let it listen on a local socket only.") } ] },
    Script { id: "smb-protocols", categories: &["safe", "discovery"], services: SMB, decide: Decide::Says(&["SMBv1"]), rules: &[
        Rule { id: "smb-v1", title: "SMB version 1 enabled", severity: Medium, cwe: 327,
            fix: (Configure, "Turn off SMB version 1.") } ] },
    Script { id: "sshv1", categories: &["default", "safe"], services: &["ssh"], decide: Decide::Any, rules: &[
        Rule { id: "sshv1", title: "SSH protocol version 1 enabled", severity: High, cwe: 327,
            fix: (Configure, "Turn off SSH protocol version 1.") } ] },
    Script { id: "sslv2", categories: &["default", "safe"], services: TLS, decide: Decide::Says(&["SSLv2 supported"]), rules: &[
        Rule { id: "tls:sslv2", title: "SSL 2.0 enabled", severity: High, cwe: 327,
            fix: (Configure, "Turn off SSL 2.0.") } ] },
    Script { id: "ssl-enum-ciphers", categories: &["discovery", "intrusive"], services: TLS, decide: Decide::Ciphers, rules: &[
        Rule { id: "tls:sslv3", title: "SSL 3.0 enabled", severity: Medium, cwe: 327,
            fix: (Configure, "Turn off SSL 3.0.") },
        Rule { id: "tls:tlsv1.0", title: "TLS 1.0 enabled", severity: Low, cwe: 327,
            fix: (Configure, "Turn off TLS 1.0 (RFC 8996).") },
        Rule { id: "tls:tlsv1.1", title: "TLS 1.1 enabled", severity: Low, cwe: 327,
            fix: (Configure, "Turn off TLS 1.1 (RFC 8996).") },
        Rule { id: "tls:weak-cipher", title: "Weak TLS cipher suites enabled", severity: Medium, cwe: 327,
            fix: (Configure, "Turn off the cipher suites graded C or worse.") } ] },
    Script { id: "ssl-cert", categories: &["default", "safe", "discovery"], services: TLS, decide: Decide::Certificate, rules: &[
        Rule { id: "certificate:expired", title: "TLS certificate expired", severity: Medium, cwe: 298,
            fix: (Configure, "Renew the certificate.") },
        Rule { id: "certificate:self-signed", title: "TLS certificate is self-signed", severity: Low, cwe: 295,
            fix: (Configure, "Use a certificate of a trusted authority.") },
        Rule { id: "certificate:weak-signature", title: "TLS certificate signed with MD5 or SHA-1", severity: Medium, cwe: 328,
            fix: (Configure, "Use a certificate signed with SHA-256 or better.") },
        Rule { id: "certificate:weak-key", title: "TLS certificate with an RSA key below 2048 bits", severity: Medium, cwe: 326,
            fix: (Configure, "Use a certificate with an RSA key of 2048 bits or more, or an elliptic-curve key.") } ] },
];

/// What one script's output says.
pub(super) struct Verdict {
    pub(super) weaknesses: Vec<Weakness>,
    pub(super) severity: Severity,
    pub(super) evidence: Option<String>,
    pub(super) fix: Option<FixHint>,
    /// The component in which a CVE was seen, and its version.
    pub(super) component: Option<(String, Option<String>)>,
    /// How sure the script is, in its own words.
    pub(super) state: Option<String>,
    pub(super) is_exploit: bool,
}

impl Verdict {
    fn new(weaknesses: Vec<Weakness>, severity: Severity) -> Self {
        Self {
            weaknesses,
            severity,
            evidence: None,
            fix: None,
            component: None,
            state: None,
            is_exploit: false,
        }
    }
}

/// Everything that the output of one script says about weaknesses.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) verdicts: Vec<Verdict>,
    /// Vulnerabilities that the script looked for and did not find.
    pub(super) absent: Vec<String>,
    /// The script broke off: it proves nothing.
    pub(super) failed: bool,
}

/// Reads a `<script>` element. `seen` is the time of the scan, for what expires.
pub(super) fn read(script: &Element, seen: Option<Timestamp>) -> Reading {
    let mut reading = Reading::default();
    let Some(id) = script.attribute("id") else { return reading };
    let output = script.attribute("output").unwrap_or_default();
    if output.trim_start().starts_with("ERROR:") {
        reading.failed = true;
        return reading;
    }
    if id == "vulners" {
        reading.verdicts = vulners(script);
        return reading;
    }
    if id.ends_with("-brute") {
        reading.verdicts.extend(brute(id, script, output));
        return reading;
    }
    let tables = vulnerability_tables(script);
    if !tables.is_empty() {
        for table in tables {
            vulnerability(id, table, output, &mut reading);
        }
        return reading;
    }
    if let Some(known) = SCRIPTS.iter().find(|known| known.id == id) {
        reading.verdicts = decide(known, script, output, seen);
    }
    reading
}

fn decide(known: &Script, script: &Element, output: &str, seen: Option<Timestamp>) -> Vec<Verdict> {
    let contains = |texts: &[&str]| texts.iter().any(|text| output.contains(text));
    let is_there = match known.decide {
        Decide::Any => !output.trim().is_empty() && output.trim() != "false",
        Decide::Says(texts) => contains(texts),
        Decide::Unless(texts) => !output.trim().is_empty() && !contains(texts),
        Decide::Accounts if output.trim().is_empty() => false,
        Decide::Accounts => {
            return vec![known.rules[0].verdict(Some(accounts(script)).filter(|text| !text.is_empty()))];
        }
        Decide::Ciphers => return ciphers(known.rules, script, output),
        Decide::Certificate => return certificate(known.rules, script, seen),
    };
    if is_there { vec![known.rules[0].verdict(Some(evidence(output)))] } else { Vec::new() }
}

impl Rule {
    fn verdict(&self, evidence: Option<String>) -> Verdict {
        let mut weakness = Weakness::new(WeaknessKey::rule(FAMILY, self.id), self.title);
        weakness.cwes = vec![self.cwe];
        let mut verdict = Verdict::new(vec![weakness], self.severity);
        verdict.evidence = evidence;
        verdict.fix = Some(FixHint {
            kind: self.fix.0,
            text: self.fix.1.to_owned(),
            component: None,
            fixed_versions: Vec::new(),
        });
        verdict
    }
}

fn evidence(output: &str) -> String {
    excerpt(&without_passwords(&without_url_credentials(output)), 2000)
}

/// `TLSv1.0` and its like are tables; their ciphers carry a strength from A to F (the grades of the
/// SSL Labs server rating guide, as the script computes them).
fn ciphers(rules: &[Rule], script: &Element, output: &str) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let mut weak = Vec::new();
    for table in script.children("table") {
        let protocol = table.attribute("key").unwrap_or_default();
        let known = ["SSLv3", "TLSv1.0", "TLSv1.1"].iter().position(|known| *known == protocol);
        if let Some(rule) = known.and_then(|at| rules.get(at)) {
            verdicts.push(rule.verdict(Some(format!("{protocol} is offered"))));
        }
        let suites = table.children("table").find(|table| table.attribute("key") == Some("ciphers"));
        for suite in suites.into_iter().flat_map(|suites| suites.children("table")) {
            let strength = keyed(suite, "strength").unwrap_or("unknown");
            if matches!(strength, "C" | "D" | "E" | "F")
                && let Some(name) = keyed(suite, "name")
            {
                weak.push(format!("{protocol} {name} ({strength})"));
            }
        }
    }
    // Reports without structured output (Nmap 6.2x) have the protocols as lines of the text.
    if script.children.is_empty() {
        for (at, protocol) in ["SSLv3", "TLSv1.0", "TLSv1.1"].iter().enumerate() {
            if output.lines().any(|line| line.trim().trim_end_matches(':') == *protocol)
                && let Some(rule) = rules.get(at)
            {
                verdicts.push(rule.verdict(Some(format!("{protocol} is offered"))));
            }
        }
        weak.extend(
            output
                .lines()
                .map(str::trim)
                .filter(|line| [" - C", " - D", " - E", " - F"].iter().any(|grade| line.ends_with(grade)))
                .map(str::to_owned),
        );
    }
    if let (false, Some(rule)) = (weak.is_empty(), rules.last()) {
        verdicts.push(rule.verdict(Some(excerpt(&weak.join("\n"), 2000))));
    }
    verdicts
}

fn certificate(rules: &[Rule], script: &Element, seen: Option<Timestamp>) -> Vec<Verdict> {
    let table = |key: &str| script.children("table").find(|table| table.attribute("key") == Some(key));
    let mut verdicts = Vec::new();
    let until = table("validity").and_then(|table| keyed(table, "notAfter"));
    if let (Some(until), Some(seen)) = (until, seen)
        && crate::time::parse(until).is_some_and(|until| until < seen)
    {
        verdicts.push(rules[0].verdict(Some(format!("not valid after {until}"))));
    }
    let names = |key: &str| table(key).map(|table| table.children.clone()).unwrap_or_default();
    let (subject, issuer) = (names("subject"), names("issuer"));
    if !subject.is_empty() && subject == issuer {
        let name = table("subject").and_then(|table| keyed(table, "commonName")).unwrap_or("unnamed");
        verdicts.push(rules[1].verdict(Some(format!("{name} signed its own certificate"))));
    }
    if let Some(algorithm) = keyed(script, "sig_algo")
        && ["md5", "sha1"].iter().any(|weak| algorithm.to_ascii_lowercase().contains(weak))
    {
        verdicts.push(rules[2].verdict(Some(format!("signed with {algorithm}"))));
    }
    let key = table("pubkey");
    let bits = key.and_then(|key| keyed(key, "bits")).and_then(|bits| bits.parse::<u32>().ok());
    if key.and_then(|key| keyed(key, "type")) == Some("rsa")
        && let Some(bits) = bits.filter(|bits| *bits < 2048)
    {
        verdicts.push(rules[3].verdict(Some(format!("RSA key of {bits} bits"))));
    }
    verdicts
}

/// The text of the child `<elem key="…">`.
pub(super) fn keyed<'e>(table: &'e Element, key: &str) -> Option<&'e str> {
    table
        .children("elem")
        .find(|element| element.attribute("key") == Some(key))
        .map(|element| element.text.trim())
        .filter(|text| !text.is_empty())
}

/// Names of the accounts in a script's tables, never their passwords.
fn accounts(script: &Element) -> String {
    let mut found = Vec::new();
    let mut open: Vec<(&Element, String)> = script
        .children("table")
        .map(|table| (table, table.attribute("key").unwrap_or_default().to_owned()))
        .collect();
    while let Some((table, name)) = open.pop() {
        if let Some(user) = keyed(table, "username") {
            found.push(if name.is_empty() {
                format!("account {user}")
            } else {
                format!("account {user} of {name}")
            });
        }
        open.extend(table.children("table").map(|child| (child, name.clone())));
    }
    found.sort_unstable();
    excerpt(&found.join("\n"), 2000)
}

fn brute(id: &str, script: &Element, output: &str) -> Option<Verdict> {
    let says_so = output.contains("Valid credentials") || output.contains("Login correct");
    if !says_so {
        return None;
    }
    let mut weakness = Weakness::new(WeaknessKey::rule(FAMILY, id), "Guessable credentials accepted");
    weakness.cwes = vec![1391];
    let mut verdict = Verdict::new(vec![weakness], Severity::Critical);
    verdict.evidence = Some(accounts(script)).filter(|text| !text.is_empty());
    verdict.fix = Some(FixHint {
        kind: FixKind::Configure,
        text: "Set strong credentials for the accounts and limit the rate of logins.".to_owned(),
        component: None,
        fixed_versions: Vec::new(),
    });
    Some(verdict)
}

/// The tables of the library `vulns`: they have a title and a state.
fn vulnerability_tables(script: &Element) -> Vec<&Element> {
    let mut open: Vec<&Element> = script.children("table").collect();
    let mut tables = Vec::new();
    while let Some(table) = open.pop() {
        let is_one = keyed(table, "title").is_some() && keyed(table, "state").is_some_and(is_state);
        if is_one {
            tables.push(table);
        } else {
            open.extend(table.children("table"));
        }
    }
    tables.reverse();
    tables
}

fn is_state(state: &str) -> bool {
    state.contains("VULNERABLE") || state == "UNKNOWN (unable to test)"
}

fn vulnerability(script_id: &str, table: &Element, output: &str, reading: &mut Reading) {
    let state = keyed(table, "state").unwrap_or_default();
    let title = keyed(table, "title").unwrap_or(script_id);
    let list = |key: &'static str| {
        let list = table.children("table").find(|child| child.attribute("key") == Some(key));
        list.into_iter().flat_map(|list| list.children("elem")).map(|element| element.text.trim())
    };
    let mut ids: Vec<&str> =
        list("ids").filter_map(|id| id.strip_prefix("CVE:")).filter(|id| id.starts_with("CVE-")).collect();
    if ids.is_empty()
        && let Some(key) = table.attribute("key").filter(|key| key.starts_with("CVE-"))
    {
        ids.push(key);
    }
    if state.starts_with("UNKNOWN") {
        return;
    }
    if state.starts_with("NOT VULNERABLE") {
        reading.absent.extend(ids.iter().map(|id| (*id).to_owned()));
        return;
    }
    let mut weaknesses: Vec<Weakness> =
        ids.iter().filter_map(|id| Weakness::from_ids([*id], title)).collect();
    if weaknesses.is_empty() {
        weaknesses.push(Weakness::new(WeaknessKey::rule(FAMILY, script_id), title));
    }
    let description = list("description").collect::<Vec<_>>().join("\n");
    let references: Vec<String> = list("refs").take(10).map(str::to_owned).collect();
    let scores = table.children("table").find(|child| child.attribute("key") == Some("scores"));
    let vectors: Vec<&str> = scores
        .into_iter()
        .flat_map(|scores| scores.children("elem"))
        .map(|element| element.text.trim())
        .filter(|text| text.contains("AV:"))
        .collect();
    // `scores` is a free map: `CVSSv3: 9.8`, `CVSS: 10.0 (HIGH) (AV:N/…)`.
    let score = scores
        .into_iter()
        .flat_map(|scores| scores.children("elem"))
        .find_map(|element| element.text.split_whitespace().next()?.parse::<f64>().ok())
        .filter(|score| (0.0..=10.0).contains(score));
    for weakness in &mut weaknesses {
        weakness.description = (!description.is_empty()).then(|| excerpt(&description, 2000));
        weakness.references.clone_from(&references);
        weakness.score = score;
        weakness.cvss = vectors
            .iter()
            .filter(|vector| vector.starts_with("CVSS:"))
            .map(|vector| (*vector).to_owned())
            .collect();
    }
    let severity = risk_factor(output, title)
        .or_else(|| score.map(Severity::from_cvss_score))
        .unwrap_or(Severity::Unknown);
    let mut verdict = Verdict::new(weaknesses, severity);
    let results = list("check_results").chain(list("exploit_results")).collect::<Vec<_>>().join("\n");
    verdict.evidence =
        Some(if results.is_empty() { format!("{script_id}: {state}") } else { evidence(&results) });
    verdict.state = Some(state.to_owned());
    reading.verdicts.push(verdict);
}

/// `Risk factor: High` is printed in the text only.
fn risk_factor(output: &str, title: &str) -> Option<Severity> {
    let from_title = output.find(title).map_or(output, |at| &output[at..]);
    let (_, rest) = from_title.split_once("Risk factor:")?;
    let word = rest.split_whitespace().next()?;
    Some(Severity::from_word(word)).filter(|severity| *severity != Severity::Unknown)
}

/// The rows of `vulners`: what its database lists for a product and version. A row that is not a
/// published vulnerability (an exploit, an advisory) is kept under its own id.
fn vulners(script: &Element) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for product in script.children("table") {
        let cpe = product.attribute("key").unwrap_or_default();
        let component = cpe.starts_with("cpe:").then(|| split_cpe(cpe));
        for row in product.children("table") {
            let Some(id) = keyed(row, "id") else { continue };
            let score = keyed(row, "cvss").and_then(|score| score.parse::<f64>().ok());
            let is_cve = id.to_ascii_uppercase().starts_with("CVE-");
            let mut weakness = match Weakness::from_ids([id], id) {
                Some(weakness) if is_cve => weakness,
                _ => Weakness::new(WeaknessKey::rule("vulners", id), format!("{id} for {cpe}")),
            };
            weakness.score = score;
            let kind = keyed(row, "type").unwrap_or("cve");
            weakness.references = vec![format!("https://vulners.com/{kind}/{id}")];
            let severity = score.map_or(Severity::Unknown, Severity::from_cvss_score);
            let mut verdict = Verdict::new(vec![weakness], severity);
            verdict.component.clone_from(&component);
            verdict.is_exploit = keyed(row, "is_exploit") == Some("true");
            verdict.evidence = Some(format!("listed for {cpe}"));
            verdicts.push(verdict);
        }
    }
    verdicts
}

/// `cpe:/a:vendor:product:1.2` → (`cpe:/a:vendor:product`, `1.2`).
pub(super) fn split_cpe(cpe: &str) -> (String, Option<String>) {
    let (prefix, rest) = cpe.split_once(":/").map_or(("", cpe), |(prefix, rest)| (prefix, rest));
    let mut parts = rest.split(':');
    let product: Vec<&str> = parts.by_ref().take(3).collect();
    let version = parts.next().filter(|version| !version.is_empty()).map(str::to_owned);
    (format!("{prefix}:/{}", product.join(":")), version)
}

/// URLs of the repositories from which a served `.git` was cloned, as `http-git` prints them.
pub(super) fn git_remotes(script: &Element) -> Vec<String> {
    let mut remotes: Vec<String> = script
        .children("table")
        .flat_map(|root| root.children("table"))
        .filter(|table| table.attribute("key") == Some("remotes"))
        .flat_map(|table| table.children("elem"))
        .map(|element| element.text.trim().to_owned())
        .collect();
    if remotes.is_empty() {
        let output = script.attribute("output").unwrap_or_default();
        let after = output.lines().skip_while(|line| line.trim() != "Remotes:").skip(1);
        remotes.extend(
            after
                .map(str::trim)
                .take_while(|line| !line.contains(' ') && (line.contains("://") || line.contains('@')))
                .map(str::to_owned),
        );
    }
    remotes.retain(|remote| !remote.is_empty());
    remotes
}
