use std::sync::Arc;

use serde_json::Value;
use serde_json::json;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Time;
use windlass_runtime::ManualClock;
use windlass_runtime::SeededIds;
use windlass_store::Store;
use windlass_store::Write;

use super::*;
use crate::StampFrom;
use crate::Webhooks;
use crate::access::Attributes;
use crate::access::Authorize as _;
use crate::access::Decision;
use crate::access::User;
use crate::access::Verb;
use crate::access::anonymous;
use crate::access::denial;
use crate::access::known;

fn store() -> Store {
    let stamp = StampFrom {
        clock: Arc::new(ManualClock::new(Time::from_millis(1_700_000_000_000))),
        ids: Arc::new(SeededIds::default()),
    };
    Store::new(Box::new(Webhooks::default()), Box::new(stamp))
}

fn object(kind: Kind, value: Value) -> Object {
    Object::of_kind(kind, value).unwrap()
}

async fn add(store: &Store, kind: Kind, value: Value) {
    store
        .commit(vec![Write::Create(object(kind, value))])
        .await
        .unwrap();
}

fn bound(namespace: &str, role: &str, subject: &Value) -> Value {
    json!({
        "metadata": {"name": format!("{role}-{}", subject["name"].as_str().unwrap()), "namespace": namespace},
        "subjects": [subject],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
    })
}

async fn place() -> (Store, Rbac) {
    let store = store();
    for namespace in ["here", "there"] {
        // Made already where a plane makes namespaces by itself.
        let namespace = object(Kind::Namespace, json!({"metadata": {"name": namespace}}));
        let _ = store.commit(vec![Write::Create(namespace)]).await;
    }
    bootstrap(&store).await.unwrap();
    let user = |name: &str| json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name});
    for role in ["view", "edit", "admin"] {
        add(&store, Kind::RoleBinding, bound("here", role, &user(role))).await;
    }
    add(
        &store,
        Kind::RoleBinding,
        bound("there", "admin", &user("neighbour")),
    )
    .await;
    add(
        &store,
        Kind::RoleBinding,
        bound(
            "there",
            "edit",
            &json!({"kind": "ServiceAccount", "name": "build", "namespace": "here"}),
        ),
    )
    .await;
    let rbac = Rbac::new(store.clone());
    (store, rbac)
}

fn user(name: &str) -> User {
    known(name, "", &[])
}

fn master() -> User {
    known("root", "", &["system:masters".to_owned()])
}

fn asked(user: &User, verb: Verb, group: &str, resource: &str, namespace: &str) -> Attributes {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    Attributes {
        user: user.clone(),
        verb,
        group: group.to_owned(),
        version: "v1".to_owned(),
        resource: resource.to_owned(),
        subresource: subresource.to_owned(),
        namespace: namespace.to_owned(),
        name: String::new(),
        path: String::new(),
    }
}

fn is_allowed(rbac: &Rbac, attributes: &Attributes) -> bool {
    matches!(rbac.authorize(attributes), Decision::Allowed(_))
}

#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Least {
    View,
    Edit,
    Admin,
    Nobody,
}

/// The least role of a namespace that reads a kind, and that writes it. A new kind does not compile until it has a row.
fn least(kind: Kind) -> (Least, Least) {
    use Least::*;
    match kind {
        Kind::Task
        | Kind::Pipeline
        | Kind::TaskRun
        | Kind::PipelineRun
        | Kind::StepAction
        | Kind::CustomRun
        | Kind::ResolutionRequest
        | Kind::ConfigMap
        | Kind::ServiceAccount
        | Kind::PersistentVolumeClaim
        | Kind::Lease => (View, Edit),
        Kind::VerificationPolicy => (View, Admin),
        Kind::Secret => (Edit, Edit),
        Kind::Event | Kind::ResourceQuota | Kind::Claim => (View, Nobody),
        Kind::Role | Kind::RoleBinding => (Admin, Admin),
        Kind::Namespace
        | Kind::ClusterRole
        | Kind::ClusterRoleBinding
        | Kind::CustomResourceDefinition
        | Kind::Runner
        | Kind::Token
        | Kind::Custom(_) => (Nobody, Nobody),
    }
}

#[tokio::test]
async fn every_verb_on_every_kind_is_for_whom_it_is_meant_and_for_nobody_else() {
    let (_, rbac) = place().await;
    let users = [
        (anonymous(), None),
        (user("stranger"), None),
        (user("neighbour"), None),
        (known("system:serviceaccount:here:build", "", &[]), None),
        (user("view"), Some(Least::View)),
        (user("edit"), Some(Least::Edit)),
        (user("admin"), Some(Least::Admin)),
        (master(), Some(Least::Nobody)),
    ];
    let mut rows = 0;
    for kind in Kind::ALL.iter().copied() {
        let namespace = if kind.is_namespaced() { "here" } else { "" };
        let (read, write) = least(kind);
        for verb in Verb::ALL.iter().copied() {
            if verb == Verb::Impersonate {
                continue;
            }
            let needed = match verb {
                Verb::Get | Verb::List | Verb::Watch => read,
                _ => write,
            };
            for (user, role) in &users {
                let attributes = asked(user, verb, kind.group(), kind.plural(), namespace);
                let expected = role.is_some_and(|role| role >= needed);
                assert_eq!(
                    is_allowed(&rbac, &attributes),
                    expected,
                    "{}",
                    denial(&attributes, "")
                );
                // What is given in a namespace says nothing about all of them.
                let everywhere = asked(user, verb, kind.group(), kind.plural(), "");
                assert_eq!(
                    is_allowed(&rbac, &everywhere),
                    *role == Some(Least::Nobody),
                    "{everywhere:?}"
                );
                rows += 1;
            }
        }
    }
    assert_eq!(rows, Kind::ALL.len() * 8 * users.len());
}

