//! See [`properties`].

pub mod properties;
