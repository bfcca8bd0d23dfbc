//! AWS inventory as the AWS CLI prints it: identities, machines, networks, data stores.
//!
//! One format for all commands: each prints one object with a list under a key of its own
//! (`UserDetailList`, `Reservations`, `DBInstances`…), and by that key the lists are told apart.
//! Files with several pages or several commands' objects one after the other are read as well. The
//! IAM credential report is read in both shapes: JSON with base64 inside, and the CSV itself.
//!
//! An inventory states facts, not weaknesses: nothing here decides whether access is given; the
//! policy documents are handed on as attributes. A record is one listed object. What AWS leaves out
//! stays unknown: no attribute is made up for a missing field.

mod access_keys;
mod arn;
mod compute;
mod credential_report;
mod data;
mod facts;
mod identities;
mod managed;
mod network;
mod policies;

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use bartizan_intake::json::{Documents, Event, walk};
use bartizan_model::{AssetKind, Identifier, Scheme, Subject};
use serde::de::DeserializeOwned;

use self::facts::Facts;
use super::{Confidence, Format, Kind};
use crate::{Context, Error, Head, Header, Outcome, Record, Result, Sink};

pub(super) const FORMAT: Format = Format {
    name: "aws-inventory",
    title: "AWS inventory (AWS CLI JSON, IAM credential report)",
    tool: "AWS CLI",
    kind: Kind::Inventory,
    example: "aws iam get-account-authorization-details > iam-get-account-authorization-details.json",
    sniff,
    parse,
};

/// Reads one listed object: its place, its JSON text; adds a record for every object in it.
type Reading = fn(&Setting, &str, &str, &mut Vec<Record>);

/// What is done with a list or a member of the outermost object.
enum Use {
    /// Every element is read by itself.
    Each(Reading),
    /// Kept until the whole file is read: other lists complete it.
    Hold,
    /// A member of an object that is about one thing; read when the object ends.
    Part,
}

/// The lists and members that are read, with whether the key alone proves that AWS wrote it.
const ROUTES: &[(&str, bool, Use)] = &[
    ("UserDetailList[]", true, Use::Hold),
    ("GroupDetailList[]", true, Use::Hold),
    ("RoleDetailList[]", true, Use::Hold),
    ("Policies[]", false, Use::Hold),
    ("RouteTables[]", true, Use::Hold),
    ("Users[]", false, Use::Each(identities::user)),
    ("Groups[]", false, Use::Each(identities::group)),
    ("Roles[]", false, Use::Each(identities::role)),
    ("InstanceProfiles[]", true, Use::Each(identities::instance_profile)),
    ("AccessKeyMetadata[]", true, Use::Each(access_keys::access_key)),
    ("Reservations[]", true, Use::Each(compute::reservation)),
    ("Functions[]", false, Use::Each(compute::function)),
    ("Vpcs[]", true, Use::Each(network::vpc)),
    ("Subnets[]", true, Use::Each(network::subnet)),
    ("NetworkAcls[]", true, Use::Each(network::access_list)),
    ("InternetGateways[]", true, Use::Each(network::internet_gateway)),
    ("SecurityGroups[]", true, Use::Each(network::security_group)),
    ("NetworkInterfaces[]", true, Use::Each(network::network_interface)),
    ("Buckets[]", false, Use::Each(data::bucket)),
    ("DBInstances[]", true, Use::Each(data::database)),
    ("DBClusters[]", true, Use::Each(data::cluster)),
    ("DBSnapshots[]", true, Use::Each(data::snapshot)),
    ("SecretList[]", true, Use::Each(data::secret)),
    ("Policy", false, Use::Part),
    ("ResourcePolicy", false, Use::Part),
    ("ARN", false, Use::Part),
    ("PolicyStatus", false, Use::Part),
    ("PublicAccessBlockConfiguration", false, Use::Part),
    ("Grants", false, Use::Part),
    ("Account", false, Use::Part),
    ("Arn", false, Use::Part),
    ("UserId", false, Use::Part),
    ("Content", false, Use::Part),
    ("ReportFormat", false, Use::Part),
    ("GeneratedTime", false, Use::Part),
];

