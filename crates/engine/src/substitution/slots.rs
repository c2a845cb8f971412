//! The fields of a task that accept variables.
//!
//! The list is that of upstream's `docs/variables.md`. Applying a pass and looking for references share it, so that a
//! field is either seen by both or by neither.

use windlass_api::core::EnvFromSource;
use windlass_api::core::EnvVar;
use windlass_api::core::KeyToPath;
use windlass_api::core::Volume;
use windlass_api::core::VolumeMount;
use windlass_api::core::VolumeProjection;
use windlass_api::tekton::EmbeddedTask;
use windlass_api::tekton::Param;
use windlass_api::tekton::ParamValue;
use windlass_api::tekton::Step;
use windlass_api::tekton::TaskSpec;
use windlass_api::tekton::WhenExpression;
use windlass_api::tekton::task::Sidecar;
use windlass_api::tekton::task::StepTemplate;
use windlass_api::tekton::workspaces::WorkspaceDeclaration;

/// Is shown every field that accepts variables, and may change it.
pub trait Visitor {
    /// Why a visit ends early.
    type Error;

    /// A field that holds one text.
    fn text(&mut self, text: &mut String) -> Result<(), Self::Error>;

    /// A field that holds texts, among which arrays may be spliced.
    fn list(&mut self, items: &mut Vec<String>) -> Result<(), Self::Error>;

    /// The value of a parameter.
    fn value(&mut self, value: &mut ParamValue) -> Result<(), Self::Error>;

    /// A guard.
    fn when(&mut self, when: &mut WhenExpression) -> Result<(), Self::Error>;
}

/// What a task and a task written inside a pipeline have in common.
#[derive(Debug)]
pub struct TaskParts<'a> {
    /// Containers that run one after another.
    pub steps: &'a mut Vec<Step>,
    /// Containers that run beside them.
    pub sidecars: &'a mut Vec<Sidecar>,
    /// Defaults of the steps.
    pub step_template: &'a mut Option<StepTemplate>,
    /// Volumes.
    pub volumes: &'a mut Vec<Volume>,
    /// Directories the task needs.
    pub workspaces: &'a mut Vec<WorkspaceDeclaration>,
}

impl<'a> From<&'a mut TaskSpec> for TaskParts<'a> {
    fn from(spec: &'a mut TaskSpec) -> Self {
        Self {
            steps: &mut spec.steps,
            sidecars: &mut spec.sidecars,
            step_template: &mut spec.step_template,
            volumes: &mut spec.volumes,
            workspaces: &mut spec.workspaces,
        }
    }
}

impl<'a> From<&'a mut EmbeddedTask> for TaskParts<'a> {
    fn from(spec: &'a mut EmbeddedTask) -> Self {
        Self {
            steps: &mut spec.steps,
            sidecars: &mut spec.sidecars,
            step_template: &mut spec.step_template,
            volumes: &mut spec.volumes,
            workspaces: &mut spec.workspaces,
        }
    }
}

/// Visits every field of a task.
pub fn visit_task<V: Visitor>(visitor: &mut V, parts: TaskParts<'_>) -> Result<(), V::Error> {
    for step in parts.steps {
        visit_params(visitor, &mut step.params)?;
        visit_step(visitor, step)?;
    }
    if let Some(template) = parts.step_template {
        container(visitor, Container::from(template))?;
    }
    for volume in parts.volumes {
        self::volume(visitor, volume)?;
    }
    for workspace in parts.workspaces {
        visitor.text(&mut workspace.mount_path)?;
    }
    for sidecar in parts.sidecars {
        visit_sidecar(visitor, sidecar)?;
    }
    Ok(())
}

/// Visits the values of parameters.
pub fn visit_params<V: Visitor>(visitor: &mut V, params: &mut [Param]) -> Result<(), V::Error> {
    params
        .iter_mut()
        .try_for_each(|param| visitor.value(&mut param.value))
}

/// Visits every field of a step except the parameters of its `StepAction`.
pub fn visit_step<V: Visitor>(visitor: &mut V, step: &mut Step) -> Result<(), V::Error> {
    visitor.text(&mut step.name)?;
    visitor.text(&mut step.script)?;
    visitor.text(&mut step.on_error)?;
    for config in [&mut step.stdout_config, &mut step.stderr_config]
        .into_iter()
        .flatten()
    {
        visitor.text(&mut config.path)?;
    }
    step.when.iter_mut().try_for_each(|when| visitor.when(when))?;
    container(visitor, Container::from(step))
}

