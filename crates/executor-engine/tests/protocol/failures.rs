//! What becomes of an attempt when the engine fails it, and what is left behind.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use windlass_executor::Backend;
use windlass_executor::backend::Exit;
use windlass_executor::backend::Launch;
use windlass_executor::backend::OutputSink;
use windlass_executor::backend::Tee;
use windlass_executor::job::AttemptId;
use windlass_executor::job::Breakpoints;
use windlass_executor::job::Job;
use windlass_executor::job::Process;
use windlass_executor::job::Step;
use windlass_executor::observation::StartFailure;
use windlass_executor::observation::StartFailureKind;
use windlass_executor_engine::Config;
use windlass_executor_engine::Detected;
use windlass_executor_engine::Engine;
use windlass_executor_engine::Kind;

use crate::stand_in::Answer;
use crate::stand_in::Script;
use crate::stand_in::StandIn;

fn job() -> Job {
    let process = Process {
        image: "r.example/a:1".into(),
        command: vec!["tool".into()],
        ..Process::default()
    };
    Job {
        id: AttemptId {
            task_run_uid: "uid".into(),
            attempt: 0,
        },
        namespace: "default".into(),
        task_run: "run".into(),
        pod: "run-pod".into(),
        steps: vec![Step {
            name: "s".into(),
            process,
            ..Step::default()
        }],
        sidecars: Vec::new(),
        volumes: Vec::new(),
        results: Vec::new(),
        credentials: BTreeMap::new(),
        masks: Vec::new(),
        pull_logins: Vec::new(),
        timeout: None,
        max_result_bytes: None,
        breakpoints: Breakpoints::default(),
    }
}

/// What came of a step.
#[derive(Debug)]
struct Ran {
    exit: Result<Exit, String>,
    output: String,
    image_id: String,
}

/// Runs the one step of a job, and destroys the sandbox.
async fn run(engine: &StandIn) -> Result<Ran, StartFailure> {
    let job = job();
    let backend = Engine::new(Config {
        pull_timeout: Duration::from_secs(3),
        ..Config::new(engine.found())
    });
    let mut sandbox = backend.prepare(&job).await?;
    let (chunks, mut output) = mpsc::channel(16);
    let launch = Launch {
        container: "step-s",
        process: &job.steps[0].process,
        tee: Tee::default(),
        output: OutputSink { chunks },
    };
    let mut running = match sandbox.start(launch).await {
        Ok(running) => running,
        Err(failure) => {
            sandbox.destroy().await.expect("destroys");
            return Err(failure);
        }
    };
    let mut bytes = Vec::new();
    while let Some(chunk) = output.recv().await {
        bytes.extend_from_slice(&chunk.bytes);
    }
    let exit = running.wait().await.map_err(|error| error.to_string());
    let image_id = running.image_id().to_owned();
    sandbox.destroy().await.expect("destroys");
    Ok(Ran {
        exit,
        output: String::from_utf8_lossy(&bytes).into_owned(),
        image_id,
    })
}

const WELL: Exit = Exit {
    code: 0,
    out_of_memory: false,
};

/// The answer to requests whose first line holds all of some parts.
fn to(line: &str, parts: &[&str], answer: Answer) -> Option<Answer> {
    parts.iter().all(|part| line.contains(part)).then_some(answer)
}

#[tokio::test]
async fn a_step_runs_and_nothing_is_left() {
    let engine = StandIn::start(|_, _| None);
    let ran = run(&engine).await.expect("runs");
    assert_eq!((ran.exit, ran.output.as_str()), (Ok(WELL), "out\n"));
    assert_eq!(ran.image_id, "r.example/a@sha256:2");
    let removed = |what: &str| {
        engine
            .seen("DELETE ")
            .iter()
            .filter(|line| line.contains(what))
            .count()
    };
    assert_eq!((removed("/containers/"), removed("/volumes/")), (2, 3));
}