fn key_of(path: &str) -> &str {
    path.trim_end_matches("[]")
}

fn sniff(head: &Head<'_>) -> Confidence {
    if credential_report::is_csv(head.text()) {
        return Confidence::Certain;
    }
    if !head.is_json() || head.is_json_array() {
        return Confidence::No;
    }
    let own_key = ROUTES.iter().any(|(path, proof, _)| *proof && head.has_key(key_of(path)));
    let parts = head.has_keys(&["Account", "Arn", "UserId"])
        || (head.has_keys(&["Content", "ReportFormat"]) && head.contains("text/csv"))
        || (head.has_keys(&["Owner", "Grants"]) && head.contains("\"Permission\""))
        || (head.has_key("PolicyStatus") && head.contains("IsPublic"))
        || (head.has_key("PublicAccessBlockConfiguration") && head.contains("BlockPublicAcls"))
        || (head.has_key("Policy") && head.contains("arn:aws") && head.contains("Statement"))
        || (head.has_keys(&["ARN", "ResourcePolicy"]) && head.contains("arn:aws"))
        || (head.has_keys(&["Buckets", "Owner"]));
    if own_key || parts {
        return Confidence::Certain;
    }
    let common = ["Users", "Groups", "Roles", "Policies", "Functions", "Buckets"];
    if !common.iter().any(|key| head.has_key(key)) {
        Confidence::No
    } else if head.contains("\"arn:aws") {
        Confidence::Certain
    } else if head.keys().len() <= 2 {
        // An empty list: `{"Users": []}`.
        Confidence::Possible
    } else {
        Confidence::No
    }
}

/// What is known from outside of the file.
struct Setting<'a> {
    context: &'a Context,
    /// The number of the account, if a person said so.
    account: Option<String>,
}

impl Setting<'_> {
    /// The zone of a private address: the named one, else the VPC, because private addresses are
    /// unique only in theirs.
    fn address(&self, vpc: Option<&str>, address: &str) -> Identifier {
        match self.context.zone.as_deref().or(vpc) {
            Some(zone) => Identifier::new(Scheme::Ip, format!("{zone}/{address}")),
            None => Identifier::new(Scheme::Ip, address),
        }
    }

    /// The account that owns an object: as its record says, else as a person said.
    fn owner(&self, stated: Option<&str>) -> Option<String> {
        stated.filter(|number| arn::is_account(number)).map(str::to_owned).or_else(|| self.account.clone())
    }
}

/// An object that other lists of the file complete.
struct Held {
    at: String,
    json: String,
}

