//! What is asked, as rules see it.

use windlass_api::Object;
use windlass_api::rbac::PolicyRule;

use super::User;

/// What is done to a resource, or to a path that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Read one object, or a path.
    Get,
    /// Read all objects.
    List,
    /// Follow changes.
    Watch,
    /// Make an object, or post to a path.
    Create,
    /// Replace an object.
    Update,
    /// Change parts of an object.
    Patch,
    /// Remove an object.
    Delete,
    /// Remove all objects.
    DeleteCollection,
    /// Act as somebody else.
    Impersonate,
}

impl Verb {
    /// Every verb of resources.
    pub const ALL: &'static [Self] = &[
        Self::Get,
        Self::List,
        Self::Watch,
        Self::Create,
        Self::Update,
        Self::Patch,
        Self::Delete,
        Self::DeleteCollection,
        Self::Impersonate,
    ];

    /// The word that rules and messages use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Impersonate => "impersonate",
        }
    }
}

/// What is asked, as rules see it. Empty texts mean that a part does not apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Who asks.
    pub user: User,
    /// What is done.
    pub verb: Verb,
    /// API group.
    pub group: String,
    /// Version of the group.
    pub version: String,
    /// Name of the kind in paths.
    pub resource: String,
    /// Part of the object, for instance `status` or `log`.
    pub subresource: String,
    /// Namespace.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// The path, for requests that concern no resource; empty otherwise.
    pub path: String,
}

impl Attributes {
    /// What is asked of a path that is no resource.
    pub fn of_path(user: User, verb: Verb, path: &str) -> Self {
        Self {
            user,
            verb,
            group: String::new(),
            version: String::new(),
            resource: String::new(),
            subresource: String::new(),
            namespace: String::new(),
            name: String::new(),
            path: path.to_owned(),
        }
    }
}

/// Whether it may be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes, by this rule.
    Allowed(String),
    /// No. The reason may be empty: no rule allows it.
    Denied(String),
}

/// The one place that decides who may do what. Deny by default.
pub trait Authorize: Send + Sync {
    /// Whether what is asked may be done.
    fn authorize(&self, attributes: &Attributes) -> Decision;

    /// Whether a user who may write an object may write it like this: nobody gives others what they lack themselves.
    /// Asked with the object as it is to be and as it is, before each create, update and patch.
    ///
    /// # Errors
    /// What the user lacks, as one sentence.
    fn check_write(&self, user: &User, new: &Object, old: Option<&Object>) -> Result<(), String> {
        let _ = (user, new, old);
        Ok(())
    }

    /// Every rule that a user was given everywhere or in a namespace; empty when nothing is told.
    fn rules(&self, user: &User, namespace: &str) -> Vec<PolicyRule> {
        let _ = (user, namespace);
        Vec::new()
    }
}
