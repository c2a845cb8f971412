//! Processes beside the steps.

use std::time::Duration;

use crate::conformance::bench::Bench;
use crate::conformance::bench::Claim;
use crate::conformance::bench::either;
use crate::conformance::bench::ensure;
use crate::conformance::bench::equal;
use crate::conformance::bench::script;
use crate::job::Check;
use crate::job::Mount;
use crate::job::Probe;
use crate::job::Sidecar;
use crate::job::Step;
use crate::job::Volume;
use crate::job::VolumeSource;
use crate::observation::AttemptEnd;

super::cases! {
    "a sidecar runs beside the steps and is stopped after them" Nothing beside,
    "a sidecar that fails fails the attempt" Nothing fails,
    "a readiness probe gates the first step" Volumes probed,
    "a sidecar that ignores SIGTERM is killed" Nothing stubborn,
}

fn sidecar(step: Step, readiness: Option<Check>) -> Sidecar {
    let readiness = readiness.map(|check| Probe {
        check,
        initial_delay: Duration::ZERO,
        period: Duration::from_millis(50),
        timeout: Duration::from_secs(5),
        success_threshold: 1,
    });
    Sidecar {
        name: step.name,
        process: step.process,
        readiness,
    }
}

async fn beside(bench: Bench) -> Claim {
    let fake = [("FAKE_SLEEP", "forever"), ("FAKE_OUTPUT", "up\n")];
    let mut job = bench.job(vec![either("a", "sleep 0.2", &[("FAKE_SLEEP", "200ms")])]);
    job.sidecars = vec![sidecar(either("s", "echo up; sleep 1000", &fake), None)];
    let ran = bench.run(&job).await;
    ran.printed("sidecar-s", "up\n")?;
    let codes: Option<Vec<_>> = ran
        .outcome
        .map(|outcome| outcome.sidecars.iter().map(|report| report.exit_code).collect());
    equal("exit codes", &codes, &Some(vec![None]))
}

async fn fails(bench: Bench) -> Claim {
    let mut job = bench.job(vec![either("a", "sleep 0.5", &[("FAKE_SLEEP", "500ms")])]);
    job.sidecars = vec![sidecar(either("s", "exit 4", &[("FAKE_EXIT_CODE", "4")]), None)];
    let ran = bench.run(&job).await;
    equal("end", &ran.end(), &Some(&AttemptEnd::Failed))?;
    let codes: Option<Vec<_>> = ran
        .outcome
        .map(|outcome| outcome.sidecars.iter().map(|report| report.exit_code).collect());
    equal("exit codes", &codes, &Some(vec![Some(4)]))
}

async fn probed(bench: Bench) -> Claim {
    let shared = || Mount {
        volume: "v".into(),
        path: "/shared".into(),
        sub_path: String::new(),
        read_only: false,
    };
    let mut step = script("a", "cat /shared/ready");
    step.process.mounts.push(shared());
    let mut server = script("s", "sleep 0.5; echo now > /shared/ready; sleep 1000");
    server.process.mounts.push(shared());
    let check = Check::Exec(["test", "-s", "/shared/ready"].map(Into::into).to_vec());
    let mut job = bench.job(vec![step]);
    job.sidecars = vec![sidecar(server, Some(check))];
    job.volumes = vec![Volume {
        name: "v".into(),
        source: VolumeSource::Empty {
            memory: false,
            size_limit: None,
        },
    }];
    bench.run(&job).await.printed("step-a", "now\n")
}

async fn stubborn(bench: Bench) -> Claim {
    let fake = [("FAKE_SLEEP", "forever"), ("FAKE_IGNORE_TERM", "")];
    let mut job = bench.job(vec![either("a", "sleep 0.2", &[("FAKE_SLEEP", "200ms")])]);
    job.sidecars = vec![sidecar(
        either("s", "trap '' TERM; while :; do sleep 1000; done", &fake),
        None,
    )];
    let ran = bench.run(&job).await;
    ran.succeeded()?;
    ensure(
        ran.outcome.is_some_and(|outcome| outcome.sidecars.len() == 1),
        || "no report of the sidecar".into(),
    )
}
