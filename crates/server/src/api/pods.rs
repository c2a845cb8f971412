//! Pods, which are made from task runs whenever somebody looks.

use axum::body::Body;
use axum::response::Response;
use serde_json::Value;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::tekton::TaskRun;
use windlass_store::logs::SegmentId;

use super::handle::Asked;
use super::read::Row;
use super::status::Status;
use super::view::Selection;
use crate::pods;
use crate::pods::Pod;
use crate::pods::log::Options;

/// The pod that the path names.
pub(super) fn get(asked: &Asked) -> Result<Value, Status> {
    find(asked).map(|pod| pod.json)
}

/// Pods are named after their task run, with `-pod` and what follows; names that are too long are shortened, and found by
/// looking at every run.
fn find(asked: &Asked) -> Result<Pod, Status> {
    let (namespace, name) = (asked.target.namespace.as_str(), asked.target.name.as_str());
    let of = |object: &windlass_api::Object| {
        let run = object.get::<TaskRun>()?;
        pods::of_run(run).into_iter().find(|pod| pod.name == name)
    };
    let stems = name.match_indices("-pod").map(|(at, _)| &name[..at]);
    for stem in stems {
        let key = Key::new(Kind::TaskRun, namespace, stem);
        if let Some(pod) = asked.api.store.get(&key).as_ref().and_then(of) {
            return Ok(pod);
        }
    }
    let runs = asked.api.store.list(Kind::TaskRun, Some(namespace)).objects;
    runs.iter().find_map(of).ok_or_else(|| asked.not_found())
}

/// All pods that are wanted, ordered by place.
pub(super) fn list(asked: &Asked, selection: &Selection, namespace: Option<&str>) -> (Vec<Row>, u64) {
    let list = asked.api.store.list(Kind::TaskRun, namespace);
    let runs = list.objects.iter().filter_map(|object| object.get::<TaskRun>());
    let pods = runs.flat_map(|run| pods::of_run(run)).map(|pod| pod.json);
    let mut rows: Vec<Row> = pods
        .filter(|json| selection.accepts_json(json))
        .map(|json| (json, None))
        .collect();
    rows.sort_by_cached_key(|(json, _)| {
        let text = |name: &str| json["metadata"][name].as_str().unwrap_or_default().to_owned();
        (text("namespace"), text("name"))
    });
    (rows, list.version)
}

/// What a container printed.
pub(super) fn log(asked: &Asked) -> Result<Response, Status> {
    let pod = find(asked)?;
    let options = Options::of_query(&asked.query).map_err(|error| Status::bad_request(error.to_string()))?;
    let container = match (options.container.as_str(), pod.containers.as_slice()) {
        ("", [only]) => only.clone(),
        ("", all) => {
            let message = format!(
                "a container name must be specified for pod {}, choose one of: [{}]",
                pod.name,
                all.join(" ")
            );
            return Err(Status::bad_request(message));
        }
        (named, all) if all.iter().any(|known| known == named) => named.to_owned(),
        (named, _) => {
            let message = format!("container {named} is not valid for pod {}", pod.name);
            return Err(Status::bad_request(message));
        }
    };
    let id = SegmentId {
        namespace: asked.target.namespace.as_str().into(),
        pod: pod.name.as_str().into(),
        container: container.as_str().into(),
    };
    let ended = pod.json["status"]["phase"]
        .as_str()
        .is_some_and(|phase| phase != "Pending" && phase != "Running");
    // A run that has ended prints nothing more, whether or not its logs were closed.
    let options = Options {
        follow: options.follow && !ended,
        ..options
    };
    let stream = pods::log::read(&asked.api.logs, &id, &options, asked.api.clock.now());
    let stream =
        stream.map_err(|error| Status::new(500, "InternalError", format!("read the log: {error}")))?;
    let response = Response::builder().header(http::header::CONTENT_TYPE, "text/plain; charset=utf-8");
    response
        .body(Body::from_stream(stream))
        .map_err(|error| Status::new(500, "InternalError", error.to_string()))
}
