//! Who asks, and whether they may.
//!
//! Read [`tokens`] for the proofs, and [`rbac`] for the rules.

mod attributes;
mod bearer;
mod denial;
pub mod rbac;
pub mod tokens;
mod user;

pub use attributes::Attributes;
pub use attributes::Authorize;
pub use attributes::Decision;
pub use attributes::Verb;
pub use denial::denial;
pub use user::ACCOUNT_PREFIX;
pub use user::AUTHENTICATED;
pub use user::Authenticate;
pub use user::MASTERS;
pub use user::UNAUTHENTICATED;
pub use user::Unauthenticated;
pub use user::User;
pub use user::anonymous;
pub(crate) use user::known;
