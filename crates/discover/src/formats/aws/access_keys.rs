//! Access keys: credentials that open an account.
//!
//! AWS prints the user's name only, so the account's number is read from the key's id, or taken from
//! what a person named.

use std::sync::Arc;

use bartizan_model::{AssetKind, RelationKind, Subject, secret_fingerprint};
use serde::Deserialize;
use serde_json::Value;

use super::arn::{account_of_access_key, iam_name};
use super::facts::{Facts, Notes};
use super::{Setting, one, required};
use crate::Record;
use crate::secret::{credential, sha1_hex};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AccessKey {
    access_key_id: Option<String>,
    user_name: Option<String>,
    status: Option<String>,
    create_date: Option<Value>,
}

/// The credential that an access key is, by its id.
pub(super) fn subject(id: &str) -> Arc<Subject> {
    credential(secret_fingerprint(&sha1_hex(id)), Some(id))
}

pub(super) fn access_key(setting: &Setting, at: &str, json: &str, records: &mut Vec<Record>) {
    records.push(one(at, json, |key: AccessKey| {
        let id = required(key.access_key_id, "AccessKeyId")?;
        let key_subject = subject(&id);
        let active = key.status.as_deref().map(|status| status == "Active");
        let notes = Notes::default()
            .set("aws.type", "access-key")
            .maybe("aws.status", key.status)
            .maybe("aws.user_name", key.user_name.clone())
            .time("aws.created", key.create_date.as_ref());
        let mut facts = Facts::of(&key_subject, id.clone(), notes);
        let account = account_of_access_key(&id).or_else(|| setting.account.clone());
        if let (Some(account), Some(user)) = (&account, &key.user_name) {
            let user = Arc::new(Subject::new(AssetKind::Account, [iam_name("user", user, account)]));
            // An inactive key opens nothing; it stays known so that a leak of it is recognised.
            if active == Some(true) {
                facts.relation(RelationKind::AUTHENTICATES, &key_subject, &user);
            }
        }
        Ok(facts)
    }));
}
