//! Any object of the plane, its kind and its key.

mod custom;
mod key;
mod kinds;
mod resource;
mod status;
#[cfg(test)]
mod tests;

pub use custom::Custom;
pub use custom::CustomKind;
pub use custom::Definition;
pub use key::Key;
pub use kinds::Kind;
pub use kinds::Object;
pub use kinds::Scope;
pub use resource::Resource;
