//! Who asks, and whether they may.

mod attributes;
pub mod kubeconfig;
pub mod rbac;
#[cfg(test)]
mod tests;
pub mod tokens;
mod user;

pub use attributes::Attributes;
pub use attributes::Authorize;
pub use attributes::Decision;
pub use attributes::Verb;
pub use rbac::Rbac;
pub use tokens::Tokens;
pub use user::Authenticate;
pub use user::Unauthenticated;
pub use user::User;
