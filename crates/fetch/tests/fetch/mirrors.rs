//! Where images are looked for, in which order, and with whose login.

use std::net::TcpListener;
use std::sync::Arc;

use windlass_fetch::Credentials;
use windlass_fetch::Policy;
use windlass_fetch::oci::Client;
use windlass_fetch::oci::Image;
use windlass_fetch::oci::Keyring;
use windlass_fetch::oci::Mirror;
use windlass_fetch::oci::Registries;

use crate::registry::Made;
use crate::registry::Shelf;
use crate::registry::amd64;
use crate::registry::client;
use crate::registry::digest;
use crate::registry::hasty;
use crate::server::Server;
use crate::server::reply;

fn mirrored(prefix: &str, urls: &[String], only: bool) -> Registries {
    let mirror = Mirror {
        prefix: prefix.to_owned(),
        urls: urls.to_vec(),
        only,
    };
    Registries {
        mirrors: vec![mirror],
        ..Registries::default()
    }
}

fn image(registries: Registries, name: &str, keyring: Keyring) -> Image {
    client(registries).image(name.parse().unwrap(), Arc::new(keyring))
}

/// An address of this machine at which nothing answers.
fn dead() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn a_mirror_that_does_not_serve_is_passed_over() {
    let made = Made::of_text("one");
    let name = format!("library/app@{}", digest(&made.manifest));
    let good = Shelf::default().image("library/app", "1", &made).serve();
    let empty = Shelf::default().serve();
    let failing = Server::start(|_, stream| reply(stream, "500 Oops", &[], b""));
    let closed = Server::start(|_, stream| reply(stream, "401 Unauthorized", &[], b""));
    let lying = Server::start(|_, stream| reply(stream, "200 OK", &[], b"{}"));
    let bad = [&empty, &failing, &closed, &lying];
    let mut urls = vec![dead()];
    urls.extend(bad.iter().chain([&&good]).map(|server| server.url("")));
    let image = image(mirrored("docker.io", &urls, true), &name, Keyring::default());
    let manifest = image.find(&amd64()).await.unwrap();
    assert_eq!(manifest.digest, digest(&made.manifest));
    // One that fails is not asked again while there are others, and blobs come from where the manifest did.
    drop(image.open(&manifest.document.layers()[0], 0).await.unwrap());
    assert_eq!(bad.map(|server| server.seen().len()), [1, 1, 1, 1]);
    assert_eq!(good.seen().len(), 2);
    assert!(
        good.seen()[0].target.ends_with("?ns=docker.io"),
        "{:?}",
        good.seen()
    );
}

#[tokio::test]
async fn the_registry_itself_is_asked_last() {
    let made = Made::of_text("one");
    let (mirror, origin) = (
        Shelf::default().serve(),
        Shelf::default().image("team/app", "1", &made).serve(),
    );
    let host = origin.address.to_string();
    let registries = mirrored(&format!("{host}/team"), &[mirror.url("/copies")], false);
    let found = image(registries, &format!("{host}/team/app:1"), Keyring::default());
    assert!(found.find(&amd64()).await.is_ok());
    let asked = [&mirror, &origin].map(|server| server.seen()[0].target.replace("%3A", ":"));
    let to_mirror = format!("/v2/copies/app/manifests/1?ns={host}");
    assert_eq!(asked, [to_mirror, "/v2/team/app/manifests/1".to_owned()]);
    let registries = mirrored(&host, &[mirror.url("")], true);
    let missing = image(registries, &format!("{host}/team/app:1"), Keyring::default());
    assert!(missing.find(&amd64()).await.is_err());
    assert_eq!(origin.seen().len(), 1);
}

#[tokio::test]
async fn every_place_is_named_with_its_reason() {
    let (dead, empty) = (dead(), Shelf::default().serve());
    let urls = [dead.clone(), empty.url("/hub")];
    let image = image(mirrored("docker.io", &urls, true), "alpine", Keyring::default());
    let message = image.find(&amd64()).await.unwrap_err().to_string();
    let message = message.replace(&dead, "DEAD").replace(&empty.url(""), "EMPTY");
    assert_eq!(
        message,
        "cannot read image docker.io/library/alpine:latest: \
         DEAD/library/alpine: cannot be reached: Connection refused (os error 111); \
         EMPTY/hub/library/alpine: not found (HTTP status 404, MANIFEST_UNKNOWN); \
         check the network, or name a mirror: WINDLASS_REGISTRY_MIRRORS=docker.io=http://localhost:5000"
    );
}

#[tokio::test]
async fn a_mirror_gets_its_own_login_and_no_other() {
    let challenge = "WWW-Authenticate: Basic realm=\"test\"";
    let servers = [(); 2]
        .map(|()| Server::start(move |_, stream| reply(stream, "401 Unauthorized", &[challenge], b"")));
    let [mirror, origin] = &servers;
    let login = |server: &Server, user: &str| {
        let credentials = Credentials::Basic {
            username: user.to_owned(),
            password: "p".to_owned(),
        };
        Keyring::of_login(&server.address.to_string(), credentials)
    };
    let keyring = login(mirror, "m").and(login(origin, "o"));
    let host = origin.address.to_string();
    let registries = mirrored(&host, &[mirror.url("")], false);
    let image = image(registries, &format!("{host}/app"), keyring);
    let message = image.find(&amd64()).await.unwrap_err().to_string();
    let sent = servers.each_ref().map(|server| {
        let seen = server.seen();
        let logins = seen.iter().filter_map(|request| request.header("authorization"));
        logins.map(str::to_owned).collect::<Vec<_>>()
    });
    // The first place whose login is wanted is the one to log in to.
    let hint = format!(
        "or log in with 'docker login {}' or a pull secret",
        mirror.address
    );
    assert!(message.ends_with(&hint), "{message}");
    // Base64 of `m:p` and of `o:p`.
    assert_eq!(sent, [["Basic bTpw"], ["Basic bzpw"]]);
}

#[tokio::test]
async fn a_mirror_is_under_the_policy_too() {
    let server = Shelf::default().serve();
    let registries = mirrored("*", &[server.url("")], true);
    let client = Client::with_patience(Policy::default(), registries, hasty()).unwrap();
    let image = client.image("alpine".parse().unwrap(), Arc::default());
    let message = image.find(&amd64()).await.unwrap_err().to_string();
    assert!(
        message.ends_with(
            "127.0.0.1 is at 127.0.0.1, which is not a public address; if it is meant, allow private networks or this host"
        ),
        "{message}"
    );
    assert!(server.seen().is_empty());
}
