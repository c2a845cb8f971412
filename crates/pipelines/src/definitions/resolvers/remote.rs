//! The resolvers that fetch: git, http and hub.

use std::sync::Arc;

use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::core::Secret;
use windlass_api::manifest::Manifest;
use windlass_api::tekton::provenance::RefSource;
use windlass_fetch::Credentials;
use windlass_fetch::Fetched;
use windlass_fetch::git;
use windlass_fetch::http;
use windlass_fetch::hub;

use super::params::Params;
use crate::definitions::Definitions;
use crate::definitions::Error;

/// What git serves when no revision is asked for.
const DEFAULT_REVISION: &str = "main";

/// The repository upstream takes when none is named.
const DEFAULT_URL: &str = "https://github.com/tektoncd/catalog.git";

pub(super) async fn git(
    definitions: &Definitions,
    namespace: &str,
    params: &Params<'_>,
) -> Result<(Object, RefSource), Error> {
    params.only(&[
        "url",
        "repo",
        "org",
        "token",
        "tokenKey",
        "gitToken",
        "gitTokenKey",
        "revision",
        "pathInRepo",
        "serverURL",
        "scmType",
        "cache",
    ])?;
    let url = match (params.get("url"), params.get("repo")) {
        (Some(_), Some(_)) => return Err(params.problem("cannot specify both 'url' and 'repo'")),
        (Some(url), None) => url.to_owned(),
        (None, Some(repo)) => {
            let scm = params.get("scmType").unwrap_or("github");
            let server = params.get("serverURL").unwrap_or_default();
            git::repository_url(scm, server, params.require("org")?, repo)
                .map_err(|error| fetch_error(params.resolver, error.into()))?
        }
        (None, None) => DEFAULT_URL.to_owned(),
    };
    let token = match (params.get("gitToken"), params.get("token")) {
        (Some(secret), _) => Some((secret, params.get("gitTokenKey").unwrap_or("token"))),
        (None, Some(secret)) => Some((secret, params.get("tokenKey").unwrap_or("token"))),
        (None, None) => None,
    };
    let credentials = match token {
        Some((secret, key)) => Some(Credentials::Basic {
            username: "git".to_owned(),
            password: secret_value(definitions, namespace, params, secret, key).await?,
        }),
        None => None,
    };
    let request = git::Request {
        url,
        revision: params.get("revision").unwrap_or(DEFAULT_REVISION).to_owned(),
        path: params.require("pathInRepo")?.to_owned(),
        credentials,
        ..git::Request::default()
    };
    let fetched = definitions.fetcher.git(&request, params.cache_mode()?).await;
    object(params.resolver, fetched)
}

pub(super) async fn http(
    definitions: &Definitions,
    namespace: &str,
    params: &Params<'_>,
) -> Result<(Object, RefSource), Error> {
    params.only(&[
        "url",
        "http-username",
        "http-password-secret",
        "http-password-secret-key",
        "digest",
        "cache",
    ])?;
    let credentials = match (params.get("http-username"), params.get("http-password-secret")) {
        (Some(username), Some(secret)) => {
            let key = params.get("http-password-secret-key").unwrap_or("password");
            let password = secret_value(definitions, namespace, params, secret, key).await?;
            Some(Credentials::Basic {
                username: username.to_owned(),
                password,
            })
        }
        (None, None) => None,
        (Some(_), None) => return Err(params.problem("missing required parameter \"http-password-secret\"")),
        (None, Some(_)) => return Err(params.problem("missing required parameter \"http-username\"")),
    };
    let request = http::Request {
        url: params.require("url")?.to_owned(),
        credentials,
        digest: params.get("digest").map(str::to_owned),
        ..http::Request::default()
    };
    let fetched = definitions.fetcher.http(&request, params.cache_mode()?).await;
    object(params.resolver, fetched)
}

pub(super) async fn hub(
    definitions: &Definitions,
    kind: Kind,
    params: &Params<'_>,
) -> Result<(Object, RefSource), Error> {
    params.only(&["catalog", "type", "kind", "name", "version", "url", "cache"])?;
    let defaults = hub::Request::default();
    let own_kind = match kind {
        Kind::Pipeline => "pipeline",
        Kind::StepAction => "stepaction",
        _ => "task",
    };
    let request = hub::Request {
        base_url: params.get("url").map_or(defaults.base_url, str::to_owned),
        hub_type: params.get("type").map_or(defaults.hub_type, str::to_owned),
        kind: params.get("kind").unwrap_or(own_kind).to_owned(),
        catalog: params.get("catalog").map(str::to_owned),
        name: params.require("name")?.to_owned(),
        version: params.require("version")?.to_owned(),
        limits: defaults.limits,
    };
    let fetched = definitions.fetcher.hub(&request, params.cache_mode()?).await;
    object(params.resolver, fetched)
}

fn fetch_error(resolver: &'static str, source: windlass_fetch::Error) -> Error {
    Error::Fetch { resolver, source }
}

/// The one object that was fetched.
pub(super) fn object(
    resolver: &'static str,
    fetched: Result<Arc<Fetched>, windlass_fetch::Error>,
) -> Result<(Object, RefSource), Error> {
    let fetched = fetched.map_err(|source| fetch_error(resolver, source))?;
    let content = |problem: String| Error::Content {
        resolver: resolver.to_owned(),
        problem,
    };
    let read = Manifest::read(&fetched.source.entry_point, &fetched.bytes);
    if let Some(problem) = read.problems.iter().find(|problem| problem.is_error()) {
        return Err(content(problem.to_string()));
    }
    let mut objects = read.entries.into_iter().map(|entry| entry.object);
    let first = objects
        .next()
        .ok_or_else(|| content("it holds no object".to_owned()))?;
    Ok((first, fetched.source.clone()))
}

/// A value out of a secret in the run's own namespace.
async fn secret_value(
    definitions: &Definitions,
    namespace: &str,
    params: &Params<'_>,
    name: &str,
    key: &str,
) -> Result<String, Error> {
    let secret = definitions
        .client
        .find::<Secret>(namespace, name)
        .await
        .map_err(Error::Plane)?;
    let secret = secret
        .ok_or_else(|| params.problem(format!("secret {name:?} not found in namespace {namespace:?}")))?;
    let value = secret
        .bytes(key)
        .map_err(|_| params.problem(format!("secret {name:?} has no key {key:?}")))?;
    Ok(String::from_utf8_lossy(&value).trim_end_matches('\n').to_owned())
}
