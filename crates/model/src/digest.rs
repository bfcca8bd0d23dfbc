//! 16-byte digests: what keys, fingerprints and inputs of a ranking are known by.
//!
//! A digest is the first half of a BLAKE3 hash over length-prefixed fields, so that
//! `("ab", "c")` and `("a", "bc")` never collide.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// A 16-byte digest, printed as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 16]);

impl Digest {
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The digest of one run of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Digester::new("bytes").field(bytes).finish()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = HEXLOWER
            .decode(text.to_ascii_lowercase().as_bytes())
            .map_err(|_| "a digest is 32 hexadecimal digits")?;
        bytes.try_into().map(Self).map_err(|_| "a digest is 32 hexadecimal digits")
    }
}

impl PartialSchema for Digest {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A digest: 32 hexadecimal digits"))
            .pattern(Some("^[0-9a-f]{32}$"));
        RefOr::T(Schema::Object(text.build()))
    }
}

impl ToSchema for Digest {}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Builds a [`Digest`] field by field. The domain keeps digests of different things apart.
#[derive(Clone)]
pub struct Digester(blake3::Hasher);

impl Digester {
    pub fn new(domain: &str) -> Self {
        let mut digester = Self(blake3::Hasher::new());
        digester.push(domain.as_bytes());
        digester
    }

    /// Adds one field and returns the digester, for chains.
    #[must_use]
    pub fn field(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.push(bytes.as_ref());
        self
    }

    /// Adds one field in place.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    pub fn finish(&self) -> Digest {
        let mut half = [0; 16];
        half.copy_from_slice(&self.0.finalize().as_bytes()[..16]);
        Digest(half)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_borders_count() {
        let one = Digester::new("t").field("ab").field("c").finish();
        let two = Digester::new("t").field("a").field("bc").finish();
        assert_ne!(one, two);
    }

    #[test]
    fn text_form_round_trips() {
        let digest = Digest::of(b"bartizan");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!("xyz".parse::<Digest>().is_err());
    }
}
