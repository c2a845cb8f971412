//! From a request to its answer.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::Response;
use http::HeaderMap;
use http::Method;
use serde_json::json;

use super::Api;
use super::body;
use super::discovery;
use super::openapi;
use super::patch;
use super::pods;
use super::read;
use super::request;
use super::request::Target;
use super::reviews;
use super::status::Status;
use super::watch;
use super::write;
use crate::access::ACCOUNT_PREFIX;
use crate::access::Attributes;
use crate::access::Decision;
use crate::access::User;
use crate::access::Verb;
use crate::access::denial;
use crate::access::known;
use crate::audit::Entry;
use crate::resources::Resource;
use crate::resources::Source;

/// A request whose user may do what it asks for.
pub(super) struct Asked {
    pub(super) api: Arc<Api>,
    pub(super) user: User,
    pub(super) verb: Verb,
    pub(super) target: Target,
    pub(super) resource: Arc<Resource>,
    pub(super) query: HashMap<String, String>,
    pub(super) headers: HeaderMap,
}

/// All that is served, as a router that takes any path.
pub fn router(api: Arc<Api>) -> Router {
    Router::new().fallback(answer).with_state(api)
}

async fn answer(State(api): State<Arc<Api>>, request: Request) -> Response {
    let mut seen = None;
    let audit = api.audit.clone();
    let clock = Arc::clone(&api.clock);
    let is_dry_run = request
        .uri()
        .query()
        .is_some_and(|query| query.contains("dryRun="));
    let response = match serve(api, request, &mut seen).await {
        Ok(response) => response,
        Err(status) => status.into_response(),
    };
    if let (Some(audit), Some(asked)) = (audit, seen) {
        let code = response.status().as_u16();
        if Entry::is_due(&asked, code) {
            let mut entry = Entry::of(&asked, code, clock.now());
            entry.dry_run = is_dry_run;
            if let Err(error) = audit.record(&entry) {
                tracing::error!(%error, "failed to keep an audit entry");
            }
        }
    }
    response
}

async fn serve(api: Arc<Api>, request: Request, seen: &mut Option<Attributes>) -> Result<Response, Status> {
    let (parts, body) = request.into_parts();
    let user = api.authenticate.authenticate(&parts.headers, None).await;
    let Ok(user) = user else {
        *seen = Some(Attributes::of_path(User::default(), Verb::Get, parts.uri.path()));
        return Err(Status::new(401, "Unauthorized", "Unauthorized"));
    };
    let user = impersonated(&api, user, &parts.headers, seen)?;
    let query = request::query(parts.uri.query());
    let path = parts.uri.path();
    let Some(target) = request::target(path)? else {
        allow_path(&api, &user, &parts.method, path, seen)?;
        return plain(&api, path, &parts.headers);
    };
    let verb = request::verb(&parts.method, &target, &query).ok_or_else(Status::method_not_allowed)?;
    allow(&api, &user, verb, &target, seen)?;
    if reviews::is_review(&target) && verb == Verb::Create {
        let bytes = body::read(body).await?;
        return reviews::answer(&api, &user, &target, body::value(&parts.headers, &bytes)?).await;
    }
    let resource = api
        .registry
        .find(&target.group, &target.version, &target.plural)
        .ok_or_else(Status::no_path)?;
    let asked = Asked {
        api,
        user,
        verb,
        target,
        resource,
        query,
        headers: parts.headers,
    };
    asked.check_place()?;
    if asked.target.subresource == "log" && asked.resource.source == Source::Pods {
        return pods::log(&asked);
    }
    if !asked.resource.verbs.contains(&verb) {
        return Err(Status::method_not_allowed());
    }
    match verb {
        Verb::Get => read::get(&asked),
        Verb::List => read::list(&asked),
        Verb::Watch => watch::watch(&asked, parts.extensions).await,
        Verb::Create => write::create(&asked, body).await,
        Verb::Update => write::update(&asked, body).await,
        Verb::Patch => patch::patch(&asked, body).await,
        Verb::Delete => write::delete(&asked, body).await,
        Verb::DeleteCollection => write::delete_collection(&asked, body).await,
        Verb::Impersonate => Err(Status::method_not_allowed()),
    }
}

