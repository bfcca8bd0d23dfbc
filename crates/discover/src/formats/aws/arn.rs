//! Amazon Resource Names, regions and account numbers, taken apart and put together.

use bartizan_model::{AssetKind, Identifier, Scheme, Subject};

/// The parts of `arn:partition:service:region:account:resource`.
pub(super) struct Arn<'a> {
    pub partition: &'a str,
    pub service: &'a str,
    pub region: &'a str,
    pub account: &'a str,
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let (scheme, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        (scheme == "arn" && !partition.is_empty() && !service.is_empty() && !resource.is_empty())
            .then_some(Self { partition, service, region, account, resource })
    }

    /// The account number, where the ARN has one.
    pub(super) fn owner(&self) -> Option<&'a str> {
        Some(self.account).filter(|number| is_account(number))
    }
}

/// Twelve digits.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The account number in what a person named: a cloud account, or anything of it by ARN.
pub(super) fn account_of_subject(subject: &Subject) -> Option<String> {
    subject.identifiers().iter().find_map(|identifier| match identifier.scheme() {
        Scheme::CloudAccount if subject.kind() == AssetKind::CloudAccount => {
            Some(identifier.value().to_owned()).filter(|number| is_account(number))
        }
        Scheme::AwsArn => Arn::parse(identifier.value())?.owner().map(str::to_owned),
        _ => None,
    })
}

/// The region of an availability zone: `eu-west-1a`, `us-west-2-lax-1a` (a local zone).
pub(super) fn region_of_zone(zone: &str) -> Option<&str> {
    let number =
        zone.find(|c: char| c.is_ascii_digit()).filter(|at| *at > 0 && zone[..*at].ends_with('-'))?;
    let end = zone[number..].find(|c: char| !c.is_ascii_digit()).map_or(zone.len(), |length| number + length);
    Some(&zone[..end])
}

/// The partition that a region belongs to (AWS general reference, "Amazon Resource Names").
pub(super) fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

/// An IAM identity by what is unique without its path: kind, name and account. Access keys and
/// group lists name users and groups in no other way.
pub(super) fn iam_name(kind: &str, name: &str, account: &str) -> Identifier {
    Identifier::new(Scheme::DomainName, format!("{kind}/{name}@{account}"))
}

/// An IAM identity (`user`, `group`, `role`) by its ARN: with its path, and without.
pub(super) fn iam_identity(kind: AssetKind, text: &str) -> Subject {
    let mut identifiers = vec![Identifier::new(Scheme::AwsArn, text)];
    if let Some(arn) = Arn::parse(text)
        && let (Some(account), Some((sort, path))) = (arn.owner(), arn.resource.split_once('/'))
    {
        identifiers.push(iam_name(sort, path.rsplit('/').next().unwrap_or(path), account));
    }
    Subject::new(kind, identifiers)
}

/// The number of the account that an access key was issued for. Keys issued since 2019 carry it:
/// bits 1 to 40 of what the characters after the prefix encode in base 32 (published by Be'ery, "A
/// short note on AWS key ID", 2023). `None` for older keys, which begin their code below `Q`.
pub(super) fn account_of_access_key(id: &str) -> Option<String> {
    let code = id.get(4..).filter(|code| code.len() == 16)?;
    let bytes = data_encoding::BASE32_NOPAD.decode(code.as_bytes()).ok()?;
    let first = bytes.iter().take(6).fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
    let is_new = first >> 47 == 1;
    let number = (first & 0x7fff_ffff_ff80) >> 7;
    (is_new && number < 1_000_000_000_000).then(|| format!("{number:012}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_zones() {
        for (zone, region) in [
            ("eu-west-1a", "eu-west-1"),
            ("us-west-2-lax-1a", "us-west-2"),
            ("us-gov-west-1b", "us-gov-west-1"),
        ] {
            assert_eq!(region_of_zone(zone), Some(region));
        }
        assert_eq!(region_of_zone(""), None);
        assert_eq!(region_of_zone("1a"), None);
    }

    #[test]
    fn access_keys_name_their_account() {
        // Issued by the moto simulator for 123456789012; it encodes as AWS does.
        assert_eq!(account_of_access_key("AKIARZPUZDIKLP6FUO3A").as_deref(), Some("123456789012"));
        assert_eq!(account_of_access_key("AKIAIOSFODNN7EXAMPLE"), None);
        assert_eq!(account_of_access_key("AKIA"), None);
    }

    #[test]
    fn identities_are_known_with_and_without_their_path() {
        let subject = iam_identity(AssetKind::Account, "arn:aws:iam::123456789012:user/build/ci");
        let names: Vec<String> = subject.identifiers().iter().map(ToString::to_string).collect();
        assert_eq!(
            names,
            ["aws-arn:arn:aws:iam::123456789012:user/build/ci", "domain-name:user/ci@123456789012"]
        );
    }
}
