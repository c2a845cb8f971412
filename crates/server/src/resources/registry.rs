//! Everything that is served at a moment.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;

use super::Resource;
use super::built_in;

/// Everything that is served at a moment: what is built in, and what users defined.
#[derive(Debug)]
pub struct Registry {
    resources: RwLock<Arc<Vec<Arc<Resource>>>>,
}

impl Default for Registry {
    fn default() -> Self {
        let resources = built_in::resources().into_iter().map(Arc::new).collect();
        Self {
            resources: RwLock::new(Arc::new(resources)),
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
