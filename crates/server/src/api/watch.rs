//! Following changes.

use std::collections::HashSet;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequestParts as _;
use axum::extract::ws::Message;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use bytes::Bytes;
use futures::Stream;
use futures::StreamExt as _;
use http::Extensions;
use http::Request;
use serde_json::Value;
use serde_json::json;
use tokio::time::Instant;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::tekton::TaskRun;
use windlass_store::Event;
use windlass_store::EventType;

use super::handle::Asked;
use super::request::is_set;
use super::status::Status;
use super::table;
use super::table::Form;
use super::view;
use super::view::Selection;
use crate::pods;
use crate::resources::Source;

/// Time between bookmarks.
const BOOKMARK: Duration = Duration::from_mins(1);

/// Longest watch; clients open another one.
const LONGEST: u64 = 3_600;

/// Follows changes as lines of JSON, or as frames of a WebSocket.
pub(super) async fn watch(asked: &Asked, extensions: Extensions) -> Result<Response, Status> {
    let following = Following::open(asked)?;
    if asked.headers.contains_key(http::header::UPGRADE) {
        let mut request = Request::new(());
        *request.headers_mut() = asked.headers.clone();
        *request.extensions_mut() = extensions;
        let (mut parts, ()) = request.into_parts();
        let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
        let upgrade = upgrade.map_err(|error| Status::bad_request(error.to_string()))?;
        return Ok(upgrade.on_upgrade(|mut socket| async move {
            let mut events = Box::pin(following.events());
            loop {
                let frame = tokio::select! {
                    next = events.next() => match next {
                        Some(event) => event,
                        None => break,
                    },
                    // Whatever a watcher says is passed over; that it is gone is not.
                    said = socket.recv() => match said {
                        Some(Ok(_)) => continue,
                        Some(Err(_)) | None => break,
                    },
                };
                if socket
                    .send(Message::Text(frame.to_string().into()))
                    .await
                    .is_err()
                {
                    break;
                }
            }
        }));
    }
    let lines = following.events().map(|event| {
        let mut line = event.to_string();
        line.push('\n');
        Ok::<_, Infallible>(Bytes::from(line))
    });
    let response = Response::builder().header(http::header::CONTENT_TYPE, "application/json");
    response
        .body(Body::from_stream(lines))
        .map_err(|error| Status::new(500, "InternalError", error.to_string()))
}

/// A watch and what it shows.
struct Following {
    watch: windlass_store::Watch,
    shown: Shown,
    /// Whether to tell when all that was there has been told, and under which version.
    initial: Option<u64>,
    bookmarks: bool,
    until: Instant,
    version: u64,
    /// Events that are due before the next one of the store.
    due: std::collections::VecDeque<Value>,
}

/// What of an event a watcher sees.
struct Shown {
    resource: std::sync::Arc<crate::resources::Resource>,
    selection: Selection,
    form: Form,
    now: std::sync::Arc<dyn windlass_runtime::Clock>,
    registry: std::sync::Arc<crate::resources::Registry>,
    /// Objects that this watcher has seen and that still match, where there is a selection.
    matching: HashSet<Key>,
    pods: HashSet<(String, String)>,
}

impl Following {
    fn open(asked: &Asked) -> Result<Self, Status> {
        let selection = Selection::of_query(&asked.query)?.named(&asked.target.name);
        let kind = match asked.resource.source {
            Source::Stored(kind) => kind,
            Source::Pods => Kind::TaskRun,
            // Nothing ever happens to objects of these.
            Source::Empty => Kind::Token,
        };
        let initial = check_initial(asked)?;
        let from = asked.query.get("resourceVersion").map_or("", String::as_str);
        let from = match from {
            "" | "0" => None,
            _ if initial => None,
            text => Some(text.parse().map_err(|_| {
                Status::bad_request(format!("Invalid value: {text:?}: resourceVersion is no number"))
            })?),
        };
        let namespace = Some(asked.target.namespace.as_str()).filter(|namespace| !namespace.is_empty());
        let version = asked.api.store.version();
        let watch = asked.api.store.watch(&[kind], namespace, from);
        let watch = watch.map_err(|error| Status::of_store(&error))?;
        let seconds = asked
            .query
            .get("timeoutSeconds")
            .and_then(|text| text.parse().ok());
        let seconds = seconds
            .filter(|seconds| *seconds > 0)
            .unwrap_or(LONGEST)
            .min(LONGEST);
        let mut shown = Shown {
            resource: asked.resource.clone(),
            selection,
            form: table::form(&asked.headers),
            now: asked.api.clock.clone(),
            registry: asked.api.registry.clone(),
            matching: HashSet::new(),
            pods: HashSet::new(),
        };
        if from.is_some() {
            shown.assume(&asked.api.store.list(kind, namespace).objects);
        }
        Ok(Self {
            watch,
            shown,
            initial: initial.then_some(version),
            bookmarks: is_set(&asked.query, "allowWatchBookmarks"),
            until: Instant::now() + Duration::from_secs(seconds),
            version,
            due: std::collections::VecDeque::new(),
        })
    }

