//! Identities. Ours are UUIDv7 (sortable by creation), Flink's are 32 hex digits; the two never share a type.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A name or id that does not have the required form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {given:?} is not valid: {rule}")]
pub struct BadId {
    /// Kind of id.
    pub what: &'static str,
    /// What was given.
    pub given: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

macro_rules! text_id {
    ($(#[$m:meta])* $name:ident) => {
        $(#[$m])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String)]
        pub struct $name(String);
        impl $name {
            /// Wraps an id that came from the store or from a generator.
            #[must_use]
            pub fn new(id: impl Into<String>) -> Self { Self(id.into()) }
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str { &self.0 }
            /// The first characters, for narrow columns; the whole id when it is shorter.
            #[must_use]
            pub fn short(&self) -> &str { self.0.get(..8).unwrap_or(&self.0) }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.pad(&self.0) }
        }
        impl From<String> for $name { fn from(s: String) -> Self { Self(s) } }
        impl From<&str> for $name { fn from(s: &str) -> Self { Self(s.to_owned()) } }
    };
}

text_id!(
    /// A deployment's lasting identity; its name may be reused after a delete, its id never.
    DeploymentId
);
text_id!(
    /// A durable lifecycle action.
    OperationId
);
text_id!(
    /// A row of the savepoint catalogue.
    SavepointId
);
text_id!(
    /// Our id of one Flink job of a deployment.
    JobId
);
text_id!(
    /// Content hash of an artifact, 64 hex digits.
    ArtifactSha
);
text_id!(
    /// A target's name.
    TargetName
);

fn is_hex(s: &str, len: usize) -> bool {
    s.len() == len && s.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Flink's own job id, or a trigger id that we chose: 32 lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String)]
pub struct Hex32(String);

/// Flink's job id.
pub type FlinkJobId = Hex32;
/// The key of an asynchronous Flink operation, chosen by us.
pub type TriggerId = Hex32;

impl Hex32 {
    /// From 16 random bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes.iter().map(|b| format!("{b:02x}")).collect())
    }
    /// The 32 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The last eight digits, as tables and the console show them: all ids of ours begin alike.
    #[must_use]
    pub fn short(&self) -> String {
        format!("…{}", self.0.get(24..).unwrap_or(&self.0))
    }
    /// A job id of ours: `6e75746b` ("nutk"), the store's eight digits, 16 random digits.
    #[must_use]
    pub fn ours(store: &StoreId, random: [u8; 8]) -> Self {
        let tail: String = random.iter().map(|b| format!("{b:02x}")).collect();
        Self(format!("{OUR_PREFIX}{}{tail}", store.as_str()))
    }
    /// Who issued this job id.
    #[must_use]
    pub fn issuer(&self, store: &StoreId) -> Issuer {
        match self.0.strip_prefix(OUR_PREFIX) {
            Some(rest) if rest.starts_with(store.as_str()) => Issuer::Us,
            Some(rest) => Issuer::AnotherNutkin(rest.get(..8).unwrap_or(rest).to_owned()),
            None => Issuer::Nobody,
        }
    }
}

const OUR_PREFIX: &str = "6e75746b";

/// Who issued a Flink job id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issuer {
    /// This store.
    Us,
    /// Another nutkin's store, with its id; acts on the job are refused without a take-over.
    AnotherNutkin(String),
    /// Flink or another tool.
    Nobody,
}

impl FromStr for Hex32 {
    type Err = BadId;
    fn from_str(s: &str) -> Result<Self, BadId> {
        if is_hex(s, 32) {
            Ok(Self(s.to_ascii_lowercase()))
        } else {
            Err(BadId { what: "Flink id", given: s.to_owned(), rule: "32 hexadecimal digits" })
        }
    }
}
impl TryFrom<String> for Hex32 {
    type Error = BadId;
    fn try_from(s: String) -> Result<Self, BadId> {
        s.parse()
    }
}
impl From<Hex32> for String {
    fn from(h: Hex32) -> Self {
        h.0
    }
}
impl fmt::Display for Hex32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Eight hex digits that mark every job id a store issues.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoreId(String);

impl StoreId {
    /// From four random bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes.iter().map(|b| format!("{b:02x}")).collect())
    }
    /// The eight digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl FromStr for StoreId {
    type Err = BadId;
    fn from_str(s: &str) -> Result<Self, BadId> {
        if is_hex(s, 8) {
            Ok(Self(s.to_ascii_lowercase()))
        } else {
            Err(BadId { what: "store id", given: s.to_owned(), rule: "8 hexadecimal digits" })
        }
    }
}

/// `APP/NAME`, the name people use for a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeploymentName {
    app: String,
    name: String,
}

impl DeploymentName {
    /// Checks both halves.
    pub fn new(app: &str, name: &str) -> Result<Self, BadId> {
        check_name("application name", app)?;
        check_name("deployment name", name)?;
        Ok(Self { app: app.to_owned(), name: name.to_owned() })
    }
    /// The application's name.
    #[must_use]
    pub fn app(&self) -> &str {
        &self.app
    }
    /// The name inside the application.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Names of targets, applications and deployments: a DNS label, so that they are safe in paths, URLs and file names.
pub fn check_name(what: &'static str, name: &str) -> Result<(), BadId> {
    let ok = !name.is_empty()
        && name.len() <= 63
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    if ok {
        return Ok(());
    }
    Err(BadId {
        what,
        given: name.to_owned(),
        rule: "1 to 63 of a-z, 0-9 and '-', not starting or ending with '-'",
    })
}

impl utoipa::PartialSchema for DeploymentName {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        <String as utoipa::PartialSchema>::schema()
    }
}
impl ToSchema for DeploymentName {}
impl FromStr for DeploymentName {
    type Err = BadId;
    fn from_str(s: &str) -> Result<Self, BadId> {
        match s.split_once('/') {
            Some((app, name)) => Self::new(app, name),
            None => Err(BadId { what: "deployment", given: s.to_owned(), rule: "APP/NAME" }),
        }
    }
}
impl TryFrom<String> for DeploymentName {
    type Error = BadId;
    fn try_from(s: String) -> Result<Self, BadId> {
        s.parse()
    }
}
impl From<DeploymentName> for String {
    fn from(n: DeploymentName) -> Self {
        n.to_string()
    }
}
impl fmt::Display for DeploymentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.app, self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_ids_tell_their_issuer() {
        let (us, them) = (StoreId::from_bytes([1, 2, 3, 4]), StoreId::from_bytes([9; 4]));
        let id = Hex32::ours(&us, [7; 8]);
        assert_eq!(id.as_str().len(), 32);
        assert_eq!(id.issuer(&us), Issuer::Us);
        assert_eq!(id.issuer(&them), Issuer::AnotherNutkin("01020304".into()));
        assert_eq!(Hex32::from_bytes([0; 16]).issuer(&us), Issuer::Nobody);
    }

    #[test]
    fn names_are_dns_labels() {
        for bad in ["a", "a/", "/b", "A/b", "a/b/c", "-a/b", "a/b-", "a/ü"] {
            assert!(bad.parse::<DeploymentName>().is_err(), "{bad}");
        }
        assert_eq!("pay/prod-1".parse::<DeploymentName>().unwrap().to_string(), "pay/prod-1");
    }
}