#[tokio::test]
async fn a_neighbour_does_there_what_an_admin_does_here() {
    let (_, rbac) = place().await;
    let rows = [
        ("neighbour", "secrets", "there", true),
        ("neighbour", "secrets", "here", false),
        ("system:serviceaccount:here:build", "secrets", "there", true),
        ("system:serviceaccount:there:build", "secrets", "there", false),
    ];
    for (name, resource, namespace, expected) in rows {
        let attributes = asked(&user(name), Verb::Create, "", resource, namespace);
        assert_eq!(is_allowed(&rbac, &attributes), expected, "{name} {namespace}");
    }
}

#[tokio::test]
async fn rules_mean_what_upstream_says() {
    let (store, rbac) = place().await;
    let rules = json!([
        {"verbs": ["get"], "apiGroups": [""], "resources": ["pods/log", "*/status"]},
        {"verbs": ["delete", "list"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["one"]},
        {"verbs": ["*"], "apiGroups": ["example.com"], "resources": ["*"]},
        {"verbs": ["watch"], "apiGroups": ["*"], "resources": ["tasks"]},
        {"verbs": ["get"], "nonResourceURLs": ["/metrics", "/logs/*"]},
    ]);
    add(
        &store,
        Kind::ClusterRole,
        json!({"metadata": {"name": "odd"}, "rules": rules}),
    )
    .await;
    add(
        &store,
        Kind::ClusterRoleBinding,
        json!({
            "metadata": {"name": "odd"},
            "subjects": [{"kind": "Group", "name": "odd"}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "odd"},
        }),
    )
    .await;
    let odd = known("odd", "", &["odd".to_owned()]);
    let rows = [
        ("get", "", "pods/log", "", true),
        ("get", "", "pods", "", false),
        ("get", "", "pods/exec", "", false),
        ("get", "", "anything/status", "", true),
        ("get", "", "status", "", false),
        ("delete", "", "configmaps", "one", true),
        ("delete", "", "configmaps", "two", false),
        ("delete", "", "configmaps", "", false),
        ("list", "", "configmaps", "", false),
        ("approve", "example.com", "things/part", "", true),
        ("get", "example.org", "things", "", false),
        ("watch", "whatever", "tasks", "", true),
        ("watch", "", "tasks/status", "", false),
        ("get", "", "/metrics", "", true),
        ("get", "", "/metrics/", "", false),
        ("get", "", "/logs/", "", true),
        ("get", "", "/logs", "", false),
        ("post", "", "/metrics", "", false),
        ("get", "", "/version", "", true),
    ];
    for (verb, group, what, name, expected) in rows {
        let (resource, subresource) = what.split_once('/').unwrap_or((what, ""));
        let question = if what.starts_with('/') {
            Question {
                verb,
                path: what,
                ..Question::default()
            }
        } else {
            Question {
                verb,
                group,
                resource,
                subresource,
                name,
                namespace: "here",
                ..Question::default()
            }
        };
        let decision = rbac.decide(&odd, &question);
        assert_eq!(
            matches!(decision, Decision::Allowed(_)),
            expected,
            "{verb} {what} {name}"
        );
    }
}

#[tokio::test]
async fn a_change_of_the_rules_counts_from_the_next_decision_on() {
    let (store, rbac) = place().await;
    let attributes = asked(&user("view"), Verb::Get, "", "pods", "here");
    let expected = "RBAC: allowed by RoleBinding \"view-view/here\" of ClusterRole \"view\" to User \"view\"";
    assert_eq!(
        rbac.authorize(&attributes),
        Decision::Allowed(expected.to_owned())
    );
    let key = Key::new(Kind::RoleBinding, "here", "view-view");
    let uid = String::new();
    store.commit(vec![Write::Delete { key, uid }]).await.unwrap();
    assert_eq!(rbac.authorize(&attributes), Decision::Denied(String::new()));
    add(
        &store,
        Kind::RoleBinding,
        bound("here", "view", &json!({"kind": "User", "name": "view"})),
    )
    .await;
    assert!(is_allowed(&rbac, &attributes));
}

#[tokio::test]
async fn roles_for_kinds_of_users_are_taken_over_by_label() {
    let (store, rbac) = place().await;
    let attributes = asked(&user("view"), Verb::Get, "example.com", "widgets", "here");
    assert!(!is_allowed(&rbac, &attributes));
    let labels = json!({"rbac.authorization.k8s.io/aggregate-to-view": "true"});
    let rules = json!([{"verbs": ["get"], "apiGroups": ["example.com"], "resources": ["widgets"]}]);
    add(
        &store,
        Kind::ClusterRole,
        json!({"metadata": {"name": "widgets", "labels": labels}, "rules": rules}),
    )
    .await;
    assert!(is_allowed(&rbac, &attributes));
}

#[tokio::test]
async fn a_second_start_changes_nothing_and_keeps_what_was_added() {
    let (store, _) = place().await;
    let version = store.version();
    bootstrap(&store).await.unwrap();
    assert_eq!(store.version(), version);
    let key = Key::new(Kind::ClusterRole, "", "view");
    let mut value = store.get(&key).unwrap().to_json();
    value["rules"] = json!([{"verbs": ["get"], "apiGroups": ["example.com"], "resources": ["mine"]}]);
    let changed = object(Kind::ClusterRole, value);
    store.commit(vec![Write::Update(changed)]).await.unwrap();
    bootstrap(&store).await.unwrap();
    let rules = store.get(&key).unwrap().to_json();
    let text = rules["rules"].to_string();
    assert!(text.contains("mine") && text.contains("pods/log"), "{text}");
}

#[tokio::test]
async fn a_binding_is_not_turned_to_a_role_that_its_writer_lacks() {
    let (_, rbac) = place().await;
    let subject = json!({"kind": "User", "name": "friend"});
    let binding = |to: &str| object(Kind::RoleBinding, bound("here", to, &subject));
    let turned = rbac.check_write(&user("admin"), &binding("cluster-admin"), Some(&binding("view")));
    assert!(turned.is_err());
    let kept = rbac.check_write(
        &user("admin"),
        &binding("cluster-admin"),
        Some(&binding("cluster-admin")),
    );
    assert!(kept.is_ok(), "what others gave may stay: {kept:?}");
}

#[tokio::test]
async fn nobody_gives_others_what_they_lack() {
    let (_, rbac) = place().await;
    let role = |rules: Value| {
        object(
            Kind::Role,
            json!({"metadata": {"name": "r", "namespace": "here"}, "rules": rules}),
        )
    };
    let binding = |to: &str| {
        let subject = json!({"kind": "User", "name": "friend"});
        object(Kind::RoleBinding, bound("here", to, &subject))
    };
    let token = |user: &str, groups: &[&str]| {
        let spec = json!({"user": user, "groups": groups, "hash": "00"});
        object(Kind::Token, json!({"metadata": {"name": "t"}, "spec": spec}))
    };
    let secrets = |verb: &str| json!([{"verbs": [verb], "apiGroups": [""], "resources": ["secrets"]}]);
    let rows = [
        ("admin", role(secrets("get")), true),
        ("admin", role(secrets("*")), false),
        (
            "admin",
            role(json!([{"verbs": ["get"], "apiGroups": ["*"], "resources": ["pods"]}])),
            false,
        ),
        (
            "admin",
            role(json!([{"verbs": ["get"], "nonResourceURLs": ["/metrics"]}])),
            false,
        ),
        ("view", role(secrets("get")), false),
        ("admin", binding("edit"), true),
        ("admin", binding("admin"), true),
        ("admin", binding("cluster-admin"), false),
        ("admin", binding("absent"), false),
        ("neighbour", binding("view"), false),
        ("admin", token("admin", &[]), true),
        ("admin", token("admin", &["system:masters"]), false),
        ("admin", token("root", &[]), false),
        ("root", token("anybody", &["system:masters"]), true),
        ("root", binding("cluster-admin"), true),
    ];
    for (name, new, expected) in rows {
        let user = if name == "root" { master() } else { user(name) };
        let checked = rbac.check_write(&user, &new, None);
        assert_eq!(checked.is_ok(), expected, "{name} {}: {checked:?}", new.to_json());
    }
    let refused = rbac.check_write(&user("view"), &role(secrets("get")), None);
    insta::assert_snapshot!(refused.unwrap_err(), @r#"
    user "view" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:
    {APIGroups:[""], Resources:["secrets"], Verbs:["get"]}
    "#);
}

#[test]
fn refusals_read_as_upstream() {
    let one = Attributes {
        name: "a".to_owned(),
        ..asked(&user("alice"), Verb::Get, "", "pods/log", "here")
    };
    let path = Attributes {
        path: "/metrics".to_owned(),
        ..asked(&anonymous(), Verb::Get, "", "", "")
    };
    let all = [
        denial(&one, ""),
        denial(
            &asked(
                &user("alice"),
                Verb::List,
                "rbac.authorization.k8s.io",
                "clusterroles",
                "",
            ),
            "",
        ),
        denial(&path, "no"),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    pods "a" is forbidden: User "alice" cannot get resource "pods/log" in API group "" in the namespace "here"
    clusterroles.rbac.authorization.k8s.io is forbidden: User "alice" cannot list resource "clusterroles" in API group "rbac.authorization.k8s.io" at the cluster scope
    forbidden: User "system:anonymous" cannot get path "/metrics": no
    "#);
}
