//! Nobody gives what they do not have.

use windlass_api::Object;
use windlass_api::plane::TokenSpec;
use windlass_api::rbac::PolicyRule;
use windlass_api::rbac::RoleRef;
use windlass_api::rbac::Subject;

use super::Question;
use super::decide::decide;
use super::index::Index;
use super::matching::covers_path;
use crate::access::Decision;
use crate::access::User;

const GROUP: &str = "rbac.authorization.k8s.io";

/// Whether a user may write an object as it is to be, given what they may do themselves.
pub(super) fn check(index: &Index, user: &User, new: &Object, old: Option<&Object>) -> Result<(), String> {
    let metadata = new.metadata();
    let (namespace, name) = (metadata.namespace.as_str(), metadata.name.as_str());
    match (new, old) {
        (Object::Role(new), Some(Object::Role(old))) if new.rules == old.rules => Ok(()),
        (Object::ClusterRole(new), Some(Object::ClusterRole(old)))
            if new.rules == old.rules && new.aggregation_rule == old.aggregation_rule =>
        {
            Ok(())
        }
        (Object::Role(new), _) => {
            let question = about("escalate", "roles", namespace, name);
            check_rules(index, user, &question, &new.rules)
        }
        (Object::ClusterRole(new), _) => {
            let question = about("escalate", "clusterroles", "", name);
            if new.aggregation_rule.is_some() {
                // Who chooses roles by label gives whatever they will say.
                return check_rules(index, user, &question, &super::roles::everything());
            }
            check_rules(index, user, &question, &new.rules)
        }
        (Object::RoleBinding(new), Some(Object::RoleBinding(old)))
            if new.role_ref == old.role_ref && same(&new.subjects, &old.subjects) =>
        {
            Ok(())
        }
        (Object::ClusterRoleBinding(new), Some(Object::ClusterRoleBinding(old)))
            if new.role_ref == old.role_ref && same(&new.subjects, &old.subjects) =>
        {
            Ok(())
        }
        (Object::RoleBinding(new), _) => check_binding(index, user, &new.role_ref, namespace),
        (Object::ClusterRoleBinding(new), _) => check_binding(index, user, &new.role_ref, ""),
        (Object::Token(new), Some(Object::Token(old))) if identity(&new.spec) == identity(&old.spec) => {
            Ok(())
        }
        (Object::Token(new), _) => check_token(index, user, &new.spec),
        _ => Ok(()),
    }
}

fn same(new: &[Subject], old: &[Subject]) -> bool {
    new.iter().all(|subject| old.contains(subject))
}

fn about<'a>(verb: &'a str, resource: &'a str, namespace: &'a str, name: &'a str) -> Question<'a> {
    Question {
        verb,
        group: GROUP,
        resource,
        namespace,
        name,
        ..Question::default()
    }
}

fn check_binding(index: &Index, user: &User, role: &RoleRef, namespace: &str) -> Result<(), String> {
    let resource = match role.kind.as_str() {
        "ClusterRole" => "clusterroles",
        _ => "roles",
    };
    let question = about("bind", resource, namespace, &role.name);
    if is_allowed(index, user, &question) {
        return Ok(());
    }
    let Some(rules) = index.rules(role, namespace) else {
        return Err(format!("{resource}.{GROUP} {:?} not found", role.name));
    };
    check_rules(index, user, &question, rules)
}

fn check_rules(index: &Index, user: &User, pass: &Question<'_>, rules: &[PolicyRule]) -> Result<(), String> {
    if is_allowed(index, user, pass) {
        return Ok(());
    }
    let held: Vec<&PolicyRule> = index
        .grants(user, pass.namespace)
        .flat_map(|grant| grant.rules.iter())
        .collect();
    let missing: Vec<String> = rules
        .iter()
        .flat_map(split)
        .filter(|rule| !held.iter().any(|held| covers(held, rule)))
        .map(|rule| shown(&rule))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let groups: Vec<String> = user.groups.iter().map(|group| format!("{group:?}")).collect();
    Err(format!(
        "user {:?} (groups=[{}]) is attempting to grant RBAC permissions not currently held:\n{}",
        user.name,
        groups.join(" "),
        missing.join("\n")
    ))
}

