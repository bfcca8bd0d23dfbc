//! The estate while a plan is applied: finding what resources refer to, adding what they create.

use std::collections::BTreeMap;

use bartizan_model::estate::{Asset, AssetIndex, Estate, Mention, Relation, Report, ReportIndex};
use bartizan_model::{AssetKind, Attributes, Digest, Digester, Identifier, RelationKind, Scheme};
use serde_json::Value;

use super::change::{Change, texts};
use crate::inputs::{AssetPlace, Inputs};

pub(super) struct Site<'i> {
    pub(super) inputs: &'i mut Inputs,
    /// The plan among the reports: it is cited like one.
    report: ReportIndex,
    /// The address of the change that is being applied.
    at: String,
    /// What resources are, by their address without index.
    created: BTreeMap<String, AssetIndex>,
    /// Documents of managed policies that the plan states, by ARN and by address.
    pub(super) documents: BTreeMap<String, Value>,
    configuration: Value,
}

impl<'i> Site<'i> {
    pub(super) fn new(inputs: &'i mut Inputs, file: &str, document: &Value, version: Option<String>) -> Self {
        let text = serde_json::to_vec(document).unwrap_or_default();
        inputs.estate.reports.push(Report {
            digest: Digest::of(&text),
            file: file.to_owned(),
            format: "terraform-plan".to_owned(),
            tool: "terraform".to_owned(),
            tool_version: version,
            scanned_at: inputs.as_of,
        });
        let report = ReportIndex(inputs.estate.reports.len() as u32 - 1);
        let resources = document.pointer("/configuration/root_module/resources");
        let configuration = resources.cloned().unwrap_or_default();
        let (at, created, documents) = (String::new(), BTreeMap::new(), BTreeMap::new());
        Self { inputs, report, at, created, documents, configuration }
    }

    pub(super) fn estate(&self) -> &Estate {
        &self.inputs.estate
    }

    /// From now on this change is cited for what is changed.
    pub(super) fn begin(&mut self, change: &Change<'_>) {
        change.address.clone_into(&mut self.at);
    }

    /// An asset, to be changed: what follows from it then rests on the plan, too.
    pub(super) fn asset_mut(&mut self, index: AssetIndex) -> &mut Asset {
        let mention = self.mention_of(&self.at);
        let asset = &mut self.inputs.estate.assets[index.index()];
        if !asset.witnesses.contains(&mention) {
            asset.witnesses.insert(0, mention);
        }
        asset
    }

    /// The asset of a kind with this id, ARN or last part of an ARN.
    pub(super) fn find(&self, id: &str, is_kind: impl Fn(&Asset) -> bool) -> Option<AssetIndex> {
        let is_id = |identifier: &Identifier| {
            let value = identifier.value();
            value == id
                || identifier.scheme() == Scheme::AwsArn
                    && value.strip_suffix(id).is_some_and(|rest| rest.ends_with(['/', ':']))
        };
        self.estate().asset_indices().find(|index| {
            let asset = self.estate().asset(*index);
            is_kind(asset) && asset.identifiers.iter().any(is_id)
        })
    }

    /// A principal by its name: `role`, `user` or `group`.
    pub(super) fn principal(&self, sort: &str, name: &str) -> Option<AssetIndex> {
        let name = name.rsplit('/').next().unwrap_or(name);
        let mark = format!(":{sort}/");
        self.find(name, |asset| asset.identifiers_of(Scheme::AwsArn).any(|arn| arn.contains(&mark)))
    }

    /// What a field of a change refers to: by the id in it, else by the configuration's reference to a
    /// resource that the plan creates.
    pub(super) fn referred(
        &self,
        change: &Change<'_>,
        field: &str,
        is_kind: impl Fn(&Asset) -> bool,
    ) -> Option<AssetIndex> {
        match change.text(field) {
            Some(id) => self.find(id, is_kind),
            None => self.references(change, field).into_iter().next(),
        }
    }

