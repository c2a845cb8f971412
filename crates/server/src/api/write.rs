//! Making, replacing and removing objects.

use axum::body::Body;
use axum::response::IntoResponse;
use axum::response::Response;
use http::HeaderValue;
use http::StatusCode;
use serde_json::Value;
use serde_json::json;
use windlass_api::Key;
use windlass_api::Object;
use windlass_merge::FieldSet;
use windlass_merge::Schema;
use windlass_merge::apply::Actor;
use windlass_merge::apply::track_update;
use windlass_merge::fields::Element;
use windlass_store::Write;

use super::body;
use super::handle::Asked;
use super::status::Status;
use super::table;
use super::view;
use super::view::Selection;
use crate::resources::Source;

/// Names that are tried for a `generateName`, each time with several suffixes.
const ATTEMPTS: usize = 5;

/// A new object.
pub(super) async fn create(asked: &Asked, body: Body) -> Result<Response, Status> {
    if !asked.target.name.is_empty() {
        return Err(Status::method_not_allowed());
    }
    let bytes = body::read(body).await?;
    let decoded = asked.decode(body::value(&asked.headers, &bytes)?)?;
    asked.check_write(&decoded.object, None)?;
    let object = asked.tracked(None, decoded.object)?;
    let mut attempts = 0;
    let stored = loop {
        attempts += 1;
        match asked.commit(Write::Create(object.clone())).await {
            Err(windlass_store::Error::AlreadyExists(_))
                if object.metadata().name.is_empty() && attempts < ATTEMPTS => {}
            other => break other.map_err(|error| Status::of_store(&error))?,
        }
    };
    Ok(asked.answer(StatusCode::CREATED, stored, &decoded.warnings))
}

/// The whole of an object.
pub(super) async fn update(asked: &Asked, body: Body) -> Result<Response, Status> {
    let bytes = body::read(body).await?;
    let decoded = asked.decode(body::value(&asked.headers, &bytes)?)?;
    let live = asked.stored()?;
    let given = &decoded.object.metadata().uid;
    if !given.is_empty() && *given != live.metadata().uid {
        let message = format!(
            "Operation cannot be fulfilled on {} {:?}: Precondition failed: UID in precondition: {given}, UID in object \
             meta: {}",
            asked.qualified(),
            asked.target.name,
            live.metadata().uid
        );
        return Err(Status::new(409, "Conflict", message));
    }
    asked.check_write(&decoded.object, Some(&live))?;
    let object = asked.tracked(Some(&live), decoded.object)?;
    let stored = asked.store(object).await?;
    Ok(asked.answer(StatusCode::OK, stored, &decoded.warnings))
}

/// The end of one object.
pub(super) async fn delete(asked: &Asked, body: Body) -> Result<Response, Status> {
    let wishes = Wishes::of(asked, body).await?;
    let live = asked.stored()?;
    wishes.check(asked, &live)?;
    let gone = remove(asked, &live, &wishes).await?;
    if gone.metadata().deletion_timestamp.is_some() {
        return Ok(asked.answer(StatusCode::OK, gone, &[]));
    }
    let details = json!({
        "name": asked.target.name,
        "group": asked.resource.group,
        "kind": asked.resource.plural,
        "uid": gone.metadata().uid,
    });
    let success = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
    Ok(axum::Json(success).into_response())
}

/// The end of all objects that are selected.
pub(super) async fn delete_collection(asked: &Asked, body: Body) -> Result<Response, Status> {
    let wishes = Wishes::of(asked, body).await?;
    let Source::Stored(kind) = asked.resource.source else {
        return Err(Status::method_not_allowed());
    };
    let selection = Selection::of_query(&asked.query)?;
    let namespace = Some(asked.target.namespace.as_str()).filter(|namespace| !namespace.is_empty());
    let list = asked.api.store.list(kind, namespace);
    let mut items = Vec::new();
    for object in list.objects.iter().filter(|object| selection.accepts(object)) {
        match remove(asked, object, &wishes).await {
            Ok(gone) => items.push(view::json(&gone, &asked.resource)),
            // Somebody else was faster.
            Err(status) if status.code == 404 => {}
            Err(status) => return Err(status),
        }
    }
    let list = json!({
        "kind": format!("{}List", asked.resource.kind),
        "apiVersion": asked.resource.api_version(),
        "metadata": {"resourceVersion": asked.api.store.version().to_string()},
        "items": items,
    });
    Ok(axum::Json(list).into_response())
}

