//! The one write path of the plane, and the logs of its steps.
//!
//! Everything the plane knows is an object in the [`Store`]. A write is defaulted, validated, stamped with the next
//! version, kept, and told to watchers, in that order and atomically. Reads come from memory. What writes mean is not
//! decided here: that is [`Admission`]'s.
//!
//! Read [`store`] first; [`logs`] stands on its own.

pub mod admission;
pub mod backend;
mod commit;
pub mod error;
pub mod logs;
pub mod stamp;
pub mod store;
mod subscriber;
mod window;
pub mod write;
mod writer;

pub use admission::Admission;
pub use admission::Lookup;
pub use error::Error;
pub use logs::Logs;

pub use stamp::Stamp;
pub use store::Store;
pub use subscriber::Watch;
pub use write::Event;
pub use write::EventType;
pub use write::Write;
