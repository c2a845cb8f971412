//! The cluster resolver: an object of this plane, of any namespace.

use std::collections::BTreeMap;

use serde_json::json;
use sha2::Digest as _;
use sha2::Sha256;
use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::reasons::annotations;
use windlass_api::tekton::provenance::RefSource;

use super::params::Params;
use crate::definitions::Definitions;
use crate::definitions::Error;

/// Annotations that tools leave on an object, and the signature that is made of the rest.
const FROM_TOOLS: [&str; 3] = [
    "kubectl-client-side-apply",
    annotations::LAST_APPLIED,
    annotations::SIGNATURE,
];

pub(super) async fn resolve(
    definitions: &Definitions,
    namespace: &str,
    params: &Params<'_>,
) -> Result<(Object, RefSource), Error> {
    params.only(&["kind", "name", "namespace", "cache"])?;
    let kind = match params.get("kind").unwrap_or("task") {
        "task" => Kind::Task,
        "pipeline" => Kind::Pipeline,
        "stepaction" => Kind::StepAction,
        other => return Err(params.problem(format!("kind {other:?} is none of task, pipeline, stepaction"))),
    };
    let namespace = params.get("namespace").unwrap_or(namespace);
    let object = definitions
        .object(&Key::new(kind, namespace, params.require("name")?))
        .await?;
    let source = RefSource {
        uri: format!(
            "/apis/{}/namespaces/{namespace}/{}/{}@{}",
            kind.api_version(),
            kind.as_str().to_lowercase(),
            object.metadata().name,
            object.metadata().uid
        ),
        digest: BTreeMap::from([("sha256".to_owned(), digest(&object))]),
        entry_point: String::new(),
    };
    Ok((object, source))
}

/// SHA-256 of what a user wrote: name, labels, annotations and spec. What servers and tools add does not change it.
///
/// Upstream hashes the same members in the spelling of its own serialiser, so the digests of the two differ.
fn digest(object: &Object) -> String {
    let json = object.to_json();
    let metadata = |member: &str| json["metadata"][member].clone();
    let mut annotations = object.metadata().annotations.clone();
    annotations.retain(|key, _| !FROM_TOOLS.contains(&key.as_str()));
    let written = json!({
        "kind": json["kind"],
        "apiVersion": json["apiVersion"],
        "metadata": {
            "name": metadata("name"),
            "namespace": metadata("namespace"),
            "labels": metadata("labels"),
            "annotations": annotations,
        },
        "spec": json["spec"],
    });
    let digest = Sha256::digest(written.to_string());
    let bytes: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.concat()
}
