//! The one place that turns a reference into a definition.

use std::collections::BTreeMap;
use std::sync::Arc;

use windlass_api::Key;
use windlass_api::Object;
use windlass_api::Resource;
use windlass_api::defaults::Defaults;
use windlass_api::defaults::SetDefaults;
use windlass_api::reasons::annotations;
use windlass_api::tekton::Param;
use windlass_api::tekton::Pipeline;
use windlass_api::tekton::PipelineSpec;
use windlass_api::tekton::StepAction;
use windlass_api::tekton::Task;
use windlass_api::tekton::TaskSpec;
use windlass_api::tekton::pipeline::PipelineRef;
use windlass_api::tekton::provenance::RefSource;
use windlass_api::tekton::task::StepActionSpec;
use windlass_api::tekton::task::StepRef;
use windlass_api::tekton::task::TaskRef;
use windlass_api::validation::Flags;
use windlass_api::validation::to_admission_message;
use windlass_api::validation::validate_create;
use windlass_engine::params::Scope;
use windlass_engine::substitution::Expansion;
use windlass_engine::substitution::visit_params;
use windlass_fetch::Fetcher;
use windlass_runtime::Client;

use super::error::Error;
use super::resolvers;

/// A definition with what its object says about itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Definition<T> {
    /// Name of the object.
    pub(crate) name: String,
    /// What it defines.
    pub(crate) spec: T,
    /// Labels to hand on to runs.
    pub(crate) labels: BTreeMap<String, String>,
    /// Annotations to hand on to runs.
    pub(crate) annotations: BTreeMap<String, String>,
    /// Where it was fetched from, when it was.
    pub(crate) ref_source: Option<RefSource>,
}

/// Finds definitions in a plane and through resolvers.
pub(crate) struct Definitions {
    pub(crate) client: Arc<dyn Client>,
    pub(crate) fetcher: Arc<Fetcher>,
    /// Which features definitions from elsewhere may use.
    pub(crate) flags: Flags,
}

impl Definitions {
    /// The task of a reference.
    pub(crate) async fn task(&self, namespace: &str, to: &TaskRef) -> Result<Definition<TaskSpec>, Error> {
        let (task, source) = self
            .find::<Task>(namespace, &to.name, &to.resolver, &to.params)
            .await?;
        Ok(definition(&*task, task.spec.clone(), source))
    }

    /// The pipeline of a reference.
    pub(crate) async fn pipeline(
        &self,
        namespace: &str,
        to: &PipelineRef,
    ) -> Result<Definition<PipelineSpec>, Error> {
        let (pipeline, source) = self
            .find::<Pipeline>(namespace, &to.name, &to.resolver, &to.params)
            .await?;
        Ok(definition(&*pipeline, pipeline.spec.clone(), source))
    }

    /// The step action of a reference.
    pub(crate) async fn step_action(
        &self,
        namespace: &str,
        to: &StepRef,
    ) -> Result<Definition<StepActionSpec>, Error> {
        let (action, source) = self
            .find::<StepAction>(namespace, &to.name, &to.resolver, &to.params)
            .await?;
        Ok(definition(&*action, action.spec.clone(), source))
    }

    async fn find<T: Resource>(
        &self,
        namespace: &str,
        name: &str,
        resolver: &str,
        params: &[Param],
    ) -> Result<(Arc<T>, Option<RefSource>), Error> {
        if resolver.is_empty() {
            return Ok((self.local(namespace, name).await?, None));
        }
        let (object, source) = resolvers::resolve(self, T::KIND, namespace, resolver, params).await?;
        let object = admitted(object, &self.flags)?;
        match object.get::<T>() {
            Some(found) => Ok((Arc::clone(found), Some(source))),
            None => Err(Error::Content {
                resolver: resolver.to_owned(),
                problem: format!("it is a {}, not a {}", object.kind(), T::KIND),
            }),
        }
    }

