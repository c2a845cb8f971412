//! The cluster resolver: an object of this plane, of any namespace.

use std::collections::BTreeMap;

use windlass_api::Key;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::tekton::provenance::RefSource;

use super::params::Params;
use crate::definitions::Definitions;
use crate::definitions::Error;

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
        digest: BTreeMap::new(),
        entry_point: String::new(),
    };
    Ok((object, source))
}
