//! Who asks, and whether they may.

mod attributes;
mod user;

pub use attributes::Attributes;
pub use attributes::Authorize;
pub use attributes::Decision;
pub use attributes::Verb;
pub use user::Authenticate;
pub use user::Unauthenticated;
pub use user::User;
