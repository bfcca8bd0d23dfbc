//! Cloud resources as scanners of configurations name them: which asset it is, and what contains it.

use std::collections::HashSet;
use std::sync::Arc;

use bartizan_model::{
    AssetKind, AssetObservation, Attributes, Identifier, Observation, RelationKind, RelationObservation,
    Scheme, Subject,
};
use serde_json::{Map, Value};

use crate::{Result, Sink};

/// A resource as a report names it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Resource<'a> {
    /// `aws`, `azure`, `gcp`, `kubernetes`, …
    pub(crate) provider: &'a str,
    /// Account, subscription or project; for Kubernetes the cluster.
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    /// Namespace of a Kubernetes object.
    pub(crate) namespace: &'a str,
    /// The provider's or the report's word for what it is: `AwsS3Bucket`, `FirewallRule`, `KubernetesPod`.
    pub(crate) kind: &'a str,
    /// ARN, resource id or a shorter id.
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
}

/// An asset that a check looked at. `setting` tells what was looked at when the asset is the account
/// as a whole: its password policy, the defaults of one region.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) subject: Arc<Subject>,
    pub(crate) setting: Option<String>,
}

/// The assets that a report told already: each is told once, with the account that contains it.
#[derive(Default)]
pub(crate) struct Told(HashSet<Arc<Subject>>);

impl Told {
    /// The asset behind a resource, told when it is new. `None` when the report names neither a
    /// resource nor an account.
    pub(crate) fn target(
        &mut self,
        resource: &Resource<'_>,
        service: &str,
        tags: Map<String, Value>,
        sink: &mut dyn Sink,
    ) -> Result<Option<Target>> {
        let Some(mut target) = target(resource) else { return Ok(None) };
        if let Some(known) = self.0.get(&target.subject) {
            target.subject = Arc::clone(known);
            return Ok(Some(target));
        }
        let provider = ("provider", resource.provider);
        if target.setting.is_some() {
            self.tell(&target.subject, resource.account, &[provider], Map::new(), sink)?;
            return Ok(Some(target));
        }
        let name = match target.subject.kind() {
            // A check of one inline policy calls the user `name/policy`.
            AssetKind::Account | AssetKind::Role | AssetKind::Group if resource.id.starts_with("arn:") => {
                resource.id.rsplit('/').next().unwrap_or(resource.name)
            }
            _ => resource.name,
        };
        let texts = [provider, ("region", resource.region), ("type", resource.kind), ("service", service)];
        self.tell(&target.subject, name, &texts, tags, sink)?;
        if let Some(account) = account(resource) {
            if !self.0.contains(&account) {
                self.tell(&account, resource.account, &[provider], Map::new(), sink)?;
            }
            sink.remark(Observation::Relation(RelationObservation {
                kind: RelationKind::CONTAINS,
                from: account,
                to: Arc::clone(&target.subject),
                attributes: Attributes::new(),
            }))?;
        }
        Ok(Some(target))
    }

    fn tell(
        &mut self,
        subject: &Arc<Subject>,
        name: &str,
        texts: &[(&str, &str)],
        tags: Map<String, Value>,
        sink: &mut dyn Sink,
    ) -> Result<()> {
        self.0.insert(Arc::clone(subject));
        let texts = texts.iter().filter(|(_, value)| !value.is_empty());
        let mut attributes: Attributes =
            texts.map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect();
        if !tags.is_empty() {
            attributes.insert("tags".to_owned(), Value::Object(tags));
        }
        let name = (!name.is_empty()).then(|| name.to_owned());
        sink.remark(Observation::Asset(AssetObservation { subject: Arc::clone(subject), name, attributes }))
    }
}

/// The account, subscription, project or cluster. `None` when the report names none.
pub(crate) fn account(resource: &Resource<'_>) -> Option<Arc<Subject>> {
    if resource.account.is_empty() {
        return None;
    }
    let (kind, scheme) = match resource.provider {
        "kubernetes" if resource.account.starts_with("arn:") => (AssetKind::Cluster, Scheme::AwsArn),
        "kubernetes" => (AssetKind::Cluster, Scheme::KubernetesPath),
        _ => (AssetKind::CloudAccount, Scheme::CloudAccount),
    };
    Some(Arc::new(Subject::new(kind, [Identifier::new(scheme, resource.account)])))
}

