//! The roles that every plane has.

use serde_json::Value;
use serde_json::json;
use windlass_api::meta::ObjectMeta;
use windlass_api::rbac::ClusterRole;
use windlass_api::rbac::ClusterRoleBinding;
use windlass_api::rbac::PolicyRule;
use windlass_api::rbac::RoleRef;
use windlass_api::rbac::Subject;

use crate::access::AUTHENTICATED;
use crate::access::MASTERS;
use crate::access::UNAUTHENTICATED;
use crate::access::tokens::RUNNERS;

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "deletecollection", "patch", "update"];

const CORE_READ: &[&str] = &[
    "configmaps",
    "events",
    "namespaces",
    "persistentvolumeclaims",
    "persistentvolumeclaims/status",
    "pods",
    "pods/log",
    "pods/status",
    "resourcequotas",
    "resourcequotas/status",
    "serviceaccounts",
];
const CORE_WRITE: &[&str] = &[
    "configmaps",
    "persistentvolumeclaims",
    "secrets",
    "serviceaccounts",
];

const TEKTON_READ: &[&str] = &[
    "customruns",
    "customruns/status",
    "pipelineruns",
    "pipelineruns/status",
    "pipelines",
    "stepactions",
    "taskruns",
    "taskruns/status",
    "tasks",
    "verificationpolicies",
];
const TEKTON_WRITE: &[&str] = &[
    "customruns",
    "pipelineruns",
    "pipelines",
    "stepactions",
    "taskruns",
    "tasks",
];

const RBAC: &str = "rbac.authorization.k8s.io";
const RESOLUTION: &str = "resolution.tekton.dev";
const LEASES: &str = "coordination.k8s.io";

/// Every verb on everything.
pub(super) fn everything() -> Vec<PolicyRule> {
    vec![rule(&["*"], "*", &["*"]), paths(&["*"], &["*"])]
}

/// The cluster roles that every plane has.
pub fn default_roles() -> Vec<ClusterRole> {
    vec![
        role("cluster-admin", everything(), None),
        role("admin", admin(), Some("admin")),
        role("edit", edit(), Some("edit")),
        role("view", view(), Some("view")),
        role("system:basic-user", basic(), None),
        role(
            "system:discovery",
            vec![paths(
                &["get"],
                &[
                    "/api",
                    "/api/*",
                    "/apis",
                    "/apis/*",
                    "/healthz",
                    "/livez",
                    "/openapi",
                    "/openapi/*",
                    "/readyz",
                    "/version",
                    "/version/",
                ],
            )],
            None,
        ),
        role(
            "system:public-info-viewer",
            vec![paths(
                &["get"],
                &["/healthz", "/livez", "/readyz", "/version", "/version/"],
            )],
            None,
        ),
        role(
            "system:service-account-issuer-discovery",
            vec![paths(
                &["get"],
                &["/.well-known/openid-configuration", "/openid/v1/jwks"],
            )],
            None,
        ),
        role("windlass:runner", runner(), None),
    ]
}

/// Whom the roles are given to in every plane.
pub(super) fn default_bindings() -> Vec<ClusterRoleBinding> {
    vec![
        binding("cluster-admin", &[MASTERS]),
        binding("system:basic-user", &[AUTHENTICATED]),
        binding("system:discovery", &[AUTHENTICATED]),
        binding("system:public-info-viewer", &[AUTHENTICATED, UNAUTHENTICATED]),
        binding(
            "system:service-account-issuer-discovery",
            &["system:serviceaccounts"],
        ),
        binding("windlass:runner", &[RUNNERS]),
    ]
}

fn view() -> Vec<PolicyRule> {
    vec![
        rule(READ, "", CORE_READ),
        rule(READ, "tekton.dev", TEKTON_READ),
        rule(
            READ,
            RESOLUTION,
            &["resolutionrequests", "resolutionrequests/status"],
        ),
        rule(READ, LEASES, &["leases"]),
        rule(READ, "windlass.dev", &["claims"]),
        rule(READ, "apps", &["deployments"]),
    ]
}

