//! Values read by a schema: which fields they have, how they differ, how they merge.

mod check;
mod compare;
mod item;
mod merge;
mod owned;
mod remove;
mod settle;
#[cfg(test)]
mod tests;

mod view;
mod within;

pub(crate) use check::check;
pub(crate) use compare::Comparison;
pub(crate) use compare::compare;
pub(crate) use item::element_or_index;
pub(crate) use merge::merge;
pub(crate) use owned::owned;
pub(crate) use remove::remove;
pub(crate) use settle::settle;
pub(crate) use settle::with_named;
pub(crate) use view::View;
pub(crate) use view::view;
pub(crate) use within::is_within;
