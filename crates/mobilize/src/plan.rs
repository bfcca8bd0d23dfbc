//! Fixes: one action that removes one or more exposures or relations.
//!
//! A fix is what one person does in one go: upgrade a component on an asset (however many CVEs that
//! removes), rotate a secret (wherever it lies), correct a setting of an asset, take away a right.

use std::collections::{BTreeMap, HashMap};

use bartizan_model::estate::{AssetIndex, Estate, Exposure, Relation, Remedy, Service, Witness};
use bartizan_model::{
    AssetKind, Digest, Digester, FixHint, FixKind, Place, RelationKind, Scheme, WeaknessKey, excerpt,
};
use serde::{Deserialize, Serialize};

use crate::version;

/// One action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fix {
    /// Stays the same as long as the action does.
    pub key: Digest,
    pub kind: FixKind,
    /// One imperative sentence.
    pub title: String,
    /// How, as exactly as the reports say: versions, settings, commands.
    pub how: Vec<String>,
    /// Where it is done.
    pub asset: AssetIndex,
    /// Working hours.
    pub hours: f64,
    pub remedies: Vec<Remedy>,
}

/// All fixes, and which one takes what away.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// By key.
    pub fixes: Vec<Fix>,
    by_remedy: HashMap<Remedy, usize>,
}

impl Plan {
    /// Position in [`Plan::fixes`] of the fix that takes this away.
    pub fn fix_of(&self, remedy: Remedy) -> Option<usize> {
        self.by_remedy.get(&remedy).copied()
    }
}

/// The key and kind of the fix that takes something away.
pub fn fix_key(estate: &Estate, remedy: Remedy) -> (Digest, FixKind) {
    let action = action(estate, remedy);
    (action.key, action.kind)
}

/// How many times the hours of its kind a fix costs. Closing a way through the network that somebody
/// opened takes asking everybody who uses it, so it is never cheaper than repairing what lies behind.
pub fn effort(estate: &Estate, remedy: Remedy) -> f64 {
    const CLOSING_A_WAY: f64 = 6.0;
    match remedy {
        Remedy::Service(_) => CLOSING_A_WAY,
        Remedy::Relation(index) => {
            let kind = &estate.relations[index as usize].kind;
            let is_way =
                [RelationKind::REACHES, RelationKind::ROUTES_TO, RelationKind::IN_ZONE].contains(kind);
            if is_way { CLOSING_A_WAY } else { 1.0 }
        }
        Remedy::Exposure(_) => 1.0,
    }
}

/// Groups everything that can be fixed: every live exposure, and of relations and services those
/// that `others` names. `hours` says what a kind of fix costs.
pub fn plan(
    estate: &Estate,
    others: impl IntoIterator<Item = Remedy>,
    hours: &dyn Fn(FixKind) -> f64,
) -> Plan {
    let mut drafts: BTreeMap<Digest, Draft> = BTreeMap::new();
    let exposures = estate
        .exposure_indices()
        .filter(|index| estate.exposure(*index).state.is_live())
        .map(Remedy::Exposure);
    for remedy in exposures.chain(others) {
        let action = action(estate, remedy);
        let draft = drafts.entry(action.key).or_insert_with(|| Draft {
            kind: action.kind,
            asset: action.asset,
            what: action.what,
            hints: Vec::new(),
            remedies: Vec::new(),
        });
        draft.remedies.push(remedy);
        draft.hints.extend(hints(estate, remedy));
    }
    let mut plan = Plan::default();
    for (key, mut draft) in drafts {
        draft.remedies.sort_unstable();
        draft.remedies.dedup();
        for remedy in &draft.remedies {
            plan.by_remedy.insert(*remedy, plan.fixes.len());
        }
        let (title, how) = draft.write(estate);
        let Draft { kind, asset, remedies, .. } = draft;
        let effort = remedies.iter().map(|remedy| effort(estate, *remedy)).fold(1.0, f64::max);
        plan.fixes.push(Fix { key, kind, title, how, asset, hours: hours(kind) * effort, remedies });
    }
    plan
}

/// A fix in the making.
struct Draft {
    kind: FixKind,
    asset: AssetIndex,
    what: What,
    hints: Vec<FixHint>,
    remedies: Vec<Remedy>,
}

enum What {
    Upgrade { component: String },
    Secret { hint: String },
    Weakness { title: String },
    Right { sentence: String },
}

