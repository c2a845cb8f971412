//! Single files over HTTP, from servers that behave and servers that do not.

use std::io::Write as _;
use std::time::Duration;

use windlass_fetch::Credentials;
use windlass_fetch::Fetched;
use windlass_fetch::Limits;
use windlass_fetch::Policy;
use windlass_fetch::http::Client;
use windlass_fetch::http::Error;
use windlass_fetch::http::Request;

use crate::server::Server;
use crate::server::reply;

const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

async fn get(request: &Request) -> Result<Fetched, Error> {
    Client::new(Policy::trusting()).unwrap().get(request).await
}

async fn failure(request: &Request) -> String {
    get(request).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_file_comes_with_its_source() {
    let server = Server::of_files(&[("/a.yaml", "abc")]);
    let fetched = get(&Request::new(server.url("/a.yaml?x=1"))).await.unwrap();
    assert_eq!(fetched.bytes, b"abc");
    assert_eq!(fetched.source.uri, server.url("/a.yaml?x=1"));
    assert_eq!(fetched.source.digest.get("sha256").map(String::as_str), Some(ABC));
    assert_eq!(fetched.source.entry_point, "");
}

#[tokio::test]
async fn content_must_have_the_digest_asked_for() {
    let server = Server::of_files(&[("/a.yaml", "abc")]);
    let url = server.url("/a.yaml");
    let rows = [
        (format!("sha256:{ABC}"), ""),
        (
            format!("sha256:{}", ABC.replace('b', "c")),
            "error validating digest: SHA mismatch, expected ",
        ),
        (
            "md5:x".to_owned(),
            "error validating digest: invalid digest algorithm: md5",
        ),
        (
            "x".to_owned(),
            "error validating digest: invalid digest format: x",
        ),
    ];
    for (digest, expected) in rows {
        let request = Request {
            digest: Some(digest),
            ..Request::new(&url)
        };
        let message = get(&request)
            .await
            .err()
            .map_or_else(String::new, |error| error.to_string());
        assert_eq!(expected.is_empty(), message.is_empty(), "{message}");
        assert!(message.starts_with(expected), "{message}");
    }
}

#[tokio::test]
async fn statuses_are_told_apart() {
    let server = Server::start(|request, stream| match request.target.as_str() {
        "/401" => reply(stream, "401 Unauthorized", &[], b""),
        "/403" => reply(stream, "403 Forbidden", &[], b""),
        "/500" => reply(stream, "500 Oops", &[], b"x"),
        "/204" => reply(stream, "204 No Content", &[], b""),
        "/300" => reply(stream, "300 Multiple Choices", &["Location: /200"], b""),
        _ => reply(stream, "404 Not Found", &[], b"no"),
    });
    let rows = [
        (
            "/401?token=hunter2",
            "requested URL '",
            "/401' needs authorization (HTTP status 401)",
        ),
        (
            "/403",
            "requested URL '",
            "/403' needs authorization (HTTP status 403)",
        ),
        ("/404", "requested URL '", "/404' is not found (HTTP status 404)"),
        ("/500", "requested URL '", "/500' is not found (HTTP status 500)"),
        ("/204", "requested URL '", "/204' is not found (HTTP status 204)"),
        ("/300", "requested URL '", "/300' is not found (HTTP status 300)"),
    ];
    for (path, start, middle) in rows {
        let message = failure(&Request::new(server.url(path.split('?').next().unwrap()))).await;
        assert!(
            message.starts_with(start) && message.contains(middle),
            "{message}"
        );
    }
}

#[tokio::test]
async fn bodies_are_bounded_in_size_and_time() {
    let server = Server::start(|request, stream| match request.target.as_str() {
        "/claims" => drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\nx")),
        "/endless" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while stream.write_all(&[b'x'; 4096]).is_ok() {}
        }
        "/chunks" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            while stream.write_all(b"4\r\nxxxx\r\n").is_ok() {}
        }
        "/zipped" => reply(stream, "200 OK", &["Content-Encoding: gzip"], &[0x1f, 0x8b, 8, 0]),
        "/short" => drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")),
        "/exact" => reply(stream, "200 OK", &[], &[b'x'; 1000]),
        _ => {
            // A byte now and then, for as long as anyone listens.
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while stream.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    });
    let limits = Limits {
        max_bytes: 1000,
        timeout: Duration::from_secs(20),
        ..Limits::default()
    };
    for path in ["/claims", "/endless", "/chunks"] {
        let request = Request {
            limits,
            ..Request::new(server.url(path))
        };
        let message = failure(&request).await;
        assert!(
            message.ends_with("exceeds maximum allowed size of 1000 bytes"),
            "{path}: {message}"
        );
    }
    let request = Request {
        limits,
        ..Request::new(server.url("/exact"))
    };
    assert_eq!(get(&request).await.unwrap().bytes.len(), 1000);
    // Compression is neither asked for nor undone, so a small body cannot become a large one.
    let request = Request {
        limits,
        ..Request::new(server.url("/zipped"))
    };
    assert_eq!(get(&request).await.unwrap().bytes, [0x1f, 0x8b, 8, 0]);
    let request = Request {
        limits,
        ..Request::new(server.url("/short"))
    };
    assert!(matches!(get(&request).await, Err(Error::Request { .. })));
    let limits = Limits {
        timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let request = Request {
        limits,
        ..Request::new(server.url("/drip"))
    };
    assert!(matches!(get(&request).await, Err(Error::Timeout { .. })));
}

#[tokio::test]
async fn redirects_are_counted() {
    // `/3` leads to `/2`, and so on to `/0`.
    let server = Server::start(|request, stream| match request.target[1..].parse::<u32>() {
        Ok(0) => reply(stream, "200 OK", &[], b"abc"),
        Ok(left) => reply(stream, "302 Found", &[&format!("Location: /{}", left - 1)], b""),
        Err(_) => reply(stream, "302 Found", &["Location: /loop"], b""),
    });
    assert_eq!(get(&Request::new(server.url("/5"))).await.unwrap().bytes, b"abc");
    for path in ["/6", "/loop"] {
        let outcome = get(&Request::new(server.url(path))).await;
        assert!(
            matches!(outcome, Err(Error::TooManyRedirects { limit: 5, .. })),
            "{path}: {outcome:?}"
        );
    }
    assert_eq!(
        get(&Request::new(server.url("/5"))).await.unwrap().source.uri,
        server.url("/5")
    );
}

#[tokio::test]
async fn secrets_go_to_the_first_origin_only() {
    let target = Server::start(|_, stream| reply(stream, "200 OK", &[], b"abc"));
    let address = target.address;
    let front = Server::start(move |request, stream| match request.target.as_str() {
        "/here" => reply(stream, "302 Found", &["Location: /end"], b""),
        "/port" => reply(
            stream,
            "302 Found",
            &[&format!("Location: http://u:p@{address}/end")],
            b"",
        ),
        _ => reply(stream, "200 OK", &[], b"abc"),
    });
    for path in ["/here", "/port"] {
        let request = Request {
            credentials: Some(Credentials::Bearer("hunter2".into())),
            headers: vec![("X-Token".into(), "hunter3".into())],
            ..Request::new(front.url(path))
        };
        get(&request).await.unwrap();
    }
    let kept: Vec<bool> = front
        .seen()
        .iter()
        .map(|seen| {
            seen.header("authorization") == Some("Bearer hunter2") && seen.header("x-token").is_some()
        })
        .collect();
    assert_eq!(kept, [true, true, true]);
    let leaked: Vec<bool> = target
        .seen()
        .iter()
        .map(|seen| seen.header("authorization").is_some() || seen.header("x-token").is_some())
        .collect();
    assert_eq!(leaked, [false]);
}

#[tokio::test]
async fn private_addresses_are_not_connected_to() {
    let server = Server::of_files(&[("/", "secret")]);
    let port = server.address.port();
    let client = Client::new(Policy::default()).unwrap();
    let hosts = [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "localhost",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "[::]",
    ];
    for host in hosts {
        let outcome = client.get(&Request::new(format!("http://{host}:{port}/"))).await;
        assert!(
            matches!(outcome, Err(Error::Denied { .. })),
            "{host}: {outcome:?}"
        );
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn an_allowed_host_does_not_open_what_it_redirects_to() {
    let target = Server::of_files(&[("/", "secret")]);
    let literal = Server::redirecting(target.url(""));
    let policy = Policy {
        allowed_hosts: vec!["localhost".into()],
        ..Policy::default()
    };
    let client = Client::new(policy).unwrap();
    let outcome = client.get(&Request::new(literal.other_url("/"))).await;
    assert!(matches!(outcome, Err(Error::Denied { .. })), "{outcome:?}");
    assert!(target.seen().is_empty());
    let open = client.get(&Request::new(target.other_url("/"))).await.unwrap();
    assert_eq!(open.bytes, b"secret");
}
