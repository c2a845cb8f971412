//! Who asks.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use http::HeaderMap;

/// Somebody whose identity was proven, or nobody in particular.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Name, for instance `alice` or `system:serviceaccount:default:build`; `system:anonymous` without a proof.
    pub name: String,
    /// Identity that is never reused; may be empty.
    pub uid: String,
    /// Groups, for instance `system:authenticated`.
    pub groups: Vec<String>,
    /// What else the proof said.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// Why a proof of identity was refused; never says which part of it was wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Unauthorized")]
pub struct Unauthenticated;

/// Finds out who asks.
pub trait Authenticate: Send + Sync {
    /// The user of a request, from its headers.
    ///
    /// # Errors
    /// When a proof was given and is not good, or none was given and anonymous requests are refused.
    fn authenticate<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<User, Unauthenticated>>;
}
