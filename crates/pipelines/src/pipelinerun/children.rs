//! The objects that a pipeline task is carried out by. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use windlass_api::Duration;
use windlass_api::Object;
use windlass_api::meta::ObjectMeta;
use windlass_api::names;
use windlass_api::reasons::annotations;
use windlass_api::reasons::labels;
use windlass_api::tekton::CustomRun;
use windlass_api::tekton::EmbeddedTask;
use windlass_api::tekton::Param;
use windlass_api::tekton::PipelineRun;
use windlass_api::tekton::PipelineTask;
use windlass_api::tekton::TaskRun;
use windlass_api::tekton::TaskSpec;
use windlass_api::tekton::customrun::CustomRunSpec;
use windlass_api::tekton::customrun::EmbeddedCustomRunSpec;
use windlass_api::tekton::pipelinerun::PipelineRunSpec;
use windlass_api::tekton::pipelinerun::PipelineTaskRunSpec;
use windlass_api::tekton::taskrun::TaskRunSpec;
use windlass_api::tekton::workspaces::WorkspaceBinding;
use windlass_engine::NodeId;
use windlass_engine::context;
use windlass_engine::graph::Section;
use windlass_engine::matrix;
use windlass_engine::params;
use windlass_engine::results;

use super::decide::timeouts;
use super::tracker::Knowledge;
use super::tracker::Work;
use super::workspaces;
use crate::metadata::RELEASE;
use crate::metadata::owner;

/// Why a task cannot be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The run ends at once, with this reason and message.
    Run(&'static str, String),
    /// The task counts as failed validation, with this message.
    Task(String),
}

/// An object to create, and what the run's status says of it.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) object: Object,
    pub(crate) display_name: String,
}

/// One run of a task: its name, parameters, and name for people.
struct Call {
    name: String,
    params: Vec<Param>,
    display_name: String,
}

/// What children are made from.
pub(crate) struct Parent<'a> {
    pub(crate) run: &'a PipelineRun,
    pub(crate) knowledge: &'a Knowledge,
    /// The run's workspaces, claim templates replaced by claims.
    pub(crate) workspaces: &'a [WorkspaceBinding],
    pub(crate) default_timeout: Duration,
    pub(crate) max_combinations: usize,
}

