//! Images for the tests: made from the distribution's packages, served by a real registry on loopback.
//!
//! Owns what the images are made of, their cache below `target/test-images`, and the registry that serves them
//! under the names by which Tekton's examples and our own cases call them. Nothing but the distribution's package
//! mirror is asked. Read `catalogue.rs` first.
//!
//! # Expected flow
//! `Registry::start` → the cache is of this recipe, or packages are downloaded and unpacked into trees → a tree is a
//! layer, layers and a configuration are an image → pushed over HTTP → the registry runs until it is dropped.
//!
//! # Guarantees
//! Two processes that need the images at once share one making of them. A making that is broken off is begun again.

mod catalogue;
mod making;
mod oci;
mod packages;
mod push;
mod registry;
mod trees;

pub(crate) use registry::Registry;
