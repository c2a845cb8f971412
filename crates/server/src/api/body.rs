//! Bodies of requests, and the objects in them.

use axum::body::Body;
use axum::body::to_bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::Value;
use windlass_api::Object;
use windlass_api::conversion::to_v1;
use windlass_api::decode::UNKNOWN_FIELD;
use windlass_api::problem::Problem;
use windlass_api::problem::Segment;
use windlass_api::yaml;

use super::handle::Asked;
use super::status::Status;
use super::status::qualified;
use crate::resources::Source;

/// Most bytes of a body: twice what an object may have, for a patch that names the old and the new.
const LARGEST: usize = 3 << 20;

/// The whole body.
pub(super) async fn read(body: Body) -> Result<Vec<u8>, Status> {
    match to_bytes(body, LARGEST).await {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(error) if error.to_string().contains("length limit") => {
            let message = format!("Request entity too large: limit is {LARGEST}");
            Err(Status::new(413, "RequestEntityTooLarge", message))
        }
        Err(_) => Err(Status::bad_request("the body ended early")),
    }
}

/// The form of a body, without parameters.
pub(super) fn form(headers: &HeaderMap) -> String {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let form = text.unwrap_or("application/json").split(';').next();
    form.unwrap_or_default().trim().to_ascii_lowercase()
}

/// A body of JSON or YAML as a value.
pub(super) fn value(headers: &HeaderMap, bytes: &[u8]) -> Result<Value, Status> {
    match form(headers).as_str() {
        "application/json" | "*/*" | "" => serde_json::from_slice(bytes)
            .map_err(|error| Status::bad_request(format!("the body is no JSON: {error}"))),
        "application/yaml" => yaml_value(bytes),
        "application/vnd.kubernetes.protobuf" => super::protobuf::decode(bytes).map_err(Status::bad_request),
        other => Err(Status::unsupported(format!(
            "the body of the request was in an unknown format - accepted media types include: application/json, \
             application/yaml; got {other}"
        ))),
    }
}

/// A body of YAML as a value.
pub(super) fn yaml_value(bytes: &[u8]) -> Result<Value, Status> {
    let documents = yaml::load(bytes).map_err(|_| Status::bad_request("the body is no YAML"))?;
    let mut documents = documents.into_iter();
    match (documents.next(), documents.next()) {
        (Some(one), None) => Ok(one.value),
        _ => Err(Status::bad_request(
            "the body holds more or less than one document",
        )),
    }
}

/// How strictly unknown fields are taken (`fieldValidation`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strictness {
    Ignore,
    Warn,
    Strict,
}

/// An object that was read, and what its sender is warned of.
pub(super) struct Decoded {
    pub(super) object: Object,
    pub(super) warnings: Vec<String>,
}

impl Asked {
    /// The object in a value, in the version of this resource, in the place that the path names.
    pub(super) fn decode(&self, mut value: Value) -> Result<Decoded, Status> {
        let Source::Stored(kind) = self.resource.source else {
            return Err(Status::method_not_allowed());
        };
        let Some(fields) = value.as_object_mut() else {
            return Err(Status::bad_request("the body is no object"));
        };
        let api_version = self.resource.api_version();
        for (name, expected) in [
            ("apiVersion", api_version.as_str()),
            ("kind", self.resource.kind.as_str()),
        ] {
            let given = fields
                .entry(name)
                .or_insert_with(|| Value::String(expected.to_owned()));
            if given.as_str() != Some(expected) {
                return Err(Status::bad_request(format!(
                    "{name} of the object ({given}) does not match the path ({expected})"
                )));
            }
        }
        if api_version != kind.api_version() {
            let problems = to_v1(&mut value);
            if let Some(problem) = problems.first() {
                return Err(Status::bad_request(problem.to_string()));
            }
            value["apiVersion"] = Value::String(kind.api_version().to_owned());
        }
        let strictness = self.strictness()?;
        let (object, unknown) = lenient(kind, value).map_err(|problems| self.malformed(&problems))?;
        if strictness == Strictness::Strict && !unknown.is_empty() {
            return Err(self.malformed(&unknown));
        }
        let mut object = object;
        self.place(&mut object)?;
        let warnings = if strictness == Strictness::Warn {
            unknown
                .iter()
                .map(|problem| format!("unknown field \"{}\"", problem.path))
                .collect()
        } else {
            Vec::new()
        };
        Ok(Decoded { object, warnings })
    }

