//! Refusals as the resource API words them (`metav1.Status`).

use axum::response::IntoResponse;
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;
use serde_json::json;
use windlass_api::Key;

/// How refusals of upstream's admission begin.
const WEBHOOK: &str = "admission webhook";

/// A refusal: a code, a word for programs, a sentence for people, and what it concerns.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// HTTP code.
    pub code: u16,
    /// Word for programs.
    pub reason: &'static str,
    /// Sentence for people.
    pub message: String,
    /// What it concerns; `null` when there is nothing to add.
    pub details: Value,
}

impl Status {
    /// A refusal without details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: Value::Null,
        }
    }

    /// The request cannot be understood.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// Nothing is served at the path.
    pub fn no_path() -> Self {
        Self::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
        )
    }

    /// An object that is not there.
    pub fn not_found(group: &str, plural: &str, name: &str) -> Self {
        let resource = qualified(group, plural);
        let mut status = Self::new(404, "NotFound", format!("{resource} {name:?} not found"));
        status.details = json!({"name": name, "group": group, "kind": plural});
        status
    }

    /// The verb is not offered.
    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message)
    }

    /// The form of the body is not taken.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// The object as JSON.
    pub fn to_json(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        });
        if !self.details.is_null()
            && let Some(fields) = status.as_object_mut()
        {
            fields.insert("details".to_owned(), self.details.clone());
        }
        status
    }

    /// What a refusal of the store means to who asked.
    pub fn of_store(error: &windlass_store::Error) -> Self {
        use windlass_store::Error;
        match error {
            Error::NotFound(key) => Self::not_found(key.kind.group(), key.kind.plural(), &key.name),
            Error::AlreadyExists(key) => {
                let message = format!("{} {:?} already exists", named(key), key.name);
                Self::about(409, "AlreadyExists", message, key)
            }
            Error::Conflict { key, .. } => {
                let message = format!(
                    "Operation cannot be fulfilled on {} {:?}: the object has been modified; please apply your changes to \
                     the latest version and try again",
                    named(key),
                    key.name
                );
                Self::about(409, "Conflict", message, key)
            }
            // Upstream's own kinds are refused by its webhook, in its words.
            Error::Invalid { message, .. } if message.starts_with(WEBHOOK) => {
                Self::bad_request(message.clone())
            }
            Error::Invalid { key, message } if key.kind.group() == "tekton.dev" => {
                let webhook = "validation.webhook.pipeline.tekton.dev";
                Self::bad_request(format!("{WEBHOOK} {webhook:?} denied the request: {message}"))
            }
            Error::Invalid { key, message } => {
                let whole = format!("{} {:?} is invalid: {message}", key.kind, key.name);
                let mut status = Self::about(422, "Invalid", whole, key);
                status.details["causes"] = json!([{"reason": "FieldValueInvalid", "message": message}]);
                status
            }
            Error::Forbidden { key, message } => {
                let message = format!("{} {:?} is forbidden: {message}", named(key), key.name);
                Self::about(403, "Forbidden", message, key)
            }
            Error::Unavailable(message) => Self::new(503, "ServiceUnavailable", message.clone()),
            Error::Gone(version) => Self::expired(*version),
        }
    }

    /// The version is no longer known.
    pub fn expired(version: u64) -> Self {
        Self::new(410, "Expired", format!("too old resource version: {version}"))
    }

    fn about(code: u16, reason: &'static str, message: String, key: &Key) -> Self {
        let mut status = Self::new(code, reason, message);
        status.details = json!({"name": key.name, "group": key.kind.group(), "kind": key.kind.plural()});
        status
    }
}

fn named(key: &Key) -> String {
    qualified(key.kind.group(), key.kind.plural())
}

/// `taskruns.tekton.dev`, or `secrets` for the core group.
pub(super) fn qualified(group: &str, plural: &str) -> String {
    if group.is_empty() {
        plural.to_owned()
    } else {
        format!("{plural}.{group}")
    }
}

impl IntoResponse for Status {
    fn into_response(self) -> Response {
        let code = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (code, axum::Json(self.to_json())).into_response()
    }
}
