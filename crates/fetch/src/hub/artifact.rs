//! The two questions of Artifact Hub's API: which versions are there, and what does one contain.

use serde_json::Value;

use super::error::Error;
use super::request::Request;
use super::version::Constraints;
use super::version::Version;
use crate::http;
use crate::source::Fetched;

/// Fetches the definition that the hub keeps of a package at one version.
///
/// An exact version is asked for at once. For constraints the newest version that satisfies all of them is
/// taken, pre-releases left out.
pub async fn fetch(request: &Request, client: &http::Client) -> Result<Fetched, Error> {
    let version = match request.version.parse::<Version>() {
        Ok(version) => version.text(),
        Err(_) => newest(request, client).await?,
    };
    let url = request.endpoint(Some(&version))?.to_string();
    let answer = ask(request, client, &url).await?;
    let manifest = answer.pointer("/data/manifestRaw").and_then(Value::as_str);
    let manifest = manifest
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Error::Answer {
            url: url.clone(),
            reason: "it has no data.manifestRaw".to_owned(),
        })?;
    Ok(Fetched::of_content(url, manifest.as_bytes().to_vec()))
}

async fn newest(request: &Request, client: &http::Client) -> Result<String, Error> {
    let constraints: Constraints = request
        .version
        .parse()
        .map_err(|_| Error::Version(request.version.chars().take(256).collect()))?;
    let url = request.endpoint(None)?.to_string();
    let answer = ask(request, client, &url).await?;
    let listed = answer
        .get("available_versions")
        .and_then(Value::as_array)
        .ok_or_else(|| Error::Answer {
            url: url.clone(),
            reason: "it has no available_versions".to_owned(),
        })?;
    // A version that cannot be read is one that cannot be asked for by constraint.
    let mut versions: Vec<Version> = listed
        .iter()
        .filter(|entry| entry.get("prerelease").and_then(Value::as_bool) != Some(true))
        .filter_map(|entry| entry.get("version")?.as_str()?.parse().ok())
        .collect();
    versions.sort_by(|left, right| right.cmp(left));
    let chosen = versions.iter().find(|version| constraints.accept(version));
    chosen.map(Version::text).ok_or_else(|| Error::NoVersion {
        name: request.name.clone(),
        constraint: request.version.clone(),
        available: versions
            .iter()
            .take(10)
            .map(Version::text)
            .collect::<Vec<_>>()
            .join(", "),
    })
}

async fn ask(request: &Request, client: &http::Client, url: &str) -> Result<Value, Error> {
    let question = http::Request {
        limits: request.limits,
        ..http::Request::new(url)
    };
    let answer = client.get(&question).await.map_err(|error| match error {
        http::Error::NotFound { status: 404, .. } => Error::NotFound(url.to_owned()),
        other => Error::Fetch(other),
    })?;
    serde_json::from_slice(&answer.bytes).map_err(|error| Error::Answer {
        url: url.to_owned(),
        reason: error.to_string(),
    })
}
