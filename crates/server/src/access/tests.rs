use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Time;
use windlass_api::plane::Token;
use windlass_api::plane::TokenSpec;
use windlass_runtime::ManualClock;
use windlass_runtime::SeededIds;
use windlass_store::Store;
use windlass_store::Write;

use super::Attributes;
use super::Authenticate as _;
use super::Authorize as _;
use super::Decision;
use super::User;
use super::Verb;
use super::rbac;
use super::rbac::Rbac;
use super::tokens;
use super::tokens::Tokens;
use crate::StampFrom;
use crate::Webhooks;

fn plane() -> (Store, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Time::from_millis(1_000_000)));
    let stamp = StampFrom {
        clock: Arc::clone(&clock) as _,
        ids: Arc::new(SeededIds::default()),
    };
    (Store::new(Box::new(Webhooks::default()), Box::new(stamp)), clock)
}

async fn who(tokens: &Tokens, header: Option<&str>) -> String {
    let mut headers = HeaderMap::new();
    if let Some(text) = header {
        headers.insert(AUTHORIZATION, text.parse().unwrap());
    }
    match tokens.authenticate(&headers).await {
        Ok(user) => format!("{} {}", user.name, user.groups.join(",")),
        Err(refused) => refused.to_string(),
    }
}

#[tokio::test]
async fn only_a_good_token_proves_who_somebody_is() {
    let (store, clock) = plane();
    let spec = TokenSpec {
        user: "alice".to_owned(),
        groups: vec!["team".to_owned()],
        expires_at: Some(Time::from_millis(2_000_000)),
        ..TokenSpec::default()
    };
    let good = tokens::issue(&store, spec).await.unwrap();
    let tokens = Tokens {
        store: store.clone(),
        clock: Arc::clone(&clock) as _,
    };
    let alice = "alice team,system:authenticated";
    let mut forged = good.clone();
    let last = if forged.pop() == Some('0') { '1' } else { '0' };
    forged.push(last);
    let rows = [
        (None, "system:anonymous system:unauthenticated"),
        (Some(format!("Bearer {good}")), alice),
        (Some(format!("bearer {good}")), alice),
        (Some(format!("Bearer {forged}")), "Unauthorized"),
        (
            Some(format!("Bearer {}", &good[..good.len() - 1])),
            "Unauthorized",
        ),
        (
            Some(format!("Bearer {}", good.replacen("wlu", "wlr", 1))),
            "Unauthorized",
        ),
        (Some(format!("Basic {good}")), "Unauthorized"),
        (Some("Bearer ".to_owned()), "Unauthorized"),
        (Some(format!("Bearer {}", "_".repeat(10_000))), "Unauthorized"),
    ];
    for (header, expected) in rows {
        assert_eq!(who(&tokens, header.as_deref()).await, expected, "{header:?}");
    }
    clock.advance_to(Time::from_millis(2_000_000));
    assert_eq!(
        who(&tokens, Some(&format!("Bearer {good}"))).await,
        "Unauthorized",
        "it is over"
    );
}

#[tokio::test]
async fn a_token_that_was_taken_back_proves_nothing_and_none_is_kept() {
    let (store, clock) = plane();
    let spec = TokenSpec {
        user: "alice".to_owned(),
        ..TokenSpec::default()
    };
    let good = tokens::issue(&store, spec).await.unwrap();
    let mut object = store.list(Kind::Token, None).objects.remove(0);
    let kept = object.to_json().to_string();
    assert!(!kept.contains(&good[20..]), "{kept}");
    if let Object::Token(token) = &mut object {
        let token: &mut Token = Arc::make_mut(token);
        token.spec.revoked = true;
    }
    store.commit(vec![Write::Update(object)]).await.unwrap();
    let tokens = Tokens {
        store,
        clock: clock as _,
    };
    assert_eq!(
        who(&tokens, Some(&format!("Bearer {good}"))).await,
        "Unauthorized"
    );
}

async fn write(store: &Store, kind: Kind, json: serde_json::Value) {
    let object = Object::of_kind(kind, json).unwrap();
    store.commit(vec![Write::Create(object)]).await.unwrap();
}

