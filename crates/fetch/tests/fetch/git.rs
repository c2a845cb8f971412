//! Single files of real repositories, over the file system and over HTTP.

use std::io::Read as _;
use std::time::Duration;

use windlass_fetch::Credentials;
use windlass_fetch::Fetched;
use windlass_fetch::Limits;
use windlass_fetch::Policy;
use windlass_fetch::git::Error;
use windlass_fetch::git::Request;
use windlass_fetch::git::fetch_file;

use crate::repository::Repository;
use crate::repository::git_is_missing;
use crate::server::Server;
use crate::server::reply;

fn request(url: &str, revision: &str, path: &str) -> Request {
    Request {
        url: url.into(),
        revision: revision.into(),
        path: path.into(),
        ..Request::default()
    }
}

async fn fetch(url: &str, revision: &str, path: &str) -> Result<Fetched, Error> {
    fetch_file(&request(url, revision, path), &Policy::trusting()).await
}

async fn text(url: &str, revision: &str, path: &str) -> String {
    match fetch(url, revision, path).await {
        Ok(fetched) => String::from_utf8(fetched.bytes).unwrap(),
        Err(error) => format!("error: {error}"),
    }
}

/// Two commits on `main`, one on `topic/x`, tags of both kinds, and a branch that looks like a hash.
struct History {
    repository: Repository,
    first: String,
    second: String,
}

fn history() -> History {
    let repository = Repository::empty();
    repository.write("task.yaml", "one\n");
    let first = repository.commit("first");
    repository.git(&["tag", "light"]);
    repository.git(&["tag", "--annotate", "--message=t", "heavy"]);
    repository.git(&["branch", "abcd"]);
    repository.write("task.yaml", "two\n");
    let second = repository.commit("second");
    repository.git(&["switch", "--quiet", "--create", "topic/x"]);
    repository.write("task.yaml", "three\n");
    repository.commit("third");
    repository.git(&["switch", "--quiet", "main"]);
    History {
        repository,
        first,
        second,
    }
}

#[tokio::test]
async fn every_way_to_name_a_revision_finds_its_file() {
    if git_is_missing() {
        return;
    }
    let History {
        repository,
        first,
        second,
    } = history();
    let server = Server::of_repositories(repository.root.path(), None);
    let rows = [
        ("main", "two\n"),
        ("HEAD", "two\n"),
        ("refs/heads/main", "two\n"),
        ("topic/x", "three\n"),
        ("light", "one\n"),
        ("heavy", "one\n"),
        ("refs/tags/heavy", "one\n"),
        ("abcd", "one\n"),
        (first.as_str(), "one\n"),
        (second.as_str(), "two\n"),
        (&first[..7], "one\n"),
        (&second[..12], "two\n"),
    ];
    let file_url = format!("file://{}", repository.url());
    for url in [
        repository.url(),
        file_url,
        server.url("/repo"),
        server.url("/repo/.git/"),
    ] {
        for (revision, content) in rows {
            assert_eq!(
                text(&url, revision, "task.yaml").await,
                content,
                "{url} {revision}"
            );
        }
    }
}

#[tokio::test]
async fn the_source_is_recorded_as_tekton_does() {
    if git_is_missing() {
        return;
    }
    let History {
        repository, first, ..
    } = history();
    let fetched = fetch(&repository.url(), "heavy", "/task.yaml").await.unwrap();
    assert_eq!(fetched.source.uri, format!("git+{}", repository.url()));
    assert_eq!(fetched.source.digest.get("sha1"), Some(&first));
    assert_eq!(fetched.source.digest.len(), 1);
    assert_eq!(fetched.source.entry_point, "task.yaml");
}

#[tokio::test]
async fn what_is_not_there_is_said_by_name() {
    if git_is_missing() {
        return;
    }
    let History {
        repository, second, ..
    } = history();
    let server = Server::of_repositories(repository.root.path(), None);
    let missing = "0123456789abcdef0123456789abcdef01234567";
    let gone = repository.root.path().join("gone").to_str().unwrap().to_owned();
    let local = repository.url();
    let http = server.url("/repo");
    let rows = [
        (&local, "nosuch", "task.yaml", "revision \"nosuch\" not found in "),
        (&http, "nosuch", "task.yaml", "revision \"nosuch\" not found in "),
        (&local, missing, "task.yaml", "revision \"0123456789"),
        (&http, missing, "task.yaml", "revision \"0123456789"),
        (
            &local,
            "0123456",
            "task.yaml",
            "revision \"0123456\" not found in ",
        ),
        (&gone, "main", "task.yaml", "no git repository found at "),
        (
            &server.url("/gone"),
            "main",
            "task.yaml",
            "no git repository found at ",
        ),
        (
            &local,
            "main",
            "nosuch.yaml",
            "error opening file \"nosuch.yaml\": file does not exist at ",
        ),
        (
            &local,
            "main",
            "task.yaml/x",
            "error opening file \"task.yaml/x\": file does not exist at ",
        ),
    ];
    for (url, revision, path, expected) in rows {
        let outcome = text(url, revision, path).await;
        assert!(outcome.starts_with(&format!("error: {expected}")), "{outcome}");
    }
    let outcome = text(&local, "main", "nosuch.yaml").await;
    assert!(outcome.ends_with(&second), "{outcome}");
}

