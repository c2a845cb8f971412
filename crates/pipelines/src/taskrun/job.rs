//! A substituted task and what it refers to, as a job for a runner. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use windlass_api::core::PodTemplate;
use windlass_api::core::Probe;
use windlass_api::core::ResourceRequirements;
use windlass_api::core::SecurityContext;
use windlass_api::quantity::IntOrString;
use windlass_api::tekton::Step;
use windlass_api::tekton::TaskRun;
use windlass_api::tekton::TaskSpec;
use windlass_api::tekton::task::Sidecar;
use windlass_api::tekton::workspaces::WorkspaceBinding;
use windlass_executor::Job;
use windlass_executor::backend::expand_env;
use windlass_executor::job;

use super::credentials;
use super::environment::Environment;
use super::files;
use super::files::ConfigError;
use super::files::PodFields;
use super::needs::Found;
use super::volumes;
use super::volumes::BoundWorkspace;

/// What goes in front of a script that names no interpreter.
const PREAMBLE: &str = "#!/bin/sh\nset -e\n";

/// Everything a job is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ingredients<'a> {
    pub(crate) run: &'a TaskRun,
    /// The task, substituted, with templates and step actions merged in.
    pub(crate) spec: &'a TaskSpec,
    /// The run's workspaces, with parameters put in and templates replaced by their claims.
    pub(crate) workspaces: &'a [WorkspaceBinding],
    /// The run's pod template, with parameters put in.
    pub(crate) template: &'a PodTemplate,
    pub(crate) found: &'a Found,
    pub(crate) pod: &'a str,
    pub(crate) attempt: u32,
    pub(crate) timeout: Option<Duration>,
    pub(crate) max_result_bytes: Option<usize>,
    pub(crate) allow_host_path: bool,
}

/// Makes the job.
pub(crate) fn build(from: Ingredients<'_>) -> Result<Job, ConfigError> {
    let template = from.template;
    let fields = pod_fields(&from);
    let resolve = |volume: &_| volumes::source(volume, from.found, &fields, from.allow_host_path);
    let mut all = Vec::new();
    for volume in from.spec.volumes.iter().chain(&template.volumes) {
        all.push(job::Volume {
            name: volume.name.clone(),
            source: resolve(volume)?,
        });
    }
    let workspaces = volumes::workspaces(from.spec, from.workspaces, &mut all, resolve)?;
    let context = Context {
        found: from.found,
        fields: &fields,
        template,
        workspaces: &workspaces,
    };
    let mut masks = Vec::new();
    let steps = from.spec.steps.iter().enumerate();
    let steps: Vec<job::Step> = steps
        .map(|(index, step)| context.step(index, step, &mut masks))
        .collect::<Result<_, _>>()?;
    let sidecars = from
        .spec
        .sidecars
        .iter()
        .map(|sidecar| context.sidecar(sidecar, &mut masks))
        .collect::<Result<_, _>>()?;
    let (credentials, warnings) = credentials::files(from.found);
    for warning in warnings {
        tracing::warn!(task_run = from.run.metadata.name, warning);
    }
    masks.extend(credentials.values().cloned());
    let masks = complete(masks, from.found);
    Ok(Job {
        id: job::AttemptId {
            task_run_uid: from.run.metadata.uid.clone(),
            attempt: from.attempt,
        },
        namespace: from.run.metadata.namespace.clone(),
        task_run: from.run.metadata.name.clone(),
        pod: from.pod.to_owned(),
        steps,
        sidecars,
        volumes: all,
        results: from
            .spec
            .results
            .iter()
            .filter(|result| result.value.is_none())
            .map(|r| r.name.clone())
            .collect(),
        credentials,
        pull_logins: credentials::logins(from.found, &template.image_pull_secrets),
        masks,
        timeout: from.timeout,
        max_result_bytes: from.max_result_bytes,
        breakpoints: breakpoints(from.run),
    })
}

fn pull_policy(text: &str) -> job::PullPolicy {
    match text {
        "Always" => job::PullPolicy::Always,
        "Never" => job::PullPolicy::Never,
        _ => job::PullPolicy::IfNotPresent,
    }
}

