//! Debian's registry: what is pushed is what is pulled.

use std::io::Write as _;
use std::process::Command;
use std::sync::Arc;

use tokio::io::AsyncReadExt as _;
use windlass_fetch::Credentials;
use windlass_fetch::oci::Error;
use windlass_fetch::oci::Image;
use windlass_fetch::oci::Keyring;
use windlass_fetch::oci::Mirror;
use windlass_fetch::oci::Registries;

use crate::registry::Made;
use crate::registry::OCI_INDEX;
use crate::registry::OCI_MANIFEST;
use crate::registry::Real;
use crate::registry::amd64;
use crate::registry::client;
use crate::registry::digest;
use crate::registry::index;

/// A line of htpasswd for `me` and `hunter2`, by bcrypt at its lowest cost.
const HTPASSWD: &str = "me:$2y$05$4xZqA096MdiDi1WQXBr5Oensj.Z33.6/GarL3OWHy8ue4bjkZPLdS\n";

fn image(real: &Real, name: &str, password: Option<&str>) -> Image {
    let host = format!("localhost:{}", real.port);
    let keyring = password.map(|password| {
        let credentials = Credentials::Basic {
            username: "me".to_owned(),
            password: password.to_owned(),
        };
        Keyring::of_login(&host, credentials)
    });
    let reference = format!("{host}/{name}").parse().unwrap();
    client(Registries::default()).image(reference, Arc::new(keyring.unwrap_or_default()))
}

async fn push(image: &Image, made: &Made) -> Result<String, Error> {
    image.push_blob(made.layer.clone()).await?;
    image.push_blob(made.config.clone()).await?;
    image.push_manifest(OCI_MANIFEST, made.manifest.clone()).await
}

/// A registry that wants the password; none where it is not installed.
fn guarded() -> Option<Real> {
    Real::start(|root| {
        let file = root.path().join("htpasswd");
        std::fs::write(&file, HTPASSWD).unwrap();
        vec![
            ("REGISTRY_AUTH", "htpasswd".to_owned()),
            ("REGISTRY_AUTH_HTPASSWD_REALM", "test".to_owned()),
            ("REGISTRY_AUTH_HTPASSWD_PATH", file.display().to_string()),
        ]
    })
}

#[tokio::test]
async fn what_is_pushed_is_what_is_pulled() {
    let Some(real) = guarded() else {
        return;
    };
    let made = Made::of_text("one");
    let own = image(&real, "team/app:1", Some("hunter2"));
    let pushed = push(&own, &made).await.unwrap();
    assert_eq!(pushed, digest(&made.manifest));
    let both = index(&[("linux/arm64", b"x"), ("linux/amd64", &made.manifest)]);
    // The registry wants all that an index lists, so this one lists what is there.
    assert!(
        image(&real, "team/app:bad", Some("hunter2"))
            .push_manifest(OCI_INDEX, both)
            .await
            .is_err()
    );
    let one = index(&[("linux/amd64", &made.manifest)]);
    image(&real, "team/app:multi", Some("hunter2"))
        .push_manifest(OCI_INDEX, one.clone())
        .await
        .unwrap();
    let by_digest = format!("team/app@{pushed}");
    for (name, listed) in [
        ("team/app:1", None),
        (by_digest.as_str(), None),
        ("team/app:multi", Some(digest(&one))),
    ] {
        let found = image(&real, name, Some("hunter2"));
        let manifest = found.find(&amd64()).await.unwrap();
        assert_eq!(
            (manifest.digest, manifest.index),
            (pushed.clone(), listed),
            "{name}"
        );
        for offset in [0, 700] {
            let mut blob = found.open(&manifest.document.layers()[0], offset).await.unwrap();
            let mut bytes = Vec::new();
            blob.read_to_end(&mut bytes).await.unwrap();
            let start = usize::try_from(offset).unwrap();
            assert_eq!(bytes, made.layer[start..], "{name} from {offset}");
        }
    }
}

#[tokio::test]
async fn what_is_refused_or_missing_is_told_apart() {
    let Some(real) = guarded() else {
        return;
    };
    push(
        &image(&real, "team/app:1", Some("hunter2")),
        &Made::of_text("one"),
    )
    .await
    .unwrap();
    for (name, password, expected) in [
        (
            "team/app:1",
            Some("hunter3"),
            "not authorized (HTTP status 401, UNAUTHORIZED), and the login for it was refused",
        ),
        (
            "team/app:1",
            None,
            "not authorized (HTTP status 401, UNAUTHORIZED), no login for it is known",
        ),
        (
            "team/app:2",
            Some("hunter2"),
            "not found (HTTP status 404, MANIFEST_UNKNOWN); check the name and the tag",
        ),
        (
            "team/none:1",
            Some("hunter2"),
            "not found (HTTP status 404, MANIFEST_UNKNOWN); check the name and the tag",
        ),
    ] {
        let message = image(&real, name, password)
            .find(&amd64())
            .await
            .unwrap_err()
            .to_string();
        assert!(message.contains(expected), "{message}");
    }
}

/// Arguments that make openssl write a certificate and its key for two days.
const CERTIFICATE: &str = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test \
    -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE -keyout key -out certificate";

/// A registry that speaks TLS with a certificate of its own; none where a program is not installed.
fn encrypted() -> Option<Real> {
    if Command::new("openssl").arg("version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "openssl is not installed");
        let _ = writeln!(std::io::stderr(), "skipped: openssl is not installed");
        return None;
    }
    Real::start(|root| {
        let path = |name: &str| root.path().join(name).display().to_string();
        let mut command = Command::new("openssl");
        command
            .args(CERTIFICATE.split_whitespace())
            .current_dir(root.path());
        assert!(command.output().unwrap().status.success());
        vec![
            ("REGISTRY_HTTP_TLS_CERTIFICATE", path("certificate")),
            ("REGISTRY_HTTP_TLS_KEY", path("key")),
        ]
    })
}

#[tokio::test]
async fn a_registry_behind_an_own_authority_is_trusted_when_it_is_listed() {
    let Some(real) = encrypted() else {
        return;
    };
    let certificate = real.root.path().join("certificate");
    let found = |certificates| {
        let mirror = Mirror {
            prefix: "registry.test".to_owned(),
            urls: vec![format!("https://localhost:{}", real.port)],
            only: true,
        };
        let registries = Registries {
            mirrors: vec![mirror],
            certificates,
            ..Registries::default()
        };
        client(registries).image("registry.test/app".parse().unwrap(), Arc::default())
    };
    let rows = [
        (vec![certificate], "not found (HTTP status 404, MANIFEST_UNKNOWN)"),
        (
            vec![],
            "cannot be reached: invalid peer certificate: UnknownIssuer",
        ),
        (
            vec![real.root.path().join("key")],
            "it holds no certificate in PEM",
        ),
        (
            vec![real.root.path().join("gone")],
            "gone: No such file or directory",
        ),
    ];
    for (certificates, expected) in rows {
        let message = found(certificates).find(&amd64()).await.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}
