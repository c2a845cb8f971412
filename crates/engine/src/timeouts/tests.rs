use super::*;

const fn secs(secs: i64) -> Duration {
    Duration::from_secs(secs)
}

fn timeouts(pipeline: Option<i64>, tasks: Option<i64>, finally: Option<i64>) -> Timeouts {
    Timeouts {
        pipeline: pipeline.map(secs),
        tasks: tasks.map(secs),
        finally: finally.map(secs),
    }
}

#[test]
fn a_section_gets_what_the_other_leaves_of_the_pipeline() {
    // (pipeline, tasks, finally) as written, then tasks and finally as they hold.
    let rows = [
        ((None, None, None), (None, None)),
        ((Some(100), None, None), (None, None)),
        ((Some(100), Some(60), None), (Some(60), Some(40))),
        ((Some(100), None, Some(30)), (Some(70), Some(30))),
        ((Some(100), Some(60), Some(30)), (Some(60), Some(30))),
        // Without a written pipeline timeout there is nothing to leave.
        ((None, Some(60), None), (Some(60), None)),
        ((None, None, Some(60)), (None, Some(60))),
        // Zero is no limit, and what is left of no limit is none.
        ((Some(0), Some(60), None), (Some(60), None)),
        ((Some(0), None, Some(60)), (None, Some(60))),
        ((Some(100), Some(0), None), (Some(0), None)),
        ((Some(100), None, Some(0)), (None, Some(0))),
    ];
    for ((pipeline, tasks, finally), (of_tasks, of_finally)) in rows {
        let timeouts = timeouts(pipeline, tasks, finally);
        assert_eq!(timeouts.tasks(), of_tasks.map(secs), "tasks of {timeouts:?}");
        assert_eq!(
            timeouts.finally(),
            of_finally.map(secs),
            "finally of {timeouts:?}"
        );
    }
}

#[test]
fn deadlines_count_from_the_start_of_what_they_limit() {
    let at = |second: i64| Some(Time::from_millis(second * 1000));
    let started = at(1000);
    let rows = [
        // The default applies to the pipeline alone.
        (timeouts(None, None, None), at(2000), (at(4600), None, None)),
        (timeouts(Some(100), None, None), None, (at(1100), None, None)),
        (
            timeouts(Some(100), Some(60), None),
            None,
            (at(1100), at(1060), None),
        ),
        (
            timeouts(Some(100), Some(60), None),
            at(1050),
            (at(1100), at(1060), at(1090)),
        ),
        (
            timeouts(Some(0), Some(60), Some(0)),
            at(1050),
            (None, at(1060), None),
        ),
        (
            timeouts(Some(100), Some(0), Some(7)),
            at(1050),
            (at(1100), None, at(1057)),
        ),
    ];
    for (timeouts, finally_started, (pipeline, tasks, finally)) in rows {
        let deadlines = Deadlines {
            pipeline,
            tasks,
            finally,
        };
        assert_eq!(
            timeouts.deadlines(DEFAULT, started, finally_started),
            deadlines,
            "{timeouts:?}"
        );
        assert_eq!(timeouts.deadlines(DEFAULT, None, None), Deadlines::default());
    }
}

#[test]
fn the_closest_word_on_the_timeout_of_a_task_counts() {
    use Section::Dag;
    use Section::Finally;
    let (hour, long, short) = (3600, 7200, 600);
    // (taskRunSpecs, pipeline task, the run's timeouts, section), then the task's timeout.
    let rows = [
        (None, None, (None, None, None), Dag, hour),
        (Some(5), Some(6), (None, Some(long), None), Dag, 5),
        (Some(0), Some(6), (None, Some(long), None), Dag, 0),
        (None, Some(6), (None, Some(long), None), Dag, 6),
        (None, Some(0), (None, Some(long), None), Dag, 0),
        // The section's own counts where it gives more than the default.
        (None, None, (None, Some(long), None), Dag, long),
        (None, None, (None, Some(long), None), Finally, hour),
        (None, None, (None, None, Some(long)), Finally, long),
        (None, None, (None, None, Some(long)), Dag, hour),
        (None, None, (None, Some(short), None), Dag, hour),
        (None, None, (None, Some(hour), None), Dag, hour),
        (None, None, (None, Some(hour + 1), None), Dag, hour + 1),
        (None, None, (None, Some(0), None), Dag, 0),
        // Also where it follows from the other section's.
        (None, None, (Some(9000), None, Some(600)), Dag, 8400),
        (None, None, (Some(9000), Some(600), None), Finally, 8400),
        // The pipeline's timeout says nothing about its tasks.
        (None, None, (Some(long), None, None), Dag, hour),
    ];
    for (task_run_spec, pipeline_task, (pipeline, tasks, finally), section, expected) in rows {
        let timeouts = timeouts(pipeline, tasks, finally);
        let found = timeouts.of_task(section, task_run_spec.map(secs), pipeline_task.map(secs), DEFAULT);
        assert_eq!(
            found,
            secs(expected),
            "{task_run_spec:?} {pipeline_task:?} {timeouts:?} {section:?}"
        );
    }
}