/// The asset behind a resource. `None` when the report names neither a resource nor an account.
pub(crate) fn target(resource: &Resource<'_>) -> Option<Target> {
    let id = if resource.id.is_empty() { resource.name } else { resource.id };
    let account = account(resource);
    if id.is_empty() || is_account_itself(resource, id) {
        let setting = if id.is_empty() { resource.region } else { id };
        return account.map(|subject| Target { subject, setting: Some(setting.to_owned()) });
    }
    let subject = if resource.provider == "kubernetes" {
        kubernetes(resource, id)
    } else if id.starts_with("arn:") {
        aws(id)
    } else if resource.provider == "aws" && resource.kind == "AwsEc2Instance" {
        Subject::new(AssetKind::Host, [Identifier::new(Scheme::CloudId, id)])
    } else if id.starts_with('/') || id.starts_with("//") || id.starts_with("projects/") {
        // Azure resource ids compare without case; GCP resource names do not.
        let id = if id.to_ascii_lowercase().starts_with("/subscriptions/") {
            id.to_ascii_lowercase()
        } else {
            id.to_owned()
        };
        Subject::new(kind(&id, resource.kind), [Identifier::new(Scheme::CloudId, id)])
    } else {
        // A short id is unique only together with what it stands in.
        let parts = [resource.provider, resource.account, resource.region, resource.kind, id];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Subject::new(kind(id, resource.kind), [Identifier::new(Scheme::Target, parts.join("/"))])
    };
    Some(Target { subject: Arc::new(subject), setting: None })
}

/// Checks of an account as a whole name it by itself or by an ARN that no resource has
/// (`arn:aws:rds:eu-west-1:123456789012:account`); policies of AWS itself are in every account.
fn is_account_itself(resource: &Resource<'_>, id: &str) -> bool {
    if resource.account.is_empty() {
        return false;
    }
    if id == resource.account || id.eq_ignore_ascii_case(&format!("/subscriptions/{}", resource.account)) {
        return true;
    }
    let Some(parts) = arn(id) else { return false };
    resource.name == resource.account || parts.account == "aws" || parts.resource == "root"
}

/// The parts of an Amazon Resource Name (AWS general reference, "Amazon Resource Names").
struct Arn<'a> {
    service: &'a str,
    account: &'a str,
    /// `instance`, `user`, `db`; empty for buckets and topics.
    kind: &'a str,
    resource: &'a str,
}

fn arn(text: &str) -> Option<Arn<'_>> {
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next();
    if next()? != "arn" {
        return None;
    }
    let (_partition, service, _region, account, rest) = (next()?, next()?, next()?, next()?, next()?);
    let (kind, resource) = rest.split_once(['/', ':']).unwrap_or(("", rest));
    Some(Arn { service, account, kind, resource })
}

fn aws(id: &str) -> Subject {
    let arn_identifier = Identifier::new(Scheme::AwsArn, id);
    let Some(parts) = arn(id) else { return Subject::new(AssetKind::CloudResource, [arn_identifier]) };
    let kind = match (parts.service, parts.kind) {
        ("ec2", "instance") => AssetKind::Host,
        ("ec2", "vpc" | "subnet") => AssetKind::NetworkZone,
        ("iam", "user") => AssetKind::Account,
        ("iam", "role") => AssetKind::Role,
        ("iam", "group") => AssetKind::Group,
        ("s3", "")
        | ("rds", "db" | "cluster")
        | ("dynamodb", "table")
        | ("redshift" | "elasticache" | "elasticfilesystem" | "es" | "docdb", _) => AssetKind::DataStore,
        ("secretsmanager", "secret") => AssetKind::Credential,
        ("lambda", "function") | ("ecs", "task" | "service") => AssetKind::Workload,
        ("eks" | "ecs", "cluster") => AssetKind::Cluster,
        ("acm", "certificate") => AssetKind::Certificate,
        _ => AssetKind::CloudResource,
    };
    let mut identifiers = vec![arn_identifier];
    // EC2's own ids are unique without the account: `i-0abc`, `sg-0abc`.
    if parts.service == "ec2"
        && parts.resource.starts_with(|c: char| c.is_ascii_lowercase())
        && parts.resource.contains('-')
    {
        identifiers.push(Identifier::new(Scheme::CloudId, parts.resource));
    }
    if matches!(kind, AssetKind::Account | AssetKind::Role | AssetKind::Group) {
        // An IAM identity is unique by kind and name: other lists leave its path out.
        let name = parts.resource.rsplit('/').next().unwrap_or(parts.resource);
        identifiers
            .push(Identifier::new(Scheme::DomainName, format!("{}/{name}@{}", parts.kind, parts.account)));
    }
    Subject::new(kind, identifiers)
}

