use std::sync::Arc;

use axum::body::Body;
use axum::body::to_bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::future::ready;
use http::HeaderMap;
use http::Request;
use serde_json::Value;
use serde_json::json;
use tower::ServiceExt as _;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::Time;
use windlass_runtime::ManualClock;
use windlass_runtime::SeededIds;
use windlass_store::Store;
use windlass_store::Write;
use windlass_store::admission::AdmitAll;

use super::*;
use crate::StampFrom;
use crate::access::Authenticate;
use crate::access::Unauthenticated;
use crate::access::User;
use crate::access::anonymous;
use crate::access::known;
use crate::access::rbac::Rbac;
use crate::access::rbac::bootstrap;

/// A proof is the name of its user.
struct ByName;

impl Authenticate for ByName {
    fn authenticate<'a>(
        &'a self,
        headers: &'a HeaderMap,
        _: Option<std::net::SocketAddr>,
    ) -> BoxFuture<'a, Result<User, Unauthenticated>> {
        let text = headers.get("authorization").and_then(|value| value.to_str().ok());
        let user = match text.map(|text| text.trim_start_matches("Bearer ")) {
            None => Ok(anonymous()),
            Some("bad") => Err(Unauthenticated),
            Some("root") => Ok(known("root", "", &["system:masters".to_owned()])),
            Some(name) => Ok(known(name, "u1", &[])),
        };
        ready(user).boxed()
    }
}

async fn place() -> axum::Router {
    let stamp = StampFrom {
        clock: Arc::new(ManualClock::new(Time::from_millis(0))),
        ids: Arc::new(SeededIds::default()),
    };
    let store = Store::new(Box::new(AdmitAll), Box::new(stamp));
    bootstrap(&store).await.unwrap();
    let binding = json!({
        "metadata": {"name": "b", "namespace": "here"},
        "subjects": [{"kind": "User", "name": "alice"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
    });
    let binding = Object::of_kind(Kind::RoleBinding, binding).unwrap();
    store.commit(vec![Write::Create(binding)]).await.unwrap();
    router(Reviews {
        authenticate: Arc::new(ByName),
        rbac: Arc::new(Rbac::new(store)),
    })
}

async fn ask(router: &axum::Router, user: &str, path: &str, body: impl Into<Body>) -> (u16, Value) {
    let mut request = Request::post(path);
    if !user.is_empty() {
        request = request.header("authorization", format!("Bearer {user}"));
    }
    let response = router
        .clone()
        .oneshot(request.body(body.into()).unwrap())
        .await
        .unwrap();
    let code = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (code, serde_json::from_slice(&bytes).unwrap())
}

const ACCESS: &str = "/apis/authorization.k8s.io/v1";
const IDENTITY: &str = "/apis/authentication.k8s.io/v1";

type Row = (&'static str, &'static str, Value, u16, Option<bool>);

fn questions() -> Vec<Row> {
    let get = |namespace: &str, resource: &str| json!({"resourceAttributes": {"namespace": namespace, "verb": "get", "resource": resource}});
    let of = |mut spec: Value| {
        spec["user"] = "alice".into();
        spec
    };
    let own = "selfsubjectaccessreviews";
    vec![
        ("alice", own, get("here", "pods"), 201, Some(true)),
        ("alice", own, get("there", "pods"), 201, Some(false)),
        ("alice", own, get("here", "secrets"), 201, Some(false)),
        (
            "alice",
            own,
            json!({"nonResourceAttributes": {"path": "/version", "verb": "get"}}),
            201,
            Some(true),
        ),
        ("alice", own, json!({}), 422, None),
        ("root", own, get("there", "secrets"), 201, Some(true)),
        ("", own, get("here", "pods"), 403, None),
        ("bad", own, get("here", "pods"), 401, None),
        (
            "alice",
            "subjectaccessreviews",
            of(get("here", "pods")),
            403,
            None,
        ),
        (
            "root",
            "subjectaccessreviews",
            of(get("here", "pods")),
            201,
            Some(true),
        ),
        (
            "root",
            "subjectaccessreviews",
            of(get("there", "pods")),
            201,
            Some(false),
        ),
        ("root", "subjectaccessreviews", get("there", "pods"), 422, None),
        (
            "root",
            "namespaces/here/localsubjectaccessreviews",
            of(get("here", "pods")),
            201,
            Some(true),
        ),
        (
            "root",
            "namespaces/there/localsubjectaccessreviews",
            of(get("here", "pods")),
            422,
            None,
        ),
    ]
}

#[tokio::test]
async fn who_may_what_is_answered_to_whom_may_ask() {
    let router = place().await;
    for (user, review, spec, code, allowed) in questions() {
        let body = json!({"spec": spec}).to_string();
        let (got, answer) = ask(&router, user, &format!("{ACCESS}/{review}"), body).await;
        assert_eq!(got, code, "{user} {review} {spec}: {answer}");
        assert_eq!(
            answer["status"]["allowed"].as_bool(),
            allowed,
            "{user} {review} {spec}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_user_learns_who_they_are_and_what_they_may() {
    let router = place().await;
    let (code, answer) = ask(&router, "alice", &format!("{IDENTITY}/selfsubjectreviews"), "{}").await;
    assert_eq!(code, 201);
    assert_eq!(
        answer["status"]["userInfo"],
        json!({"username": "alice", "uid": "u1", "groups": ["system:authenticated"]})
    );
    let body = json!({"spec": {"namespace": "here"}}).to_string();
    let (code, answer) = ask(
        &router,
        "alice",
        &format!("{ACCESS}/selfsubjectrulesreviews"),
        body,
    )
    .await;
    assert_eq!(code, 201);
    let text = answer["status"].to_string();
    assert!(
        text.contains("pods/log") && text.contains("/openapi/*") && !text.contains("secrets"),
        "{text}"
    );
}

#[tokio::test]
async fn a_review_of_a_token_does_not_repeat_it() {
    let router = place().await;
    let path = format!("{IDENTITY}/tokenreviews");
    let body = json!({"spec": {"token": "bob"}}).to_string();
    let (code, answer) = ask(&router, "root", &path, body.clone()).await;
    assert_eq!(code, 201);
    assert_eq!(answer["status"]["user"]["username"], "bob");
    assert!(answer.get("spec").is_none());
    assert_eq!(ask(&router, "alice", &path, body).await.0, 403);
    for bad in ["bad", "", "a\nb"] {
        let body = json!({"spec": {"token": bad}}).to_string();
        let (_, answer) = ask(&router, "root", &path, body).await;
        assert_eq!(answer["status"]["authenticated"], Value::Null, "{bad}");
    }
}

#[tokio::test]
async fn broken_and_huge_questions_are_refused() {
    let router = place().await;
    let path = format!("{ACCESS}/selfsubjectaccessreviews");
    let deep = "[".repeat(10_000);
    for (body, code) in [
        ("", 400),
        ("{", 400),
        ("{\"spec\": 1}", 400),
        (deep.as_str(), 400),
    ] {
        let (got, answer) = ask(&router, "alice", &path, body.to_owned()).await;
        assert_eq!(got, code, "{answer}");
    }
    assert_eq!(ask(&router, "alice", &path, "x".repeat(1 << 20)).await.0, 413);
}
