//! How a run ended, for people and for programs.

mod failure;
mod list;
mod quantity;
mod rows;
mod secrets;
mod summary;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use list::list;
pub(crate) use quantity::age;
pub(crate) use quantity::counted;
pub(crate) use quantity::read_size;
pub(crate) use quantity::size;
pub(crate) use secrets::Secrets;
pub(crate) use summary::outcome;
pub(crate) use summary::summary;
pub(crate) use table::table;
