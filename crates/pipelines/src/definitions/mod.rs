//! Finding what a run refers to: tasks, pipelines and step actions, in the plane or elsewhere.

mod error;
mod find;
mod resolvers;

pub(crate) use error::Error;
pub(crate) use error::chain;
pub(crate) use find::Definition;
pub(crate) use find::Definitions;
pub(crate) use find::put_in_params;
