//! Buckets: their policies, and whether these may make them public.

use bartizan_model::estate::{Asset, AssetIndex};
use bartizan_model::{AssetKind, Attributes, Identifier, RelationKind, Scheme};
use serde_json::{Value, json};

use super::Outcome;
use super::change::{Change, document};
use super::site::Site;

const POLICY: &str = "aws.resource_policy";
const BLOCK: &str = "aws.public_access_block";
const NOT_LISTED: &str = "its bucket is in no inventory, or known only after apply";

fn is_bucket(asset: &Asset) -> bool {
    asset.identifiers_of(Scheme::AwsArn).any(|arn| arn.starts_with("arn:") && arn.contains(":s3:::"))
}

/// A bucket: there or not.
pub(super) fn bucket(site: &mut Site<'_>, change: &Change<'_>) -> Outcome {
    let known = change.text("bucket").and_then(|name| site.find(name, is_bucket));
    match (known, change.is_removed()) {
        (None, true) => Outcome::unjudged("the bucket is in no inventory"),
        (Some(bucket), true) => {
            site.unrelate(|relation| relation.from == bucket || relation.to == bucket);
            site.asset_mut(bucket).attributes.remove(POLICY);
            Outcome::unjudged(
                "the bucket and what is in it go; who may read it meanwhile is judged as before",
            )
        }
        (Some(bucket), false) => {
            site.remember(change, bucket);
            Outcome::unjudged("of a bucket only policy and public access block are judged; others change")
        }
        (None, false) => {
            let name = change.text("bucket").unwrap_or(change.address).to_owned();
            let arn = Identifier::new(Scheme::AwsArn, format!("arn:aws:s3:::{name}"));
            site.create(change, AssetKind::DataStore, &name, vec![arn]);
            Outcome::applied("a new bucket; what will be in it is not known")
        }
    }
}

pub(super) fn bucket_policy(site: &mut Site<'_>, change: &Change<'_>) -> Outcome {
    let Some(bucket) = site.referred(change, "bucket", is_bucket) else {
        return Outcome::unjudged(NOT_LISTED);
    };
    let was = public_reading(site.estate().asset(bucket));
    if change.is_removed() {
        site.asset_mut(bucket).attributes.remove(POLICY);
    } else {
        let Some(document) = document(change.after("policy")) else {
            return Outcome::unjudged("its document is known only after apply");
        };
        site.asset_mut(bucket).attributes.insert(POLICY.to_owned(), document);
    }
    follow(site, change, bucket, was.as_ref(), "its policy as planned")
}

pub(super) fn public_access_block(site: &mut Site<'_>, change: &Change<'_>) -> Outcome {
    let Some(bucket) = site.referred(change, "bucket", is_bucket) else {
        return Outcome::unjudged(NOT_LISTED);
    };
    let was = public_reading(site.estate().asset(bucket));
    let member = |name: &str| change.after(name).as_bool().unwrap_or(false);
    let block = json!({
        "block_public_acls": member("block_public_acls"),
        "ignore_public_acls": member("ignore_public_acls"),
        "block_public_policy": member("block_public_policy"),
        "restrict_public_buckets": member("restrict_public_buckets"),
    });
    site.asset_mut(bucket).attributes.insert(BLOCK.to_owned(), block);
    let mut outcome = follow(site, change, bucket, was.as_ref(), "its public access block as planned");
    outcome.left("access lists are not judged: whether one makes the bucket public is not known");
    outcome
}

/// Gives everybody what the policy now gives everybody.
fn follow(
    site: &mut Site<'_>,
    change: &Change<'_>,
    bucket: AssetIndex,
    was: Option<&Public>,
    what: &str,
) -> Outcome {
    let is = public_reading(site.estate().asset(bucket));
    let mut all = site.estate().asset_indices();
    let internet = all.find(|index| site.estate().asset(*index).kind == AssetKind::Internet);
    site.unrelate(|relation| {
        relation.kind == RelationKind::GRANTS_ACCESS
            && relation.to == bucket
            && Some(relation.from) == internet
    });
    let name = site.estate().asset(bucket).name.clone();
    match (was, is) {
        (None, None) => Outcome::applied(format!("{name}: {what}")),
        (Some(_), None) => Outcome::applied(format!("{name}: {what}; everybody loses the right to read it")),
        (_, Some(public)) => {
            let witnesses = site.mention(change);
            let internet = internet.unwrap_or_else(|| {
                let id = vec![Identifier::new(Scheme::Name, "internet")];
                site.add(change.address, AssetKind::Internet, "internet", id)
            });
            let mut attributes = Attributes::from([
                ("access".to_owned(), "read".into()),
                ("reads".to_owned(), true.into()),
                ("because".to_owned(), "the planned bucket policy lets everybody read".into()),
            ]);
            if !public.open.is_empty() {
                attributes.insert("unknown_conditions".to_owned(), public.open.into());
            }
            site.relate(RelationKind::GRANTS_ACCESS, internet, bucket, attributes, witnesses);
            Outcome::applied(format!("{name}: {what}; everybody may read it"))
        }
    }
}

