//! URLs as they are read and shown.

use super::Error;
use super::Request;
use super::Target;
use super::client::redirected;
use super::shown;
use crate::credentials::Credentials;

#[test]
fn urls_are_accepted_or_refused_for_a_stated_reason() {
    let rows = [
        ("https://host.test/a.yaml", ""),
        ("http://host.test:81/a?b=c", ""),
        ("", "cannot parse url : invalid URI for request"),
        ("foo", "cannot parse url foo: invalid URI for request"),
        ("http://", "cannot parse url http://: invalid URI for request"),
        (
            "http://ho st/",
            "cannot parse url http://ho st/: invalid URI for request",
        ),
        (
            "http://host.test/a\r\nX: y",
            "cannot parse url http://host.test/a??X: y: invalid URI",
        ),
        (
            "ftp://host.test/a",
            "url ftp://host.test/a is not a valid http(s) url",
        ),
        (
            "file:///etc/passwd",
            "url file:///etc/passwd is not a valid http(s) url",
        ),
        (
            "gopher://host.test/a",
            "url gopher://host.test/a is not a valid http(s) url",
        ),
        (
            "http://[::1",
            "cannot parse url http://[::1: invalid URI for request",
        ),
        (
            "http://1.2.3.4.5/",
            "cannot parse url http://1.2.3.4.5/: invalid URI for request",
        ),
    ];
    for (url, expected) in rows {
        let message = Target::parse(url, None)
            .err()
            .map_or_else(String::new, |error| error.to_string());
        assert_eq!(expected.is_empty(), message.is_empty(), "{url}: {message}");
        assert!(message.starts_with(expected), "{url}: {message}");
    }
    assert!(Target::parse(&format!("http://host.test/{}", "a".repeat(9000)), None).is_err());
}

#[test]
fn odd_spellings_of_an_address_are_that_address() {
    let rows = [
        ("http://2130706433/", "127.0.0.1"),
        ("http://0x7f.1/", "127.0.0.1"),
        ("http://0177.0.0.1/", "127.0.0.1"),
        ("http://127.1/", "127.0.0.1"),
        ("http://[::ffff:127.0.0.1]/", "[::ffff:7f00:1]"),
    ];
    for (url, host) in rows {
        assert_eq!(
            Target::parse(url, None).unwrap().url.host_str(),
            Some(host),
            "{url}"
        );
    }
}

#[test]
fn given_credentials_win_over_those_in_the_url() {
    let given = Credentials::Bearer("t".into());
    let rows = [
        ("http://u:p@host.test/", None, Some("Basic dTpw")),
        ("http://u:p@host.test/", Some(&given), Some("Bearer t")),
        ("http://token@host.test/", None, Some("Basic dG9rZW46")),
        ("http://u:a+b%2F@host.test/", None, Some("Basic dTphK2Iv")),
        ("http://host.test/", None, None),
    ];
    for (url, credentials, expected) in rows {
        let target = Target::parse(url, credentials).unwrap();
        let sent = target.credentials.as_ref().map(Credentials::authorization);
        assert_eq!(sent.as_deref(), expected, "{url}");
        assert_eq!(target.written, "http://host.test/", "{url}");
    }
}

#[test]
fn what_is_shown_holds_no_secret() {
    let rows = [
        ("https://u:p@host.test/a?token=t#f", "https://host.test/a"),
        ("https://u:p@x@host.test/a", "https://host.test/a"),
        ("git@host.test:a/b", "host.test:a/b"),
        ("https://host.test?token=t", "https://host.test"),
        ("a\u{7}b", "a?b"),
    ];
    for (url, expected) in rows {
        assert_eq!(shown(url), expected);
    }
    let request = Request {
        headers: vec![("X-Token".into(), "hunter2".into())],
        credentials: Some(Credentials::Basic {
            username: "me".into(),
            password: "hunter2".into(),
        }),
        ..Request::new("https://me:hunter2@host.test/?t=hunter2")
    };
    let text = format!("{request:?}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn headers_that_split_a_request_are_refused() {
    let target = Target::parse("http://host.test/", None).unwrap();
    for (name, value) in [("X-A", "b\r\nX-C: d"), ("X A", "b"), ("", "b"), ("X-A", "b\0")] {
        let outcome = target.headers(&[(name.into(), value.into())]);
        assert!(matches!(outcome, Err(Error::InvalidHeader(_))), "{name:?}");
    }
}

#[test]
fn redirects_stay_within_http_and_never_leave_https() {
    let rows = [
        ("https://host.test/a", Some("b"), Ok("https://host.test/b")),
        (
            "https://host.test/a",
            Some("//other.test/b"),
            Ok("https://other.test/b"),
        ),
        (
            "http://host.test/a",
            Some("https://host.test/a"),
            Ok("https://host.test/a"),
        ),
        (
            "http://host.test/a",
            Some("http://u:p@other.test/"),
            Ok("http://other.test/"),
        ),
        (
            "https://host.test/a",
            Some("http://host.test/a"),
            Err("it leaves HTTPS"),
        ),
        (
            "http://host.test/a",
            Some("file:///etc/passwd"),
            Err("its target is no http(s) url"),
        ),
        (
            "http://host.test/a",
            Some("gopher://host.test/"),
            Err("its target is no http(s) url"),
        ),
        (
            "http://host.test/a",
            Some("http://["),
            Err("its target is no URL"),
        ),
        ("http://host.test/a", None, Err("it names no target")),
    ];
    for (url, location, expected) in rows {
        let outcome = redirected(&url.parse().unwrap(), location);
        assert_eq!(
            outcome.as_ref().map(url::Url::as_str).map_err(|reason| *reason),
            expected,
            "{location:?}"
        );
    }
}