impl Parent<'_> {
    /// Everything to create for a task whose turn has come.
    pub(crate) fn drafts(&self, node: NodeId) -> Result<Vec<Draft>, Refused> {
        let (Some(task), Some(work)) = (self.knowledge.task(node), self.knowledge.work.get(node.index()))
        else {
            return Ok(Vec::new());
        };
        let task = self.filled(node, task)?;
        let drafts = self.calls(&task)?.into_iter().map(|call| {
            let Call {
                name,
                params,
                display_name,
            } = call;
            let object = match work {
                Work::Task(definition) => {
                    let spec = definition.as_ref().map(|definition| &definition.spec);
                    self.task_run(node, &task, spec, name, params)?
                }
                Work::Embedded => self.task_run(node, &task, None, name, params)?,
                Work::Custom => self.custom_run(node, &task, name, params)?,
                Work::Pipeline(pipeline) => {
                    self.pipeline_run(node, &task, pipeline.as_deref(), name, params)?
                }
            };
            Ok(Draft { object, display_name })
        });
        drafts.collect()
    }

    /// The names for people of a task's children, by the children's names.
    pub(crate) fn display_names(&self, node: NodeId) -> Vec<(String, String)> {
        let Some(task) = self.knowledge.task(node) else {
            return Vec::new();
        };
        let calls = self.filled(node, task).and_then(|task| self.calls(&task));
        // A task that has children could be called.
        let calls = calls.unwrap_or_default();
        calls
            .into_iter()
            .map(|call| (call.name, call.display_name))
            .collect()
    }

    /// One call for each combination of the task's matrix.
    fn calls(&self, task: &PipelineTask) -> Result<Vec<Call>, Refused> {
        let combinations = match &task.matrix {
            None => vec![Vec::new()],
            Some(matrix) => {
                let refuse = |error: matrix::Error| {
                    let message = format!("Failed to validate matrix {:?} with error {error}", task.name);
                    Refused::Run(
                        "InvalidMatrixParameterTypes",
                        format!("{}{message}", params::USER_ERROR),
                    )
                };
                matrix::validate_types(&task.name, matrix).map_err(refuse)?;
                matrix::fan_out(matrix, self.max_combinations).map_err(refuse)?
            }
        };
        let alone = combinations.len() == 1;
        let calls = combinations.into_iter().enumerate().map(|(index, combination)| {
            let suffix = if alone {
                format!("-{}", task.name)
            } else {
                format!("-{}-{index}", task.name)
            };
            let name = names::child_name(&self.run.metadata.name, &suffix);
            let params: Vec<Param> = combination
                .into_iter()
                .chain(task.params.iter().cloned())
                .collect();
            let display_name =
                matrix::display_name(task, &params).unwrap_or_else(|_| task.display_name.clone());
            Call {
                name,
                params,
                display_name,
            }
        });
        Ok(calls.collect())
    }

    /// The task with results, artifacts, context and the outcome of others put in.
    fn filled(&self, node: NodeId, task: &PipelineTask) -> Result<PipelineTask, Refused> {
        let knowledge = self.knowledge;
        let task = results::apply_task_results(task, &knowledge.results)
            .map_err(|error| Refused::Run("InvalidTaskResultReference", error.to_string()))?;
        let too_large = |error: windlass_engine::substitution::Error| Refused::Task(error.to_string());
        let task = results::apply_task_artifacts(&task, &knowledge.artifacts).map_err(too_large)?;
        let task = context::apply_pipeline_task_context(&task, &knowledge.spec, &knowledge.results)
            .map_err(too_large)?;
        match knowledge.finally.as_ref().filter(|_| knowledge.is_final(node)) {
            Some(values) => context::apply_finally_context(&task, values).map_err(too_large),
            None => Ok(task),
        }
    }

    fn task_run(
        &self,
        node: NodeId,
        task: &PipelineTask,
        definition: Option<&TaskSpec>,
        name: String,
        params: Vec<Param>,
    ) -> Result<Object, Refused> {
        let declared = definition.map(|definition| definition.params.as_slice());
        let declared =
            declared.or_else(|| task.task_spec.as_ref().map(|embedded| embedded.params.as_slice()));
        if let Some(declared) = declared {
            params::validate_enum(declared, &params).map_err(|error| {
                let message = format!(
                    "Invalid param value from PipelineTask {:?}: {}{error}",
                    task.name,
                    params::USER_ERROR
                );
                Refused::Run("InvalidParamValue", message)
            })?;
        }
        let settings = self.settings(task);
        let mut metadata = self.metadata(node, task, &settings, name);
        metadata
            .annotations
            .insert(annotations::RELEASE.to_owned(), RELEASE.to_owned());
        if task.on_error == "continue" {
            metadata.annotations.insert(
                annotations::PIPELINE_TASK_ON_ERROR.to_owned(),
                task.on_error.clone(),
            );
        }
        let run = TaskRun {
            metadata,
            spec: Arc::new(TaskRunSpec {
                retries: task.retries,
                params,
                service_account_name: settings.service_account_name.clone(),
                pod_template: settings.pod_template.clone(),
                step_specs: settings.step_specs.clone(),
                sidecar_specs: settings.sidecar_specs.clone(),
                compute_resources: settings.compute_resources.clone(),
                timeout: Some(self.timeout(node, task, &settings)),
                task_ref: task.task_ref.clone(),
                task_spec: task.task_spec.as_ref().map(task_spec),
                workspaces: self.bindings(task, definition)?,
                ..TaskRunSpec::default()
            }),
            ..TaskRun::default()
        };
        Ok(Object::TaskRun(Arc::new(run)))
    }

    fn custom_run(
        &self,
        node: NodeId,
        task: &PipelineTask,
        name: String,
        params: Vec<Param>,
    ) -> Result<Object, Refused> {
        let settings = self.settings(task);
        let custom_spec = task.task_spec.as_ref().map(|embedded| EmbeddedCustomRunSpec {
            api_version: embedded.api_version.clone(),
            kind: embedded.kind.clone(),
            metadata: embedded.metadata.clone(),
            spec: embedded.spec.clone(),
        });
        let run = CustomRun {
            metadata: self.metadata(node, task, &settings, name),
            spec: CustomRunSpec {
                custom_ref: task.task_ref.clone(),
                custom_spec,
                params,
                retries: task.retries,
                service_account_name: settings.service_account_name.clone(),
                timeout: Some(self.timeout(node, task, &settings)),
                workspaces: self.bindings(task, None)?,
                ..CustomRunSpec::default()
            },
            ..CustomRun::default()
        };
        Ok(Object::CustomRun(Arc::new(run)))
    }

    fn pipeline_run(
        &self,
        node: NodeId,
        task: &PipelineTask,
        pipeline: Option<&str>,
        name: String,
        params: Vec<Param>,
    ) -> Result<Object, Refused> {
        let mut metadata = self.metadata(node, task, &self.settings(task), name);
        // The label names the pipeline that an object runs, and that is not the parent's.
        match pipeline {
            Some(pipeline) => metadata
                .labels
                .insert(labels::PIPELINE.to_owned(), pipeline.to_owned()),
            None => metadata.labels.remove(labels::PIPELINE),
        };
        let run = PipelineRun {
            metadata,
            spec: Arc::new(PipelineRunSpec {
                pipeline_ref: task.pipeline_ref.clone(),
                pipeline_spec: task.pipeline_spec.as_deref().cloned(),
                params,
                task_run_template: self.run.spec.task_run_template.clone(),
                workspaces: self.bindings(task, None)?,
                ..PipelineRunSpec::default()
            }),
            ..PipelineRun::default()
        };
        Ok(Object::PipelineRun(Arc::new(run)))
    }

    fn bindings(
        &self,
        task: &PipelineTask,
        definition: Option<&TaskSpec>,
    ) -> Result<Vec<WorkspaceBinding>, Refused> {
        workspaces::bindings(task, definition, self.workspaces)
            .map_err(|message| Refused::Run("CreateRunFailed", message))
    }

    fn timeout(&self, node: NodeId, task: &PipelineTask, settings: &PipelineTaskRunSpec) -> Duration {
        let section = if self.knowledge.is_final(node) {
            Section::Finally
        } else {
            Section::Dag
        };
        timeouts(self.run).of_task(section, settings.timeout, task.timeout, self.default_timeout)
    }

    /// What the run says about the runs of a task: its own settings over the template for all.
    fn settings(&self, task: &PipelineTask) -> PipelineTaskRunSpec {
        let template = &self.run.spec.task_run_template;
        let own = self
            .run
            .spec
            .task_run_specs
            .iter()
            .find(|settings| settings.pipeline_task_name == task.name);
        let mut settings = own.cloned().unwrap_or_default();
        if settings.service_account_name.is_empty() {
            settings
                .service_account_name
                .clone_from(&template.service_account_name);
        }
        settings.pod_template = merged(template.pod_template.as_ref(), settings.pod_template.as_ref());
        settings
    }

    fn metadata(
        &self,
        node: NodeId,
        task: &PipelineTask,
        settings: &PipelineTaskRunSpec,
        name: String,
    ) -> ObjectMeta {
        let run = &self.run.metadata;
        let own = settings.metadata.clone().unwrap_or_default();
        let embedded = task
            .task_spec
            .as_ref()
            .map(|embedded| embedded.metadata.clone())
            .unwrap_or_default();
        let member = if self.knowledge.is_final(node) {
            labels::MEMBER_OF_FINALLY
        } else {
            labels::MEMBER_OF_TASKS
        };
        let mut inherited = run.labels.clone();
        for (key, value) in [
            (labels::PIPELINE_RUN, run.name.as_str()),
            (labels::PIPELINE_RUN_UID, run.uid.as_str()),
            (labels::PIPELINE_TASK, task.name.as_str()),
            (labels::MEMBER_OF, member),
        ] {
            inherited.insert(key.to_owned(), value.to_owned());
        }
        let mut handed_on = run.annotations.clone();
        // What `kubectl apply` leaves on an object describes that object alone.
        handed_on
            .retain(|key, _| key != annotations::LAST_APPLIED && !key.contains(annotations::RESERVED_GROUP));
        ObjectMeta {
            name,
            namespace: run.namespace.clone(),
            labels: first_wins([own.labels, inherited, embedded.labels]),
            annotations: first_wins([own.annotations, handed_on, embedded.annotations]),
            owner_references: vec![owner(self.run)],
            ..ObjectMeta::default()
        }
    }
}