/// Visits every field of a sidecar.
pub(crate) fn visit_sidecar<V: Visitor>(visitor: &mut V, sidecar: &mut Sidecar) -> Result<(), V::Error> {
    visitor.text(&mut sidecar.name)?;
    visitor.text(&mut sidecar.script)?;
    container(visitor, Container::from(sidecar))
}

/// What steps, sidecars and their template have in common.
struct Container<'a> {
    image: &'a mut String,
    image_pull_policy: &'a mut String,
    command: &'a mut Vec<String>,
    args: &'a mut Vec<String>,
    working_dir: &'a mut String,
    env: &'a mut Vec<EnvVar>,
    env_from: &'a mut Vec<EnvFromSource>,
    volume_mounts: &'a mut Vec<VolumeMount>,
}

macro_rules! container_of {
    ($kind:ty) => {
        impl<'a> From<&'a mut $kind> for Container<'a> {
            fn from(from: &'a mut $kind) -> Self {
                Self {
                    image: &mut from.image,
                    image_pull_policy: &mut from.image_pull_policy,
                    command: &mut from.command,
                    args: &mut from.args,
                    working_dir: &mut from.working_dir,
                    env: &mut from.env,
                    env_from: &mut from.env_from,
                    volume_mounts: &mut from.volume_mounts,
                }
            }
        }
    };
}

container_of!(Step);
container_of!(Sidecar);
container_of!(StepTemplate);

fn container<V: Visitor>(visitor: &mut V, parts: Container<'_>) -> Result<(), V::Error> {
    visitor.text(parts.image)?;
    visitor.text(parts.image_pull_policy)?;
    visitor.list(parts.command)?;
    visitor.list(parts.args)?;
    visitor.text(parts.working_dir)?;
    for variable in parts.env {
        environment(visitor, variable)?;
    }
    for source in parts.env_from {
        visitor.text(&mut source.prefix)?;
        for object in [&mut source.config_map_ref, &mut source.secret_ref]
            .into_iter()
            .flatten()
        {
            visitor.text(&mut object.name)?;
        }
    }
    for mount in parts.volume_mounts {
        visitor.text(&mut mount.name)?;
        visitor.text(&mut mount.mount_path)?;
        visitor.text(&mut mount.sub_path)?;
    }
    Ok(())
}

fn environment<V: Visitor>(visitor: &mut V, variable: &mut EnvVar) -> Result<(), V::Error> {
    visitor.text(&mut variable.value)?;
    if let Some(source) = &mut variable.value_from {
        for key in [&mut source.secret_key_ref, &mut source.config_map_key_ref]
            .into_iter()
            .flatten()
        {
            visitor.text(&mut key.name)?;
            visitor.text(&mut key.key)?;
        }
    }
    Ok(())
}

fn volume<V: Visitor>(visitor: &mut V, volume: &mut Volume) -> Result<(), V::Error> {
    visitor.text(&mut volume.name)?;
    if let Some(source) = &mut volume.config_map {
        visitor.text(&mut source.name)?;
        items(visitor, &mut source.items)?;
    }
    if let Some(source) = &mut volume.secret {
        visitor.text(&mut source.secret_name)?;
        items(visitor, &mut source.items)?;
    }
    if let Some(claim) = &mut volume.persistent_volume_claim {
        visitor.text(&mut claim.claim_name)?;
    }
    for source in volume
        .projected
        .iter_mut()
        .flat_map(|projected| &mut projected.sources)
    {
        projection(visitor, source)?;
    }
    if let Some(csi) = &mut volume.csi {
        if let Some(secret) = &mut csi.node_publish_secret_ref {
            visitor.text(&mut secret.name)?;
        }
        csi.volume_attributes
            .values_mut()
            .try_for_each(|text| visitor.text(text))?;
    }
    Ok(())
}

fn projection<V: Visitor>(visitor: &mut V, source: &mut VolumeProjection) -> Result<(), V::Error> {
    if let Some(part) = &mut source.config_map {
        visitor.text(&mut part.name)?;
    }
    if let Some(part) = &mut source.secret {
        visitor.text(&mut part.name)?;
    }
    let audience = source
        .service_account_token
        .as_mut()
        .and_then(|token| token.get_mut("audience"));
    if let Some(serde_json::Value::String(text)) = audience {
        visitor.text(text)?;
    }
    Ok(())
}

pub(super) fn items<V: Visitor>(visitor: &mut V, items: &mut [KeyToPath]) -> Result<(), V::Error> {
    for item in items {
        visitor.text(&mut item.key)?;
        visitor.text(&mut item.path)?;
    }
    Ok(())
}
