//! Whether a rule allows what is asked.

use windlass_api::rbac::PolicyRule;

use crate::access::Attributes;

/// What is asked, with any verb. Empty texts mean that a part does not apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Question<'a> {
    /// What is done.
    pub verb: &'a str,
    /// API group.
    pub group: &'a str,
    /// Name of the kind in paths.
    pub resource: &'a str,
    /// Part of the object.
    pub subresource: &'a str,
    /// Namespace.
    pub namespace: &'a str,
    /// Name of the object.
    pub name: &'a str,
    /// The path, for what concerns no resource.
    pub path: &'a str,
}

impl<'a> From<&'a Attributes> for Question<'a> {
    fn from(attributes: &'a Attributes) -> Self {
        Self {
            verb: attributes.verb.as_str(),
            group: &attributes.group,
            resource: &attributes.resource,
            subresource: &attributes.subresource,
            namespace: &attributes.namespace,
            name: &attributes.name,
            path: &attributes.path,
        }
    }
}

/// Whether one rule allows what is asked.
pub(super) fn allows(rule: &PolicyRule, question: &Question<'_>) -> bool {
    if !has(&rule.verbs, question.verb) {
        return false;
    }
    if !question.path.is_empty() {
        return rule
            .non_resource_urls
            .iter()
            .any(|url| covers_path(url, question.path));
    }
    has(&rule.api_groups, question.group)
        && rule
            .resources
            .iter()
            .any(|resource| covers_resource(resource, question.resource, question.subresource))
        && (rule.resource_names.is_empty() || rule.resource_names.iter().any(|name| name == question.name))
}

fn has(all: &[String], wanted: &str) -> bool {
    all.iter().any(|one| one == "*" || one == wanted)
}

/// Whether `kind`, `kind/part`, `*/part` or `*` covers a resource.
pub(super) fn covers_resource(pattern: &str, resource: &str, subresource: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    match pattern.split_once('/') {
        None => subresource.is_empty() && pattern == resource,
        Some((kind, part)) => {
            !subresource.is_empty() && part == subresource && (kind == "*" || kind == resource)
        }
    }
}

/// Whether a path, or a beginning of paths with a `*` behind it, covers a path.
pub(super) fn covers_path(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => path.starts_with(beginning),
        None => pattern == path,
    }
}
