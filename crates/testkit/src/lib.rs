//! testkit

pub mod skip;
