//! The laws of [`plan`](mod@crate::plan), checked.
//!
//! `exhaustive` walks every state that a small run can reach, by every interleaving; `random` walks large ones. Both
//! hold each plan against the laws as predicates (`predicates`) and against a second planner that is written for
//! plainness alone (`oracle`).

mod exhaustive;
mod oracle;
mod predicates;
mod random;
mod world;
