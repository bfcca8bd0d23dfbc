//! AWS access, really evaluated from policy documents: what a request comes to ([`decide`]), who may
//! assume which role and touch which data ([`Access`]), and who is or can become administrator
//! ([`privileges()`]). Pure: documents in, answers out; it must not read files, ask AWS or know a clock.
//!
//! Everything is decided in three values ([`Truth`]). What is not known (a condition on an address, a
//! document that could not be read) is never counted as access and never as protection.

mod access;
mod account;
mod arn;
mod caller;
mod condition;
mod context;
mod error;
mod evaluate;
mod pattern;
mod policy;
mod privileges;
mod truth;

pub use access::{Access, Assumption, Grant, Level};
pub use account::{
    AccountControls, Compute, ComputeKind, Estate, Group, LastUsed, ManagedPolicy, PolicyVersion, Resource,
    ResourcePolicy, Role, User,
};
pub use caller::{Caller, CallerKind};
pub use context::{Context, Key};
pub use error::{Error, Result};
pub use evaluate::{Citation, Decision, Layer, Outcome, Policies, Request, decide};
pub use policy::{Document, Effect, Kind, Problem};
pub use privileges::{Admin, METHODS, Method, Privilege, Step, privileges};
pub use truth::Truth;