#[tokio::test]
async fn links_are_followed_inside_the_repository_only() {
    if git_is_missing() {
        return;
    }
    let repository = Repository::empty();
    repository.write("dir/task.yaml", "content\n");
    repository.link("dir/inside", "task.yaml");
    repository.link("through", "dir");
    repository.link("dir/up", "../dir/task.yaml");
    repository.link("dir/absolute", "/proc/self/environ");
    repository.link("dir/outside", "../../../../../../proc/self/environ");
    repository.link("root", "/");
    repository.link("loop", "loop");
    repository.link("dangling", "nosuch");
    repository.commit("links");
    let escapes = "error: path ";
    let missing = "error: error opening file ";
    let rows = [
        ("dir/inside", "content\n"),
        ("through/task.yaml", "content\n"),
        ("dir/up", "content\n"),
        ("dir/absolute", escapes),
        ("dir/outside", escapes),
        ("root/proc/self/environ", escapes),
        ("loop", missing),
        ("dangling", missing),
        ("dir", missing),
        ("through", missing),
    ];
    for (path, expected) in rows {
        let outcome = text(&repository.url(), "main", path).await;
        assert!(outcome.starts_with(expected), "{path}: {outcome}");
    }
}

#[tokio::test]
async fn a_hostile_request_runs_nothing() {
    if git_is_missing() {
        return;
    }
    let repository = Repository::empty();
    repository.write("task.yaml", "content\n");
    repository.commit("first");
    let witness = repository.root.path().join("witness");
    let touch = format!("touch {}", witness.display());
    let local = repository.url();
    let rows = [
        (
            format!("ext::sh -c {}", touch.replace(' ', "% ")),
            "main".to_owned(),
            "task.yaml",
        ),
        (format!("--upload-pack={touch}"), "main".to_owned(), "task.yaml"),
        (
            format!("ssh://-oProxyCommand={touch}/x"),
            "main".to_owned(),
            "task.yaml",
        ),
        (local.clone(), format!("--upload-pack={touch}"), "task.yaml"),
        (local.clone(), format!("main\n--upload-pack={touch}"), "task.yaml"),
        (local.clone(), "main@{0}".to_owned(), "task.yaml"),
        (local.clone(), "main".to_owned(), "../repo/task.yaml"),
        (local.clone(), "main".to_owned(), "task.yaml\nHEAD"),
        (local, "main".to_owned(), ".git/config"),
    ];
    for (url, revision, path) in rows {
        let outcome = fetch(&url, &revision, path).await;
        let refused = matches!(
            outcome,
            Err(Error::Url { .. } | Error::Revision { .. } | Error::Path { .. })
        );
        assert!(refused, "{url} {revision} {path}");
    }
    assert!(!witness.exists());
}

#[tokio::test]
async fn sizes_are_bounded() {
    if git_is_missing() {
        return;
    }
    let repository = Repository::empty();
    // Text that does not compress to nothing.
    let big: String = (0u32..200_000)
        .map(|number| number.wrapping_mul(2_654_435_761).to_string())
        .collect();
    repository.write("big.yaml", &big);
    repository.write("small.yaml", "123456789");
    repository.commit("first");
    let rows = [
        (
            "small.yaml",
            Limits {
                max_bytes: 9,
                ..Limits::default()
            },
            "",
        ),
        (
            "small.yaml",
            Limits {
                max_bytes: 8,
                ..Limits::default()
            },
            "the file of ",
        ),
        (
            "big.yaml",
            Limits {
                max_bytes: 1000,
                ..Limits::default()
            },
            "the file of ",
        ),
        (
            "small.yaml",
            Limits {
                max_transfer: 64 << 10,
                ..Limits::default()
            },
            "the download of ",
        ),
    ];
    for (path, limits, expected) in rows {
        let request = Request {
            limits,
            ..request(&repository.url(), "main", path)
        };
        let outcome = fetch_file(&request, &Policy::trusting()).await;
        let message = outcome.err().map_or_else(String::new, |error| error.to_string());
        assert_eq!(expected.is_empty(), message.is_empty(), "{message}");
        assert!(message.starts_with(expected), "{message}");
    }
}

#[tokio::test]
async fn a_fetch_that_is_given_up_leaves_no_process() {
    if git_is_missing() {
        return;
    }
    let (arrived, mut arrival) = tokio::sync::mpsc::unbounded_channel();
    let (left, mut departure) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(move |_, stream| {
        arrived.send(()).unwrap();
        // Ends when the other side is gone, which is what killing the program brings about.
        let _ = stream.read_to_end(&mut Vec::new());
        left.send(()).unwrap();
    });
    let url = server.url("/repo");
    tokio::select! {
        outcome = fetch(&url, "main", "task.yaml") => panic!("the server gave no answer: {outcome:?}"),
        _ = arrival.recv() => {}
    }
    departure.recv().await.unwrap();
}

