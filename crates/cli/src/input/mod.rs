//! What files hold, and which of it is meant.

mod assignment;
mod choice;
mod definition;
mod files;
mod own;
#[cfg(test)]
mod tests;
mod values;

pub(crate) use assignment::Assignment;
pub(crate) use choice::Choice;
pub(crate) use choice::Chosen;
pub(crate) use definition::DeclaredWorkspace;
pub(crate) use definition::Definition;
pub(crate) use definition::Found;
pub(crate) use files::read;
pub(crate) use own::own_references;
pub(crate) use values::values;
