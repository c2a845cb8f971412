//! Who asks: tokens, passwords, helper programs, and where none of them may go.

use std::io::Write as _;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use windlass_fetch::Credentials;
use windlass_fetch::oci::Image;
use windlass_fetch::oci::Keyring;
use windlass_fetch::oci::Registries;

use crate::registry::Made;
use crate::registry::Shelf;
use crate::registry::amd64;
use crate::registry::client;
use crate::registry::image_at;
use crate::server::Seen;
use crate::server::Server;
use crate::server::reply;

/// `me:hunter2`.
const PASSWORD: &str = "Basic bWU6aHVudGVyMg==";

fn keyring(server: &Server, password: &str) -> Keyring {
    let credentials = Credentials::Basic {
        username: "me".to_owned(),
        password: password.to_owned(),
    };
    Keyring::of_login(&server.address.to_string(), credentials)
}

/// A registry that wants a token, which it gives itself to whom `opens` lets in.
fn of_tokens(shelf: Shelf, opens: impl Fn(&Seen) -> bool + Send + Sync + 'static) -> Server {
    Server::start(move |request, stream| {
        let host = request.header("host").unwrap_or_default();
        if request.target.starts_with("/token") {
            let body = br#"{"access_token": "t0ken", "expires_in": 300}"#;
            let status = if opens(request) {
                "200 OK"
            } else {
                "401 Unauthorized"
            };
            reply(stream, status, &[], body);
        } else if request.header("authorization") == Some("Bearer t0ken") {
            shelf.answer(request, stream);
        } else {
            let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{host}/token\",service=\"reg\"");
            reply(stream, "401 Unauthorized", &[&challenge], b"");
        }
    })
}

fn of_password(shelf: Shelf) -> Server {
    Server::start(move |request, stream| {
        if request.header("authorization") == Some(PASSWORD) {
            shelf.answer(request, stream);
        } else {
            let challenge = "WWW-Authenticate: Basic realm=\"test\"";
            reply(
                stream,
                "401 Unauthorized",
                &[challenge],
                b"{\"errors\": [{\"code\": \"UNAUTHORIZED\"}]}",
            );
        }
    })
}

/// The requests that came, as `GET /path`, those with a login marked.
fn paths(server: &Server) -> Vec<String> {
    let path = |request: &Seen| {
        let mark = if request.header("authorization").is_some() {
            "*"
        } else {
            ""
        };
        format!("{} {}{mark}", request.method, request.target)
    };
    server.seen().iter().map(path).collect()
}

#[tokio::test]
async fn a_token_is_asked_for_once() {
    let made = Made::of_text("one");
    let server = of_tokens(Shelf::default().image("app", "1", &made), |_| true);
    let shared = client(Registries::default());
    for _ in 0..2 {
        let image = shared.image(
            format!("{}/app:1", server.address).parse().unwrap(),
            Arc::default(),
        );
        let manifest = image.find(&amd64()).await.unwrap();
        drop(image.open(&manifest.document.layers()[0], 0).await.unwrap());
    }
    let layer = format!("GET /v2/app/blobs/{}*", crate::registry::digest(&made.layer));
    let expected = [
        "GET /v2/app/manifests/1",
        "GET /token?service=reg&scope=repository%3Aapp%3Apull",
        "GET /v2/app/manifests/1*",
        &layer,
        "GET /v2/app/manifests/1*",
        &layer,
    ];
    assert_eq!(paths(&server), expected);
}

