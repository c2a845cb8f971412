//! Brings files from elsewhere onto this machine, without trusting where they come from.
//!
//! Owns the four ways a task or pipeline is fetched by reference, [`git`], [`http`], [`hub`] and [`bundle`], and the
//! reading of images from registries, [`oci`], together with what every one of them obeys: a [`Policy`] (which hosts and paths may be reached), [`Limits`] (how
//! long and how much) and [`Credentials`] (bound to one origin, never printed). [`Fetcher`] joins them with
//! a [`cache`]. It does not know what the bytes mean: parsing and verifying a definition is the caller's.
//!
//! Read [`Policy`] first, then [`Fetcher`].

mod credentials;
mod digest;
mod fetcher;
mod limits;
mod policy;
mod source;

pub mod bundle;
pub mod cache;
pub mod git;
pub mod http;
pub mod hub;
pub mod oci;

pub use credentials::Credentials;
pub use digest::Digest;
pub use digest::DigestError;
pub use fetcher::Error;
pub use fetcher::Fetcher;
pub use limits::Limits;
pub use policy::Denied;
pub use policy::Policy;
pub use source::Fetched;
pub use windlass_api::tekton::provenance::RefSource;
