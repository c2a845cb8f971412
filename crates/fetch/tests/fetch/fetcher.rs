//! What the cache saves, and what it must not.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use std::time::Instant;

use windlass_fetch::Credentials;
use windlass_fetch::Fetcher;
use windlass_fetch::Policy;
use windlass_fetch::cache::Cache;
use windlass_fetch::cache::Mode;
use windlass_fetch::git;
use windlass_fetch::http;
use windlass_fetch::hub;

use crate::repository::Repository;
use crate::repository::git_is_missing;
use crate::server::Server;

const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn pinned(server: &Server) -> http::Request {
    http::Request {
        digest: Some(ABC.into()),
        ..http::Request::new(server.url("/a"))
    }
}

#[tokio::test]
async fn a_pinned_file_is_fetched_once_until_it_is_old() {
    let server = Server::of_files(&[("/a", "abc")]);
    let now = Arc::new(Mutex::new(Instant::now()));
    let clock = Arc::clone(&now);
    let fetcher = Fetcher::with_cache(Policy::trusting(), Cache::default(), move || {
        *clock.lock().unwrap()
    });
    for (minutes, fetches) in [(0, 1), (4, 1), (5, 2), (9, 2)] {
        let start = *now.lock().unwrap();
        *now.lock().unwrap() = start + Duration::from_secs(60 * minutes);
        fetcher.http(&pinned(&server), Mode::Auto).await.unwrap();
        assert_eq!(server.seen().len(), fetches, "after {minutes} minutes");
        *now.lock().unwrap() = start;
    }
}

#[tokio::test]
async fn the_mode_decides_what_is_fetched_again() {
    let rows = [
        (Mode::Auto, true, 1),
        (Mode::Auto, false, 2),
        (Mode::Always, false, 1),
        (Mode::Never, true, 2),
    ];
    for (mode, is_pinned, fetches) in rows {
        let server = Server::of_files(&[("/a", "abc")]);
        let fetcher = Fetcher::new(Policy::trusting());
        let request = if is_pinned {
            pinned(&server)
        } else {
            http::Request::new(server.url("/a"))
        };
        for _ in 0..2 {
            fetcher.http(&request, mode).await.unwrap();
        }
        assert_eq!(server.seen().len(), fetches, "{mode:?} {is_pinned}");
    }
}

#[tokio::test]
async fn other_credentials_do_not_find_what_is_cached() {
    let server = Server::of_files(&[("/a", "abc")]);
    let fetcher = Fetcher::new(Policy::trusting());
    let secret = http::Request {
        credentials: Some(Credentials::Bearer("t".into())),
        ..pinned(&server)
    };
    fetcher.http(&secret, Mode::Auto).await.unwrap();
    fetcher.http(&pinned(&server), Mode::Auto).await.unwrap();
    fetcher.http(&secret, Mode::Auto).await.unwrap();
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn failures_are_not_cached() {
    let server = Server::of_files(&[]);
    let fetcher = Fetcher::new(Policy::trusting());
    for _ in 0..2 {
        assert!(fetcher.http(&pinned(&server), Mode::Always).await.is_err());
    }
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_requests_at_one_time_cost_one_fetch() {
    let server = Server::of_files(&[("/api/v1/packages/tekton-task/tekton-catalog-tasks/t/1.0.0", TASK)]);
    let fetcher = Arc::new(Fetcher::new(Policy::trusting()));
    let request = hub::Request {
        base_url: server.url(""),
        ..hub::Request::task("t", "1.0")
    };
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (fetcher, request) = (Arc::clone(&fetcher), request.clone());
            tokio::spawn(async move {
                fetcher
                    .hub(&request, Mode::Auto)
                    .await
                    .map(|fetched| fetched.bytes.clone())
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), b"x");
    }
    assert_eq!(server.seen().len(), 1);
}

const TASK: &str = r#"{"data": {"manifestRaw": "x"}}"#;

#[tokio::test]
async fn a_commit_is_cached_and_a_branch_is_not() {
    if git_is_missing() {
        return;
    }
    let repository = Repository::empty();
    repository.write("task.yaml", "one");
    let first = repository.commit("first");
    let fetcher = Fetcher::new(Policy::trusting());
    let request = |revision: &str| git::Request {
        url: repository.url(),
        revision: revision.into(),
        path: "task.yaml".into(),
        ..git::Request::default()
    };
    let by_branch = fetcher.git(&request("main"), Mode::Auto).await.unwrap();
    let by_commit = fetcher.git(&request(&first), Mode::Auto).await.unwrap();
    assert_eq!(by_branch, by_commit);
    repository.write("task.yaml", "two");
    repository.commit("second");
    assert_eq!(
        fetcher.git(&request("main"), Mode::Auto).await.unwrap().bytes,
        b"two"
    );
    // The commit is served although its repository is gone.
    std::fs::remove_dir_all(&repository.path).unwrap();
    assert_eq!(
        fetcher.git(&request(&first), Mode::Auto).await.unwrap().bytes,
        b"one"
    );
    assert!(fetcher.git(&request("main"), Mode::Auto).await.is_err());
}
