//! Where questions are asked.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::to_bytes;
use axum::extract::ConnectInfo;
use axum::extract::Path;
use axum::extract::Request;
use axum::extract::State;
use axum::response::IntoResponse as _;
use axum::response::Response;
use axum::routing::post;
use http::HeaderMap;
use http::HeaderValue;
use http::StatusCode;
use http::header::AUTHORIZATION;
use serde::Deserialize as _;
use serde_json::Value;
use serde_json::json;

use super::answer;
use super::answer::Spec;
use crate::access::Attributes;
use crate::access::Authenticate;
use crate::access::Authorize as _;
use crate::access::Decision;
use crate::access::User;
use crate::access::Verb;
use crate::access::denial;
use crate::access::rbac::Rbac;

/// Most bytes of a question; the largest holds a token and some groups.
const LARGEST: usize = 64 << 10;

/// What answers.
#[derive(Clone)]
pub struct Reviews {
    /// Finds out who asks, and what a token proves.
    pub authenticate: Arc<dyn Authenticate>,
    /// Decides.
    pub rbac: Arc<Rbac>,
}

/// All reviews, for a server to put before its other paths.
pub fn router(reviews: Reviews) -> Router {
    let authorization = "/apis/authorization.k8s.io/v1";
    let authentication = "/apis/authentication.k8s.io/v1";
    Router::new()
        .route(
            &format!("{authorization}/selfsubjectaccessreviews"),
            post(self_access),
        )
        .route(
            &format!("{authorization}/selfsubjectrulesreviews"),
            post(self_rules),
        )
        .route(&format!("{authorization}/subjectaccessreviews"), post(access))
        .route(
            &format!("{authorization}/namespaces/{{namespace}}/localsubjectaccessreviews"),
            post(local_access),
        )
        .route(&format!("{authentication}/selfsubjectreviews"), post(who))
        .route(&format!("{authentication}/tokenreviews"), post(token))
        .with_state(reviews)
}

type Answer = Result<Response, Response>;

async fn self_access(State(reviews): State<Reviews>, request: Request) -> Answer {
    let (user, spec, value) = reviews
        .asked(request, AUTHORIZATION_GROUP, "selfsubjectaccessreviews", "")
        .await?;
    let question = spec.question().map_err(invalid)?;
    let status = answer::access(&reviews.rbac, &user, &question);
    Ok(answered(
        "SelfSubjectAccessReview",
        AUTHORIZATION_GROUP,
        &value,
        status,
    ))
}

async fn access(State(reviews): State<Reviews>, request: Request) -> Answer {
    let (_, spec, value) = reviews
        .asked(request, AUTHORIZATION_GROUP, "subjectaccessreviews", "")
        .await?;
    let (user, question) = (spec.user().map_err(invalid)?, spec.question().map_err(invalid)?);
    let status = answer::access(&reviews.rbac, &user, &question);
    Ok(answered(
        "SubjectAccessReview",
        AUTHORIZATION_GROUP,
        &value,
        status,
    ))
}

async fn local_access(
    State(reviews): State<Reviews>,
    Path(namespace): Path<String>,
    request: Request,
) -> Answer {
    let asked = reviews.asked(
        request,
        AUTHORIZATION_GROUP,
        "localsubjectaccessreviews",
        &namespace,
    );
    let (_, spec, value) = asked.await?;
    if !spec.is_in(&namespace) {
        let message = format!("spec.resourceAttributes.namespace: Invalid value: must be {namespace:?}");
        return Err(invalid(message));
    }
    let (user, question) = (spec.user().map_err(invalid)?, spec.question().map_err(invalid)?);
    let status = answer::access(&reviews.rbac, &user, &question);
    Ok(answered(
        "LocalSubjectAccessReview",
        AUTHORIZATION_GROUP,
        &value,
        status,
    ))
}