#[tokio::test]
async fn each_kind_of_login_opens_what_it_is_for() {
    let made = Made::of_text("one");
    let shelf = || Shelf::default().image("app", "1", &made);
    let by_password = of_tokens(shelf(), |request| {
        request.header("authorization") == Some(PASSWORD)
    });
    let by_identity = of_tokens(shelf(), |request| {
        let body = String::from_utf8_lossy(&request.body);
        request.method == "POST"
            && body.contains("grant_type=refresh_token")
            && body.contains("refresh_token=id3nt")
    });
    let plain = of_password(shelf());
    let entry = |server: &Server, login: &str| {
        let config = format!(r#"{{"auths": {{"{}": {login}}}}}"#, server.address);
        Keyring::of_docker_config(config.as_bytes()).unwrap()
    };
    let rows = [
        (&by_password, keyring(&by_password, "hunter2"), true),
        (&by_password, keyring(&by_password, "hunter3"), false),
        (&by_password, Keyring::default(), false),
        (&by_password, keyring(&plain, "hunter2"), false),
        (
            &by_password,
            entry(&by_password, r#"{"registrytoken": "t0ken"}"#),
            true,
        ),
        (
            &by_identity,
            entry(&by_identity, r#"{"identitytoken": "id3nt"}"#),
            true,
        ),
        (
            &by_identity,
            entry(&by_identity, r#"{"auth": "PHRva2VuPjppZDNudA=="}"#),
            true,
        ),
        (
            &by_identity,
            entry(&by_identity, r#"{"identitytoken": "wrong"}"#),
            false,
        ),
        (&plain, keyring(&plain, "hunter2"), true),
        (&plain, keyring(&plain, "hunter3"), false),
        (
            &plain,
            keyring(&plain, "hunter3").and(keyring(&plain, "hunter2")),
            true,
        ),
        (&plain, entry(&plain, r#"{"identitytoken": "id3nt"}"#), false),
        (&plain, Keyring::default(), false),
    ];
    for (position, (server, keyring, opens)) in rows.into_iter().enumerate() {
        let outcome = image_at(server, "app:1", keyring).find(&amd64()).await;
        assert_eq!(outcome.is_ok(), opens, "row {position}: {:?}", outcome.err());
    }
}

#[tokio::test]
async fn a_refused_login_is_reported_without_it() {
    let server = of_password(Shelf::default());
    let address = server.address.to_string();
    let rows = [
        (Keyring::default(), "no login for it is known"),
        (keyring(&server, "hunter3"), "and the login for it was refused"),
        (
            keyring(&server, "hunter3").and(keyring(&server, "hunter4")),
            "and all 2 logins for it were refused",
        ),
    ];
    for (keyring, expected) in rows {
        let error = image_at(&server, "app", keyring)
            .find(&amd64())
            .await
            .unwrap_err();
        let message = error.to_string().replace(&address, "HOST");
        assert_eq!(
            message,
            format!(
                "cannot read image HOST/app:latest: http://HOST/app: not authorized (HTTP status 401, UNAUTHORIZED), \
                 {expected}; check the name, or log in with 'docker login HOST' or a pull secret"
            )
        );
        assert!(!format!("{error:?}").contains("hunter"), "{error:?}");
    }
}

#[tokio::test]
async fn a_login_does_not_follow_a_redirect_to_another_host() {
    let made = Made::of_text("one");
    let layer = made.layer.clone();
    let storage = Server::start(move |_, stream| reply(stream, "200 OK", &[], &layer));
    let (elsewhere, shelf) = (
        storage.url("/signed?key=x"),
        Shelf::default().image("app", "1", &made),
    );
    let server = of_password_with(shelf, elsewhere);
    let image = image_at(&server, "app:1", keyring(&server, "hunter2"));
    let manifest = image.find(&amd64()).await.unwrap();
    let mut blob = image.open(&manifest.document.layers()[0], 0).await.unwrap();
    let mut bytes = Vec::new();
    blob.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes, made.layer);
    assert_eq!(paths(&storage), ["GET /signed?key=x"]);
}

/// A registry with a password whose blobs lie elsewhere.
fn of_password_with(shelf: Shelf, elsewhere: String) -> Server {
    Server::start(move |request, stream| match request.header("authorization") {
        Some(PASSWORD) if request.target.contains("/blobs/") => {
            let location = format!("Location: {elsewhere}");
            reply(stream, "307 Temporary Redirect", &[&location], b"");
        }
        Some(PASSWORD) => shelf.answer(request, stream),
        _ => reply(
            stream,
            "401 Unauthorized",
            &["WWW-Authenticate: Basic realm=\"test\""],
            b"",
        ),
    })
}

#[tokio::test]
async fn a_token_service_is_judged_before_a_login_goes_there() {
    let witness = Server::start(|_, stream| reply(stream, "200 OK", &[], br#"{"token": ""}"#));
    let port = witness.address.port();
    let rows = [
        (
            "http://registry.test/token".to_owned(),
            "names http://registry.test/token for tokens, which is refused: it is not reached by HTTPS",
        ),
        (
            "file:///etc/passwd".to_owned(),
            "which is refused: it is neither http nor https",
        ),
        (
            "https://u:p@host.test/".to_owned(),
            "names https://host.test/ for tokens, which is refused: it holds a user or password",
        ),
        (
            format!("http://127.0.0.1:{port}/token?secret=x"),
            "gave no token: the answer holds none",
        ),
    ];
    for (realm, expected) in rows {
        let challenge = format!("WWW-Authenticate: Bearer realm=\"{realm}\"");
        let server = Server::start(move |_, stream| reply(stream, "401 Unauthorized", &[&challenge], b""));
        let image = image_at(&server, "app", keyring(&server, "hunter2"));
        let message = image.find(&amd64()).await.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }
}

/// A directory with a helper program; written by another process, since a file that is open for writing in any
/// process cannot be run.
fn helper(script: &str) -> TempDir {
    let directory = TempDir::new().unwrap();
    let mut child = Command::new("install")
        .args(["-m", "755", "/dev/stdin"])
        .arg(directory.path().join("docker-credential-test"))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    directory
}

#[tokio::test]
async fn helper_programs_are_asked_and_not_trusted() {
    let made = Made::of_text("one");
    let server = of_password(Shelf::default().image("app", "1", &made));
    let address = server.address.to_string();
    let good = format!(
        "#!/bin/sh\nread key\n[ \"$1 $key\" = 'get {address}' ] && echo '{{\"Username\": \"me\", \"Secret\": \"hunter2\"}}'"
    );
    let rows = [
        (good.as_str(), "", ""),
        (
            "#!/bin/sh\necho 'credentials not found in native keychain'; exit 1",
            "",
            "no login for it is known; check",
        ),
        (
            "#!/bin/sh\necho hunter2 is broken; exit 1",
            "",
            "docker-credential-test failed; run it by hand to see why",
        ),
        (
            "#!/bin/sh\necho '{}'",
            "",
            "docker-credential-test answered something that is no login",
        ),
        (
            "#!/bin/sh\nhead -c 1000000 /dev/zero",
            "",
            "docker-credential-test answered something that is no login",
        ),
        (
            "",
            "gone",
            "docker-credential-gone cannot be run: entity not found",
        ),
    ];
    for (script, name, expected) in rows {
        let name = if name.is_empty() { "test" } else { name };
        let programs = helper(script);
        for config in [
            format!(r#"{{"auths": {{"{address}": {{}}}}, "credsStore": "{name}"}}"#),
            format!(r#"{{"credHelpers": {{"{address}": "{name}"}}}}"#),
        ] {
            std::fs::write(programs.path().join("config.json"), config).unwrap();
            let keyring = Keyring::of_machine(|variable| {
                matches!(variable, "PATH" | "DOCKER_CONFIG").then(|| programs.path().as_os_str().to_owned())
            });
            let image: Image = image_at(&server, "app:1", keyring.unwrap());
            let message = image
                .find(&amd64())
                .await
                .err()
                .map_or_else(String::new, |error| error.to_string());
            assert_eq!(expected.is_empty(), message.is_empty(), "{script}: {message}");
            assert!(message.contains(expected), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
