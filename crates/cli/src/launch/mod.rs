//! From chosen objects and options to what is created.

mod params;
mod run;
#[cfg(test)]
mod tests;
mod workspaces;

pub(crate) use params::value_text;
pub(crate) use run::Launch;
pub(crate) use run::Wishes;
pub(crate) use run::prepare;