/// Everybody may read, if these conditions hold.
struct Public {
    open: Vec<String>,
}

/// Whether a bucket's policy lets everybody read objects (S3 user guide, "The meaning of public"): a
/// statement that allows it to every principal, unless the public access block restricts such policies.
fn public_reading(bucket: &Asset) -> Option<Public> {
    let block = bucket.attribute(BLOCK);
    // The first keeps the policy from being set, the second from counting.
    let blocks = ["block_public_policy", "restrict_public_buckets"];
    let is_blocked = block.is_some_and(|block| blocks.iter().any(|name| block[*name] == Value::Bool(true)));
    if is_blocked {
        return None;
    }
    let policy = bucket.attribute(POLICY)?;
    let statements: Vec<&Value> = match policy.get("Statement")? {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    };
    let allows = |statement: &&&Value| {
        statement["Effect"] == "Allow" && is_everybody(&statement["Principal"]) && reads(&statement["Action"])
    };
    let conditions: Vec<bool> =
        statements.iter().filter(allows).map(|statement| statement.get("Condition").is_some()).collect();
    if conditions.is_empty() {
        return None;
    }
    let mut open = Vec::new();
    if conditions.iter().all(|conditional| *conditional) {
        open.push("a condition of the bucket policy".to_owned());
    }
    if statements.iter().any(|statement| statement["Effect"] == "Deny") {
        open.push("a Deny of the bucket policy".to_owned());
    }
    Some(Public { open })
}

fn is_everybody(principal: &Value) -> bool {
    let any = |value: &Value| match value {
        Value::String(text) => text == "*",
        Value::Array(list) => list.iter().any(|item| item == "*"),
        _ => false,
    };
    any(principal) || principal.get("AWS").is_some_and(any)
}

fn reads(action: &Value) -> bool {
    let is_read = |text: &str| {
        let text = text.to_lowercase();
        text == "*"
            || text == "s3:getobject"
            || text.strip_suffix('*').is_some_and(|head| "s3:getobject".starts_with(head))
    };
    match action {
        Value::String(text) => is_read(text),
        Value::Array(list) => list.iter().filter_map(Value::as_str).any(is_read),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use bartizan_model::{Digest, Timestamp};

    use super::*;

    /// The conditions under which everybody reads; `None`: nobody does.
    fn open(policy: Value, block: Value) -> Option<Vec<String>> {
        let bucket = Asset {
            key: Digest::of(b"bucket"),
            kind: AssetKind::DataStore,
            name: "exports".to_owned(),
            identifiers: Vec::new(),
            attributes: Attributes::from([(POLICY.to_owned(), policy), (BLOCK.to_owned(), block)]),
            first_seen: Timestamp::UNIX_EPOCH,
            last_seen: Timestamp::UNIX_EPOCH,
            assessed_at: None,
            witnesses: Vec::new(),
        };
        public_reading(&bucket).map(|public| public.open)
    }

    #[test]
    fn everybody_reads_what_is_allowed_to_everybody() {
        let allow = |principal: Value, action: Value| json!({"Statement": {"Effect": "Allow", "Principal": principal, "Action": action}});
        let nothing = || json!({});
        for policy in [
            allow(json!("*"), json!("s3:GetObject")),
            allow(json!({"AWS": ["*"]}), json!(["s3:ListBucket", "s3:Get*"])),
            allow(json!("*"), json!("*")),
        ] {
            assert_eq!(open(policy, nothing()), Some(Vec::new()));
        }
        for policy in [
            allow(json!({"AWS": "arn:aws:iam::123456789012:root"}), json!("s3:*")),
            allow(json!("*"), json!("s3:ListBucket")),
            json!({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*"}]}),
            json!("nonsense"),
        ] {
            assert_eq!(open(policy, nothing()), None);
        }
    }

    #[test]
    fn blocks_count_and_conditions_stay_open() {
        let everybody = json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"});
        let policy = json!({"Statement": [everybody]});
        for name in ["block_public_policy", "restrict_public_buckets"] {
            assert_eq!(open(policy.clone(), json!({name: true})), None, "{name}");
        }
        let mut conditional = everybody.clone();
        conditional["Condition"] = json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*"});
        let open_of = |statements: Value| open(json!({"Statement": statements}), json!({})).unwrap();
        assert_eq!(open_of(json!([conditional])).len(), 1);
        assert_eq!(open_of(json!([conditional, everybody, deny])), ["a Deny of the bucket policy"]);
    }
}
