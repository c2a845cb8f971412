//! One line.

use serde::Serialize;
use windlass_api::Time;

use crate::access::Attributes;
use crate::access::Verb;

/// What was asked and how it ended. It has no place for what was written, so that no secret can get into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// When it ended.
    pub time: Time,
    /// Name of who asked.
    pub user: String,
    /// What was asked for.
    pub verb: String,
    /// API group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Name of the kind in paths.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource: String,
    /// Part of the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subresource: String,
    /// Namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Name of the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The path without its query, for what concerns no resource.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Code of the answer.
    pub code: u16,
    /// Identity of the request.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub request: String,
    /// Where it came from; empty is a socket of this machine.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Whether nothing was to be changed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

impl Entry {
    /// An entry for what was asked.
    pub fn of(attributes: &Attributes, code: u16, time: Time) -> Self {
        Self {
            time,
            user: attributes.user.name.clone(),
            verb: attributes.verb.as_str().to_owned(),
            group: attributes.group.clone(),
            resource: attributes.resource.clone(),
            subresource: attributes.subresource.clone(),
            namespace: attributes.namespace.clone(),
            name: attributes.name.clone(),
            path: attributes.path.clone(),
            code,
            request: String::new(),
            source: String::new(),
            dry_run: false,
        }
    }

    /// Whether what was asked belongs into the log: every write, and everything that was refused. Reviews look like
    /// writes and store nothing.
    pub fn is_due(asked: &Attributes, code: u16) -> bool {
        let is_review = asked.group == "authorization.k8s.io" || asked.group == "authentication.k8s.io";
        let is_read = is_review || matches!(asked.verb, Verb::Get | Verb::List | Verb::Watch);
        matches!(code, 401 | 403) || !is_read
    }
}
