//! Finding an engine.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;
use windlass_executor_engine::Engine;
use windlass_executor_engine::socket::Surroundings;

use crate::stand_in::Answer;
use crate::stand_in::Script;
use crate::stand_in::StandIn;

fn only(socket: &Path) -> Surroundings {
    Surroundings {
        docker_host: Some(format!("unix://{}", socket.display())),
        ..Surroundings::default()
    }
}

#[tokio::test]
async fn an_engine_that_answers_is_known() {
    let answer = |_: &str, _: &str| {
        Some(Answer::Raw(
            b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nLibpod-Api-Version: 4.3.1\r\nContent-Length: 2\r\n\r\nOK",
        ))
    };
    let engine = StandIn::start(answer);
    let found = Engine::detect(&only(&engine.socket())).await.expect("answers");
    let wanted = format!("Podman 4.3.1 at {}", engine.socket().display());
    assert_eq!((found.to_string(), found.api), (wanted, "1.41".to_owned()));
}

#[tokio::test]
async fn whoever_is_no_engine_is_told_from_one() {
    let rows: [(Script, &str); 5] = [
        (|_, _| Some(Answer::Body(404, "page not found")), "page not found"),
        (|_, _| Some(Answer::Body(200, "OK")), "is no Docker or Podman"),
        (
            |_, _| Some(Answer::Raw(b"SSH-2.0-OpenSSH_9.2\r\n")),
            "connection to the engine failed",
        ),
        (|_, _| Some(Answer::Raw(b"")), "connection to the engine failed"),
        (
            |_, _| {
                Some(Answer::Raw(
                    b"HTTP/1.1 200 OK\r\nApi-Version: 1.12\r\nContent-Length: 0\r\n\r\n",
                ))
            },
            "too old",
        ),
    ];
    for (script, fragment) in rows {
        let engine = StandIn::start(script);
        let error = Engine::detect(&only(&engine.socket()))
            .await
            .expect_err("is no engine")
            .to_string();
        assert!(error.contains(fragment), "{fragment}: {error}");
    }
}

#[tokio::test]
async fn the_places_that_were_tried_are_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let missing = directory.path().join("missing");
    let error = Engine::detect(&only(&missing))
        .await
        .expect_err("nobody is there")
        .to_string();
    assert!(
        error.contains(&format!("{}: not there", missing.display())),
        "{error}"
    );
    assert!(error.contains("DOCKER_HOST="), "{error}");
    let closed = directory.path().join("closed");
    drop(std::os::unix::net::UnixListener::bind(&closed).expect("binds"));
    let error = Engine::detect(&only(&closed))
        .await
        .expect_err("nobody is there")
        .to_string();
    assert!(error.contains("nobody listens"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_hangs_is_given_up_within_a_second() {
    let engine = StandIn::start(|_, _| Some(Answer::Silence));
    let begun = Instant::now();
    let error = Engine::detect(&only(&engine.socket()))
        .await
        .expect_err("hangs")
        .to_string();
    assert!(error.contains("does not answer"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(1));
}
