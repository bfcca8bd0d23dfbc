//! The errors of this crate. Bad records inside a readable file are [`crate::Problem`]s, not errors.

/// Why a file as a whole could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error(
        "not authorization details: none of UserDetailList, GroupDetailList, RoleDetailList and Policies is there"
    )]
    NotAuthorizationDetails,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;