async fn self_rules(State(reviews): State<Reviews>, request: Request) -> Answer {
    let (user, spec, value) = reviews
        .asked(request, AUTHORIZATION_GROUP, "selfsubjectrulesreviews", "")
        .await?;
    if spec.namespace.is_empty() {
        return Err(failed(400, "BadRequest", "no namespace on request"));
    }
    let status = answer::rules(&reviews.rbac.rules(&user, &spec.namespace));
    Ok(answered(
        "SelfSubjectRulesReview",
        AUTHORIZATION_GROUP,
        &value,
        status,
    ))
}

async fn who(State(reviews): State<Reviews>, request: Request) -> Answer {
    let (user, _, value) = reviews
        .asked(request, AUTHENTICATION_GROUP, "selfsubjectreviews", "")
        .await?;
    let status = json!({"userInfo": answer::info(&user)});
    Ok(answered(
        "SelfSubjectReview",
        AUTHENTICATION_GROUP,
        &value,
        status,
    ))
}

async fn token(State(reviews): State<Reviews>, request: Request) -> Answer {
    let (_, spec, _) = reviews
        .asked(request, AUTHENTICATION_GROUP, "tokenreviews", "")
        .await?;
    let proven = match HeaderValue::from_str(&format!("Bearer {}", spec.token)) {
        Ok(value) if !spec.token.is_empty() => {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
            reviews.authenticate.authenticate(&headers, None).await.ok()
        }
        _ => None,
    };
    let status = match proven {
        Some(user) => json!({"authenticated": true, "user": answer::info(&user)}),
        None => json!({"user": {}, "error": "the token is not good"}),
    };
    // The question is not repeated: it holds the token.
    Ok(answered(
        "TokenReview",
        AUTHENTICATION_GROUP,
        &Value::Null,
        status,
    ))
}

const AUTHORIZATION_GROUP: &str = "authorization.k8s.io";
const AUTHENTICATION_GROUP: &str = "authentication.k8s.io";

impl Reviews {
    /// Who asks and what, when they may ask.
    async fn asked(
        &self,
        request: Request,
        group: &str,
        resource: &str,
        namespace: &str,
    ) -> Result<(User, Spec, Value), Response> {
        let (parts, body) = request.into_parts();
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0);
        let user = self.authenticate.authenticate(&parts.headers, peer).await;
        let user = user.map_err(|_| failed(401, "Unauthorized", "Unauthorized"))?;
        let attributes = Attributes {
            user,
            verb: Verb::Create,
            group: group.to_owned(),
            version: "v1".to_owned(),
            resource: resource.to_owned(),
            subresource: String::new(),
            namespace: namespace.to_owned(),
            name: String::new(),
            path: String::new(),
        };
        if let Decision::Denied(reason) = self.rbac.authorize(&attributes) {
            return Err(failed(403, "Forbidden", &denial(&attributes, &reason)));
        }
        let bytes = to_bytes(body, LARGEST).await;
        let bytes = bytes.map_err(|_| failed(413, "RequestEntityTooLarge", "the question is too large"))?;
        let bad = |_| failed(400, "BadRequest", "the body is no review in JSON");
        let value: Value = serde_json::from_slice(&bytes).map_err(bad)?;
        let spec = match value.get("spec") {
            None | Some(Value::Null) => Spec::default(),
            Some(spec) => Spec::deserialize(spec).map_err(bad)?,
        };
        Ok((attributes.user, spec, value))
    }
}

fn answered(kind: &str, group: &str, asked: &Value, status: Value) -> Response {
    let mut object = json!({
        "kind": kind,
        "apiVersion": format!("{group}/v1"),
        "metadata": {},
    });
    if let Some(spec) = asked.get("spec") {
        object["spec"] = spec.clone();
    }
    object["status"] = status;
    (StatusCode::CREATED, Json(object)).into_response()
}

fn invalid(message: impl AsRef<str>) -> Response {
    failed(422, "Invalid", message.as_ref())
}

fn failed(code: u16, reason: &str, message: &str) -> Response {
    let status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    });
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (code, Json(status)).into_response()
}
