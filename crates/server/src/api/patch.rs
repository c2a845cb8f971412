//! Changing parts of an object.

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;
use serde_json::json;
use windlass_api::Key;
use windlass_api::Object;
use windlass_merge::apply;
use windlass_merge::json_patch;
use windlass_merge::merge_patch;
use windlass_merge::strategic;
use windlass_store::Write;

use super::body;
use super::handle::Asked;
use super::request::is_set;
use super::status::Status;
use super::view;
use crate::resources::Source;

/// Times that a patch without a version of its own is tried when others change the object meanwhile.
const ATTEMPTS: usize = 10;

/// Changes an object by a patch of one of the four kinds; an applied one may make it.
pub(super) async fn patch(asked: &Asked, body: Body) -> Result<Response, Status> {
    let bytes = body::read(body).await?;
    let form = body::form(&asked.headers);
    let patch = match form.as_str() {
        "application/apply-patch+yaml" | "application/apply-patch+cbor" => {
            return apply_patch(asked, &body::yaml_value(&bytes)?).await;
        }
        "application/json-patch+json"
        | "application/merge-patch+json"
        | "application/strategic-merge-patch+json" => {
            let patch = serde_json::from_slice(&bytes);
            patch.map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?
        }
        other => {
            return Err(Status::unsupported(format!(
                "the body of the request was in an unknown format - accepted media types include: \
                 application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, \
                 application/apply-patch+yaml; got {other}"
            )));
        }
    };
    let mut attempt = 0;
    loop {
        attempt += 1;
        let live = asked.stored()?;
        let mut patched = patched(asked, &form, view::json(&live, &asked.resource), &patch)?;
        let version = &live.metadata().resource_version;
        // Whoever names no version means whatever is there.
        let is_pinned = patched["metadata"]["resourceVersion"].as_str() != Some(version);
        if patched["metadata"]["resourceVersion"]
            .as_str()
            .is_none_or(str::is_empty)
        {
            patched["metadata"]["resourceVersion"] = Value::String(version.clone());
        }
        let decoded = asked.decode(patched)?;
        asked.check_write(&decoded.object, Some(&live))?;
        let object = asked.tracked(Some(&live), decoded.object)?;
        match asked.store(object).await {
            Err(status) if status.code == 409 && !is_pinned && attempt < ATTEMPTS => {}
            other => return Ok(asked.answer(StatusCode::OK, other?, &decoded.warnings)),
        }
    }
}

fn patched(asked: &Asked, form: &str, live: Value, patch: &Value) -> Result<Value, Status> {
    match form {
        "application/json-patch+json" => json_patch::apply(live, patch).map_err(|error| {
            let message = format!("the server rejected our request due to an error in our request: {error}");
            Status::new(422, "Invalid", message)
        }),
        "application/merge-patch+json" => Ok(merge_patch::apply(live, patch)),
        _ => {
            let shape = strategic::Shape::of(&asked.resource.api_version(), &asked.resource.kind);
            let Some(shape) = shape else {
                return Err(Status::unsupported(
                    "the body of the request was in an unknown format - accepted media types include: \
                     application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
                ));
            };
            strategic::apply(live, patch, shape).map_err(|error| Status::bad_request(error.to_string()))
        }
    }
}

/// Lays a configuration over the object, or makes it.
async fn apply_patch(asked: &Asked, config: &Value) -> Result<Response, Status> {
    if asked.query.get("fieldManager").is_none_or(String::is_empty) {
        let message = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch";
        return Err(Status::new(422, "Invalid", message));
    }
    let force = is_set(&asked.query, "force");
    let mut attempt = 0;
    loop {
        attempt += 1;
        let live = match asked.stored() {
            Ok(live) => Some(live),
            Err(status) if status.code == 404 && asked.target.subresource.is_empty() => None,
            Err(status) => return Err(status),
        };
        let (object, warnings) = applied(asked, live.as_ref(), config, force)?;
        asked.check_write(&object, live.as_ref())?;
        let is_new = live.is_none();
        let stored = if is_new {
            asked.commit(Write::Create(object)).await
        } else if asked.target.subresource == "status" {
            asked.commit(Write::UpdateStatus(object)).await
        } else {
            asked.commit(Write::Update(object)).await
        };
        let code = if is_new {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        match stored.map_err(|error| Status::of_store(&error)) {
            Err(status) if status.code == 409 && attempt < ATTEMPTS => {}
            other => return Ok(asked.answer(code, other?, &warnings)),
        }
    }
}

fn applied(
    asked: &Asked,
    live: Option<&Object>,
    config: &Value,
    force: bool,
) -> Result<(Object, Vec<String>), Status> {
    asked.is_dry_run()?;
    let Source::Stored(kind) = asked.resource.source else {
        return Err(Status::method_not_allowed());
    };
    // Its own version is checked, its fields are cleaned, before it is laid over what is stored.
    let mut config = config.clone();
    let given = config["metadata"]["resourceVersion"].as_str().map(str::to_owned);
    if let (Some(given), Some(live)) = (given.filter(|given| !given.is_empty()), live)
        && given != live.metadata().resource_version
    {
        let key = Key::new(kind, asked.target.namespace.as_str(), asked.target.name.as_str());
        let conflict = windlass_store::Error::Conflict {
            key,
            given,
            stored: live.metadata().resource_version.clone(),
        };
        return Err(Status::of_store(&conflict));
    }
    let checked = asked.decode(config.clone())?;
    if let Some(metadata) = config["metadata"].as_object_mut() {
        metadata.insert("name".to_owned(), checked.object.metadata().name.as_str().into());
        if asked.resource.namespaced {
            metadata.insert(
                "namespace".to_owned(),
                checked.object.metadata().namespace.as_str().into(),
            );
        }
    }
    let manager = asked.manager();
    let ignored = asked.ignored();
    let actor = asked.actor(&manager, &ignored);
    let before = live.map(|live| view::json(live, &asked.resource));
    let merged = apply::apply(&asked.schema(), before.as_ref(), &config, &actor, force);
    let merged = merged.map_err(|error| refusal(&error))?;
    let entries = merged["metadata"]["managedFields"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let mut object = asked.decode(merged)?.object;
    object.metadata_mut().managed_fields = entries;
    if let Some(live) = live {
        // Who applies an unchanged configuration changes nothing, not even a time.
        let kept = apply::keep_times(&live.to_json(), object.to_json());
        if kept == live.to_json() {
            object = live.clone();
        }
        object
            .metadata_mut()
            .resource_version
            .clone_from(&live.metadata().resource_version);
    }
    Ok((object, checked.warnings))
}

fn refusal(error: &apply::Error) -> Status {
    let message = error.to_string();
    match error {
        apply::Error::Conflicts(conflicts) => {
            let causes: Vec<Value> = conflicts
                .0
                .iter()
                .map(|conflict| {
                    json!({"reason": "FieldManagerConflict", "message": conflict.message(), "field": conflict.field()})
                })
                .collect();
            let mut status = Status::new(409, "Conflict", message);
            status.details = json!({"causes": causes});
            status
        }
        apply::Error::NoObject | apply::Error::ManagedFieldsGiven => Status::bad_request(message),
        apply::Error::Misfit { .. } => Status::new(422, "Invalid", message),
        apply::Error::ManagedFields(_) => Status::new(500, "InternalError", message),
    }
}
