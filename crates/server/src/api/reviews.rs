//! Questions about who somebody is and what they may do; asked by creating objects that are never stored.

use axum::response::IntoResponse;
use axum::response::Response;
use http::HeaderMap;
use http::HeaderValue;
use http::StatusCode;
use http::header::AUTHORIZATION;
use serde_json::Value;
use serde_json::json;
use windlass_api::rbac::PolicyRule;

use super::Api;
use super::request::Target;
use super::status::Status;
use crate::access::Attributes;
use crate::access::Decision;
use crate::access::User;
use crate::access::Verb;

/// Whether a target is a question.
pub(super) fn is_review(target: &Target) -> bool {
    let reviews: &[&str] = match target.group.as_str() {
        "authorization.k8s.io" => &[
            "selfsubjectaccessreviews",
            "selfsubjectrulesreviews",
            "subjectaccessreviews",
            "localsubjectaccessreviews",
        ],
        "authentication.k8s.io" => &["selfsubjectreviews", "tokenreviews"],
        _ => &[],
    };
    target.version == "v1" && reviews.contains(&target.plural.as_str()) && target.name.is_empty()
}

/// Answers a question: the object that was sent, with its status.
pub(super) async fn answer(
    api: &Api,
    user: &User,
    target: &Target,
    mut review: Value,
) -> Result<Response, Status> {
    if !review.is_object() {
        return Err(Status::bad_request("the body is no object"));
    }
    review["status"] = match target.plural.as_str() {
        "selfsubjectreviews" => {
            json!({"userInfo": {"username": user.name, "uid": user.uid, "groups": user.groups, "extra": user.extra}})
        }
        "selfsubjectaccessreviews" => access(api, user, &review["spec"])?,
        "selfsubjectrulesreviews" => match review["spec"]["namespace"].as_str() {
            None | Some("") => return Err(Status::bad_request("no namespace on request")),
            Some(namespace) => rules(&api.authorize.rules(user, namespace)),
        },
        "tokenreviews" => {
            let spec = review.as_object_mut().and_then(|review| review.remove("spec"));
            // What is taken out is not sent back: it is the token.
            proven(api, spec.as_ref().and_then(|spec| spec["token"].as_str())).await
        }
        _ => {
            let spec = &review["spec"];
            let namespace = spec["resourceAttributes"]["namespace"]
                .as_str()
                .unwrap_or_default();
            if !target.namespace.is_empty() && namespace != target.namespace {
                return Err(Status::bad_request(
                    "spec.resourceAttributes.namespace must match metadata.namespace",
                ));
            }
            let texts = |value: &Value| -> Vec<String> {
                let items = value.as_array().into_iter().flatten();
                items.filter_map(Value::as_str).map(str::to_owned).collect()
            };
            let about = User {
                name: spec["user"].as_str().unwrap_or_default().to_owned(),
                groups: texts(&spec["groups"]),
                ..User::default()
            };
            access(api, &about, spec)?
        }
    };
    Ok((StatusCode::CREATED, axum::Json(review)).into_response())
}

fn access(api: &Api, user: &User, spec: &Value) -> Result<Value, Status> {
    let (of, is_path) = match (&spec["resourceAttributes"], &spec["nonResourceAttributes"]) {
        (resource, Value::Null) if resource.is_object() => (resource, false),
        (Value::Null, path) if path.is_object() => (path, true),
        _ => {
            let message =
                "spec: exactly one of nonResourceAttributes or resourceAttributes must be specified";
            return Err(Status::new(422, "Invalid", message));
        }
    };
    let text = |name: &str| of[name].as_str().unwrap_or_default().to_owned();
    let wanted = text("verb");
    // Whoever may do anything may do what is no verb here.
    let known = Verb::ALL.iter().copied().find(|verb| verb.as_str() == wanted);
    let verbs = known.map_or_else(|| Verb::ALL.to_vec(), |verb| vec![verb]);
    let asked = |verb: Verb| Attributes {
        user: user.clone(),
        verb,
        group: text("group"),
        version: text("version"),
        resource: text("resource"),
        subresource: text("subresource"),
        namespace: text("namespace"),
        name: text("name"),
        path: if is_path { text("path") } else { String::new() },
    };
    let decisions: Vec<Decision> = verbs
        .into_iter()
        .map(|verb| api.authorize.authorize(&asked(verb)))
        .collect();
    let allowed = decisions
        .iter()
        .all(|decision| matches!(decision, Decision::Allowed(_)));
    let reason = decisions.into_iter().next().map(|decision| match decision {
        Decision::Allowed(reason) | Decision::Denied(reason) => reason,
    });
    let reason = reason.filter(|reason| !reason.is_empty());
    let mut status = json!({"allowed": allowed});
    if let Some(reason) = reason {
        status["reason"] = reason.into();
    }
    Ok(status)
}

/// What a user may, as `kubectl auth can-i --list` shows it.
fn rules(rules: &[PolicyRule]) -> Value {
    let (of_resources, of_paths): (Vec<&PolicyRule>, Vec<&PolicyRule>) =
        rules.iter().partition(|rule| rule.non_resource_urls.is_empty());
    let told = |rule: &PolicyRule| {
        let mut told = json!({
            "verbs": rule.verbs,
            "apiGroups": rule.api_groups,
            "resources": rule.resources,
        });
        if !rule.resource_names.is_empty() {
            told["resourceNames"] = json!(rule.resource_names);
        }
        told
    };
    let of_resources: Vec<Value> = of_resources.into_iter().map(told).collect();
    let of_paths: Vec<Value> = of_paths
        .into_iter()
        .map(|rule| json!({"verbs": rule.verbs, "nonResourceURLs": rule.non_resource_urls}))
        .collect();
    json!({"resourceRules": of_resources, "nonResourceRules": of_paths, "incomplete": false})
}

/// Whom a token proves.
async fn proven(api: &Api, token: Option<&str>) -> Value {
    let token = token.filter(|token| !token.is_empty());
    let header = token.and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok());
    let user = match header {
        Some(header) => {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, header)]);
            api.authenticate.authenticate(&headers, None).await.ok()
        }
        None => None,
    };
    user.map_or_else(
        || json!({"user": {}, "error": "the token is not good"}),
        |user| {
            let user =
                json!({"username": user.name, "uid": user.uid, "groups": user.groups, "extra": user.extra});
            json!({"authenticated": true, "user": user})
        },
    )
}