    /// What happens, as the watcher is told.
    fn events(self) -> impl Stream<Item = Value> + Send {
        futures::stream::unfold(self, |mut following| async move {
            let event = following.next().await?;
            Some((event, following))
        })
    }

    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(due) = self.due.pop_front() {
                return Some(due);
            }
            if let Some(event) = self.watch.try_next() {
                self.note(&event);
                continue;
            }
            if let Some(version) = self.initial.take() {
                return Some(self.shown.bookmark(self.version.max(version), true));
            }
            let bookmark = Instant::now() + BOOKMARK;
            tokio::select! {
                event = self.watch.next() => match event {
                    Some(event) => self.note(&event),
                    // Cut off: it fell behind, and must list again.
                    None => return None,
                },
                () = tokio::time::sleep_until(self.until) => return None,
                () = tokio::time::sleep_until(bookmark), if self.bookmarks => {
                    return Some(self.shown.bookmark(self.version, false));
                }
            }
        }
    }

    fn note(&mut self, event: &Event) {
        self.version = self.version.max(event.version);
        self.shown.tell(event, &mut self.due);
    }
}

/// Whether the watch is to begin with everything there is, and to say when that is done.
fn check_initial(asked: &Asked) -> Result<bool, Status> {
    let wanted = match asked.query.get("sendInitialEvents").map(String::as_str) {
        None | Some("false") => false,
        Some("" | "true" | "1") => true,
        Some(other) => return Err(Status::bad_request(format!("sendInitialEvents is {other:?}"))),
    };
    let matching = asked.query.get("resourceVersionMatch").map_or("", String::as_str);
    let invalid = |what: &str| {
        let message = format!("ListOptions.meta.k8s.io \"\" is invalid: {what}");
        Err(Status::new(422, "Invalid", message))
    };
    match (asked.query.contains_key("sendInitialEvents"), matching) {
        (false, "") => Ok(false),
        (false, _) => invalid(
            "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
        (true, "NotOlderThan") if !wanted || is_set(&asked.query, "allowWatchBookmarks") => Ok(wanted),
        (true, "NotOlderThan") => {
            invalid("allowWatchBookmarks: Forbidden: sendInitialEvents requires bookmarks")
        }
        (true, _) => invalid(
            "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ),
    }
}

impl Shown {
    /// Takes it that the watcher knows what is there.
    fn assume(&mut self, objects: &[windlass_api::Object]) {
        for object in objects {
            if self.selection.accepts(object) {
                self.matching.insert(object.key());
            }
            if self.resource.source == Source::Pods
                && let Some(run) = object.get::<TaskRun>()
            {
                let namespace = &run.metadata.namespace;
                self.pods.extend(
                    pods::of_run(run)
                        .into_iter()
                        .map(|pod| (namespace.clone(), pod.name)),
                );
            }
        }
    }

    fn tell(&mut self, event: &Event, due: &mut std::collections::VecDeque<Value>) {
        if self.resource.source == Source::Pods {
            return self.tell_pods(event, due);
        }
        let key = event.object.key();
        let accepted = self.selection.accepts(&event.object) && event.kind != EventType::Deleted;
        let was_known = if accepted {
            !self.matching.insert(key)
        } else {
            self.matching.remove(&key)
        };
        // An object that begins to match is new to the watcher; one that ends to match is gone for it.
        let kind = match (event.kind, accepted, was_known) {
            (EventType::Deleted, ..) if !self.selection.accepts(&event.object) && !was_known => return,
            (EventType::Deleted, ..) | (_, false, true) => "DELETED",
            (_, true, true) => "MODIFIED",
            (_, true, false) => "ADDED",
            (_, false, false) => return,
        };
        let json = view::json(&event.object, &self.resource);
        let object = self.formed(json, Some(&event.object));
        due.push_back(json!({"type": kind, "object": object}));
    }

    fn tell_pods(&mut self, event: &Event, due: &mut std::collections::VecDeque<Value>) {
        let Some(run) = event.object.get::<TaskRun>() else {
            return;
        };
        for pod in pods::of_run(run) {
            let place = (run.metadata.namespace.clone(), pod.name.clone());
            let accepted = self.selection.accepts_json(&pod.json) && event.kind != EventType::Deleted;
            let was_known = if accepted {
                !self.pods.insert(place)
            } else {
                self.pods.remove(&place)
            };
            let kind = match (accepted, was_known) {
                (true, true) => "MODIFIED",
                (true, false) => "ADDED",
                (false, true) => "DELETED",
                (false, false) => continue,
            };
            let object = self.formed(pod.json, None);
            due.push_back(json!({"type": kind, "object": object}));
        }
    }

    fn formed(&self, json: Value, object: Option<&windlass_api::Object>) -> Value {
        match self.form {
            Form::Whole => json,
            Form::Metadata => view::metadata_only(json),
            Form::Table => {
                let rows = [(json, object.cloned())];
                table::of(
                    &self.registry,
                    &self.resource,
                    &rows,
                    &json!({}),
                    table::Include::Metadata,
                    self.now.now(),
                )
            }
        }
    }

    fn bookmark(&self, version: u64, is_initial_end: bool) -> Value {
        let mut metadata = json!({"resourceVersion": version.to_string(), "creationTimestamp": null});
        if is_initial_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        json!({"type": "BOOKMARK", "object": {
            "kind": self.resource.kind,
            "apiVersion": self.resource.api_version(),
            "metadata": metadata,
        }})
    }
}