#[tokio::test]
async fn a_fetch_ends_in_time() {
    if git_is_missing() {
        return;
    }
    let server = Server::start(|_, stream| drop(stream.read_to_end(&mut Vec::new())));
    let limits = Limits {
        timeout: Duration::from_millis(100),
        ..Limits::default()
    };
    let request = Request {
        limits,
        ..request(&server.url("/repo?token=hunter2"), "main", "task.yaml")
    };
    let error = fetch_file(&request, &Policy::trusting()).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    assert!(
        error.to_string().ends_with("/repo took longer than 0.1 s"),
        "{error}"
    );
}

#[tokio::test]
async fn credentials_open_a_repository_and_are_named_nowhere() {
    if git_is_missing() {
        return;
    }
    let History { repository, .. } = history();
    let server = Server::of_repositories(repository.root.path(), Some("Basic Z2l0Omh1bnRlcjI="));
    let url = server.url("/repo");
    let right = Credentials::Basic {
        username: "git".into(),
        password: "hunter2".into(),
    };
    let wrong = Credentials::Basic {
        username: "git".into(),
        password: "hunter3".into(),
    };
    let in_url = url.replace("http://", "http://git:hunter2@");
    for (url, credentials, opens) in [
        (&url, Some(right), true),
        (&in_url, None, true),
        (&url, Some(wrong), false),
        (&url, None, false),
    ] {
        let request = Request {
            credentials,
            ..request(url, "main", "task.yaml")
        };
        match fetch_file(&request, &Policy::trusting()).await {
            Ok(fetched) => {
                assert!(opens, "{request:?}");
                assert_eq!(fetched.source.uri, format!("git+{}", server.url("/repo")));
            }
            Err(error) => {
                assert!(!opens, "{error}");
                assert!(matches!(error, Error::AuthenticationRequired { .. }), "{error}");
                assert!(!format!("{error} {error:?}").contains("hunter"), "{error:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_redirect_is_followed_without_the_credentials_of_the_first_host() {
    if git_is_missing() {
        return;
    }
    let History { repository, .. } = history();
    let target = Server::of_repositories(repository.root.path(), None);
    let front = Server::redirecting(target.url(""));
    let credentials = Some(Credentials::Basic {
        username: "git".into(),
        password: "hunter2".into(),
    });
    let request = Request {
        credentials,
        ..request(&front.url("/repo"), "main", "task.yaml")
    };
    let fetched = fetch_file(&request, &Policy::trusting()).await.unwrap();
    assert_eq!(fetched.bytes, b"two\n");
    assert_eq!(fetched.source.uri, format!("git+{}", front.url("/repo")));
    assert!(
        front
            .seen()
            .iter()
            .any(|request| request.header("authorization").is_some())
    );
    assert!(
        target
            .seen()
            .iter()
            .all(|request| request.header("authorization").is_none())
    );
}

#[tokio::test]
async fn a_redirect_does_not_get_around_the_policy() {
    if git_is_missing() {
        return;
    }
    let target = Server::start(|_, stream| reply(stream, "200 OK", &[], b"secret"));
    let front = Server::redirecting(target.url(""));
    let policy = Policy {
        allowed_hosts: vec!["localhost".into()],
        ..Policy::default()
    };
    let request = request(&front.other_url("/repo"), "main", "task.yaml");
    let error = fetch_file(&request, &policy).await.unwrap_err();
    assert!(matches!(error, Error::Redirect { .. }), "{error}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("not a public address"), "{cause}");
    assert!(target.seen().is_empty());
}

#[tokio::test]
async fn a_shallow_clone_serves_as_a_repository() {
    if git_is_missing() {
        return;
    }
    let History {
        repository, second, ..
    } = history();
    let from = format!("file://{}", repository.url());
    repository.git(&["clone", "--quiet", "--depth=1", &from, "../shallow"]);
    let shallow = repository
        .root
        .path()
        .join("shallow")
        .to_str()
        .unwrap()
        .to_owned();
    for revision in ["main", "HEAD", second.as_str(), &second[..8]] {
        assert_eq!(text(&shallow, revision, "task.yaml").await, "two\n", "{revision}");
    }
}

#[tokio::test]
async fn hooks_and_settings_of_the_environment_have_no_say() {
    if git_is_missing() {
        return;
    }
    let History { repository, .. } = history();
    let witness = repository.root.path().join("witness");
    let hook = format!("touch {}", witness.display());
    repository.git(&["config", "uploadpack.packObjectsHook", &hook]);
    repository.git(&["config", "core.fsmonitor", &hook]);
    repository.git(&["config", "core.sshCommand", &hook]);
    assert_eq!(text(&repository.url(), "main", "task.yaml").await, "two\n");
    assert!(!witness.exists());
}
