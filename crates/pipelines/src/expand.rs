//! What the runner asks when a step is about to start: results of earlier steps put in, guards evaluated. Pure.

use windlass_api::core;
use windlass_api::tekton;
use windlass_api::tekton::WhenExpression;
use windlass_engine::results;
use windlass_engine::steps;
use windlass_engine::steps::StepResults;
use windlass_engine::when;
use windlass_executor::Job;
use windlass_executor::job;
use windlass_executor::observation::StepReport;
use windlass_executor::runner::Expanded;

/// Puts results of earlier steps into a step and evaluates its guards.
///
/// # Errors
/// When a result that the step needs is missing, or a guard cannot be evaluated.
pub fn expand_step(job: &Job, step: usize, reports: &[StepReport]) -> Result<Expanded, String> {
    let Some(written) = job.steps.get(step) else {
        return Ok(Expanded::AsWritten);
    };
    let view = view(written);
    if written.when.is_empty() && !steps::uses_step_results(&view) {
        return Ok(Expanded::AsWritten);
    }
    let expanded = steps::expand_step(&view, &produced(job, reports)).map_err(|error| error.to_string())?;
    if !when::holds(&expanded.when).map_err(|error| error.to_string())? {
        return Ok(Expanded::Skip);
    }
    let mut step = written.clone();
    step.process.command = expanded.command;
    step.process.args = expanded.args;
    for (variable, expanded) in step.process.env.iter_mut().zip(expanded.env) {
        variable.value = expanded.value;
    }
    Ok(Expanded::Run(step))
}

/// The fields of a step in which results of earlier steps may stand.
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