fn first_wins<const N: usize>(maps: [BTreeMap<String, String>; N]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (key, value) in maps.into_iter().flatten() {
        all.entry(key).or_insert(value);
    }
    all
}

/// A pod template with the fields of another where it has none of its own.
fn merged(
    template: Option<&windlass_api::core::PodTemplate>,
    own: Option<&windlass_api::core::PodTemplate>,
) -> Option<windlass_api::core::PodTemplate> {
    let (Some(template), Some(own)) = (template, own) else {
        return own.or(template).cloned();
    };
    let (Ok(mut all), Ok(own)) = (serde_json::to_value(template), serde_json::to_value(own)) else {
        return Some(own.clone());
    };
    if let (Some(all), serde_json::Value::Object(own)) = (all.as_object_mut(), own) {
        all.extend(own);
    }
    serde_json::from_value(all).ok()
}

/// An embedded task as a `TaskRun` holds it.
fn task_spec(embedded: &EmbeddedTask) -> TaskSpec {
    let embedded = embedded.clone();
    TaskSpec {
        params: embedded.params,
        display_name: embedded.display_name,
        description: embedded.description,
        steps: embedded.steps,
        volumes: embedded.volumes,
        step_template: embedded.step_template,
        sidecars: embedded.sidecars,
        workspaces: embedded.workspaces,
        results: embedded.results,
    }
}