fn pod_fields(from: &Ingredients<'_>) -> PodFields {
    PodFields {
        name: from.pod.to_owned(),
        namespace: from.run.metadata.namespace.clone(),
        uid: from.run.metadata.uid.clone(),
        service_account: from.run.spec.service_account_name.clone(),
        labels: from.run.metadata.labels.clone(),
        annotations: from.run.metadata.annotations.clone(),
    }
}

fn breakpoints(run: &TaskRun) -> job::Breakpoints {
    let breakpoints = run
        .spec
        .debug
        .as_ref()
        .and_then(|debug| debug.breakpoints.clone())
        .unwrap_or_default();
    job::Breakpoints {
        on_failure: breakpoints.on_failure == "enabled",
        before_steps: breakpoints.before_steps,
    }
}

/// Every secret that the task may have got hold of, once: whether it is mounted, part of a credential, or came in a
/// parameter, it is no one's business in a log.
fn complete(mut masks: Vec<job::Secret>, found: &Found) -> Vec<job::Secret> {
    let secrets = found.secrets.values().chain(&found.bystanders);
    masks.extend(secrets.flat_map(|secret| files::secret_data(secret).into_values().map(job::Secret::new)));
    let mut seen = BTreeSet::new();
    masks.retain(|mask| !mask.expose().is_empty() && seen.insert(mask.expose().to_vec()));
    masks
}

/// What all containers of an attempt share.
struct Context<'a> {
    found: &'a Found,
    fields: &'a PodFields,
    template: &'a PodTemplate,
    workspaces: &'a [BoundWorkspace],
}

impl Context<'_> {
    fn step(
        &self,
        index: usize,
        step: &Step,
        masks: &mut Vec<job::Secret>,
    ) -> Result<job::Step, ConfigError> {
        let (env, secrets) = Environment::resolve(
            &step.env_from,
            &step.env,
            &self.template.env,
            self.found,
            self.fields,
        )?;
        masks.extend(secrets);
        let mounts = volumes::mounts(&step.volume_mounts, &step.workspaces, self.workspaces, |text| {
            in_env(text, &env)
        });
        Ok(job::Step {
            name: if step.name.is_empty() {
                format!("unnamed-{index}")
            } else {
                step.name.clone()
            },
            process: job::Process {
                image: step.image.clone(),
                pull: pull_policy(&step.image_pull_policy),
                command: step.command.clone(),
                args: step.args.clone(),
                script: script(&step.script),
                env,
                working_dir: step.working_dir.clone(),
                mounts,
                security: self.security(step.security_context.as_ref()),
                limits: limits(&step.compute_resources),
            },
            timeout: step
                .timeout
                .filter(|timeout| !timeout.is_zero())
                .map(windlass_api::Duration::to_std),
            continue_on_error: step.on_error == "continue",
            when: step
                .when
                .iter()
                .map(|when| job::When {
                    input: when.input.clone(),
                    operator: when.operator.clone(),
                    values: when.values.clone(),
                    cel: when.cel.clone(),
                })
                .collect(),
            results: step.results.iter().map(|result| result.name.clone()).collect(),
            stdout_path: output_path(step.stdout_config.as_ref()),
            stderr_path: output_path(step.stderr_config.as_ref()),
        })
    }

    fn sidecar(&self, sidecar: &Sidecar, masks: &mut Vec<job::Secret>) -> Result<job::Sidecar, ConfigError> {
        let (env, secrets) = Environment::resolve(
            &sidecar.env_from,
            &sidecar.env,
            &self.template.env,
            self.found,
            self.fields,
        )?;
        masks.extend(secrets);
        let mounts = volumes::mounts(
            &sidecar.volume_mounts,
            &sidecar.workspaces,
            self.workspaces,
            |text| in_env(text, &env),
        );
        Ok(job::Sidecar {
            name: sidecar.name.clone(),
            process: job::Process {
                image: sidecar.image.clone(),
                pull: pull_policy(&sidecar.image_pull_policy),
                command: sidecar.command.clone(),
                args: sidecar.args.clone(),
                script: script(&sidecar.script),
                env,
                working_dir: sidecar.working_dir.clone(),
                mounts,
                security: self.security(sidecar.security_context.as_ref()),
                limits: limits(&sidecar.compute_resources),
            },
            readiness: sidecar
                .readiness_probe
                .as_ref()
                .and_then(|probe| readiness(probe, sidecar)),
        })
    }

    /// A container's identity over the pod's.
    fn security(&self, own: Option<&SecurityContext>) -> job::Security {
        let pod = self.template.security_context.clone().unwrap_or_default();
        let own = own.cloned().unwrap_or_default();
        let id = |value: Option<i64>| value.and_then(|value| u32::try_from(value).ok());
        let capabilities = own.capabilities.unwrap_or_default();
        job::Security {
            user: id(own.run_as_user.or(pod.run_as_user)),
            group: id(own.run_as_group.or(pod.run_as_group)),
            fs_group: id(pod.fs_group),
            supplemental_groups: pod
                .supplemental_groups
                .iter()
                .filter_map(|group| id(Some(*group)))
                .collect(),
            privileged: own.privileged.unwrap_or(false),
            run_as_non_root: own.run_as_non_root.or(pod.run_as_non_root).unwrap_or(false),
            read_only_root: own.read_only_root_filesystem.unwrap_or(false),
            allow_privilege_escalation: own.allow_privilege_escalation,
            add_capabilities: capabilities.add,
            drop_capabilities: capabilities.drop,
        }
    }
}

