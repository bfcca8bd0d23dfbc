//! What an attacker can hold: the nodes of the attack graph, with ids that do not change from run to run.

use std::sync::Arc;

use bartizan_model::EntryKind;
use bartizan_model::estate::{AssetIndex, Estate};
use serde::{Deserialize, Serialize};

/// How much of an asset the attacker holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Full control: administrator of a host, master of an account, knowledge of a credential,
    /// control of a store, a foothold in a network zone.
    Held,
    /// Code runs there without administrator's rights (hosts and workloads).
    User,
    /// Its content can be read (repositories, data stores, other resources).
    Content,
    /// Its content can be changed (repositories, artifacts, pipelines, data stores).
    Write,
    /// Packets arrive: in a zone, at a host; for a security group, packets count as its members'.
    Network,
}

impl Level {
    pub(super) const COUNT: usize = 5;

    /// Every level with the words that rules use before a variable.
    const WORDS: [(Self, &'static str); 6] = [
        (Self::Held, ""),
        (Self::Held, "admin on "),
        (Self::User, "user on "),
        (Self::Content, "content of "),
        (Self::Write, "write to "),
        (Self::Network, "network of "),
    ];

    /// Splits `user on host` into its level and the name behind it.
    pub(super) fn split(text: &str) -> (Self, &str) {
        let text = text.trim();
        Self::WORDS
            .iter()
            .skip(1)
            .find_map(|&(level, words)| Some((level, text.strip_prefix(words)?.trim())))
            .unwrap_or((Self::Held, text))
    }

    /// The words before a name; nothing for full control.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Held => "",
            Self::User => "user on ",
            Self::Content => "content of ",
            Self::Write => "write to ",
            Self::Network => "network of ",
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::User => "user",
            Self::Content => "content",
            Self::Write => "write",
            Self::Network => "network",
        }
    }
}

/// A node of the attack graph: something an attacker holds or has reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttackNode {
    /// A position on the internet; always there, whether or not a report names it.
    Internet,
    /// An assumed start other than the internet.
    Entry(EntryKind),
    Asset(AssetIndex, Level),
    /// A port that the attacker can talk to.
    Service {
        host: AssetIndex,
        protocol: Arc<str>,
        port: u16,
    },
    /// What a security group lets in: packets to these ports of whatever it protects.
    Gate {
        group: AssetIndex,
        protocol: Arc<str>,
        first: u16,
        last: u16,
    },
}

impl AttackNode {
    /// An id made of keys, never of positions: it stays when the estate grows.
    pub fn id(&self, estate: &Estate) -> String {
        let key = |asset: &AssetIndex| estate.asset(*asset).key;
        match self {
            Self::Internet => "internet".to_owned(),
            Self::Entry(kind) => format!("entry:{kind}"),
            Self::Asset(asset, level) => format!("{}:{}", level.as_str(), key(asset)),
            Self::Service { host, protocol, port } => format!("service:{}/{protocol}/{port}", key(host)),
            Self::Gate { group, protocol, first, last } => {
                format!("gate:{}/{protocol}/{first}-{last}", key(group))
            }
        }
    }

    /// What people read.
    pub fn label(&self, estate: &Estate) -> String {
        match self {
            Self::Internet | Self::Entry(EntryKind::Internet) => "the internet".to_owned(),
            Self::Entry(EntryKind::PhishedUser) => "a message to a user".to_owned(),
            Self::Entry(EntryKind::ThirdParty) => "a third party".to_owned(),
            Self::Entry(EntryKind::Insider) => "an insider".to_owned(),
            Self::Asset(asset, level) => format!("{}{}", level.words(), name_of(estate, *asset)),
            Self::Service { host, protocol, port } => service_label(&name_of(estate, *host), protocol, *port),
            Self::Gate { group, protocol, first, last } => {
                let ports = if first == last { format!("{first}") } else { format!("{first}–{last}") };
                format!("ports {ports}/{protocol} let in by {}", name_of(estate, *group))
            }
        }
    }

    /// The asset that it is about.
    pub fn asset(&self) -> Option<AssetIndex> {
        match self {
            Self::Internet | Self::Entry(_) => None,
            Self::Asset(asset, _) | Self::Service { host: asset, .. } | Self::Gate { group: asset, .. } => {
                Some(*asset)
            }
        }
    }
}

/// An asset's name for people, else its best identifier, else the head of its key.
pub(super) fn name_of(estate: &Estate, index: AssetIndex) -> String {
    let asset = estate.asset(index);
    if !asset.name.is_empty() {
        return asset.name.clone();
    }
    match asset.identifiers.first() {
        Some(identifier) => identifier.value().to_owned(),
        None => format!("{} {}", asset.kind, &asset.key.to_string()[..8]),
    }
}

/// `host:443`, with the protocol where it is not TCP.
pub(super) fn service_label(host: &str, protocol: &str, port: u16) -> String {
    if protocol == "tcp" { format!("{host}:{port}") } else { format!("{host}:{port}/{protocol}") }
}
