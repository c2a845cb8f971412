//! The run object, and what has to exist before it.

use std::path::PathBuf;
use std::sync::Arc;

use windlass_api::Duration;
use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::core::PersistentVolumeClaim;
use windlass_api::core::ServiceAccount;
use windlass_api::manifest::Manifest;
use windlass_api::meta::ObjectMeta;
use windlass_api::tekton::Param;
use windlass_api::tekton::PipelineRun;
use windlass_api::tekton::TaskRun;
use windlass_api::tekton::pipeline::PipelineRef;
use windlass_api::tekton::pipelinerun::PipelineRunSpec;
use windlass_api::tekton::pipelinerun::TimeoutFields;
use windlass_api::tekton::task::TaskRef;
use windlass_api::tekton::taskrun::TaskRunSpec;
use windlass_api::tekton::workspaces::WorkspaceBinding;

use super::params;
use super::workspaces;
use super::workspaces::Source;
use crate::error::Error;
use crate::error::Result;
use crate::input::Assignment;
use crate::input::Chosen;
use crate::input::DeclaredWorkspace;
use crate::input::Definition;
use crate::input::Found;

/// What the command line asks of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    /// Values of parameters.
    pub(crate) params: Vec<Assignment>,
    /// Sources of workspaces.
    pub(crate) workspaces: Vec<Assignment>,
    /// Upper bound of the whole.
    pub(crate) timeout: Option<Duration>,
    /// Labels of the run.
    pub(crate) labels: Vec<Assignment>,
}

/// What is created, and in which order.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// The run; its name may still have to be generated.
    pub(crate) run: Object,
    /// What has to exist before it.
    pub(crate) others: Vec<Object>,
    /// Claims that stand for directories: namespace, name, directory.
    pub(crate) directories: Vec<(String, String, PathBuf)>,
}

/// Makes the run object for what was chosen, or takes the chosen one; the command line wins over the file.
///
/// # Errors
/// When a wish does not fit what is declared, or something required is missing for a lone definition.
pub(crate) fn prepare(manifest: &Manifest, chosen: Chosen<'_>, wishes: &Wishes) -> Result<Launch> {
    let object = &chosen.entry().object;
    let definition = Found::of(object, manifest).here();
    let params = params::read(&wishes.params, definition.map(Definition::params))?;
    let declared = definition.map(Definition::workspaces);
    let sources = workspaces::read(&wishes.workspaces, declared.as_deref())?;
    let bindings: Vec<WorkspaceBinding> = sources
        .iter()
        .map(|(name, source)| source.binding(name))
        .collect();
    let mut run = match chosen {
        Chosen::Run(entry) => entry.object.clone(),
        Chosen::Definition(entry) => {
            require(definition, &params, declared.as_deref(), &bindings)?;
            run_of(&entry.object)
        }
    };
    apply(&mut run, params, bindings, wishes.timeout);
    for label in &wishes.labels {
        run.metadata_mut()
            .labels
            .insert(label.name.clone(), label.value.clone());
    }
    let namespace = run.metadata().namespace.clone();
    let mut others: Vec<Object> = manifest
        .entries
        .iter()
        .filter(|entry| {
            !matches!(
                entry.object.kind(),
                Kind::TaskRun | Kind::PipelineRun | Kind::CustomRun
            )
        })
        .map(|entry| entry.object.clone())
        .collect();
    let mut directories = Vec::new();
    for (_, source) in sources {
        if let Source::Directory { claim, directory } = source {
            others.push(claim_object(&namespace, &claim));
            directories.push((namespace.clone(), claim, directory));
        }
    }
    add_service_account(&mut others, &namespace);
    Ok(Launch {
        run,
        others,
        directories,
    })
}