fn in_env(text: &str, env: &[job::EnvVar]) -> String {
    expand_env(text, |name| {
        env.iter()
            .find(|variable| variable.name == name)
            .map(|variable| variable.value.as_str())
    })
}

fn output_path(config: Option<&windlass_api::tekton::task::StepOutputConfig>) -> Option<String> {
    config
        .map(|config| config.path.clone())
        .filter(|path| !path.is_empty())
}

/// A script with its interpreter line, or nothing when there is no script.
fn script(text: &str) -> Option<String> {
    if text.trim().is_empty() {
        return None;
    }
    let has_interpreter = text.trim_start().starts_with("#!");
    Some(if has_interpreter {
        text.trim_start().to_owned()
    } else {
        format!("{PREAMBLE}{text}")
    })
}

fn limits(resources: &ResourceRequirements) -> job::Limits {
    job::Limits {
        cpu_millis: resources
            .limits
            .get("cpu")
            .and_then(|cpu| u64::try_from(cpu.millis()?).ok()),
        memory_bytes: resources
            .limits
            .get("memory")
            .and_then(windlass_api::quantity::Quantity::units),
    }
}

/// A probe with its defaults; one that this plane cannot carry out counts as no probe.
fn readiness(probe: &Probe, sidecar: &Sidecar) -> Option<job::Probe> {
    let port = |port: &IntOrString| match port {
        IntOrString::Int(number) => u16::try_from(*number).ok(),
        IntOrString::String(name) => {
            let named = sidecar.ports.iter().find(|port| port.name == *name);
            named
                .and_then(|port| u16::try_from(port.container_port).ok())
                .or_else(|| name.parse().ok())
        }
    };
    let check = match (&probe.exec, &probe.tcp_socket, &probe.http_get) {
        (Some(exec), _, _) => job::Check::Exec(exec.command.clone()),
        (None, Some(socket), _) => job::Check::Tcp {
            port: port(&socket.port)?,
        },
        (None, None, Some(get)) => {
            let path = if get.path.is_empty() {
                "/".to_owned()
            } else {
                get.path.clone()
            };
            job::Check::Http {
                port: port(&get.port)?,
                path,
            }
        }
        (None, None, None) => return None,
    };
    let seconds = |value: i32, default: u64| match u64::try_from(value) {
        Ok(value) if value > 0 => Duration::from_secs(value),
        Ok(_) | Err(_) => Duration::from_secs(default),
    };
    Some(job::Probe {
        check,
        initial_delay: seconds(probe.initial_delay_seconds, 0),
        period: seconds(probe.period_seconds, 10),
        timeout: seconds(probe.timeout_seconds, 1),
        success_threshold: u32::try_from(probe.success_threshold).unwrap_or(1).max(1),
    })
}