async fn bound() -> Rbac {
    let (store, _) = plane();
    rbac::bootstrap(&store).await.unwrap();
    for role in ["view", "edit", "admin"] {
        let binding = serde_json::json!({
            "metadata": {"name": role, "namespace": "ours"},
            "subjects": [{"kind": "User", "name": role, "apiGroup": "rbac.authorization.k8s.io"}],
            "roleRef": {"kind": "ClusterRole", "name": role, "apiGroup": "rbac.authorization.k8s.io"},
        });
        write(&store, Kind::RoleBinding, binding).await;
    }
    let binding = serde_json::json!({
        "metadata": {"name": "root"},
        "subjects": [{"kind": "Group", "name": "roots", "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"kind": "ClusterRole", "name": "cluster-admin", "apiGroup": "rbac.authorization.k8s.io"},
    });
    write(&store, Kind::ClusterRoleBinding, binding).await;
    Rbac { store }
}

fn asked(user: &str, group: &str, verb: Verb, kind: Kind, namespace: &str) -> Attributes {
    let groups = [
        group,
        if user.is_empty() {
            ""
        } else {
            "system:authenticated"
        },
    ];
    Attributes {
        user: User {
            name: if user.is_empty() {
                "system:anonymous".to_owned()
            } else {
                user.to_owned()
            },
            groups: groups
                .iter()
                .filter(|group| !group.is_empty())
                .map(|group| (*group).to_owned())
                .collect(),
            ..User::default()
        },
        verb,
        group: kind.group().to_owned(),
        version: kind.version().to_owned(),
        resource: kind.plural().to_owned(),
        subresource: String::new(),
        namespace: if kind.is_namespaced() {
            namespace.to_owned()
        } else {
            String::new()
        },
        name: String::new(),
        path: String::new(),
    }
}

/// Every kind and verb as somebody who must not: a kind that is added later is tried here, too.
#[tokio::test]
async fn nobody_does_what_no_role_gives_them() {
    let rbac = bound().await;
    for kind in Kind::ALL.iter().copied() {
        for verb in Verb::ALL.iter().copied() {
            let may = |user: &str, group: &str, namespace: &str| {
                let decision = rbac.authorize(&asked(user, group, verb, kind, namespace));
                matches!(decision, Decision::Allowed(_))
            };
            let what = format!("{} {kind}", verb.as_str());
            assert!(!may("", "", "ours"), "anonymous may {what}");
            assert!(!may("stranger", "", "ours"), "a stranger may {what}");
            for user in ["view", "edit", "admin"] {
                assert!(!may(user, "", "theirs"), "{user} may {what} elsewhere");
            }
            let is_reading = matches!(verb, Verb::Get | Verb::List | Verb::Watch);
            assert!(is_reading || !may("view", "", "ours"), "view may {what}");
            let is_secret = matches!(kind, Kind::Secret | Kind::Token);
            assert!(!(is_secret && may("view", "", "ours")), "view may {what}");
            let is_power = matches!(
                kind,
                Kind::Role | Kind::RoleBinding | Kind::ClusterRole | Kind::ClusterRoleBinding
            );
            assert!(
                is_reading || !is_power || !may("admin", "", "ours"),
                "admin may {what}"
            );
            assert!(may("root", "roots", "ours"), "cluster-admin may not {what}");
            assert!(may("root", rbac::MASTERS, "ours"), "a master may not {what}");
        }
    }
}

#[tokio::test]
async fn paths_are_open_to_those_who_need_them() {
    let rbac = bound().await;
    let rows = [
        ("", "/healthz", true),
        ("", "/version", true),
        ("", "/api", false),
        ("", "/metrics", false),
        ("stranger", "/api/v1", true),
        ("stranger", "/apis", true),
        ("stranger", "/apisecret", false),
        ("stranger", "/metrics", false),
    ];
    for (user, path, allowed) in rows {
        let mut asked = asked(user, "", Verb::Get, Kind::Secret, "");
        path.clone_into(&mut asked.path);
        let decision = rbac.authorize(&asked);
        assert_eq!(
            matches!(decision, Decision::Allowed(_)),
            allowed,
            "{user:?} {path}"
        );
    }
}
