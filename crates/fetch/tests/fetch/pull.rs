//! Manifests and blobs from registries that behave and registries that do not.

use std::io::Write as _;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use windlass_fetch::Policy;
use windlass_fetch::oci::Client;
use windlass_fetch::oci::Error;
use windlass_fetch::oci::Image;
use windlass_fetch::oci::Keyring;
use windlass_fetch::oci::Patience;
use windlass_fetch::oci::Registries;
use windlass_fetch::oci::Source as _;

use crate::registry::Made;
use crate::registry::OCI_INDEX;
use crate::registry::OCI_MANIFEST;
use crate::registry::Shelf;
use crate::registry::amd64;
use crate::registry::digest;
use crate::registry::hasty;
use crate::registry::image_at;
use crate::registry::index;
use crate::server::Server;
use crate::server::reply;

fn image(server: &Server, name: &str) -> Image {
    image_at(server, name, Keyring::default())
}

/// The error of a pull, with the server's address left out.
async fn failure(server: &Server, image: &Image) -> String {
    let error = image.find(&amd64()).await.unwrap_err();
    error.to_string().replace(&server.address.to_string(), "HOST")
}

#[tokio::test]
async fn an_image_is_found_by_tag_and_by_digest() {
    let made = Made::of_text("one");
    let server = Shelf::default().image("team/app", "1", &made).serve();
    let by_digest = format!("team/app@{}", digest(&made.manifest));
    for name in ["team/app:1", &by_digest, &by_digest.replace('@', ":gone@")] {
        let image = image(&server, name);
        let platform = amd64();
        let manifest = image.manifest(&platform).await.unwrap();
        assert_eq!(manifest.digest, digest(&made.manifest), "{name}");
        assert_eq!(manifest.index, None, "{name}");
        assert_eq!(manifest.bytes, made.manifest, "{name}");
        let mut layer = Vec::new();
        let mut blob = image.blob(&manifest.document.layers()[0], 0).await.unwrap();
        blob.read_to_end(&mut layer).await.unwrap();
        assert_eq!(layer, made.layer, "{name}");
        assert_eq!(image.place(), format!("{}/{name}", server.address));
    }
    let accepted = server.seen()[0].header("accept").unwrap().to_owned();
    for media_type in [
        OCI_MANIFEST,
        OCI_INDEX,
        "manifest.list.v2+json",
        "manifest.v2+json",
    ] {
        assert!(accepted.contains(media_type), "{accepted}");
    }
}

#[tokio::test]
async fn an_index_leads_to_the_image_for_the_machine() {
    let (amd, arm) = (Made::of_text("amd"), Made::of_text("arm"));
    let both = index(&[("linux/arm64", &arm.manifest), ("linux/amd64", &amd.manifest)]);
    let foreign = index(&[("linux/arm64", &arm.manifest), ("windows/amd64", &amd.manifest)]);
    let nested = index(&[("linux/amd64", &both)]);
    let deep = index(&[("linux/amd64", &nested)]);
    let lie = String::from_utf8(both.clone()).unwrap();
    let lie = lie.replace(&format!("\"size\":{}", amd.manifest.len()), "\"size\":1");
    let mut shelf = Shelf::default()
        .image("app", "amd", &amd)
        .image("app", "arm", &arm);
    for (tag, bytes) in [
        ("both", both.as_slice()),
        ("foreign", &foreign),
        ("nested", &nested),
        ("deep", &deep),
        ("lie", lie.as_bytes()),
    ] {
        shelf = shelf.manifest("app", tag, OCI_INDEX, bytes);
    }
    let server = shelf.serve();
    for (tag, bytes) in [("both", &both), ("nested", &nested)] {
        let manifest = image(&server, &format!("app:{tag}"))
            .find(&amd64())
            .await
            .unwrap();
        assert_eq!(manifest.digest, digest(&amd.manifest), "{tag}");
        assert_eq!(manifest.index, Some(digest(bytes)), "{tag}");
    }
    let size = format!("gave {} bytes where its index says 1; ", amd.manifest.len());
    let rows = [
        (
            "foreign",
            "it is not made for linux/amd64, only for linux/arm64, windows/amd64; choose an image that is made for this machine",
        ),
        ("deep", "its index leads to further indexes and to no image; "),
        ("lie", &size),
    ];
    for (tag, expected) in rows {
        let message = failure(&server, &image(&server, &format!("app:{tag}"))).await;
        let expected = format!("cannot read image HOST/app:{tag}: http://HOST/app: {expected}");
        assert!(message.starts_with(&expected), "{message}");
    }
}

