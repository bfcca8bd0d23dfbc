//! What AWS policies come to, as relations: who can assume which role, who may touch which data, who
//! can take over whom. Evaluated from the documents that inventories put on assets.

use std::collections::BTreeMap;

use bartizan_iam::{
    Access, Admin, Citation, Compute, ComputeKind, Decision, Document, Estate as Account, Group, Kind,
    LastUsed, Level, ManagedPolicy, Outcome, PolicyVersion, Privilege, Resource, ResourcePolicy, Role, User,
    privileges,
};
use bartizan_model::estate::{Asset, AssetIndex, Estate, Mention, Relation};
use bartizan_model::{AssetKind, Attributes, RelationKind, Scheme};
use serde_json::Value;

/// The account that IAM evaluates, and which asset each ARN is.
pub struct Cloud {
    pub account: Account,
    assets: BTreeMap<String, AssetIndex>,
}

/// Reads the estate's AWS assets into the terms of IAM.
pub fn cloud(estate: &Estate) -> Cloud {
    let mut cloud = Cloud { account: Account::default(), assets: BTreeMap::new() };
    for index in estate.asset_indices() {
        let asset = estate.asset(index);
        if let Some(arn) = asset.identifiers_of(Scheme::AwsArn).next() {
            cloud.assets.insert(arn.to_owned(), index);
            cloud.read(asset, arn);
        }
    }
    cloud.read_relations(estate);
    cloud
}

impl Cloud {
    fn read(&mut self, asset: &Asset, arn: &str) {
        let name = arn.rsplit(['/', ':']).next().unwrap_or_default().to_owned();
        match asset.kind {
            AssetKind::Account if arn.contains(":user/") => {
                let (inline, attached) = self.identity_policies(asset);
                let boundary = self.boundary(asset);
                self.account.users.push(User {
                    arn: arn.to_owned(),
                    name,
                    id: text(asset, "aws.unique_id"),
                    groups: Vec::new(),
                    inline,
                    attached,
                    boundary,
                    tags: tags(asset),
                    has_password: asset.attribute("aws.password_enabled").and_then(Value::as_bool),
                });
            }
            AssetKind::Group => {
                let (inline, attached) = self.identity_policies(asset);
                self.account.groups.push(Group { arn: arn.to_owned(), name, inline, attached });
            }
            AssetKind::Role => {
                let (inline, attached) = self.identity_policies(asset);
                let boundary = self.boundary(asset);
                let trust = asset.attribute("aws.trust_policy").map_or_else(
                    || Document::unreadable("trust policy", Kind::Trust),
                    |value| Document::read("trust policy", Kind::Trust, value).0,
                );
                self.account.roles.push(Role {
                    arn: arn.to_owned(),
                    name,
                    id: text(asset, "aws.unique_id"),
                    trust,
                    instance_profiles: strings(asset.attribute("aws.instance_profiles")),
                    inline,
                    attached,
                    boundary,
                    tags: tags(asset),
                    last_used: last_used(asset),
                });
            }
            AssetKind::DataStore | AssetKind::Credential => self.account.resources.push(Resource {
                arn: arn.to_owned(),
                account: text(asset, "aws.account_id").or_else(|| text(asset, "aws.account")),
                // A policy of its own that nobody listed is taken as not there: within an account it could
                // only add to what identity policies grant, and a right that nobody has seen makes
                // paths that nobody can check.
                policy: match asset.attribute("aws.resource_policy") {
                    None | Some(Value::Null) => ResourcePolicy::None,
                    Some(value) => {
                        ResourcePolicy::Is(Document::read("resource policy", Kind::Resource, value).0)
                    }
                },
                kms_key: text(asset, "aws.kms_key"),
                data_id: text(asset, "aws.resource_id"),
                tags: tags(asset),
            }),
            _ => {}
        }
    }

