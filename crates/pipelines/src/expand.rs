//! What the runner asks when a step is about to start: results and artifacts of earlier steps put in, guards evaluated.
//! Pure.

use windlass_api::core;
use windlass_api::tekton;
use windlass_api::tekton::WhenExpression;
use windlass_api::tekton::provenance::Artifacts;
use windlass_engine::results;
use windlass_engine::results::ArtifactScope;
use windlass_engine::steps;
use windlass_engine::steps::StepResults;
use windlass_engine::when;
use windlass_executor::Job;
use windlass_executor::job;
use windlass_executor::observation::StepReport;
use windlass_executor::runner::Expanded;

/// Puts results and artifacts of earlier steps into a step and evaluates its guards.
///
/// Artifacts that no step declared stay as they are written.
///
/// # Errors
/// When a result that the step needs is missing, or a guard cannot be evaluated.
pub fn expand_step(job: &Job, step: usize, reports: &[StepReport]) -> Result<Expanded, String> {
    let Some(written) = job.steps.get(step) else {
        return Ok(Expanded::AsWritten);
    };
    let view = view(written);
    let wants_results = !written.when.is_empty() || steps::uses_step_results(&view);
    let wants_artifacts = uses_artifacts(&written.process);
    if !wants_results && !wants_artifacts {
        return Ok(Expanded::AsWritten);
    }
    let mut expanded =
        steps::expand_step(&view, &produced(job, reports)).map_err(|error| error.to_string())?;
    if !when::holds(&expanded.when).map_err(|error| error.to_string())? {
        return Ok(Expanded::Skip);
    }
    let mut step = written.clone();
    if wants_artifacts {
        expanded.script = step.process.script.take().unwrap_or_default();
        expanded = with_artifacts(&expanded, job, reports)?;
        step.process.script = Some(expanded.script).filter(|script| !script.is_empty());
    }
    step.process.command = expanded.command;
    step.process.args = expanded.args;
    for (variable, expanded) in step.process.env.iter_mut().zip(expanded.env) {
        variable.value = expanded.value;
    }
    Ok(Expanded::Run(step))
}

fn uses_artifacts(process: &job::Process) -> bool {
    let texts = process.script.iter().chain(&process.command).chain(&process.args);
    let mut texts = texts.chain(process.env.iter().map(|variable| &variable.value));
    texts.any(|text| results::uses_step_artifacts(text))
}

fn with_artifacts(step: &tekton::Step, job: &Job, reports: &[StepReport]) -> Result<tekton::Step, String> {
    let declared: Vec<(&str, Artifacts)> = reports
        .iter()
        .filter_map(|report| {
            let name = job.steps.get(report.step)?.name.as_str();
            Some((name, serde_json::from_str(report.artifacts.as_deref()?).ok()?))
        })
        .collect();
    let declared = declared.iter().map(|(name, artifacts)| (*name, artifacts));
    let values = results::artifact_values(ArtifactScope::Steps, declared);
    results::expand_step_artifacts(step, &values).map_err(|error| error.to_string())
}

/// The fields of a step in which results of earlier steps may stand; a script holds none.
fn view(step: &job::Step) -> tekton::Step {
    let env = step.process.env.iter();
    let when = step.when.iter();
    tekton::Step {
        command: step.process.command.clone(),
        args: step.process.args.clone(),
        env: env
            .map(|variable| core::EnvVar {
                name: variable.name.clone(),
                value: variable.value.clone(),
                value_from: None,
            })
            .collect(),
        when: when
            .map(|when| WhenExpression {
                input: when.input.clone(),
                operator: when.operator.clone(),
                values: when.values.clone(),
                cel: when.cel.clone(),
            })
            .collect(),
        ..tekton::Step::default()
    }
}

fn produced(job: &Job, reports: &[StepReport]) -> StepResults {
    let named = reports
        .iter()
        .filter_map(|report| Some((job.steps.get(report.step)?.name.clone(), report)));
    let values = |report: &StepReport| {
        report
            .results
            .iter()
            .map(|(name, text)| (name.clone(), results::from_file(text)))
            .collect()
    };
    named.map(|(name, report)| (name, values(report))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::SystemTime;

    use windlass_executor::job::EnvVar;
    use windlass_executor::job::Process;
    use windlass_executor::observation::StepEnd;

    use super::*;

    fn job(processes: [Process; 2]) -> Job {
        let steps = processes.into_iter().enumerate();
        let steps = steps.map(|(index, process)| job::Step {
            name: format!("unnamed-{index}"),
            process,
            ..job::Step::default()
        });
        Job {
            id: job::AttemptId {
                task_run_uid: "u".into(),
                attempt: 0,
            },
            namespace: "default".into(),
            task_run: "r".into(),
            pod: "r-pod".into(),
            steps: steps.collect(),
            sidecars: Vec::new(),
            volumes: Vec::new(),
            results: Vec::new(),
            credentials: BTreeMap::new(),
            masks: Vec::new(),
            pull_logins: Vec::new(),
            timeout: None,
            max_result_bytes: None,
            breakpoints: job::Breakpoints::default(),
        }
    }

    fn declaring(artifacts: &str) -> StepReport {
        StepReport {
            step: 0,
            started_at: SystemTime::UNIX_EPOCH,
            finished_at: SystemTime::UNIX_EPOCH,
            end: StepEnd::Exited(0),
            results: BTreeMap::new(),
            task_results: BTreeMap::new(),
            artifacts: Some(artifacts.into()),
            task_artifacts: None,
            image_id: String::new(),
        }
    }

    #[test]
    fn artifacts_are_put_in_where_a_step_may_use_them() {
        let process = |image: &str, value: &str| Process {
            image: image.into(),
            command: vec!["cat".into(), value.into()],
            args: vec![value.into(), "$(steps.unnamed-0.outputs.gone)".into()],
            script: Some(format!("cat {value}")),
            env: vec![EnvVar {
                name: "E".into(),
                value: value.into(),
            }],
            working_dir: image.into(),
            ..Process::default()
        };
        let uses = "$(steps.unnamed-0.outputs.image)";
        let job = job([Process::default(), process(uses, uses)]);
        let report = declaring(r#"{"outputs": [{"name": "image", "values": [{"uri": "oci:a"}]}]}"#);

        let Ok(Expanded::Run(step)) = expand_step(&job, 1, &[report]) else {
            unreachable!("the step uses artifacts");
        };
        assert_eq!(step.process, process(uses, r#"[{"uri":"oci:a"}]"#));
    }
}
