//! Decoding into Rust types.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::PoisonError;
use std::sync::RwLock;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::decode::INVALID_VALUE;
use crate::decode::UNKNOWN_FIELD;
use crate::decode::shape::Shapes;
use crate::decode::walk::Trail;
use crate::decode::walk::Walker;
use crate::problem::FieldPath;
use crate::problem::Problem;
use crate::problem::Segment;

/// Decodes an object of a known type.
///
/// Keys match in any case, `null` is an absent field. What the type's schema leaves open (`true`, free
/// maps) is passed on untouched.
///
/// # Errors
/// Every unknown field, wrong type and missing field at once, each with its path. Only when there are none
/// does the type's own deserialiser get to refuse a value, and then the first one.
pub fn decode<T>(mut value: Value) -> Result<T, Vec<Problem>>
where
    T: DeserializeOwned + JsonSchema + 'static,
{
    let shapes = shapes_of::<T>();
    let mut walker = Walker::new(&shapes);
    walker.walk(shapes.root(), &mut value, Trail::Root);
    if !walker.problems.is_empty() {
        return Err(walker.problems);
    }
    serde_path_to_error::deserialize(&value).map_err(|error| {
        let path = path_of(error.path());
        vec![Problem::error(
            INVALID_VALUE,
            path,
            error.into_inner().to_string(),
        )]
    })
}

/// What upstream's admission webhook answers to the first unknown field; `None` when there is none.
///
/// Tools match on this text.
pub fn admission_message<'a>(problems: impl IntoIterator<Item = &'a Problem>) -> Option<String> {
    let first = problems
        .into_iter()
        .find(|problem| problem.code == UNKNOWN_FIELD)?;
    let name = first.path.last().and_then(Segment::as_key).unwrap_or_default();
    Some(format!(
        "admission webhook \"webhook.pipeline.tekton.dev\" denied the request: mutation failed: \
         cannot decode incoming new object: json: unknown field {name:?}"
    ))
}

/// The shapes of a type, compiled once per process.
fn shapes_of<T: JsonSchema + 'static>() -> Arc<Shapes> {
    static CACHE: LazyLock<RwLock<HashMap<TypeId, Arc<Shapes>>>> = LazyLock::new(RwLock::default);
    let id = TypeId::of::<T>();
    if let Some(known) = CACHE.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
        return Arc::clone(known);
    }
    let schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<T>();
    let shapes = Arc::new(Shapes::compile(schema.as_value()));
    CACHE
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(id, Arc::clone(&shapes));
    shapes
}

fn path_of(path: &serde_path_to_error::Path) -> FieldPath {
    path.iter()
        .filter_map(|segment| match segment {
            serde_path_to_error::Segment::Seq { index } => Some(Segment::Index(*index)),
            serde_path_to_error::Segment::Map { key } => Some(Segment::Field(key.clone().into())),
            serde_path_to_error::Segment::Enum { .. } | serde_path_to_error::Segment::Unknown => None,
        })
        .collect()
}