/// What whoever deletes wants of it.
struct Wishes {
    uid: String,
    version: String,
    finalizer: Option<&'static str>,
}

impl Wishes {
    async fn of(asked: &Asked, body: Body) -> Result<Self, Status> {
        let bytes = body::read(body).await?;
        let options = if bytes.is_empty() {
            json!({})
        } else {
            body::value(&asked.headers, &bytes)?
        };
        let policy = options["propagationPolicy"].as_str();
        let policy = policy.or_else(|| asked.query.get("propagationPolicy").map(String::as_str));
        let orphan = options["orphanDependents"].as_bool().unwrap_or(false);
        let finalizer = match policy {
            None if orphan => Some("orphan"),
            None | Some("" | "Background") => None,
            Some("Foreground") => Some("foregroundDeletion"),
            Some("Orphan") => Some("orphan"),
            Some(other) => {
                return Err(Status::bad_request(format!(
                    "propagationPolicy {other:?} is none of Orphan, Background, Foreground"
                )));
            }
        };
        let text = |name: &str| {
            options["preconditions"][name]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        Ok(Self {
            uid: text("uid"),
            version: text("resourceVersion"),
            finalizer,
        })
    }

    fn check(&self, asked: &Asked, live: &Object) -> Result<(), Status> {
        let metadata = live.metadata();
        let rows = [
            ("UID", &self.uid, &metadata.uid),
            ("ResourceVersion", &self.version, &metadata.resource_version),
        ];
        for (what, given, stored) in rows {
            if !given.is_empty() && given != stored {
                let message = format!(
                    "Operation cannot be fulfilled on {} {:?}: Precondition failed: {what} in precondition: {given}, {what} \
                     in object meta: {stored}",
                    asked.qualified(),
                    asked.target.name
                );
                return Err(Status::new(409, "Conflict", message));
            }
        }
        Ok(())
    }
}

/// Deletes an object as it is wished.
async fn remove(asked: &Asked, live: &Object, wishes: &Wishes) -> Result<Object, Status> {
    let key = live.key();
    let refused = |error: windlass_store::Error| Status::of_store(&error);
    if let Some(finalizer) = wishes.finalizer
        && !live.metadata().finalizers.iter().any(|known| known == finalizer)
        && live.metadata().deletion_timestamp.is_none()
    {
        let mut held = live.clone();
        held.metadata_mut().finalizers.push(finalizer.to_owned());
        asked.commit(Write::Update(held)).await.map_err(refused)?;
    }
    let write = Write::Delete {
        key,
        uid: live.metadata().uid.clone(),
    };
    asked.commit(write).await.map_err(refused)
}

impl Asked {
    /// The object that the path names, as it is stored.
    pub(super) fn stored(&self) -> Result<Object, Status> {
        let Source::Stored(kind) = self.resource.source else {
            return Err(Status::method_not_allowed());
        };
        let key = Key::new(kind, self.target.namespace.as_str(), self.target.name.as_str());
        self.api.store.get(&key).ok_or_else(|| self.not_found())
    }

    /// Whether the user may write an object as it is to be: nobody gives away what they do not have.
    pub(super) fn check_write(&self, object: &Object, live: Option<&Object>) -> Result<(), Status> {
        let checked = self.api.authorize.check_write(&self.user, object, live);
        checked.map_err(|reason| {
            let name = &object.metadata().name;
            Status::new(
                403,
                "Forbidden",
                format!("{} {name:?} is forbidden: {reason}", self.qualified()),
            )
        })
    }

