//! Whether a custom run can be carried out here. Pure.

use windlass_api::Time;
use windlass_api::conditions;
use windlass_api::tekton::CustomRun;
use windlass_api::tekton::customrun::CustomRunStatus;

/// Reason of a custom run whose kind nobody knows.
const UNKNOWN_KIND: &str = "NoControllerForKind";

/// The status that ends a custom run here; `None` when it has ended already.
pub(crate) fn ended(run: &CustomRun, now: Time) -> Option<CustomRunStatus> {
    if conditions::is_done(&run.status.conditions) {
        return None;
    }
    let mut status = run.status.clone();
    status.start_time.get_or_insert(now);
    status.completion_time = Some(now);
    let (reason, message) = if run.spec.status == "RunCancelled" {
        (
            "CustomRunCancelled",
            format!(
                "CustomRun {:?} was cancelled. {}",
                run.metadata.name, run.spec.status_message
            ),
        )
    } else {
        (UNKNOWN_KIND, unknown(run))
    };
    conditions::set(
        &mut status.conditions,
        "Succeeded",
        "False",
        reason,
        &message,
        now,
    );
    Some(status)
}

fn unknown(run: &CustomRun) -> String {
    let (api_version, kind, name) = match (&run.spec.custom_ref, &run.spec.custom_spec) {
        (Some(reference), _) => (&reference.api_version, &reference.kind, reference.name.as_str()),
        (None, Some(spec)) => (&spec.api_version, &spec.kind, ""),
        (None, None) => return "it names neither customRef nor customSpec".to_owned(),
    };
    let mut message = format!("no controller of this plane carries out {kind} of {api_version}");
    if api_version.starts_with("tekton.dev/") && kind == "Task" {
        message = format!("{message}; to run the Task {name:?}, leave apiVersion out of taskRef");
    }
    message
}

#[cfg(test)]
mod tests {
    use windlass_api::tekton::customrun::CustomRunSpec;
    use windlass_api::tekton::task::TaskRef;

    use super::*;

    fn run(api_version: &str, kind: &str, status: &str) -> CustomRun {
        let reference = TaskRef {
            api_version: api_version.into(),
            kind: kind.into(),
            name: "t".into(),
            ..TaskRef::default()
        };
        let spec = CustomRunSpec {
            custom_ref: Some(reference),
            status: status.into(),
            ..CustomRunSpec::default()
        };
        let mut run = CustomRun {
            spec,
            ..CustomRun::default()
        };
        run.metadata.name = "r".into();
        run
    }

    #[test]
    fn a_run_that_nobody_knows_ends_with_a_way_out() {
        let rows = [
            (
                run("example.dev/v1", "Wait", ""),
                "NoControllerForKind: no controller of this plane carries out Wait of example.dev/v1",
            ),
            (
                run("tekton.dev/v1", "Task", ""),
                "NoControllerForKind: no controller of this plane carries out Task of tekton.dev/v1; to run the Task \
                 \"t\", leave apiVersion out of taskRef",
            ),
            (
                run("example.dev/v1", "Wait", "RunCancelled"),
                "CustomRunCancelled: CustomRun \"r\" was cancelled. ",
            ),
        ];
        for (given, then) in rows {
            let status = ended(&given, Time::from_millis(0)).unwrap();
            let condition = &status.conditions[0];
            assert_eq!(format!("{}: {}", condition.reason, condition.message), then);
            assert_eq!(ended(&CustomRun { status, ..given }, Time::from_millis(1)), None);
        }
    }
}