/// A token makes its holder somebody: that is allowed for oneself, and to whom may act as the user and each of the groups.
fn check_token(index: &Index, user: &User, spec: &TokenSpec) -> Result<(), String> {
    let of_self = spec.user == user.name && spec.groups.iter().all(|group| user.groups.contains(group));
    if of_self && spec.purpose != "runner" {
        return Ok(());
    }
    let mut whom = vec![("users", spec.user.as_str())];
    whom.extend(spec.groups.iter().map(|group| ("groups", group.as_str())));
    if spec.purpose == "runner" {
        whom.push(("groups", crate::access::tokens::RUNNERS));
    }
    for (resource, name) in whom {
        let question = Question {
            verb: "impersonate",
            resource,
            name,
            ..Question::default()
        };
        if !is_allowed(index, user, &question) {
            return Err(format!(
                "user {:?} is attempting to issue a token for {resource} {name:?} without the right to impersonate them",
                user.name
            ));
        }
    }
    Ok(())
}

/// What of a token says who its holder is.
fn identity(spec: &TokenSpec) -> (&str, &[String], &str, &str) {
    (&spec.user, &spec.groups, &spec.purpose, &spec.hash)
}

fn is_allowed(index: &Index, user: &User, question: &Question<'_>) -> bool {
    matches!(decide(index, user, question), Decision::Allowed(_))
}

/// A rule as rules of one verb on one thing each.
fn split(rule: &PolicyRule) -> Vec<PolicyRule> {
    let mut parts = Vec::new();
    for verb in &rule.verbs {
        for url in &rule.non_resource_urls {
            parts.push(PolicyRule {
                verbs: vec![verb.clone()],
                non_resource_urls: vec![url.clone()],
                ..PolicyRule::default()
            });
        }
        for group in &rule.api_groups {
            for resource in &rule.resources {
                let part = PolicyRule {
                    verbs: vec![verb.clone()],
                    api_groups: vec![group.clone()],
                    resources: vec![resource.clone()],
                    ..PolicyRule::default()
                };
                if rule.resource_names.is_empty() {
                    parts.push(part.clone());
                }
                parts.extend(rule.resource_names.iter().map(|name| PolicyRule {
                    resource_names: vec![name.clone()],
                    ..part.clone()
                }));
            }
        }
    }
    parts
}

/// Whether a rule allows all that a rule of one thing does.
fn covers(held: &PolicyRule, wanted: &PolicyRule) -> bool {
    let has = |held: &[String], wanted: &[String]| {
        held.iter().any(|one| one == "*") || wanted.iter().all(|one| held.contains(one))
    };
    if !has(&held.verbs, &wanted.verbs) {
        return false;
    }
    if !wanted.non_resource_urls.is_empty() {
        let mut urls = wanted.non_resource_urls.iter();
        return urls.all(|url| held.non_resource_urls.iter().any(|held| covers_path(held, url)));
    }
    let covers_resource = |wanted: &String| {
        held.resources.iter().any(|held| {
            let part = wanted.split_once('/').map(|(_, part)| part);
            held == "*" || held == wanted || part.is_some_and(|part| *held == format!("*/{part}"))
        })
    };
    has(&held.api_groups, &wanted.api_groups)
        && wanted.resources.iter().all(covers_resource)
        && (held.resource_names.is_empty()
            || !wanted.resource_names.is_empty()
                && wanted
                    .resource_names
                    .iter()
                    .all(|name| held.resource_names.contains(name)))
}

fn shown(rule: &PolicyRule) -> String {
    let lists = [
        ("APIGroups", &rule.api_groups),
        ("Resources", &rule.resources),
        ("ResourceNames", &rule.resource_names),
        ("NonResourceURLs", &rule.non_resource_urls),
        ("Verbs", &rule.verbs),
    ];
    let parts: Vec<String> = lists
        .iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(name, list)| {
            let items: Vec<String> = list.iter().map(|item| format!("{item:?}")).collect();
            format!("{name}:[{}]", items.join(" "))
        })
        .collect();
    format!("{{{}}}", parts.join(", "))
}
