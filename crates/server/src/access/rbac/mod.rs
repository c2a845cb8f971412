//! Rules, and whom they are given to (`rbac.authorization.k8s.io/v1`).
//!
//! Read [`Rbac`] first. What is allowed is the sum of all rules that are bound to a user or one of their groups; there is
//! no rule that takes away.

mod bootstrap;
mod decide;
mod escalation;
mod index;
mod matching;
mod roles;
#[cfg(test)]
mod tests;

pub use bootstrap::bootstrap;
pub use decide::Rbac;
pub use matching::Question;
pub use roles::default_roles;