fn parse(reader: &mut dyn Read, context: &Context, sink: &mut dyn Sink) -> Result<Header> {
    let mut header = Header::new("aws");
    let setting = Setting { context, account: context.asset.as_deref().and_then(arn::account_of_subject) };
    let head = start(reader)?;
    let text = String::from_utf8_lossy(&head).into_owned();
    let mut whole = std::io::Cursor::new(head).chain(reader);
    if credential_report::is_csv(&text) {
        credential_report::read(&mut whole, sink)?;
        return Ok(header);
    }
    let keys = Head::new(&text).keys().to_vec();
    let mut recognised = ROUTES.iter().any(|(path, ..)| keys.iter().any(|key| key == key_of(path)));

    let paths: Vec<&str> = ROUTES.iter().map(|(path, ..)| *path).collect();
    let mut held: BTreeMap<&str, Vec<Held>> = BTreeMap::new();
    let mut parts: BTreeMap<&str, String> = BTreeMap::new();
    let mut records = Vec::new();
    walk::<Error>(&mut whole, &paths, Documents::Many, &mut |event, position| {
        match event {
            Event::Begin { .. } => parts.clear(),
            Event::Value { route, json, .. } => {
                recognised = true;
                let (path, _, how) = &ROUTES[route];
                let at = at(position);
                match how {
                    Use::Each(read) => read(&setting, &at, json, &mut records),
                    Use::Hold => {
                        held.entry(path).or_default().push(Held { at, json: json.to_owned() });
                    }
                    Use::Part => {
                        parts.insert(path, json.to_owned());
                    }
                }
            }
            Event::End { .. } => policies::single(&setting, &parts, &mut header, &mut records),
        }
        records.drain(..).try_for_each(|record| sink.record(record))
    })?;
    let mut take = |path: &str| held.remove(path).unwrap_or_default();
    let library = policies::read(take("Policies[]"), &mut records);
    identities::details(
        &library,
        &identities::Details {
            users: take("UserDetailList[]"),
            groups: take("GroupDetailList[]"),
            roles: take("RoleDetailList[]"),
        },
        &setting,
        &mut records,
    );
    network::route_tables(&setting, &take("RouteTables[]"), &mut records);
    records.into_iter().try_for_each(|record| sink.record(record))?;
    if !recognised {
        return Err(Error::Incomplete {
            format: FORMAT.name,
            message: "it has none of the lists that the AWS CLI prints".to_owned(),
        });
    }
    Ok(header)
}

/// The first bytes, enough to see the outermost keys.
fn start(reader: &mut dyn Read) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    reader
        .take(64 * 1024)
        .read_to_end(&mut head)
        .map_err(|source| Error::Intake(bartizan_intake::Error::Read { at: 0, source }))?;
    Ok(head)
}

/// The place of an object, without the number of the document when there is only the first.
fn at(position: &bartizan_intake::json::Position<'_>) -> String {
    let at = position.to_string();
    at.strip_prefix("[0].").map_or(at.clone(), str::to_owned)
}

/// Reads one object and says what it says, or why it cannot be understood.
fn one<T: DeserializeOwned>(at: &str, json: &str, say: impl FnOnce(T) -> Result<Facts, String>) -> Record {
    match serde_json::from_str::<T>(json).map_err(|error| error.to_string()).and_then(say) {
        Ok(facts) => Record::observed(at, facts.into_observations()),
        Err(message) => Record::rejected(at, message),
    }
}

/// The same, for objects that may have to be left out.
fn one_or_ignored<T: DeserializeOwned>(
    at: &str,
    json: &str,
    say: impl FnOnce(T) -> Result<Result<Facts, &'static str>, String>,
) -> Record {
    match serde_json::from_str::<T>(json).map_err(|error| error.to_string()).and_then(say) {
        Ok(Ok(facts)) => Record::observed(at, facts.into_observations()),
        Ok(Err(reason)) => Record::ignored(at, reason),
        Err(message) => {
            Record { at: at.to_owned(), outcome: Outcome::Rejected { message }, folds_into: None }
        }
    }
}

/// What a text that must be there is called when it is not.
fn required(value: Option<String>, field: &str) -> Result<String, String> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| format!("the field {field} is missing"))
}

fn cloud_account(number: &str) -> Arc<Subject> {
    Arc::new(Subject::new(AssetKind::CloudAccount, [Identifier::new(Scheme::CloudAccount, number)]))
}

/// Something known by its ARN only.
fn by_arn(kind: AssetKind, arn: &str) -> Arc<Subject> {
    Arc::new(Subject::new(kind, [Identifier::new(Scheme::AwsArn, arn)]))
}

/// Something known by its short id (`sg-…`, `subnet-…`) and, where it is printed, its ARN.
fn by_id(kind: AssetKind, id: &str, arn: Option<&str>) -> Arc<Subject> {
    let identifiers =
        [Identifier::new(Scheme::CloudId, id), Identifier::new(Scheme::AwsArn, arn.unwrap_or(""))];
    Arc::new(Subject::new(kind, identifiers))
}