/// Refuses to start without required values and workspaces, naming all of them.
fn require(
    definition: Option<Definition<'_>>,
    params: &[Param],
    declared: Option<&[DeclaredWorkspace<'_>]>,
    bindings: &[WorkspaceBinding],
) -> Result<()> {
    let params = params::missing(definition.map(Definition::params).unwrap_or_default(), params);
    let workspaces = workspaces::missing(declared.unwrap_or_default(), bindings);
    let (what, options): (Vec<String>, Vec<Vec<String>>) = params.into_iter().chain(workspaces).unzip();
    if what.is_empty() {
        return Ok(());
    }
    Err(Error::usage(what.join("; ")).hint(format!("give\n{}", options.concat().join("\n"))))
}

/// The account that runs use unless they name another: it exists in every namespace.
fn add_service_account(others: &mut Vec<Object>, namespace: &str) {
    let exists = others.iter().any(|object| {
        let metadata = object.metadata();
        object.kind() == Kind::ServiceAccount && metadata.name == "default" && metadata.namespace == namespace
    });
    if !exists {
        let metadata = named(namespace, "default");
        let account = ServiceAccount {
            metadata,
            ..ServiceAccount::default()
        };
        others.insert(0, Object::ServiceAccount(Arc::new(account)));
    }
}

fn claim_object(namespace: &str, name: &str) -> Object {
    let mut claim = PersistentVolumeClaim {
        metadata: named(namespace, name),
        ..PersistentVolumeClaim::default()
    };
    claim.spec.access_modes = vec!["ReadWriteMany".to_owned()];
    Object::PersistentVolumeClaim(Arc::new(claim))
}

fn named(namespace: &str, name: &str) -> ObjectMeta {
    ObjectMeta {
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        ..ObjectMeta::default()
    }
}

/// A run of a lone definition, `NAME-run-xxxxx`.
fn run_of(definition: &Object) -> Object {
    let name = definition.metadata().name.clone();
    let metadata = ObjectMeta {
        generate_name: format!("{name}-run-"),
        namespace: definition.metadata().namespace.clone(),
        ..ObjectMeta::default()
    };
    if definition.kind() == Kind::Pipeline {
        let reference = PipelineRef {
            name,
            ..PipelineRef::default()
        };
        let spec = PipelineRunSpec {
            pipeline_ref: Some(reference),
            ..PipelineRunSpec::default()
        };
        return Object::PipelineRun(Arc::new(PipelineRun {
            metadata,
            spec: Arc::new(spec),
            ..PipelineRun::default()
        }));
    }
    let reference = TaskRef {
        name,
        kind: "Task".to_owned(),
        ..TaskRef::default()
    };
    let spec = TaskRunSpec {
        task_ref: Some(reference),
        ..TaskRunSpec::default()
    };
    Object::TaskRun(Arc::new(TaskRun {
        metadata,
        spec: Arc::new(spec),
        ..TaskRun::default()
    }))
}

/// Writes the wishes into a run.
fn apply(run: &mut Object, params: Vec<Param>, bindings: Vec<WorkspaceBinding>, timeout: Option<Duration>) {
    match run {
        Object::PipelineRun(run) if !params.is_empty() || !bindings.is_empty() || timeout.is_some() => {
            let spec = Arc::make_mut(&mut Arc::make_mut(run).spec);
            merge(&mut spec.params, params, &mut spec.workspaces, bindings);
            if let Some(timeout) = timeout {
                bound(spec.timeouts.get_or_insert_default(), timeout);
            }
        }
        Object::TaskRun(run) if !params.is_empty() || !bindings.is_empty() || timeout.is_some() => {
            let spec = Arc::make_mut(&mut Arc::make_mut(run).spec);
            merge(&mut spec.params, params, &mut spec.workspaces, bindings);
            spec.timeout = timeout.or(spec.timeout);
        }
        Object::CustomRun(run) => {
            let spec = &mut Arc::make_mut(run).spec;
            merge(&mut spec.params, params, &mut spec.workspaces, bindings);
            spec.timeout = timeout.or(spec.timeout);
        }
        _ => {}
    }
}

fn merge(
    params: &mut Vec<Param>,
    given: Vec<Param>,
    workspaces: &mut Vec<WorkspaceBinding>,
    bindings: Vec<WorkspaceBinding>,
) {
    for param in given {
        params::set(params, param);
    }
    for binding in bindings {
        match workspaces.iter_mut().find(|known| known.name == binding.name) {
            Some(known) => *known = binding,
            None => workspaces.push(binding),
        }
    }
}

/// Sets the bound of the whole; parts that would no longer fit into it are left to their defaults.
fn bound(timeouts: &mut TimeoutFields, whole: Duration) {
    timeouts.pipeline = Some(whole);
    let parts = [timeouts.tasks, timeouts.finally];
    let sum: i64 = parts
        .iter()
        .flatten()
        .map(|part| part.as_nanos())
        .fold(0, i64::saturating_add);
    let has_unbounded = parts.iter().flatten().any(|part| part.is_zero());
    if !whole.is_zero() && (sum > whole.as_nanos() || has_unbounded) {
        timeouts.tasks = None;
        timeouts.finally = None;
    }
}