#[tokio::test]
async fn content_must_be_what_it_is_said_to_be() {
    let (made, other) = (Made::of_text("one"), Made::of_text("two"));
    let swapped = other.manifest.clone();
    let listed = index(&[("linux/amd64", &made.manifest)]);
    let server = Server::start(move |request, stream| {
        let path = request.target.as_str();
        let body = if path.ends_with("/index") {
            &listed
        } else {
            &swapped
        };
        let claimed = format!("Docker-Content-Digest: sha256:{}", "0".repeat(64));
        let headers: &[&str] = if path.ends_with("/claimed") {
            &[&claimed]
        } else {
            &[]
        };
        reply(stream, "200 OK", headers, body);
    });
    let pinned = format!("app@{}", digest(&made.manifest));
    for name in [pinned.as_str(), "app:claimed", "app:index"] {
        let message = failure(&server, &image(&server, name)).await;
        assert!(
            message.contains("gave content that is not what it should be: SHA mismatch, expected "),
            "{name}: {message}"
        );
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn what_is_no_manifest_is_refused() {
    let server = Server::start(|request, stream| {
        let name = request.target.rsplit('/').next().unwrap_or_default();
        let old = "Content-Type: application/vnd.docker.distribution.manifest.v1+prettyjws";
        match name {
            "claims" => drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\nx")),
            "endless" => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
                while stream.write_all(&[b' '; 4096]).is_ok() {}
            }
            "short" => drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")),
            "old" => reply(stream, "200 OK", &[old], b"{}"),
            "page" => reply(stream, "200 OK", &["Content-Type: text/html"], b"<html>"),
            "loop" => reply(stream, "302 Found", &["Location: loop"], b""),
            "local" => reply(stream, "302 Found", &["Location: file:///etc/passwd"], b""),
            "failing" => reply(stream, "500 Oops", &[], b"{\"errors\": [{\"code\": \"a b\"}]}"),
            "odd" => reply(
                stream,
                "418 Teapot",
                &[],
                b"{\"errors\": [{\"code\": \"TEAPOT\"}]}",
            ),
            _ => reply(
                stream,
                "404 Not Found",
                &[],
                b"{\"errors\": [{\"code\": \"NAME_UNKNOWN\"}]}",
            ),
        }
    });
    let late = "; try again later, or name a mirror";
    let fault = "; tell who runs the registry, or name a mirror";
    let large =
        "response body of http://HOST/v2/app/manifests/NAME exceeds maximum allowed size of 4194304 bytes";
    let rows = [
        ("claims", large, fault),
        ("endless", large, fault),
        ("short", "broke off: ", ""),
        (
            "old",
            "its manifest has Docker's schema 1, which nothing checks against its layers; push the image again with a current tool",
            "",
        ),
        (
            "page",
            "its manifest cannot be read: expected value at line 1 column 1",
            fault,
        ),
        (
            "loop",
            "requested URL 'http://HOST/v2/app/manifests/NAME' redirects more than 5 times",
            fault,
        ),
        (
            "local",
            "refused a redirect of http://HOST/v2/app/manifests/NAME: its target is no http(s) url",
            fault,
        ),
        ("failing", "HTTP status 500", late),
        ("odd", "HTTP status 418, TEAPOT", late),
        (
            "gone",
            "not found (HTTP status 404, NAME_UNKNOWN)",
            "; check the name and the tag",
        ),
    ];
    for (name, reason, hint) in rows {
        let message = failure(&server, &image(&server, &format!("app:{name}"))).await;
        let reason = reason
            .replace("NAME'", &format!("{name}'"))
            .replace("/NAME ", &format!("/{name} "));
        let reason = reason.replace("/NAME:", &format!("/{name}:"));
        let expected = format!("cannot read image HOST/app:{name}: http://HOST/app: {reason}{hint}");
        assert!(message.starts_with(&expected), "{message}\n{expected}");
    }
}

#[tokio::test]
async fn a_manifest_that_drips_is_given_up() {
    let server = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let patience = Patience {
        document: Duration::from_millis(100),
        ..hasty()
    };
    let client = Client::with_patience(Policy::trusting(), Registries::default(), patience).unwrap();
    let reference = format!("{}/app", server.address).parse().unwrap();
    let message = failure(&server, &client.image(reference, Arc::default())).await;
    assert_eq!(
        message,
        "cannot read image HOST/app:latest: http://HOST/app: gave no answer in 0.1 s; \
         check the network, or name a mirror: WINDLASS_REGISTRY_MIRRORS=HOST=http://localhost:5000"
    );
}

#[tokio::test]
async fn a_blob_that_stands_still_is_an_error_of_its_reader() {
    let made = Made::of_text("one");
    let shelf = Shelf::default().image("app", "1", &made);
    let server = Server::start(move |request, stream| {
        if request.target.contains("/manifests/") {
            return shelf.answer(request, stream);
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx");
        // Until the other side hangs up.
        let _ = std::io::Read::read(stream, &mut [0]);
    });
    let patience = Patience {
        idle: Duration::from_millis(100),
        ..hasty()
    };
    let client = Client::with_patience(Policy::trusting(), Registries::default(), patience).unwrap();
    let image = client.image(
        format!("{}/app:1", server.address).parse().unwrap(),
        Arc::default(),
    );
    let manifest = image.find(&amd64()).await.unwrap();
    let mut blob = image.open(&manifest.document.layers()[0], 0).await.unwrap();
    let mut bytes = Vec::new();
    assert!(blob.read_to_end(&mut bytes).await.is_err());
    assert_eq!(bytes, b"x");
}

#[tokio::test]
async fn a_blob_is_read_from_where_it_was_left() {
    let made = Made::of_text("one");
    let size = made.layer.len() as u64;
    let shelf = Shelf::default().image("app", "1", &made);
    let layer = made.layer.clone();
    // Repositories by what their registry makes of a range.
    let server = Server::start(move |request, stream| {
        let target = request.target.replace("ignores", "app").replace("lies", "app");
        let plain = crate::server::Seen {
            target,
            ..request.clone()
        };
        match request.target.as_str() {
            path if path.contains("/blobs/") && path.contains("ignores") => {
                reply(stream, "200 OK", &[], &layer);
            }
            path if path.contains("/blobs/") && path.contains("lies") => reply(
                stream,
                "206 Partial Content",
                &["Content-Range: bytes 3-9/10"],
                &layer[3..],
            ),
            _ => shelf.answer(&plain, stream),
        }
    });
    for (repository, offset, expected) in [
        ("app", 0, Ok(0)),
        ("app", 700, Ok(700)),
        ("app", size, Ok(size)),
        ("ignores", 0, Ok(0)),
        ("ignores", 700, Ok(700)),
        ("ignores", size, Ok(size)),
        ("lies", 3, Ok(3)),
        ("lies", 4, Err("gave another part of the blob than was asked for")),
    ] {
        let image = image(&server, &format!("{repository}:1"));
        let manifest = image.find(&amd64()).await.unwrap();
        match (image.open(&manifest.document.layers()[0], offset).await, expected) {
            (Ok(mut blob), Ok(start)) => {
                let mut bytes = Vec::new();
                blob.read_to_end(&mut bytes).await.unwrap();
                let start = usize::try_from(start).unwrap();
                assert_eq!(bytes, made.layer[start..], "{repository} from {offset}");
            }
            (Err(error), Err(reason)) => assert!(error.to_string().contains(reason), "{error}"),
            (outcome, _) => panic!("{repository} from {offset}: {:?}", outcome.err()),
        }
    }
}

#[tokio::test]
async fn what_may_answer_a_moment_later_is_asked_again() {
    let made = Made::of_text("one");
    // What the first requests get, how many of them, and how many are sent in all.
    let rows = [
        ("503 Busy", "", 3, 4, true),
        ("500 Oops", "", 1, 2, true),
        ("429 Too Many Requests", "Retry-After: 0", 2, 3, true),
        ("429 Too Many Requests", "Retry-After: 86400", 1, 2, true),
        ("502 Bad", "Retry-After: tomorrow", 9, 4, false),
        ("", "", 2, 3, true),
        ("404 Not Found", "", 1, 1, false),
        ("403 Forbidden", "", 1, 1, false),
    ];
    for (status, header, bad, asked, succeeds) in rows {
        let (count, shelf) = (AtomicUsize::new(0), Shelf::default().image("app", "1", &made));
        let server = Server::start(move |request, stream| {
            if count.fetch_add(1, Ordering::Relaxed) >= bad {
                shelf.answer(request, stream);
            } else if !status.is_empty() {
                reply(stream, status, &[header][usize::from(header.is_empty())..], b"");
            }
            // Else it hangs up.
        });
        let outcome = image(&server, "app:1").find(&amd64()).await;
        assert_eq!(
            outcome.is_ok(),
            succeeds,
            "{status} {header}: {:?}",
            outcome.err()
        );
        assert_eq!(server.seen().len(), asked, "{status} {header}");
    }
}

#[tokio::test]
async fn where_nothing_answers_it_is_said_at_once() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    // Asked again, it would wait for an hour.
    let patience = Patience {
        pause: Duration::from_hours(1),
        longest_pause: Duration::from_hours(1),
        ..Patience::default()
    };
    let client = Client::with_patience(Policy::trusting(), Registries::default(), patience).unwrap();
    let image = client.image(format!("127.0.0.1:{port}/app").parse().unwrap(), Arc::default());
    let message = image.find(&amd64()).await.unwrap_err().to_string();
    assert_eq!(
        message.replace(&port.to_string(), "PORT"),
        "cannot read image 127.0.0.1:PORT/app:latest: http://127.0.0.1:PORT/app: cannot be reached: \
         Connection refused (os error 111); check the network, or name a mirror: \
         WINDLASS_REGISTRY_MIRRORS=127.0.0.1:PORT=http://localhost:5000"
    );
}

/// A place that lets nobody in: its queue of one is full, and nobody is taken out of it.
fn full() -> (Vec<TcpStream>, SocketAddr, OwnedFd) {
    use rustix::net;
    let socket = net::socket(net::AddressFamily::INET, net::SocketType::STREAM, None).unwrap();
    net::bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    net::listen(&socket, 0).unwrap();
    let address = SocketAddr::try_from(net::getsockname(&socket).unwrap()).unwrap();
    let waiting = vec![TcpStream::connect(address).unwrap()];
    (waiting, address, socket)
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_given_up() {
    let (_waiting, full, _socket) = full();
    // It takes the connection and never greets.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let patience = Patience {
        connect: Duration::from_millis(100),
        answer: Duration::from_millis(100),
        ..Patience::default()
    };
    let mut registries = Registries::default();
    let address = mute.local_addr().unwrap();
    registries
        .prefer(&format!("mute.test=https://{address}"))
        .unwrap();
    registries.mirrors[0].only = true;
    let client = Client::with_patience(Policy::trusting(), registries, patience).unwrap();
    let rows = [
        (format!("{full}/app"), "cannot be reached: no connection in 0.1 s"),
        (
            "mute.test/app".to_owned(),
            "cannot be reached: no connection in 0.1 s",
        ),
        (format!("{address}/app"), "gave no answer in 0.1 s"),
    ];
    for (name, expected) in rows {
        let image = client.image(name.parse().unwrap(), Arc::default());
        let message = image.find(&amd64()).await.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[tokio::test]
async fn the_policy_holds_for_every_hop() {
    let made = Made::of_text("one");
    let target = Shelf::default().image("app", "1", &made).serve();
    let front = Server::redirecting(target.url(""));
    let policy = Policy {
        allowed_hosts: vec!["localhost".to_owned()],
        ..Policy::default()
    };
    let client = Client::with_patience(policy, Registries::default(), hasty()).unwrap();
    let rows = [
        (format!("localhost:{}/app:1", target.address.port()), ""),
        (
            format!("localhost:{}/app:1", front.address.port()),
            "127.0.0.1, which is not a public address",
        ),
        (
            format!("127.0.0.1:{}/app:1", target.address.port()),
            "127.0.0.1, which is not a public address",
        ),
        (
            format!("[::ffff:127.0.0.1]:{}/app:1", target.address.port()),
            "which is not a public address",
        ),
    ];
    for (name, expected) in rows {
        let image = client.image(name.parse().unwrap(), Arc::default());
        let message = image
            .find(&amd64())
            .await
            .err()
            .map_or_else(String::new, |error: Error| error.to_string());
        assert_eq!(expected.is_empty(), message.is_empty(), "{name}: {message}");
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(target.seen().len(), 1);
}