/// The user as whom somebody wants to act, if they may; themselves without such a wish.
fn impersonated(
    api: &Api,
    user: User,
    headers: &HeaderMap,
    seen: &mut Option<Attributes>,
) -> Result<User, Status> {
    let texts = |name: &str| -> Vec<String> {
        let all = headers.get_all(name).iter();
        all.filter_map(|value| value.to_str().ok())
            .map(str::to_owned)
            .collect()
    };
    let (names, groups) = (texts("impersonate-user"), texts("impersonate-group"));
    let is_wished = headers
        .keys()
        .any(|name| name.as_str().starts_with("impersonate-"));
    if !is_wished {
        return Ok(user);
    }
    let understood = ["impersonate-user", "impersonate-group"];
    let [name] = names.as_slice() else {
        return Err(Status::bad_request("whoever acts as somebody names one user"));
    };
    if headers
        .keys()
        .any(|name| name.as_str().starts_with("impersonate-") && !understood.contains(&name.as_str()))
    {
        return Err(Status::bad_request(
            "one can act as a user in groups, without more",
        ));
    }
    let account = name
        .strip_prefix(ACCOUNT_PREFIX)
        .and_then(|rest| rest.split_once(':'));
    let (resource, namespace, of) = match account {
        Some((namespace, of)) => ("serviceaccounts", namespace, of),
        None => ("users", "", name.as_str()),
    };
    let as_whom = |resource: &str, namespace: &str, name: &str| Target {
        plural: resource.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        version: "v1".to_owned(),
        ..Target::default()
    };
    allow(
        api,
        &user,
        Verb::Impersonate,
        &as_whom(resource, namespace, of),
        seen,
    )?;
    for group in &groups {
        allow(api, &user, Verb::Impersonate, &as_whom("groups", "", group), seen)?;
    }
    Ok(known(name, "", &groups))
}

impl Asked {
    /// Whether the path has a namespace where the kind has one.
    fn check_place(&self) -> Result<(), Status> {
        let has_namespace = !self.target.namespace.is_empty();
        let of_all = matches!(self.verb, Verb::List | Verb::Watch) && self.target.name.is_empty();
        let fits = if self.resource.namespaced {
            has_namespace || of_all
        } else {
            !has_namespace
        };
        let known = ["", "status", "log", "finalize"].contains(&self.target.subresource.as_str());
        let has = match self.target.subresource.as_str() {
            "status" => self.resource.has_status,
            "log" => self.resource.source == Source::Pods,
            "finalize" => self.resource.plural == "namespaces",
            _ => true,
        };
        if fits && known && has {
            Ok(())
        } else {
            Err(Status::no_path())
        }
    }

    /// Whether nothing is to be changed.
    pub(super) fn is_dry_run(&self) -> Result<bool, Status> {
        match self.query.get("dryRun").map(String::as_str) {
            None | Some("") => Ok(false),
            Some("All") => Ok(true),
            Some(other) => Err(Status::bad_request(format!(
                "invalid dryRun value {other:?}: the only value is All"
            ))),
        }
    }
}

fn allow(
    api: &Api,
    user: &User,
    verb: Verb,
    target: &Target,
    seen: &mut Option<Attributes>,
) -> Result<(), Status> {
    let attributes = seen.insert(Attributes {
        user: user.clone(),
        verb,
        group: target.group.clone(),
        version: target.version.clone(),
        resource: target.plural.clone(),
        subresource: target.subresource.clone(),
        namespace: target.namespace.clone(),
        name: target.name.clone(),
        path: String::new(),
    });
    let Decision::Denied(reason) = api.authorize.authorize(attributes) else {
        return Ok(());
    };
    let message = denial(attributes, &reason);
    let mut status = Status::new(403, "Forbidden", message);
    status.details = json!({"name": target.name, "group": target.group, "kind": target.plural});
    Err(status)
}

fn allow_path(
    api: &Api,
    user: &User,
    method: &Method,
    path: &str,
    seen: &mut Option<Attributes>,
) -> Result<(), Status> {
    let verb = match *method {
        Method::GET | Method::HEAD => Verb::Get,
        _ => Verb::Create,
    };
    let attributes = seen.insert(Attributes::of_path(user.clone(), verb, path));
    match api.authorize.authorize(attributes) {
        Decision::Allowed(_) if verb == Verb::Get => Ok(()),
        Decision::Allowed(_) => Err(Status::method_not_allowed()),
        Decision::Denied(reason) => {
            let message = denial(attributes, &reason);
            Err(Status::new(403, "Forbidden", message))
        }
    }
}

/// Paths that concern no resource.
fn plain(api: &Api, path: &str, headers: &HeaderMap) -> Result<Response, Status> {
    match path.trim_end_matches('/') {
        "/healthz" | "/livez" | "/readyz" => Ok("ok".into_response()),
        "/version" => Ok(axum::Json(version()).into_response()),
        "/metrics" => {
            let form = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            Ok(([(http::header::CONTENT_TYPE, form)], api.metrics.render()).into_response())
        }
        path if path.starts_with("/openapi") => openapi::answer(api, path),
        path if path.starts_with("/api") => discovery::answer(&api.registry, path, headers),
        _ => Err(Status::no_path()),
    }
}

fn version() -> serde_json::Value {
    json!({
        "major": "1",
        "minor": "33",
        "gitVersion": concat!("v1.33.0+windlass.", env!("CARGO_PKG_VERSION")),
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}
