//! Who asks.

use std::collections::BTreeMap;
use std::net::SocketAddr;

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
    /// The user of a request, from its headers and where it came from (`None`: a socket of this machine's file system).
    ///
    /// # Errors
    /// When a proof was given and is not good, or none was given and anonymous requests are refused.
    fn authenticate<'a>(
        &'a self,
        headers: &'a HeaderMap,
        peer: Option<SocketAddr>,
    ) -> BoxFuture<'a, Result<User, Unauthenticated>>;
}

/// Group of everybody who proved an identity.
pub const AUTHENTICATED: &str = "system:authenticated";

/// Group of everybody who did not.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";

/// Group that may do everything, whatever the rules say.
pub const MASTERS: &str = "system:masters";

/// Beginning of the names of service accounts, before namespace and name.
pub const ACCOUNT_PREFIX: &str = "system:serviceaccount:";

/// Nobody in particular.
pub fn anonymous() -> User {
    User {
        name: "system:anonymous".to_owned(),
        groups: vec![UNAUTHENTICATED.to_owned()],
        ..User::default()
    }
}

/// A user whose identity was proven, with the groups that follow from it.
pub(crate) fn known(name: &str, uid: &str, groups: &[String]) -> User {
    let mut all: Vec<String> = Vec::with_capacity(groups.len() + 3);
    all.extend(groups.iter().filter(|group| *group != UNAUTHENTICATED).cloned());
    if let Some((namespace, _)) = name
        .strip_prefix(ACCOUNT_PREFIX)
        .and_then(|rest| rest.split_once(':'))
    {
        all.push("system:serviceaccounts".to_owned());
        all.push(format!("system:serviceaccounts:{namespace}"));
    }
    all.push(AUTHENTICATED.to_owned());
    let mut seen = std::collections::HashSet::new();
    all.retain(|group| seen.insert(group.clone()));
    User {
        name: name.to_owned(),
        uid: uid.to_owned(),
        groups: all,
        ..User::default()
    }
}
