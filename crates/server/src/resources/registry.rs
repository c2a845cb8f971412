//! Everything that is served at a moment.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::RwLock;

use serde_json::Map;
use windlass_api::Kind;
use windlass_merge::Schema;
use windlass_merge::strategic::Shape;

use super::Resource;
use super::Source;
use super::built_in;

/// Everything that is served at a moment: what is built in, and what users defined.
#[derive(Debug)]
pub struct Registry {
    resources: RwLock<Arc<Vec<Arc<Resource>>>>,
    schemas: Mutex<HashMap<Kind, Schema>>,
}

impl Default for Registry {
    fn default() -> Self {
        let resources = built_in::resources().into_iter().map(Arc::new).collect();
        Self {
            resources: RwLock::new(Arc::new(resources)),
            schemas: Mutex::default(),
        }
    }
}

impl Registry {
    /// The resource of a group, version and name in paths.
    pub fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        let all = self.all();
        let mut matching = all.iter().filter(|resource| {
            resource.plural == plural && resource.group == group && resource.version == version
        });
        matching.next().cloned()
    }

    /// All resources, the preferred version of each first.
    pub fn all(&self) -> Arc<Vec<Arc<Resource>>> {
        Arc::clone(&self.resources.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Registry {
    /// How the lists and maps of a resource merge when it is applied to.
    pub fn merge_schema(&self, resource: &Resource) -> Schema {
        let Source::Stored(kind) = resource.source else {
            return Schema::deduced();
        };
        let mut schemas = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        schemas.entry(kind).or_insert_with(|| merge_schema(kind)).clone()
    }
}

fn merge_schema(kind: Kind) -> Schema {
    if matches!(kind, Kind::Custom(_)) {
        return Schema::deduced();
    }
    let schema = kind.schema();
    let Ok(schema) = Schema::from_openapi(schema.schema.as_value(), &Map::new()) else {
        return Schema::deduced();
    };
    match Shape::of(kind.api_version(), kind.as_str()) {
        Some(shape) => schema.merging_as(shape),
        None => schema,
    }
}