fn edit() -> Vec<PolicyRule> {
    let mut rules = view();
    rules.extend([
        rule(READ, "", &["secrets"]),
        rule(WRITE, "", CORE_WRITE),
        rule(&["impersonate"], "", &["serviceaccounts"]),
        rule(WRITE, "tekton.dev", TEKTON_WRITE),
        rule(WRITE, RESOLUTION, &["resolutionrequests"]),
        rule(WRITE, LEASES, &["leases"]),
    ]);
    rules
}

fn admin() -> Vec<PolicyRule> {
    let mut rules = edit();
    rules.extend([
        rule(READ, RBAC, &["rolebindings", "roles"]),
        rule(WRITE, RBAC, &["rolebindings", "roles"]),
        rule(WRITE, "tekton.dev", &["verificationpolicies"]),
        rule(&["create"], "", &["serviceaccounts/token"]),
        rule(
            &["create"],
            "authorization.k8s.io",
            &["localsubjectaccessreviews"],
        ),
    ]);
    rules
}

fn basic() -> Vec<PolicyRule> {
    vec![
        rule(
            &["create"],
            "authorization.k8s.io",
            &["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
        ),
        rule(&["create"], "authentication.k8s.io", &["selfsubjectreviews"]),
    ]
}

/// A runner is given its work over its own protocol; of the resources it only tells that it is there.
fn runner() -> Vec<PolicyRule> {
    vec![
        rule(
            &["create", "get", "patch", "update"],
            "windlass.dev",
            &["runners", "runners/status"],
        ),
        paths(
            &["create", "get"],
            &["/windlass/v1/runners", "/windlass/v1/runners/*"],
        ),
    ]
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn rule(verbs: &[&str], group: &str, resources: &[&str]) -> PolicyRule {
    PolicyRule {
        verbs: texts(verbs),
        api_groups: texts(&[group]),
        resources: texts(resources),
        ..PolicyRule::default()
    }
}

fn paths(verbs: &[&str], urls: &[&str]) -> PolicyRule {
    PolicyRule {
        verbs: texts(verbs),
        non_resource_urls: texts(urls),
        ..PolicyRule::default()
    }
}

fn metadata(name: &str) -> ObjectMeta {
    let label = ("kubernetes.io/bootstrapping", "rbac-defaults");
    let annotation = ("rbac.authorization.kubernetes.io/autoupdate", "true");
    let map = |(key, value): (&str, &str)| [(key.to_owned(), value.to_owned())].into();
    ObjectMeta {
        name: name.to_owned(),
        labels: map(label),
        annotations: map(annotation),
        ..ObjectMeta::default()
    }
}

fn role(name: &str, rules: Vec<PolicyRule>, aggregate: Option<&str>) -> ClusterRole {
    ClusterRole {
        metadata: metadata(name),
        rules,
        aggregation_rule: aggregate.map(aggregation),
    }
}

/// Roles for kinds that users defined say by label that the role takes them over.
fn aggregation(to: &str) -> Value {
    let label = format!("rbac.authorization.k8s.io/aggregate-to-{to}");
    json!({"clusterRoleSelectors": [{"matchLabels": {label: "true"}}]})
}

fn binding(role: &str, groups: &[&str]) -> ClusterRoleBinding {
    let subject = |group: &&str| Subject {
        kind: "Group".to_owned(),
        api_group: RBAC.to_owned(),
        name: (*group).to_owned(),
        namespace: String::new(),
    };
    ClusterRoleBinding {
        metadata: metadata(role),
        subjects: groups.iter().map(subject).collect(),
        role_ref: RoleRef {
            api_group: RBAC.to_owned(),
            kind: "ClusterRole".to_owned(),
            name: role.to_owned(),
        },
    }
}
