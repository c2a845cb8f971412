//! Rules by whom they are given to.

use std::collections::HashMap;
use std::sync::Arc;

use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::rbac::ClusterRole;
use windlass_api::rbac::ClusterRoleBinding;
use windlass_api::rbac::PolicyRule;
use windlass_api::rbac::Role;
use windlass_api::rbac::RoleBinding;
use windlass_api::rbac::RoleRef;
use windlass_api::rbac::Subject;
use windlass_merge::selector::LabelSelector;
use windlass_store::Store;

use crate::access::ACCOUNT_PREFIX;
use crate::access::User;

/// Kinds that an index is made of.
pub(super) const KINDS: &[Kind] = &[
    Kind::Role,
    Kind::ClusterRole,
    Kind::RoleBinding,
    Kind::ClusterRoleBinding,
];

/// Rules of a role.
pub(super) type Rules = Arc<Vec<PolicyRule>>;

/// A role that somebody was given.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    /// The binding, as messages name it.
    pub(super) by: Arc<str>,
    pub(super) rules: Rules,
}

#[derive(Debug, Default)]
struct Grants {
    users: HashMap<String, Vec<Grant>>,
    groups: HashMap<String, Vec<Grant>>,
}

/// Everything that was given to anybody, at one moment.
#[derive(Debug, Default)]
pub(super) struct Index {
    everywhere: Grants,
    namespaces: HashMap<String, Grants>,
    cluster_roles: HashMap<String, Rules>,
    roles: HashMap<(String, String), Rules>,
}

impl Index {
    /// The index of what a store holds.
    pub(super) fn of(store: &Store) -> Self {
        let mut index = Self {
            cluster_roles: cluster_roles(&store.list(Kind::ClusterRole, None).objects),
            roles: roles(&store.list(Kind::Role, None).objects),
            ..Self::default()
        };
        for object in store.list(Kind::ClusterRoleBinding, None).objects {
            if let Some(binding) = object.get::<ClusterRoleBinding>() {
                index.add_everywhere(binding);
            }
        }
        for object in store.list(Kind::RoleBinding, None).objects {
            if let Some(binding) = object.get::<RoleBinding>() {
                index.add_in_namespace(binding);
            }
        }
        index
    }

    /// The rules of a role; `namespace` is the binding's.
    pub(super) fn rules(&self, role: &RoleRef, namespace: &str) -> Option<&Rules> {
        match role.kind.as_str() {
            "ClusterRole" => self.cluster_roles.get(&role.name),
            "Role" => self.roles.get(&(namespace.to_owned(), role.name.clone())),
            _ => None,
        }
    }

    /// What a user was given everywhere, and then what in a namespace.
    pub(super) fn grants<'a>(&'a self, user: &'a User, namespace: &str) -> impl Iterator<Item = &'a Grant> {
        let here = self.namespaces.get(namespace).filter(|_| !namespace.is_empty());
        std::iter::once(&self.everywhere)
            .chain(here)
            .flat_map(move |grants| {
                let of_user = grants.users.get(&user.name).into_iter();
                let of_groups = user.groups.iter().filter_map(|group| grants.groups.get(group));
                of_user.chain(of_groups).flatten()
            })
    }

    fn add_everywhere(&mut self, binding: &ClusterRoleBinding) {
        if binding.role_ref.kind != "ClusterRole" {
            return;
        }
        let Some(rules) = self.rules(&binding.role_ref, "").cloned() else {
            return;
        };
        let name = &binding.metadata.name;
        let role = &binding.role_ref.name;
        for subject in &binding.subjects {
            let by = format!(
                "RBAC: allowed by ClusterRoleBinding {name:?} of ClusterRole {role:?} to {}",
                shown(subject, "")
            );
            self.everywhere.add(subject, "", &by, &rules);
        }
    }

    fn add_in_namespace(&mut self, binding: &RoleBinding) {
        let namespace = binding.metadata.namespace.clone();
        let Some(rules) = self.rules(&binding.role_ref, &namespace).cloned() else {
            return;
        };
        let name = format!("{}/{namespace}", binding.metadata.name);
        let RoleRef { kind, name: role, .. } = &binding.role_ref;
        let grants = self.namespaces.entry(namespace.clone()).or_default();
        for subject in &binding.subjects {
            let by = format!(
                "RBAC: allowed by RoleBinding {name:?} of {kind} {role:?} to {}",
                shown(subject, &namespace)
            );
            grants.add(subject, &namespace, &by, &rules);
        }
    }
}

impl Grants {
    fn add(&mut self, subject: &Subject, namespace: &str, by: &str, rules: &Rules) {
        let grant = Grant {
            by: by.into(),
            rules: Arc::clone(rules),
        };
        let (of, name) = match subject.kind.as_str() {
            "User" => (&mut self.users, subject.name.clone()),
            "Group" => (&mut self.groups, subject.name.clone()),
            "ServiceAccount" => match account_namespace(subject, namespace) {
                "" => return,
                home => (
                    &mut self.users,
                    format!("{ACCOUNT_PREFIX}{home}:{}", subject.name),
                ),
            },
            _ => return,
        };
        of.entry(name).or_default().push(grant);
    }
}

/// An account without a namespace is one of the binding's.
fn account_namespace<'a>(subject: &'a Subject, binding: &'a str) -> &'a str {
    match subject.namespace.as_str() {
        "" => binding,
        namespace => namespace,
    }
}

fn shown(subject: &Subject, namespace: &str) -> String {
    let Subject { kind, name, .. } = subject;
    match kind.as_str() {
        "ServiceAccount" => {
            let place = format!("{name}/{}", account_namespace(subject, namespace));
            format!("{kind} {place:?}")
        }
        _ => format!("{kind} {name:?}"),
    }
}

fn roles(objects: &[Object]) -> HashMap<(String, String), Rules> {
    let roles = objects.iter().filter_map(Object::get::<Role>);
    roles
        .map(|role| {
            let key = (role.metadata.namespace.clone(), role.metadata.name.clone());
            (key, Arc::new(role.rules.clone()))
        })
        .collect()
}

/// Rules of every cluster role, with those that it takes over. An aggregate takes only what others say themselves, so
/// that circles end.
fn cluster_roles(objects: &[Object]) -> HashMap<String, Rules> {
    let roles: Vec<_> = objects.iter().filter_map(Object::get::<ClusterRole>).collect();
    let rules_of = |role: &ClusterRole| {
        let mut rules = role.rules.clone();
        for selector in selectors(role) {
            let taken = roles.iter().filter(|other| {
                other.metadata.name != role.metadata.name
                    && selector.matches(|key| other.metadata.labels.get(key).map(String::as_str))
            });
            rules.extend(taken.flat_map(|other| other.rules.iter().cloned()));
        }
        Arc::new(rules)
    };
    roles
        .iter()
        .map(|role| (role.metadata.name.clone(), rules_of(role)))
        .collect()
}

/// Selectors of the roles that a role takes over. One that cannot be read selects nothing.
fn selectors(role: &ClusterRole) -> Vec<LabelSelector> {
    let rule = role.aggregation_rule.as_ref();
    let selectors = rule.and_then(|rule| rule.get("clusterRoleSelectors")?.as_array());
    let selectors = selectors.into_iter().flatten();
    selectors
        .filter_map(|selector| LabelSelector::from_object(selector, "clusterRoleSelectors").ok())
        .collect()
}