    /// Inline documents, and the ARNs of managed policies, whose documents are noted beside.
    fn identity_policies(&mut self, asset: &Asset) -> (Vec<Document>, Vec<String>) {
        let mut inline = Vec::new();
        let mut attached = Vec::new();
        for policy in asset.attribute("aws.identity_policies").and_then(Value::as_array).into_iter().flatten()
        {
            let name = policy.get("name").and_then(Value::as_str).unwrap_or("policy");
            let document = policy.get("document").filter(|document| !document.is_null());
            match (policy.get("arn").and_then(Value::as_str), document) {
                (Some(arn), document) => {
                    self.managed(arn, name, document);
                    attached.push(arn.to_owned());
                }
                (None, Some(document)) => inline.push(Document::read(name, Kind::Identity, document).0),
                (None, None) => inline.push(Document::unreadable(name, Kind::Identity)),
            }
        }
        (inline, attached)
    }

    fn boundary(&mut self, asset: &Asset) -> Option<String> {
        let boundary = asset.attribute("aws.permissions_boundary")?;
        let arn = boundary.get("arn").and_then(Value::as_str)?;
        let document = boundary.get("document").filter(|document| !document.is_null());
        self.managed(arn, "permissions boundary", document);
        Some(arn.to_owned())
    }

    fn managed(&mut self, arn: &str, name: &str, document: Option<&Value>) {
        // Without a document IAM knows the common AWS policies itself, and takes others as unknown.
        let Some(document) = document else { return };
        if self.account.policies.iter().any(|known| known.arn == arn) {
            return;
        }
        let document = Document::read(name, Kind::Identity, document).0;
        self.account.policies.push(ManagedPolicy {
            arn: arn.to_owned(),
            name: name.to_owned(),
            versions: vec![PolicyVersion { id: "v1".to_owned(), default: true, document }],
            tags: None,
        });
    }

    fn read_relations(&mut self, estate: &Estate) {
        let arn = |index: AssetIndex| estate.asset(index).identifiers_of(Scheme::AwsArn).next();
        let mut compute = Vec::new();
        for relation in &estate.relations {
            let (Some(from), Some(to)) = (arn(relation.from), arn(relation.to)) else { continue };
            if relation.kind == RelationKind::MEMBER_OF {
                let group = to.rsplit('/').next().unwrap_or_default().to_owned();
                if let Some(user) = self.account.users.iter_mut().find(|user| user.arn == from) {
                    user.groups.push(group);
                }
            } else if relation.kind == RelationKind::RUNS_AS {
                let kind = match from.split(':').nth(2) {
                    Some("lambda") => ComputeKind::Function,
                    _ => ComputeKind::Instance,
                };
                compute.push(Compute { arn: from.to_owned(), kind, role: to.to_owned() });
            }
        }
        self.account.compute = (!compute.is_empty()).then_some(compute);
    }

    /// Administrator or not, for every principal.
    pub fn privileges(&self) -> Vec<Privilege> {
        privileges(&self.account)
    }
}