/// `cluster/namespace/kind/name`.
fn kubernetes(resource: &Resource<'_>, id: &str) -> Subject {
    let name = if resource.name.is_empty() { id } else { resource.name };
    let word = resource.kind.trim_start_matches("Kubernetes");
    let kind = match word.to_ascii_lowercase().as_str() {
        "pod" | "deployment" | "daemonset" | "statefulset" | "job" | "cronjob" | "replicaset" => {
            AssetKind::Workload
        }
        "node" => AssetKind::Host,
        "namespace" => AssetKind::Namespace,
        "serviceaccount" => AssetKind::Account,
        "role" | "clusterrole" => AssetKind::Role,
        _ => AssetKind::CloudResource,
    };
    let namespace = resource.namespace;
    let path = format!("{}/{namespace}/{}/{name}", resource.account, word.to_ascii_lowercase());
    let mut identifiers = vec![Identifier::new(Scheme::KubernetesPath, path)];
    if is_uuid(id) {
        identifiers.push(Identifier::new(Scheme::KubernetesUid, id));
    }
    Subject::new(kind, identifiers)
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// What an Azure resource id or a provider's word says that a resource is.
fn kind(id: &str, word: &str) -> AssetKind {
    let id = id.to_ascii_lowercase();
    let word = word.to_ascii_lowercase();
    let provider = id.split("/providers/").nth(1).unwrap_or_default();
    let has = |texts: &[&str]| texts.iter().any(|text| provider.starts_with(text) || word.contains(text));
    if has(&["microsoft.compute/virtualmachines/", "instance", "virtualmachine"]) && !word.contains("sql") {
        AssetKind::Host
    } else if has(&["microsoft.containerservice/managedclusters"]) || word == "cluster" {
        AssetKind::Cluster
    } else if has(&[
        "microsoft.storage/storageaccounts",
        "microsoft.sql/servers",
        "microsoft.dbfor",
        "bucket",
        "dataset",
    ]) {
        AssetKind::DataStore
    } else {
        AssetKind::CloudResource
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(resource: Resource<'_>) -> (String, String, Option<String>) {
        let target = target(&resource).unwrap();
        (target.subject.kind().to_string(), target.subject.best().unwrap().to_string(), target.setting)
    }

    #[test]
    fn resources_become_assets() {
        let aws =
            Resource { provider: "aws", account: "123456789012", region: "eu-west-1", ..Resource::default() };
        for (id, name, kind, expected, setting) in [
            (
                "arn:aws:iam::123456789012:user/svc/shop",
                "shop",
                "account",
                "aws-arn:arn:aws:iam::123456789012:user/svc/shop",
                None,
            ),
            ("arn:aws:s3:::exports", "exports", "data-store", "aws-arn:arn:aws:s3:::exports", None),
            (
                "arn:aws:ec2:eu-west-1:123456789012:volume",
                "123456789012",
                "cloud-account",
                "cloud-account:123456789012",
                Some("arn:aws:ec2:eu-west-1:123456789012:volume"),
            ),
            (
                "arn:aws:iam::aws:policy/AWSSupportAccess",
                "AWSSupportAccess",
                "cloud-account",
                "cloud-account:123456789012",
                Some("arn:aws:iam::aws:policy/AWSSupportAccess"),
            ),
            ("root", "root", "cloud-resource", "target:aws/123456789012/eu-west-1/root", None),
        ] {
            let found = best(Resource { id, name, ..aws });
            assert_eq!(found, (kind.to_owned(), expected.to_owned(), setting.map(str::to_owned)), "{id}");
        }
        let pod = Resource {
            provider: "kubernetes",
            account: "prod",
            namespace: "shop",
            kind: "KubernetesPod",
            name: "api",
            ..Resource::default()
        };
        assert_eq!(best(pod), ("workload".to_owned(), "k8s-path:prod/shop/pod/api".to_owned(), None));
        let vault = Resource {
            provider: "azure",
            account: "s1",
            id: "/subscriptions/S1/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/Web",
            ..Resource::default()
        };
        assert_eq!(best(vault).0, "host");
        assert!(target(&Resource::default()).is_none());
    }
}
