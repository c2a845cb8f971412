//! Server-side apply, and the record of who set which field.
//!
//! An object carries, in `metadata.managedFields`, one entry per manager with the fields it owns. [`apply`] lays a
//! manager's configuration over the live object: fields that others own and that would change are conflicts, fields
//! that the manager gave up and nobody else owns go. [`track_update`] records what any other write changed.
//!
//! # Expected flow
//! A server calls [`apply`] for an apply patch, and [`track_update`] after a create, update, or other patch, with the
//! object it is about to store. Both return the object with its entries. What it does to the object afterwards, as
//! defaulting, may make it what it was before; [`keep_times`] then returns that.
//!
//! # Guarantees
//! - A write that changes neither the object nor who owns what returns the live object, so that nothing is stored.
//! - Applying the same configuration twice is that.
//! - Fields that a server sets (`metadata.uid` and the like) are owned by nobody.
//!
//! # Assumptions
//! All entries of an object are read by one schema, whatever version they name. Versions of one kind differ in few
//! fields; of those, an entry of another version keeps what this schema does not know.

mod actor;
mod cap;
mod conflict;
mod error;
mod identity;
mod last_applied;
#[cfg(test)]
mod laws;
mod managers;
mod merge;
mod prune;
mod take;

#[cfg(test)]
mod tests;
mod times;
mod track;

pub use actor::Actor;
pub use conflict::Conflict;
pub use conflict::Conflicts;
pub use error::Error;
pub use identity::Identity;
pub use identity::Operation;
pub use managers::Managers;
pub use managers::Owned;
pub use merge::apply;
pub use times::keep_times;
pub use track::track_update;