impl Draft {
    fn write(&self, estate: &Estate) -> (String, Vec<String>) {
        let on = &estate.asset(self.asset).name;
        let mut how: Vec<String> = self.hints.iter().map(|hint| excerpt(&hint.text, 600)).collect();
        how.sort();
        how.dedup();
        let title = match &self.what {
            What::Upgrade { component } => {
                let name = readable(component);
                match self.version() {
                    Some(version) => format!("Upgrade {name} to {version} on {on}"),
                    None => format!("Upgrade, replace or remove {name} on {on}; no fixed version is known"),
                }
            }
            What::Secret { hint } => format!("Rotate {hint}"),
            What::Weakness { title } => format!("{} on {on}", excerpt(title.trim_end_matches('.'), 110)),
            What::Right { sentence } => sentence.clone(),
        };
        (title, how)
    }

    /// The smallest version that covers every exposure: the greatest of each one's smallest.
    fn version(&self) -> Option<&str> {
        self.hints
            .iter()
            .filter_map(|hint| {
                hint.fixed_versions
                    .iter()
                    .map(String::as_str)
                    .min_by(|left, right| version::compare(left, right))
            })
            .max_by(|left, right| version::compare(left, right))
    }
}

/// What is done about one remedy.
struct Action {
    key: Digest,
    kind: FixKind,
    asset: AssetIndex,
    what: What,
}

fn action(estate: &Estate, remedy: Remedy) -> Action {
    match remedy {
        Remedy::Exposure(index) => action_on_exposure(estate, estate.exposure(index)),
        Remedy::Relation(index) => action_on_relation(estate, &estate.relations[index as usize]),
        Remedy::Service(index) => action_on_service(estate, &estate.services[index as usize]),
    }
}

/// What reports and policies say about how it is done.
fn hints(estate: &Estate, remedy: Remedy) -> Vec<FixHint> {
    match remedy {
        Remedy::Exposure(index) => {
            live(estate.exposure(index)).filter_map(|witness| witness.fix.clone()).collect()
        }
        Remedy::Relation(index) => {
            let because =
                estate.relations[index as usize].attributes.get("because").and_then(|value| value.as_str());
            let hint = |text: &str| FixHint {
                kind: FixKind::Restrict,
                text: text.to_owned(),
                component: None,
                fixed_versions: Vec::new(),
            };
            because.map(hint).into_iter().collect()
        }
        Remedy::Service(_) => Vec::new(),
    }
}

fn live(exposure: &Exposure) -> impl Iterator<Item = &Witness> {
    exposure.witnesses.iter().filter(|witness| witness.live)
}

fn action_on_exposure(estate: &Estate, exposure: &Exposure) -> Action {
    let weakness = estate.weakness(exposure.weakness);
    let asset = estate.asset(exposure.asset);
    if let Place::Secret(fingerprint) = &exposure.place {
        let hint = secret_hint(exposure, &asset.name);
        let key = secret_key(&fingerprint.to_string());
        return Action {
            key,
            kind: FixKind::RotateSecret,
            asset: exposure.asset,
            what: What::Secret { hint },
        };
    }
    if let Some(component) = live(exposure).find_map(component_of) {
        let key = Digester::new("fix-upgrade").field(asset.key.as_bytes()).field(&component).finish();
        return Action {
            key,
            kind: FixKind::Upgrade,
            asset: exposure.asset,
            what: What::Upgrade { component },
        };
    }
    let hint = live(exposure).find_map(|witness| witness.fix.as_ref());
    let key = Digester::new("fix-weakness")
        .field(asset.key.as_bytes())
        .field(weakness.key.to_string())
        .field(file_of(&exposure.place))
        .finish();
    let title = match (hint, &weakness.key) {
        (Some(hint), _) => first_sentence(&hint.text).to_owned(),
        (None, WeaknessKey::Vulnerability(id)) => format!("Update the software that {id} affects"),
        (None, WeaknessKey::Rule { .. }) => format!("Correct “{}”", excerpt(&weakness.title, 80)),
    };
    let kind = hint.map_or(FixKind::Configure, |hint| hint.kind);
    Action { key, kind, asset: exposure.asset, what: What::Weakness { title } }
}

