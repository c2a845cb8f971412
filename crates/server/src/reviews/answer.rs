//! Answers to questions, as the objects that hold them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use windlass_api::rbac::PolicyRule;

use crate::access::Decision;
use crate::access::User;
use crate::access::rbac::Question;
use crate::access::rbac::Rbac;

/// What a review asks.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec {
    resource_attributes: Option<OfResource>,
    non_resource_attributes: Option<OfPath>,
    user: String,
    uid: String,
    groups: Vec<String>,
    extra: BTreeMap<String, Vec<String>>,
    pub(super) namespace: String,
    pub(super) token: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OfResource {
    namespace: String,
    verb: String,
    group: String,
    resource: String,
    subresource: String,
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OfPath {
    path: String,
    verb: String,
}

impl Spec {
    /// Of whom a review asks.
    pub(super) fn user(&self) -> Result<User, String> {
        if self.user.is_empty() && self.groups.is_empty() {
            return Err(
                "spec.user: Invalid value: \"\": at least one of user or group must be specified".to_owned(),
            );
        }
        Ok(User {
            name: self.user.clone(),
            uid: self.uid.clone(),
            groups: self.groups.clone(),
            extra: self.extra.clone(),
        })
    }

    /// Whether the question stays in a namespace.
    pub(super) fn is_in(&self, namespace: &str) -> bool {
        let resource = self.resource_attributes.as_ref();
        resource.is_some_and(|resource| resource.namespace == namespace)
    }

    /// What is asked.
    pub(super) fn question(&self) -> Result<Question<'_>, String> {
        match (&self.resource_attributes, &self.non_resource_attributes) {
            (Some(of), None) => Ok(Question {
                verb: &of.verb,
                group: &of.group,
                resource: &of.resource,
                subresource: &of.subresource,
                namespace: &of.namespace,
                name: &of.name,
                path: "",
            }),
            (None, Some(of)) if !of.path.is_empty() => Ok(Question {
                verb: &of.verb,
                path: &of.path,
                ..Question::default()
            }),
            (None, Some(_)) => Err("spec.nonResourceAttributes.path: Required value".to_owned()),
            _ => Err(
                "spec.resourceAttributes: Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be \
                 specified"
                    .to_owned(),
            ),
        }
    }
}

/// Whether a user may.
pub(super) fn access(rbac: &Rbac, user: &User, question: &Question<'_>) -> Value {
    let (allowed, reason) = match rbac.decide(user, question) {
        Decision::Allowed(reason) => (true, reason),
        Decision::Denied(reason) => (false, reason),
    };
    let mut status = json!({"allowed": allowed});
    if !reason.is_empty() {
        status["reason"] = reason.into();
    }
    status
}

/// What a user may.
pub(super) fn rules(rules: &[PolicyRule]) -> Value {
    let mut of_resources = Vec::new();
    let mut of_paths = Vec::new();
    for rule in rules {
        if rule.non_resource_urls.is_empty() {
            let mut told = json!({
                "verbs": rule.verbs,
                "apiGroups": rule.api_groups,
                "resources": rule.resources,
            });
            if !rule.resource_names.is_empty() {
                told["resourceNames"] = json!(rule.resource_names);
            }
            of_resources.push(told);
        } else {
            of_paths.push(json!({"verbs": rule.verbs, "nonResourceURLs": rule.non_resource_urls}));
        }
    }
    json!({"resourceRules": of_resources, "nonResourceRules": of_paths, "incomplete": false})
}

/// Who a user is.
pub(super) fn info(user: &User) -> Value {
    let mut info = json!({"username": user.name, "groups": user.groups});
    if !user.uid.is_empty() {
        info["uid"] = user.uid.clone().into();
    }
    if !user.extra.is_empty() {
        info["extra"] = json!(user.extra);
    }
    info
}
