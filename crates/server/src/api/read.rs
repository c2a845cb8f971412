//! Reading one object or all.

use axum::response::IntoResponse;
use axum::response::Response;
use serde_json::Value;
use serde_json::json;
use windlass_api::Key;
use windlass_api::Object;

use super::handle::Asked;
use super::pods;
use super::status::Status;
use super::table;
use super::table::Form;
use super::view;
use super::view::Selection;
use crate::resources::Source;

/// Most objects in one answer when the client names no limit of its own.
const LARGEST_LIMIT: usize = usize::MAX;

/// One object.
pub(super) fn get(asked: &Asked) -> Result<Response, Status> {
    let (json, object) = match asked.resource.source {
        Source::Stored(kind) => {
            let target = &asked.target;
            let key = Key::new(kind, target.namespace.as_str(), target.name.as_str());
            let object = asked.api.store.get(&key).ok_or_else(|| asked.not_found())?;
            (view::json(&object, &asked.resource), Some(object))
        }
        Source::Pods => (pods::get(asked)?, None),
        Source::Empty => return Err(asked.not_found()),
    };
    Ok(match table::form(&asked.headers) {
        Form::Whole => axum::Json(json).into_response(),
        Form::Metadata => axum::Json(view::metadata_only(json)).into_response(),
        Form::Table => {
            let rows = [(json, object)];
            axum::Json(table::render(asked, &rows, &json!({}))).into_response()
        }
    })
}

/// All objects, or a page of them.
pub(super) fn list(asked: &Asked) -> Result<Response, Status> {
    let selection = Selection::of_query(&asked.query)?.named(&asked.target.name);
    let limit = match asked.query.get("limit").map(|text| text.parse::<usize>()) {
        None | Some(Ok(0)) => LARGEST_LIMIT,
        Some(Ok(limit)) => limit,
        Some(Err(_)) => return Err(Status::bad_request("limit is no number")),
    };
    let (rows, version) = rows(asked, &selection);
    let after = match asked.query.get("continue").filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => Some(continued(text).ok_or_else(|| Status::bad_request("continue key is not valid"))?),
    };
    // A page begins after the last name of the page before, so that what changes meanwhile moves nothing.
    let (version, rows) = match after {
        None => (version, rows),
        Some((first_version, place)) => {
            let rest = rows
                .into_iter()
                .filter(|(json, _)| place_of(json) > place)
                .collect();
            (first_version, rest)
        }
    };
    let remaining = rows.len().saturating_sub(limit);
    let mut metadata = json!({"resourceVersion": version.to_string()});
    if remaining > 0
        && let Some((last, _)) = rows.get(limit - 1)
    {
        metadata["continue"] = Value::String(token(version, &place_of(last)));
        if asked.query.get("labelSelector").is_none_or(String::is_empty) {
            metadata["remainingItemCount"] = remaining.into();
        }
    }
    let rows: Vec<_> = rows.into_iter().take(limit).collect();
    Ok(axum::Json(match table::form(&asked.headers) {
        Form::Table => table::render(asked, &rows, &metadata),
        form => {
            let (kind, api_version) = match form {
                Form::Metadata => ("PartialObjectMetadata".to_owned(), "meta.k8s.io/v1".to_owned()),
                _ => (asked.resource.kind.clone(), asked.resource.api_version()),
            };
            let items = rows.into_iter().map(|(json, _)| match form {
                Form::Metadata => view::metadata_only(json),
                _ => json,
            });
            json!({
                "kind": format!("{kind}List"),
                "apiVersion": api_version,
                "metadata": metadata,
                "items": items.collect::<Vec<_>>(),
            })
        }
    })
    .into_response())
}

/// An object as JSON, and as it is stored where it is.
pub(super) type Row = (Value, Option<Object>);

fn rows(asked: &Asked, selection: &Selection) -> (Vec<Row>, u64) {
    let namespace = Some(asked.target.namespace.as_str()).filter(|namespace| !namespace.is_empty());
    match asked.resource.source {
        Source::Stored(kind) => {
            let list = asked.api.store.list(kind, namespace);
            let wanted = list
                .objects
                .into_iter()
                .filter(|object| selection.accepts(object));
            let rows = wanted.map(|object| (view::json(&object, &asked.resource), Some(object)));
            (rows.collect(), list.version)
        }
        Source::Pods => pods::list(asked, selection, namespace),
        Source::Empty => (Vec::new(), asked.api.store.version()),
    }
}

/// Namespace and name, by which lists are ordered.
fn place_of(json: &Value) -> (String, String) {
    let text = |name: &str| json["metadata"][name].as_str().unwrap_or_default().to_owned();
    (text("namespace"), text("name"))
}

/// A token that stands for the rest of a list after a place.
fn token(version: u64, (namespace, name): &(String, String)) -> String {
    format!("{version}:{namespace}:{name}")
}

fn continued(token: &str) -> Option<(u64, (String, String))> {
    let (version, place) = token.split_once(':')?;
    let (namespace, name) = place.split_once(':')?;
    Some((version.parse().ok()?, (namespace.to_owned(), name.to_owned())))
}

impl Asked {
    /// The object that the path names is not there.
    pub(super) fn not_found(&self) -> Status {
        Status::not_found(&self.resource.group, &self.resource.plural, &self.target.name)
    }
}