    /// Commits one write, or only tries it.
    pub(super) async fn commit(&self, write: Write) -> Result<Object, windlass_store::Error> {
        let writes = vec![write];
        let is_dry_run = self.is_dry_run().unwrap_or(true);
        let mut objects = if is_dry_run {
            self.api.store.dry_run(writes)?
        } else {
            self.api.store.commit(writes).await?
        };
        let nothing = || windlass_store::Error::Unavailable("the store answered with nothing".to_owned());
        objects.pop().ok_or_else(nothing)
    }

    /// Stores an object through the endpoint that was asked.
    pub(super) async fn store(&self, object: Object) -> Result<Object, Status> {
        self.is_dry_run()?;
        let write = match self.target.subresource.as_str() {
            "status" => Write::UpdateStatus(object),
            _ => Write::Update(object),
        };
        self.commit(write).await.map_err(|error| Status::of_store(&error))
    }

    /// The object with the record of who set which field brought up to date.
    pub(super) fn tracked(&self, live: Option<&Object>, object: Object) -> Result<Object, Status> {
        self.is_dry_run()?;
        let kind = object.kind();
        let live = live.map(Object::to_json);
        let manager = self.manager();
        let ignored = self.ignored();
        let actor = self.actor(&manager, &ignored);
        let mut tracked = track_update(&self.schema(), live.as_ref(), object.to_json(), &actor);
        let entries = tracked["metadata"]["managedFields"].take();
        let mut object = object;
        if let Value::Array(entries) = entries {
            object.metadata_mut().managed_fields = entries;
        } else {
            object.metadata_mut().managed_fields.clear();
        }
        debug_assert_eq!(object.kind(), kind);
        Ok(object)
    }

    /// The name under which the client's fields are recorded.
    pub(super) fn manager(&self) -> String {
        let given = self.query.get("fieldManager").filter(|name| !name.is_empty());
        let agent = || {
            let agent = self.headers.get(http::header::USER_AGENT)?.to_str().ok()?;
            agent.split('/').next().map(str::to_owned)
        };
        let name = given
            .cloned()
            .or_else(agent)
            .unwrap_or_else(|| "unknown".to_owned());
        name.chars().take(128).collect()
    }

    /// Fields that the endpoint does not set.
    pub(super) fn ignored(&self) -> FieldSet {
        let mut ignored = FieldSet::new();
        if self.target.subresource == "status" {
            for name in ["spec", "metadata"] {
                ignored.insert(&[Element::field(name)]);
            }
        } else if self.resource.has_status {
            ignored.insert(&[Element::field("status")]);
        }
        ignored
    }

    /// Who writes.
    pub(super) fn actor<'a>(&'a self, manager: &'a str, ignored: &'a FieldSet) -> Actor<'a> {
        let Source::Stored(kind) = self.resource.source else {
            unreachable_source();
            return Actor {
                manager,
                api_version: "",
                subresource: "",
                now: self.api.clock.now(),
                ignored,
            };
        };
        Actor {
            manager,
            api_version: kind.api_version(),
            subresource: &self.target.subresource,
            now: self.api.clock.now(),
            ignored,
        }
    }

    /// How the lists and maps of the kind merge.
    pub(super) fn schema(&self) -> Schema {
        self.api.registry.merge_schema(&self.resource)
    }

    /// An object as the answer to a write.
    pub(super) fn answer(&self, code: StatusCode, object: Object, warnings: &[String]) -> Response {
        let json = view::json(&object, &self.resource);
        let json = match table::form(&self.headers) {
            table::Form::Whole => json,
            table::Form::Metadata => view::metadata_only(json),
            table::Form::Table => table::render(self, &[(json, Some(object))], &json!({})),
        };
        let mut response = (code, axum::Json(json)).into_response();
        for warning in warnings.iter().take(20) {
            let text = warning.replace(['"', '\\', '\n', '\r'], "'");
            if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
                response.headers_mut().append("Warning", value);
            }
        }
        response
    }
}

/// Only what is stored is written; the verbs of everything else are refused before.
fn unreachable_source() {
    tracing::error!("a write reached a resource that is not stored");
}