    async fn local<T: Resource>(&self, namespace: &str, name: &str) -> Result<Arc<T>, Error> {
        match self
            .client
            .find::<T>(namespace, name)
            .await
            .map_err(Error::Plane)?
        {
            Some(found) => Ok(found),
            None => Err(self.not_found::<T>(namespace, name).await),
        }
    }

    /// Says which names there are, because a mistyped one is the usual cause.
    async fn not_found<T: Resource>(&self, namespace: &str, name: &str) -> Error {
        let known: Vec<String> = match self.client.list(T::KIND, Some(namespace)).await {
            Ok(list) => list
                .objects
                .iter()
                .take(10)
                .map(|object| object.metadata().name.clone())
                .collect(),
            Err(_) => Vec::new(),
        };
        let hint = if known.is_empty() {
            String::new()
        } else {
            format!(" (there is {})", known.join(", "))
        };
        Error::NotFound {
            plural: T::KIND.plural(),
            name: name.to_owned(),
            hint,
        }
    }

    /// Any object of the plane, for the cluster resolver.
    pub(super) async fn object(&self, key: &Key) -> Result<Object, Error> {
        let found = self.client.get(key).await.map_err(Error::Plane)?;
        found.ok_or_else(|| Error::NotFound {
            plural: key.kind.plural(),
            name: key.name.to_string(),
            hint: String::new(),
        })
    }
}

/// A definition from elsewhere as the plane would admit it: with its defaults, and valid. Where it is kept under which name
/// does not matter.
fn admitted(mut object: Object, flags: &Flags) -> Result<Object, Error> {
    object.set_defaults(&Defaults::default());
    let mut alone = object.clone();
    let metadata = alone.metadata_mut();
    metadata.namespace = String::new();
    "remote".clone_into(&mut metadata.name);
    match to_admission_message(&validate_create(&alone, flags)) {
        None => Ok(object),
        Some(problem) => Err(Error::Refused {
            name: object.metadata().name.clone(),
            problem,
        }),
    }
}

/// Puts a run's parameters into those of a resolver. What is too large to be put in stays as written, and the
/// resolver refuses it.
pub(crate) fn put_in_params(params: &mut [Param], given: &[Param]) {
    if let Ok(values) = windlass_engine::params::replacer(Scope::Task, &[], given) {
        let _ = visit_params(&mut Expansion::new(&values), params);
    }
}

fn definition<T: Resource, S>(object: &T, spec: S, ref_source: Option<RefSource>) -> Definition<S> {
    let metadata = object.metadata();
    let mut annotations = metadata.annotations.clone();
    // It describes the definition alone.
    annotations.remove(annotations::LAST_APPLIED);
    Definition {
        name: metadata.name.clone(),
        spec,
        labels: metadata.labels.clone(),
        annotations,
        ref_source,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn task(spec: &serde_json::Value) -> Object {
        let task =
            json!({"apiVersion": "tekton.dev/v1", "kind": "Task", "metadata": {"name": "t"}, "spec": spec});
        Object::from_json(task).unwrap()
    }

    #[test]
    fn what_comes_from_elsewhere_gets_its_defaults() {
        let found = task(&json!({"params": [{"name": "p", "default": ["a"]}], "steps": [{"image": "i"}]}));
        let admitted = admitted(found, &Flags::default()).unwrap();
        assert_eq!(admitted.to_json()["spec"]["params"][0]["type"], "array");
        assert_eq!(admitted.metadata().name, "t");
    }

    #[test]
    fn what_comes_from_elsewhere_has_to_be_valid() {
        let step = json!({"name": "s", "image": "i"});
        let twins = admitted(task(&json!({"steps": [step, step]})), &Flags::default());
        assert_eq!(
            twins.map_err(|error| error.to_string()),
            Err("validation failed for referenced object t: validation failed: expected exactly one, got both: \
                 spec.steps[1].name"
                .to_owned())
        );
    }
}