/// Adds to the estate the relations that its policies come to.
pub fn derive(estate: &mut Estate) {
    let cloud = cloud(estate);
    if cloud.account.users.is_empty() && cloud.account.roles.is_empty() {
        return;
    }
    let access = Access::new(&cloud.account);
    let mut derived = Vec::new();
    for assumption in access.assumptions() {
        let (Some(from), Some(to)) =
            (cloud.assets.get(&assumption.principal), cloud.assets.get(&assumption.role))
        else {
            continue;
        };
        derived.push(relation(
            estate,
            RelationKind::ASSUMES,
            *from,
            *to,
            &assumption.decision,
            Attributes::new(),
        ));
    }
    for resource in &cloud.account.resources {
        let Some(to) = cloud.assets.get(&resource.arn) else { continue };
        for (principal, grants) in access.grants_on(&resource.arn) {
            let Some(from) = cloud.assets.get(&principal) else { continue };
            // Certain rights and possible ones are told apart: the highest of each is one relation.
            for certain in [true, false] {
                let of = grants.iter().filter(|grant| is_certain(&grant.decision) == certain);
                let Some(grant) = of.max_by_key(|grant| grant.level) else { continue };
                let reads = grants
                    .iter()
                    .any(|grant| grant.level == Level::Read && is_certain(&grant.decision) == certain);
                let attributes = Attributes::from([
                    ("access".to_owned(), access_word(grant.level, reads).into()),
                    ("reads".to_owned(), reads.into()),
                    ("action".to_owned(), grant.action.into()),
                ]);
                derived.push(relation(
                    estate,
                    RelationKind::GRANTS_ACCESS,
                    *from,
                    *to,
                    &grant.decision,
                    attributes,
                ));
            }
        }
    }
    for privilege in cloud.privileges().into_iter().filter(|privilege| privilege.admin == Admin::Can) {
        for step in &privilege.steps {
            let (Some(from), Some(to)) = (cloud.assets.get(&step.actor), cloud.assets.get(&step.target))
            else {
                continue;
            };
            // What assuming a role gives is a relation of its own.
            if from == to || step.method == "AssumeRole" {
                continue;
            }
            let attributes = Attributes::from([
                ("method".to_owned(), step.method.as_str().into()),
                ("because".to_owned(), step.text.as_str().into()),
            ]);
            let witnesses = witnesses(estate, *from, *to);
            derived.push(Relation {
                kind: RelationKind::ESCALATES_TO,
                from: *from,
                to: *to,
                attributes,
                witnesses,
            });
        }
    }
    derived.sort_by(|left, right| {
        let key = |relation: &Relation| (relation.kind.clone(), relation.from, relation.to);
        key(left).cmp(&key(right)).then_with(|| left.attributes.len().cmp(&right.attributes.len()))
    });
    derived.dedup_by(|later, first| {
        later.kind == first.kind
            && later.from == first.from
            && later.to == first.to
            && later.attributes == first.attributes
    });
    estate.relations.extend(derived);
}

fn access_word(level: Level, reads: bool) -> &'static str {
    match level {
        Level::Admin => "admin",
        Level::Write if reads => "write",
        Level::Write => "write-only",
        Level::Read => "read",
    }
}

fn is_certain(decision: &Decision) -> bool {
    matches!(decision.outcome, Outcome::Allow)
}

fn relation(
    estate: &Estate,
    kind: RelationKind,
    from: AssetIndex,
    to: AssetIndex,
    decision: &Decision,
    mut attributes: Attributes,
) -> Relation {
    let because: Vec<String> = decision.because.iter().map(cite).collect();
    attributes.insert("because".to_owned(), because.join("; ").into());
    if !is_certain(decision) {
        let open: Vec<&str> = decision.open.iter().map(String::as_str).collect();
        attributes.insert("unknown_conditions".to_owned(), open.into());
    }
    Relation { kind, from, to, attributes, witnesses: witnesses(estate, from, to) }
}

/// A statement as people find it: policy, and Sid or number.
fn cite(citation: &Citation) -> String {
    let statement = citation.sid.clone().unwrap_or_else(|| format!("statement {}", citation.index + 1));
    format!("policy {}, {statement}", citation.policy)
}

/// The reports that speak of both ends, and so hold their policies and rights.
pub(crate) fn witnesses(estate: &Estate, from: AssetIndex, to: AssetIndex) -> Vec<Mention> {
    let mut mentions: Vec<Mention> =
        [from, to].iter().flat_map(|index| estate.asset(*index).witnesses.iter().cloned()).collect();
    mentions.sort();
    mentions.dedup();
    mentions
}

fn text(asset: &Asset, name: &str) -> Option<String> {
    asset.attribute(name).and_then(Value::as_str).map(str::to_owned)
}

fn strings(value: Option<&Value>) -> Vec<String> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

fn tags(asset: &Asset) -> Option<BTreeMap<String, String>> {
    let tags = asset.attribute("tags")?.as_object()?;
    Some(tags.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect())
}

fn last_used(asset: &Asset) -> LastUsed {
    match asset.attribute("aws.last_used").and_then(Value::as_str) {
        None => LastUsed::Unknown,
        Some("never") => LastUsed::Never,
        Some(at) => LastUsed::At(at.to_owned()),
    }
}