/// The engine does not have the image.
const MISSING: Answer = Answer::Body(404, r#"{"message":"no such image"}"#);

/// What the engine says, the class of the failure, and a part of its message.
const FAILURES: &[(Script, StartFailureKind, &str)] = &[
    (
        |line, _| {
            to(
                line,
                &["GET", "/images/"],
                Answer::Body(500, r#"{"message":"disk is broken"}"#),
            )
        },
        StartFailureKind::ImagePull,
        "disk is broken",
    ),
    (
        |line, _| {
            let refused = Answer::Body(500, r#"{"message":"pull access denied"}"#);
            to(line, &["GET", "/images/"], MISSING).or_else(|| to(line, &["/images/create"], refused))
        },
        StartFailureKind::ImagePull,
        "\"r.example/a:1\": pull access denied",
    ),
    (
        |line, _| {
            let progress = "{\"status\":\"Pulling\"}\r\n{\"error\":\"manifest unknown\"}\r\n";
            to(line, &["GET", "/images/"], MISSING)
                .or_else(|| to(line, &["/images/create"], Answer::Body(200, progress)))
        },
        StartFailureKind::ImagePull,
        "manifest unknown",
    ),
    (
        |line, _| {
            to(line, &["GET", "/images/"], MISSING)
                .or_else(|| to(line, &["/images/create"], Answer::Body(200, "")))
        },
        StartFailureKind::ImagePull,
        "does not have it",
    ),
    (
        |line, _| {
            to(
                line,
                &["/volumes/create"],
                Answer::Body(500, "no space left on device"),
            )
        },
        StartFailureKind::Sandbox,
        "no space left on device",
    ),
    (
        |line, _| to(line, &["/volumes/create"], Answer::Body(201, "<html>")),
        StartFailureKind::Sandbox,
        "makes no sense",
    ),
    (
        |line, _| to(line, &["PUT"], Answer::Raw(b"")),
        StartFailureKind::Sandbox,
        "connection to the engine failed",
    ),
    (
        |line, _| {
            to(
                line,
                &["create", "step-s"],
                Answer::Body(400, r#"{"message":"bind source path does not exist"}"#),
            )
        },
        StartFailureKind::ContainerConfig,
        "bind source path does not exist",
    ),
    (
        |line, _| {
            to(
                line,
                &["/start"],
                Answer::Body(500, r#"{"message":"no such device"}"#),
            )
        },
        StartFailureKind::ContainerConfig,
        "no such device",
    ),
    (
        |line, _| to(line, &["/attach"], Answer::Body(200, "")),
        StartFailureKind::Sandbox,
        "in place of an upgrade",
    ),
];

#[tokio::test]
async fn failures_have_their_class_and_leave_nothing() {
    for &(script, kind, fragment) in FAILURES {
        let engine = StandIn::start(script);
        let failure = run(&engine).await.expect_err(fragment);
        assert_eq!(failure.kind, kind, "{}", failure.message);
        assert!(
            failure.message.contains(fragment),
            "{fragment}: {}",
            failure.message
        );
        assert_removed(&engine);
    }
}

/// Whatever was asked for was also removed.
fn assert_removed(engine: &StandIn) {
    for line in engine
        .seen("POST ")
        .iter()
        .filter(|line| line.contains("/containers/create?"))
    {
        let name = line
            .split("name=")
            .nth(1)
            .and_then(|rest| rest.split(' ').next())
            .expect("a name");
        let removals = engine.seen(&format!("/containers/{name}?force=1"));
        assert_eq!(removals.len(), 1, "{name}");
    }
    if !engine.seen("/volumes/create").is_empty() {
        assert_eq!(engine.seen("DELETE /v1.41/volumes/").len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_hangs_is_given_up() {
    let rows: [(Script, StartFailureKind, &str); 2] = [
        (
            |line, _| {
                let missing = Answer::Body(404, "{}");
                to(line, &["GET", "/images/"], missing)
                    .or_else(|| to(line, &["/images/create"], Answer::Silence))
            },
            StartFailureKind::ImagePull,
            "not pulled within 3 s",
        ),
        (
            |line, _| to(line, &["/volumes/create"], Answer::Silence),
            StartFailureKind::Sandbox,
            "no answer within 120 s",
        ),
    ];
    for (script, kind, fragment) in rows {
        let engine = StandIn::start(script);
        let failure = run(&engine).await.expect_err(fragment);
        assert_eq!(failure.kind, kind, "{}", failure.message);
        assert!(
            failure.message.contains(fragment),
            "{fragment}: {}",
            failure.message
        );
    }
}

const NOT_FOUND: &str =
    r#"{"message":"OCI runtime create failed: exec: \"tool\": executable file not found in $PATH"}"#;

#[tokio::test(start_paused = true)]
async fn a_process_that_a_hung_engine_cannot_kill_is_lost() {
    let engine = StandIn::start(|line, _| {
        to(line, &["/attach"], Answer::EndlessStream).or_else(|| to(line, &["/kill"], Answer::Silence))
    });
    let job = job();
    let backend = Engine::new(Config::new(engine.found()));
    let mut sandbox = backend.prepare(&job).await.expect("prepares");
    let (chunks, _output) = mpsc::channel(16);
    let launch = Launch {
        container: "step-s",
        process: &job.steps[0].process,
        tee: Tee::default(),
        output: OutputSink { chunks },
    };
    let mut running = sandbox.start(launch).await.expect("starts");
    running.signal(9).expect("signals");
    let error = running.wait().await.expect_err("is lost").to_string();
    assert!(error.contains("no answer within 120 s"), "{error}");
    sandbox.destroy().await.expect("destroys");
}

/// What the engine says, how the process ended, and a part of what it said.
type End = (Script, Result<Exit, &'static str>, &'static str);

const ENDS: &[End] = &[
    (
        |line, _| {
            let state = r#"{"State":{"Running":false,"ExitCode":3,"OOMKilled":true}}"#;
            to(line, &["GET", "step-s/json"], Answer::Body(200, state))
        },
        Ok(Exit {
            code: 3,
            out_of_memory: true,
        }),
        "out\n",
    ),
    (
        |line, _| {
            to(
                line,
                &["/attach"],
                Answer::Stream(b"\x02\0\0\0\0\0\0\x03err\x01\0\0\0\0\0\0\x09cut"),
            )
        },
        Ok(WELL),
        "errcut",
    ),
    (
        |line, _| to(line, &["/attach"], Answer::Stream(b"no frames at all")),
        Ok(WELL),
        "",
    ),
    (
        |line, _| to(line, &["GET", "step-s/json"], Answer::Body(200, "[]")),
        Err("makes no sense"),
        "out\n",
    ),
    (
        |line, _| {
            to(
                line,
                &["GET", "step-s/json"],
                Answer::Body(404, r#"{"message":"no such container"}"#),
            )
        },
        Err("no such container"),
        "out\n",
    ),
    (
        |line, _| to(line, &["/start"], Answer::Body(400, NOT_FOUND)),
        Ok(Exit {
            code: 127,
            out_of_memory: false,
        }),
        "tool",
    ),
];

#[tokio::test]
async fn the_end_of_a_process_is_told_as_it_was() {
    for &(script, wanted, output) in ENDS {
        let engine = StandIn::start(script);
        let ran = run(&engine).await.expect("starts");
        match (&ran.exit, wanted) {
            (Ok(found), Ok(wanted)) => assert_eq!(*found, wanted),
            (Err(found), Err(wanted)) => assert!(found.contains(wanted), "{found}"),
            _ => panic!("{ran:?}, wanted {wanted:?}"),
        }
        assert!(ran.output.contains(output), "{ran:?}");
        assert_removed(&engine);
    }
}

#[tokio::test]
async fn docker_is_given_files_from_the_root_and_podman_by_volume() {
    for (kind, places) in [
        (Kind::Docker, &["/"] as &[_]),
        (Kind::Podman, &["/tekton", "/workspace", "/windlass/home"]),
    ] {
        let engine = StandIn::start(|_, _| None);
        let backend = Engine::new(Config::new(Detected {
            kind,
            ..engine.found()
        }));
        let mut sandbox = backend.prepare(&job()).await.expect("prepares");
        let puts = engine.seen("PUT ");
        let puts = puts
            .iter()
            .filter_map(|line| line.split("path=").nth(1)?.split(' ').next());
        assert_eq!(puts.collect::<Vec<_>>(), places, "{kind:?}");
        sandbox.destroy().await.expect("destroys");
    }
}

#[tokio::test]
async fn an_engine_without_an_init_is_used_without() {
    let engine = StandIn::start(|line, body| {
        let asks = line.contains("/containers/create") && body.contains("\"Init\":true");
        asks.then_some(Answer::Body(
            500,
            r#"{"message":"container-init binary not found: stat /usr/bin/catatonit"}"#,
        ))
    });
    let ran = run(&engine).await.expect("runs");
    assert_eq!(ran.exit, Ok(WELL));
    assert_removed(&engine);
}

#[tokio::test]
async fn answers_without_end_are_not_read() {
    /// More than any description of an image.
    const ENDLESS: usize = 9 << 20;
    let engine = StandIn::start(|line, _| {
        let endless: &'static str = Box::leak("x".repeat(ENDLESS).into_boxed_str());
        to(line, &["GET", "/images/"], Answer::Body(200, endless))
    });
    let failure = run(&engine).await.expect_err("is too long");
    assert!(failure.message.contains("is longer than"), "{}", failure.message);
}