    /// The resources that the plan creates and a field's expression refers to.
    pub(super) fn references(&self, change: &Change<'_>, field: &str) -> Vec<AssetIndex> {
        let mut found: Vec<AssetIndex> = self
            .references_of(change, field)
            .into_iter()
            .filter_map(|reference| self.created.get(reference).copied())
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Addresses that a field's expression names.
    pub(super) fn references_of(&self, change: &Change<'_>, field: &str) -> Vec<&str> {
        let address = plain(change.address);
        let resources = self.configuration.as_array().into_iter().flatten();
        let own =
            resources.filter(|resource| resource.get("address").and_then(Value::as_str) == Some(address));
        own.filter_map(|resource| resource.get("expressions")?.get(field)?.get("references"))
            .flat_map(|references| texts(references))
            .collect()
    }

    /// What a change is about, for those that refer to it by its address.
    pub(super) fn remember(&mut self, change: &Change<'_>, asset: AssetIndex) {
        self.created.insert(plain(change.address).to_owned(), asset);
    }

    pub(super) fn mention(&self, change: &Change<'_>) -> Vec<Mention> {
        vec![self.mention_of(change.address)]
    }

    pub(super) fn mention_of(&self, address: &str) -> Mention {
        Mention { report: self.report, at: address.to_owned() }
    }

    /// Adds an asset that the plan creates.
    pub(super) fn create(
        &mut self,
        change: &Change<'_>,
        kind: AssetKind,
        name: &str,
        identifiers: Vec<Identifier>,
    ) -> AssetIndex {
        let index = self.add(change.address, kind, name, identifiers);
        self.inputs.scope.places[index.index()].in_scope = true;
        self.remember(change, index);
        index
    }

    /// Adds an asset that is in no scope.
    pub(super) fn add(
        &mut self,
        address: &str,
        kind: AssetKind,
        name: &str,
        identifiers: Vec<Identifier>,
    ) -> AssetIndex {
        let as_of = self.inputs.as_of;
        let witnesses = vec![self.mention_of(address)];
        self.inputs.estate.assets.push(Asset {
            key: Digester::new("planned").field(kind.as_str()).field(address).field(name).finish(),
            kind,
            name: name.to_owned(),
            identifiers,
            attributes: Attributes::new(),
            first_seen: as_of,
            last_seen: as_of,
            assessed_at: None,
            witnesses,
        });
        self.inputs.scope.places.push(AssetPlace {
            in_scope: false,
            reason: "the plan creates it".to_owned(),
            owner: None,
            contact: None,
            owner_because: None,
            services: Vec::new(),
            freshness_hours: 0,
        });
        AssetIndex(self.inputs.estate.assets.len() as u32 - 1)
    }

    pub(super) fn relate(
        &mut self,
        kind: RelationKind,
        from: AssetIndex,
        to: AssetIndex,
        attributes: Attributes,
        witnesses: Vec<Mention>,
    ) {
        self.inputs.estate.relations.push(Relation { kind, from, to, attributes, witnesses });
    }

    pub(super) fn unrelate(&mut self, gone: impl Fn(&Relation) -> bool) {
        self.inputs.estate.relations.retain(|relation| !gone(relation));
    }

    /// The number of the AWS account that most ARNs name.
    pub(super) fn account(&self) -> Option<String> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let arns = self.estate().assets.iter().flat_map(|asset| asset.identifiers_of(Scheme::AwsArn));
        for account in arns.filter_map(|arn| arn.split(':').nth(4)).filter(|account| !account.is_empty()) {
            *counts.entry(account).or_default() += 1;
        }
        counts.into_iter().max_by_key(|(_, count)| *count).map(|(account, _)| account.to_owned())
    }
}

/// An address without the index of `count` or `for_each`.
pub(super) fn plain(address: &str) -> &str {
    match address.strip_suffix(']') {
        Some(_) => address.find('[').map_or(address, |start| &address[..start]),
        None => address,
    }
}