fn action_on_relation(estate: &Estate, relation: &Relation) -> Action {
    let (from, to) = (estate.asset(relation.from), estate.asset(relation.to));
    // A credential stops opening its account when it is rotated, which is the fix of the exposure
    // that shows it, too.
    if relation.kind == RelationKind::AUTHENTICATES || relation.kind == RelationKind::HOLDS_SECRET {
        let (index, credential) =
            if from.kind == AssetKind::Credential { (relation.from, from) } else { (relation.to, to) };
        if let Some(fingerprint) = credential.identifiers_of(Scheme::SecretFingerprint).next() {
            let hint =
                relation.attributes.get("hint").and_then(|hint| hint.as_str()).unwrap_or(&credential.name);
            let what = What::Secret { hint: hint.to_owned() };
            return Action { key: secret_key(fingerprint), kind: FixKind::RotateSecret, asset: index, what };
        }
    }
    let key = Digester::new("fix-relation")
        .field(relation.kind.as_str())
        .field(from.key.as_bytes())
        .field(to.key.as_bytes())
        .finish();
    let sentence = format!("{}: {} → {}", right_words(&relation.kind), from.name, to.name);
    Action { key, kind: FixKind::Restrict, asset: relation.from, what: What::Right { sentence } }
}

fn action_on_service(estate: &Estate, service: &Service) -> Action {
    let host = estate.asset(service.host);
    let key = Digester::new("fix-service")
        .field(host.key.as_bytes())
        .field(&service.protocol)
        .field(service.port.to_le_bytes())
        .finish();
    let sentence =
        format!("Close {}/{} on {} to those who do not need it", service.protocol, service.port, host.name);
    Action { key, kind: FixKind::Restrict, asset: service.host, what: What::Right { sentence } }
}

fn secret_key(fingerprint: &str) -> Digest {
    Digester::new("fix-secret").field(fingerprint).finish()
}

fn component_of(witness: &Witness) -> Option<String> {
    let hinted = witness.fix.as_ref().and_then(|fix| fix.component.clone());
    // A CPE names the product that answered, not what the weakness is in.
    let seen = witness.part.as_ref().map(|part| part.component.clone());
    hinted.or(seen).filter(|component| !component.is_empty() && !component.starts_with("cpe:"))
}

/// Which secret it is and where it lies: sort, masked value and file, as far as any witness says so.
fn secret_hint(exposure: &Exposure, asset: &str) -> String {
    let said = |name: &str| {
        live(exposure).filter_map(|witness| witness.attributes.get(name)?.as_str()).collect::<Vec<&str>>()
    };
    // Tools that know only that a text looks random say less than those that know its shape.
    let vague = |sort: &str| {
        let sort = sort.to_lowercase();
        sort.contains("entropy") || sort.contains("generic") || sort.contains("keyword")
    };
    let sort = said("secret").into_iter().min_by_key(|sort| (vague(sort), sort.len(), *sort));
    let sort = sort.map_or("secret".to_owned(), |sort| excerpt(sort, 40));
    // A short secret is masked whole, and `…` alone tells nothing.
    let masked = said("masked").into_iter().filter(|masked| *masked != "…");
    let masked = masked.max_by_key(|masked| (masked.len(), *masked));
    let masked = masked.map(|masked| format!(" {masked}")).unwrap_or_default();
    match said("path").into_iter().min() {
        Some(path) if path.to_lowercase().starts_with(&asset.to_lowercase()) => {
            format!("{sort}{masked} found in {path}")
        }
        Some(path) => format!("{sort}{masked} found in {path} of {asset}"),
        None => format!("{sort}{masked} found on {asset}"),
    }
}

/// One fix corrects a file, not a line of it; elsewhere one fix corrects the weakness on the asset.
fn file_of(place: &Place) -> &str {
    match place {
        Place::Code { path, .. } => path,
        _ => "",
    }
}

fn first_sentence(text: &str) -> &str {
    let text = text.trim();
    let line = text.lines().next().unwrap_or_default();
    line.find(". ").map_or(line, |end| &line[..end])
}

/// `pkg:pypi/requests` → `requests`.
fn readable(component: &str) -> &str {
    match component.strip_prefix("pkg:").and_then(|rest| rest.split_once('/')) {
        Some((_, name)) => name.split('?').next().unwrap_or(name),
        None => component,
    }
}

fn right_words(kind: &RelationKind) -> &'static str {
    match kind.as_str() {
        "assumes" => "Remove the right to assume the role",
        "grants_access" => "Remove the access that is not needed",
        "escalates_to" => "Remove the rights that allow taking over",
        "administers" => "Remove the administrator's right",
        "logs_on" => "Remove the right to log on",
        "has_session" => "End the session and stop logging on there",
        "member_of" => "Remove the membership",
        "runs_as" => "Give the workload a role with fewer rights",
        "reaches" | "routes_to" => "Close the way through the network",
        "serves_source" => "Stop serving the repository",
        "deployed_to" => "Protect what is deployed",
        _ => "Remove the right",
    }
}
