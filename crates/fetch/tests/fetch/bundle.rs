//! Objects out of bundles, as `tkn` writes them and otherwise.

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;
use windlass_fetch::Credentials;
use windlass_fetch::Fetcher;
use windlass_fetch::Limits;
use windlass_fetch::Policy;
use windlass_fetch::bundle::Error;
use windlass_fetch::bundle::Request;
use windlass_fetch::bundle::fetch;
use windlass_fetch::cache::Mode;
use windlass_fetch::oci::Client;
use windlass_fetch::oci::Keyring;
use windlass_fetch::oci::Mirror;
use windlass_fetch::oci::Registries;

use crate::registry::Made;
use crate::registry::OCI_MANIFEST;
use crate::registry::Shelf;
use crate::registry::client;
use crate::registry::descriptor;
use crate::registry::digest;
use crate::server::Server;
use crate::server::reply;

const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// A bundle with one layer for each object, in the dialect that `tkn` writes.
fn bundle(layers: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let layer = |(kind, name, bytes): &(&str, &str, &[u8])| {
        let mut layer = descriptor(DOCKER_LAYER, bytes);
        layer["annotations"] = json!({
            "dev.tekton.image.apiVersion": "v1",
            "dev.tekton.image.kind": kind,
            "dev.tekton.image.name": name,
        });
        layer
    };
    let layers: Vec<Value> = layers.iter().map(layer).collect();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": descriptor(DOCKER_CONFIG, b"{}"),
        "layers": layers,
    });
    manifest.to_string().into_bytes()
}

fn request(server: &Server, name: &str) -> Request {
    Request::task(format!("{}/{name}", server.address).parse().unwrap(), "build")
}

async fn failure(request: &Request) -> String {
    let error = fetch(request, &client(Registries::default())).await.unwrap_err();
    match error {
        Error::Image(error) => format!("cannot retrieve the oci image: {error}"),
        other => other.to_string(),
    }
}

#[tokio::test]
async fn an_object_comes_with_its_source() {
    let made = Made::of_text("kind: Task");
    let plain = b"kind: Pipeline".as_slice();
    let manifest = bundle(&[("task", "build", &made.layer), ("pipeline", "build", plain)]);
    let server = Shelf::default()
        .manifest("team/tasks", "1", DOCKER_MANIFEST, &manifest)
        .blob("team/tasks", &made.layer)
        .blob("team/tasks", plain)
        .serve();
    let rows = [("task", "kind: Task"), ("pipeline", "kind: Pipeline")];
    for (kind, expected) in rows {
        let request = Request {
            kind: kind.to_owned(),
            ..request(&server, "team/tasks:1")
        };
        let fetched = fetch(&request, &client(Registries::default())).await.unwrap();
        assert_eq!(String::from_utf8(fetched.bytes).unwrap(), expected);
        assert_eq!(fetched.source.uri, format!("{}/team/tasks", server.address));
        let sha256 = fetched
            .source
            .digest
            .get("sha256")
            .map(|hex| format!("sha256:{hex}"));
        assert_eq!(sha256, Some(digest(&manifest)));
        assert_eq!(fetched.source.entry_point, "build");
    }
}

#[tokio::test]
async fn what_is_no_bundle_or_lies_is_refused() {
    let made = Made::of_text("kind: Task");
    let good = bundle(&[("task", "build", &made.layer)]);
    let other = bundle(&[("task", "test", &made.layer), ("pipeline", "build", &made.layer)]);
    let large = bundle(&[("task", "build", &[b' '; 5000])]);
    let shelf = Shelf::default()
        .manifest("good", "1", DOCKER_MANIFEST, &good)
        .manifest("other", "1", DOCKER_MANIFEST, &other)
        .manifest("large", "1", DOCKER_MANIFEST, &large)
        .manifest("image", "1", OCI_MANIFEST, &made.manifest);
    let server = Server::start(move |request, stream| {
        if request.target.contains("/blobs/") {
            return reply(stream, "200 OK", &[], b"kind: Evil");
        }
        shelf.answer(request, stream);
    });
    let rows = [
        (
            "good:1",
            "failed to read image layer of HOST/good:1: SHA mismatch, expected ",
        ),
        (
            "other:1",
            "could not find object in image with kind: task and name: build; HOST/other:1 holds task test, pipeline build",
        ),
        (
            "large:1",
            "the object of HOST/large:1 exceeds maximum allowed size of 4000 bytes",
        ),
        (
            "image:1",
            "invalid tekton bundle HOST/image:1, error: the layer 0 does not contain a dev.tekton.image.apiVersion annotation",
        ),
        (
            "gone:1",
            "cannot retrieve the oci image: cannot read image HOST/gone:1: ",
        ),
    ];
    for (name, expected) in rows {
        let request = Request {
            limits: Limits {
                max_bytes: 4000,
                ..Limits::default()
            },
            ..request(&server, name)
        };
        let message = failure(&request)
            .await
            .replace(&server.address.to_string(), "HOST");
        assert!(message.starts_with(expected), "{message}");
    }
}

#[tokio::test]
async fn a_pinned_bundle_is_kept_for_who_asked() {
    let made = Made::of_text("kind: Task");
    let manifest = bundle(&[("task", "build", &made.layer)]);
    let shelf = Shelf::default()
        .manifest("library/tasks", "1", DOCKER_MANIFEST, &manifest)
        .blob("library/tasks", &made.layer);
    let server = Server::start(move |request, stream| {
        if request.header("authorization").is_some() {
            return shelf.answer(request, stream);
        }
        reply(
            stream,
            "401 Unauthorized",
            &["WWW-Authenticate: Basic realm=\"x\""],
            b"",
        );
    });
    let registries = Registries {
        mirrors: vec![Mirror {
            prefix: "docker.io".to_owned(),
            urls: vec![server.url("")],
            only: true,
        }],
        ..Registries::default()
    };
    let login = |user: &str| {
        let credentials = Credentials::Basic {
            username: user.to_owned(),
            password: "p".to_owned(),
        };
        Arc::new(Keyring::of_login(&server.address.to_string(), credentials))
    };
    let policy = Policy::trusting();
    let client = Client::new(policy.clone(), registries).unwrap();
    let pinned = |user: &str| Request {
        keyring: login(user),
        ..Request::task(format!("tasks@{}", digest(&manifest)).parse().unwrap(), "build")
    };
    let anonymous = Fetcher::new(policy.clone()).with_images(client.clone(), Arc::default());
    let known = Fetcher::new(policy).with_images(client, login("machine"));
    // Who fetches, with whose login, and how many requests have come by then.
    let rows = [
        (&known, "a", 3),
        (&known, "a", 3),
        (&known, "b", 6),
        (&anonymous, "a", 9),
    ];
    for (fetcher, user, requests) in rows {
        let fetched = fetcher.bundle(&pinned(user), Mode::Auto).await.unwrap();
        assert_eq!(fetched.source.uri, "index.docker.io/library/tasks");
        assert_eq!(server.seen().len(), requests, "{user}");
    }
    let without = Request {
        keyring: Arc::default(),
        ..pinned("a")
    };
    assert!(known.bundle(&without, Mode::Auto).await.is_ok());
    assert!(anonymous.bundle(&without, Mode::Auto).await.is_err());
}
