//! A whole plane in memory, for tests: paused time, seeded identities, scripted steps.
//!
//! [`Plane`] is the plane; [`scenario`] runs golden scripts on it, which is how most of what runs promise is tested.
//! Read [`plane`] first.

pub mod clock;
pub mod crash;
pub mod plane;
mod recorder;
pub mod redact;
pub mod scenario;
pub mod skip;
pub mod story;

pub use clock::PausedClock;
pub use plane::Plane;
pub use plane::Setup;