    fn strictness(&self) -> Result<Strictness, Status> {
        // Upstream's own kinds refuse unknown fields whatever is asked for.
        let of_tekton = self.resource.group == "tekton.dev";
        match self.query.get("fieldValidation").map_or("", String::as_str) {
            _ if of_tekton => Ok(Strictness::Strict),
            "Strict" => Ok(Strictness::Strict),
            "Warn" | "" => Ok(Strictness::Warn),
            "Ignore" => Ok(Strictness::Ignore),
            other => Err(Status::bad_request(format!(
                "fieldValidation {other:?} is none of Ignore, Warn, Strict"
            ))),
        }
    }

    fn malformed(&self, problems: &[Problem]) -> Status {
        if self.resource.group == "tekton.dev"
            && let Some(message) = windlass_api::decode::admission_message(problems)
        {
            return Status::bad_request(message);
        }
        let texts: Vec<String> = problems
            .iter()
            .map(|problem| match problem.code {
                UNKNOWN_FIELD => format!("unknown field \"{}\"", problem.path),
                _ => problem.to_string(),
            })
            .collect();
        let kind = &self.resource.kind;
        Status::bad_request(format!(
            "{kind} in version {:?} cannot be handled as a {kind}: strict decoding error: {}",
            self.resource.version,
            texts.join(", ")
        ))
    }

    /// Puts the object where the path says, or refuses it.
    fn place(&self, object: &mut Object) -> Result<(), Status> {
        let target = &self.target;
        let metadata = object.metadata_mut();
        if !self.resource.namespaced {
            metadata.namespace.clear();
        } else if metadata.namespace.is_empty() {
            metadata.namespace.clone_from(&target.namespace);
        } else if metadata.namespace != target.namespace {
            return Err(Status::bad_request(format!(
                "the namespace of the provided object does not match the namespace sent on the request ({:?} and {:?})",
                metadata.namespace, target.namespace
            )));
        }
        if !target.name.is_empty() {
            if metadata.name.is_empty() {
                metadata.name.clone_from(&target.name);
            } else if metadata.name != target.name {
                return Err(Status::bad_request(format!(
                    "the name of the object ({}) does not match the name on the URL ({})",
                    metadata.name, target.name
                )));
            }
        }
        Ok(())
    }

    /// The name that people know the resource by.
    pub(super) fn qualified(&self) -> String {
        qualified(&self.resource.group, &self.resource.plural)
    }
}

/// Reads an object, leaving out fields that nobody knows; they are told apart from what is wrong.
fn lenient(kind: windlass_api::Kind, value: Value) -> Result<(Object, Vec<Problem>), Vec<Problem>> {
    let problems = match Object::of_kind(kind, value.clone()) {
        Ok(object) => return Ok((object, Vec::new())),
        Err(problems) => problems,
    };
    let (unknown, wrong): (Vec<Problem>, Vec<Problem>) = problems
        .into_iter()
        .partition(|problem| problem.code == UNKNOWN_FIELD);
    if !wrong.is_empty() {
        return Err(wrong.into_iter().chain(unknown).collect());
    }
    let mut value = value;
    for problem in &unknown {
        let pointer = pointer(problem);
        if let Some((parent, name)) = pointer.rsplit_once('/')
            && let Some(fields) = value.pointer_mut(parent).and_then(Value::as_object_mut)
        {
            fields.shift_remove(&name.replace("~1", "/").replace("~0", "~"));
        }
    }
    Object::of_kind(kind, value).map(|object| (object, unknown))
}

/// The place of a problem as a JSON pointer.
fn pointer(problem: &Problem) -> String {
    let mut pointer = String::new();
    for segment in problem.path.segments() {
        pointer.push('/');
        match segment {
            Segment::Index(index) => pointer.push_str(&index.to_string()),
            Segment::Field(name) => pointer.push_str(&escaped(name)),
            Segment::Key(key) => pointer.push_str(&escaped(key)),
        }
    }
    pointer
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
