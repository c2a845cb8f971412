//! What a run object executes, as far as the input tells.

use std::borrow::Cow;

use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::manifest::Manifest;
use windlass_api::tekton::ParamSpec;
use windlass_api::tekton::PipelineSpec;
use windlass_api::tekton::TaskSpec;

/// What is executed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Definition<'a> {
    /// A pipeline.
    Pipeline(&'a PipelineSpec),
    /// A task.
    Task(&'a TaskSpec),
}

/// What a reference leads to.
#[derive(Clone, Debug)]
pub(crate) enum Found<'a> {
    /// A definition in the input.
    Here(Definition<'a>),
    /// Somewhere else, fetched when it runs: which resolver.
    Remote(&'a str),
    /// Nowhere: the name that nothing in the input has.
    Missing(&'a str),
    /// A custom task: `apiVersion kind`.
    Custom(String),
    /// Nothing is referred to.
    Nothing,
}

/// A workspace that a definition declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeclaredWorkspace<'a> {
    /// Name.
    pub(crate) name: &'a str,
    /// Whether it may stay unbound.
    pub(crate) optional: bool,
}

impl<'a> Definition<'a> {
    /// Its declared parameters.
    pub(crate) fn params(self) -> &'a [ParamSpec] {
        match self {
            Self::Pipeline(spec) => &spec.params,
            Self::Task(spec) => &spec.params,
        }
    }

    /// Its declared workspaces.
    pub(crate) fn workspaces(self) -> Vec<DeclaredWorkspace<'a>> {
        match self {
            Self::Pipeline(spec) => {
                let declared = |w: &'a windlass_api::tekton::workspaces::PipelineWorkspaceDeclaration| {
                    DeclaredWorkspace {
                        name: w.name.as_str(),
                        optional: w.optional,
                    }
                };
                spec.workspaces.iter().map(declared).collect()
            }
            Self::Task(spec) => {
                let declared =
                    |w: &'a windlass_api::tekton::workspaces::WorkspaceDeclaration| DeclaredWorkspace {
                        name: w.name.as_str(),
                        optional: w.optional,
                    };
                spec.workspaces.iter().map(declared).collect()
            }
        }
    }
}

impl<'a> Found<'a> {
    /// What a run, pipeline or task executes.
    pub(crate) fn of(object: &'a Object, manifest: &'a Manifest) -> Self {
        match object {
            Object::Pipeline(pipeline) => Self::Here(Definition::Pipeline(&pipeline.spec)),
            Object::Task(task) => Self::Here(Definition::Task(&task.spec)),
            Object::PipelineRun(run) => match (&run.spec.pipeline_spec, &run.spec.pipeline_ref) {
                (Some(spec), _) => Self::Here(Definition::Pipeline(spec)),
                (None, Some(reference)) => Self::by_name(
                    Kind::Pipeline,
                    &reference.name,
                    &reference.resolver,
                    object,
                    manifest,
                ),
                (None, None) => Self::Nothing,
            },
            Object::TaskRun(run) => match (&run.spec.task_spec, &run.spec.task_ref) {
                (Some(spec), _) => Self::Here(Definition::Task(spec)),
                (None, Some(reference)) => {
                    Self::by_name(Kind::Task, &reference.name, &reference.resolver, object, manifest)
                }
                (None, None) => Self::Nothing,
            },
            Object::CustomRun(run) => {
                let by_ref = run
                    .spec
                    .custom_ref
                    .as_ref()
                    .map(|r| (r.api_version.as_str(), r.kind.as_str()));
                let by_spec = run
                    .spec
                    .custom_spec
                    .as_ref()
                    .map(|s| (s.api_version.as_str(), s.kind.as_str()));
                match by_ref.or(by_spec) {
                    Some((api_version, kind)) => Self::Custom(format!("{api_version} {kind}")),
                    None => Self::Nothing,
                }
            }
            _ => Self::Nothing,
        }
    }

    /// What a name or a resolver leads to, in the namespace of an object.
    pub(crate) fn by_name(
        kind: Kind,
        name: &'a str,
        resolver: &'a str,
        from: &Object,
        manifest: &'a Manifest,
    ) -> Self {
        if !resolver.is_empty() {
            return Self::Remote(resolver);
        }
        let namespace = &from.metadata().namespace;
        let found = manifest.entries.iter().map(|entry| &entry.object).find(|object| {
            let metadata = object.metadata();
            object.kind() == kind && metadata.name == name && metadata.namespace == *namespace
        });
        match found {
            Some(Object::Pipeline(pipeline)) => Self::Here(Definition::Pipeline(&pipeline.spec)),
            Some(Object::Task(task)) => Self::Here(Definition::Task(&task.spec)),
            _ => Self::Missing(name),
        }
    }

    /// The definition, when it is in the input.
    pub(crate) fn here(&self) -> Option<Definition<'a>> {
        match self {
            Self::Here(definition) => Some(*definition),
            _ => None,
        }
    }

    /// Words for what is not here.
    pub(crate) fn elsewhere(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Here(_) | Self::Nothing => None,
            Self::Remote(resolver) => Some(format!("fetched by the {resolver} resolver when it runs").into()),
            Self::Missing(name) => Some(format!("{name:?} is not in the input").into()),
            Self::Custom(kind) => Some(format!("custom task {kind}").into()),
        }
    }
}
