//! Who may do what, by roles (`rbac.authorization.k8s.io`). Deny by default.

use std::sync::Arc;

use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Resource as _;
use windlass_api::meta::ObjectMeta;
use windlass_api::rbac::ClusterRole;
use windlass_api::rbac::ClusterRoleBinding;
use windlass_api::rbac::PolicyRule;
use windlass_api::rbac::Role;
use windlass_api::rbac::RoleBinding;
use windlass_api::rbac::RoleRef;
use windlass_api::rbac::Subject;
use windlass_store::Error;
use windlass_store::Store;
use windlass_store::Write;

use super::Attributes;
use super::Authorize;
use super::Decision;
use super::User;

/// The group whose members may do anything; nobody gets into it by a token that the API issues.
pub const MASTERS: &str = "system:masters";

/// Paths that anybody may read.
const PUBLIC: &[&str] = &["/healthz", "/livez", "/readyz", "/version"];

/// Paths that anybody who proved who they are may read.
const DISCOVERY: &[&str] = &["/api", "/apis", "/openapi"];

/// What runs are made of.
const TEKTON: &[&str] = &["tekton.dev", "resolution.tekton.dev"];

/// Decides by the roles in a store.
pub struct Rbac {
    /// Where roles and bindings are.
    pub store: Store,
}

impl Authorize for Rbac {
    fn authorize(&self, attributes: &Attributes) -> Decision {
        let user = &attributes.user;
        if user.groups.iter().any(|group| group == MASTERS) {
            return Decision::Allowed(format!("member of {MASTERS}"));
        }
        if !attributes.path.is_empty() && is_open(&attributes.path, user) && attributes.verb.as_str() == "get"
        {
            return Decision::Allowed("anybody may".to_owned());
        }
        if is_own_review(attributes) {
            return Decision::Allowed("about oneself".to_owned());
        }
        match self.rule_for(attributes) {
            Some(binding) => Decision::Allowed(format!("RBAC: allowed by {binding}")),
            None => Decision::Denied(String::new()),
        }
    }
}

fn is_open(path: &str, user: &User) -> bool {
    let below = |places: &[&str]| {
        let mut places = places.iter();
        places.any(|place| {
            path.strip_prefix(place)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let is_known = user.groups.iter().any(|group| group == "system:authenticated");
    below(PUBLIC) || is_known && below(DISCOVERY)
}

/// What one may do oneself, everybody may ask.
fn is_own_review(attributes: &Attributes) -> bool {
    let is_known = attributes
        .user
        .groups
        .iter()
        .any(|group| group == "system:authenticated");
    let reviews = [
        "selfsubjectaccessreviews",
        "selfsubjectrulesreviews",
        "selfsubjectreviews",
    ];
    let of_reviews = matches!(
        attributes.group.as_str(),
        "authorization.k8s.io" | "authentication.k8s.io"
    );
    is_known
        && of_reviews
        && reviews.contains(&attributes.resource.as_str())
        && attributes.verb.as_str() == "create"
}

impl Rbac {
    /// The binding that allows what is asked.
    fn rule_for(&self, attributes: &Attributes) -> Option<String> {
        for object in self.store.list(Kind::ClusterRoleBinding, None).objects {
            let binding = object.get::<ClusterRoleBinding>()?;
            if is_subject(&binding.subjects, &attributes.user, "")
                && self.allows(&binding.role_ref, "", attributes)
            {
                return Some(format!("ClusterRoleBinding {:?}", binding.metadata.name));
            }
        }
        if attributes.namespace.is_empty() {
            return None;
        }
        for object in self
            .store
            .list(Kind::RoleBinding, Some(&attributes.namespace))
            .objects
        {
            let binding = object.get::<RoleBinding>()?;
            let namespace = binding.metadata.namespace.as_str();
            if is_subject(&binding.subjects, &attributes.user, namespace)
                && self.allows(&binding.role_ref, namespace, attributes)
            {
                return Some(format!("RoleBinding \"{}/{}\"", binding.metadata.name, namespace));
            }
        }
        None
    }

    fn allows(&self, role: &RoleRef, namespace: &str, attributes: &Attributes) -> bool {
        let rules = self.rules(role, namespace);
        rules.iter().any(|rule| covers(rule, attributes))
    }

    /// The rules of a role; none of one that is not there.
    fn rules(&self, role: &RoleRef, namespace: &str) -> Vec<PolicyRule> {
        let (kind, namespace) = match role.kind.as_str() {
            "ClusterRole" => (Kind::ClusterRole, ""),
            _ => (Kind::Role, namespace),
        };
        let Some(object) = self.store.get(&Key::new(kind, namespace, role.name.as_str())) else {
            return Vec::new();
        };
        if let Some(role) = object.get::<ClusterRole>() {
            return role.rules.clone();
        }
        object
            .get::<Role>()
            .map(|role| role.rules.clone())
            .unwrap_or_default()
    }
}

fn is_subject(subjects: &[Subject], user: &User, namespace: &str) -> bool {
    subjects.iter().any(|subject| match subject.kind.as_str() {
        "User" => subject.name == user.name,
        "Group" => user.groups.contains(&subject.name),
        "ServiceAccount" => {
            let of = if subject.namespace.is_empty() {
                namespace
            } else {
                &subject.namespace
            };
            !of.is_empty() && user.name == format!("system:serviceaccount:{of}:{}", subject.name)
        }
        _ => false,
    })
}

/// Whether a rule allows what is asked.
fn covers(rule: &PolicyRule, asked: &Attributes) -> bool {
    let has = |list: &[String], text: &str| list.iter().any(|known| known == "*" || known == text);
    if !has(&rule.verbs, asked.verb.as_str()) {
        return false;
    }
    if !asked.path.is_empty() {
        return rule
            .non_resource_urls
            .iter()
            .any(|known| match known.strip_suffix('*') {
                Some(stem) => asked.path.starts_with(stem),
                None => *known == asked.path,
            });
    }
    let resource = match asked.subresource.as_str() {
        "" => asked.resource.clone(),
        subresource => format!("{}/{subresource}", asked.resource),
    };
    let any_of = format!("*/{}", asked.subresource);
    let named = rule
        .resources
        .iter()
        .any(|known| known == "*" || *known == resource || !asked.subresource.is_empty() && *known == any_of);
    let is_name = rule.resource_names.is_empty() || rule.resource_names.contains(&asked.name);
    named && has(&rule.api_groups, &asked.group) && is_name
}

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> PolicyRule {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    PolicyRule {
        verbs: texts(verbs),
        api_groups: texts(groups),
        resources: texts(resources),
        ..PolicyRule::default()
    }
}

const READ: &[&str] = &["get", "list", "watch"];
const ANY: &[&str] = &["*"];

/// The roles that every plane has.
fn roles() -> Vec<(&'static str, Vec<PolicyRule>)> {
    let plain = [
        "configmaps",
        "events",
        "persistentvolumeclaims",
        "pods",
        "pods/log",
        "serviceaccounts",
    ];
    let view = vec![rule(&[""], &plain, READ), rule(TEKTON, ANY, READ)];
    let edit = vec![
        rule(&[""], &plain, READ),
        rule(
            &[""],
            &[
                "configmaps",
                "secrets",
                "persistentvolumeclaims",
                "serviceaccounts",
            ],
            ANY,
        ),
        rule(TEKTON, ANY, ANY),
    ];
    let mut admin = edit.clone();
    admin.push(rule(
        &["rbac.authorization.k8s.io"],
        &["roles", "rolebindings"],
        READ,
    ));
    admin.push(rule(&[""], &["resourcequotas", "namespaces"], READ));
    let everything = vec![
        rule(ANY, ANY, ANY),
        PolicyRule {
            verbs: vec!["*".to_owned()],
            non_resource_urls: vec!["*".to_owned()],
            ..PolicyRule::default()
        },
    ];
    vec![
        ("cluster-admin", everything),
        ("admin", admin),
        ("edit", edit),
        ("view", view),
    ]
}

/// Makes the roles that every plane has.
///
/// # Errors
/// When they cannot be kept.
pub async fn bootstrap(store: &Store) -> Result<(), Error> {
    for (name, rules) in roles() {
        let role = ClusterRole {
            metadata: ObjectMeta {
                name: name.to_owned(),
                ..ObjectMeta::default()
            },
            rules,
            ..ClusterRole::default()
        };
        match store
            .commit(vec![Write::Create(Arc::new(role).into_object())])
            .await
        {
            Ok(_) | Err(Error::AlreadyExists(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
