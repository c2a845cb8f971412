//! What git may be given, and what it is asked.

use super::Error;
use super::checkout::Tree;
use super::checkout::stays_inside;
use super::location::Location;
use super::location::Transport;
use super::program::parse_version;
use super::remote::one_line;
use super::request::check_path;
use super::request::check_revision;
use super::request::is_abbreviated_hash;
use super::request::is_full_hash;
use super::request::repository_url;
use super::route::Route;
use super::route::ssh_command;
use crate::credentials::Credentials;
use crate::policy::Policy;

#[test]
fn revisions_are_names_or_hashes() {
    let accepted = [
        "main",
        "HEAD",
        "v1.2.3",
        "feature/a-b_c+d",
        "refs/heads/main",
        "refs/pull/12/head",
        "a@b",
        "0123456789abcdef0123456789abcdef01234567",
        "über",
    ];
    for revision in accepted {
        assert!(check_revision(revision).is_ok(), "{revision}");
    }
    let refused = [
        "",
        "-",
        "--upload-pack=/bin/sh",
        "-c",
        "main --upload-pack=x",
        "main\n--upload-pack=x",
        "main\0",
        "main\t",
        "@",
        "@{-1}",
        "main@{upstream}",
        "main..other",
        "main~1",
        "main^",
        "main^{tree}",
        "main:file",
        ":/message",
        "+main",
        "^main",
        "+refs/heads/*:refs/heads/*",
        "refs/heads/*",
        "a?b",
        "a[b",
        "a\\b",
        "/main",
        "main/",
        "a//b",
        ".hidden",
        "a/.b",
        "a.lock",
        "a.",
    ];
    for revision in refused {
        assert!(
            matches!(check_revision(revision), Err(Error::Revision { .. })),
            "{revision:?}"
        );
    }
    assert!(check_revision(&"a".repeat(256)).is_err());
}

#[test]
fn paths_stay_in_the_repository() {
    let accepted = [
        ("task.yaml", "task.yaml"),
        ("/task.yaml", "task.yaml"),
        ("a/b/c.yaml", "a/b/c.yaml"),
        ("a b/ü.yaml", "a b/ü.yaml"),
        ("a/..b/...", "a/..b/..."),
        ("%2e%2e/x", "%2e%2e/x"),
        ("a:b", "a:b"),
        (".gitignore", ".gitignore"),
    ];
    for (path, inner) in accepted {
        assert_eq!(check_path(path).ok(), Some(inner), "{path}");
    }
    let refused = [
        "",
        "/",
        "..",
        "../etc/passwd",
        "/../etc/passwd",
        "a/../../b",
        "a/..",
        "a//b",
        "a/",
        "./a",
        "a/./b",
        "-a",
        "--help",
        "..\\..\\windows",
        "a\\..\\b",
        "a\nb",
        "a\0b",
        "a\rb",
        ".git/config",
        "sub/.GIT/config",
    ];
    for path in refused {
        assert!(matches!(check_path(path), Err(Error::Path { .. })), "{path:?}");
    }
}

fn protocol_of(url: &str) -> Result<&'static str, Error> {
    Location::parse(url, None, &Policy::trusting()).map(|location| location.protocol())
}

#[test]
fn urls_name_a_repository_and_nothing_else() {
    let accepted = [
        ("https://host.test/a/b.git", "https"),
        ("http://host.test:8080/a", "http"),
        ("git://host.test/a", "git"),
        ("ssh://git@host.test:2222/a/b", "ssh"),
        ("git@host.test:a/b.git", "ssh"),
        ("git@[::1]:a/b.git", "ssh"),
        ("file:///srv/a", "file"),
        ("file://localhost/srv/a", "file"),
        ("/srv/a", "file"),
        ("./a", "file"),
        ("..", "file"),
        (".", "file"),
    ];
    for (url, protocol) in accepted {
        assert_eq!(protocol_of(url).ok(), Some(protocol), "{url}");
    }
}

#[test]
fn urls_that_run_something_or_lead_elsewhere_are_refused() {
    let refused = [
        "",
        "-oProxyCommand=touch x",
        "--upload-pack=touch x",
        "ext::sh -c touch% x",
        "ext::sh",
        "fd::17/foo",
        "foo::https://host.test/a",
        "ftp://host.test/a",
        "gopher://host.test/a",
        "unix:///run/x.sock",
        "javascript:alert(1)",
        "https://",
        "https://host.test/a\n",
        "https://host.test/a\0b",
        "https://ho st/a",
        "https://host.test/%0aHost:%20x",
        "git://host.test/%00",
        "git://user@host.test/a",
        "git://-oProxyCommand=x/a",
        "git:///a",
        "ssh://-oProxyCommand=touch/a",
        "ssh://%2DoProxyCommand=touch/a",
        "ssh://git@-oProxyCommand=x/a",
        "ssh://-l@host.test/a",
        "ssh://git:secret@host.test/a",
        "ssh://ho;st/a",
        "ssh://$(touch x)/a",
        "-oProxyCommand=x@host:a",
        "git@-oProxyCommand=x:a",
        "git@host;touch x:a",
        "git@host.test:-a",
        "git@host.test:",
        "git@host.test",
        "host.test:a/b",
        "a/b",
        "~/a",
        "file://other.test/srv/a",
        "file://../a",
        "C:\\a",
    ];
    for url in refused {
        assert!(matches!(protocol_of(url), Err(Error::Url { .. })), "{url:?}");
    }
}

#[test]
fn this_machine_is_read_only_when_the_policy_says_so() {
    for url in ["/srv/a", "./a", "file:///srv/a"] {
        let outcome = Location::parse(url, None, &Policy::default());
        assert!(matches!(outcome, Err(Error::LocalRefused(_))), "{url}");
    }
}

#[test]
fn a_password_in_a_url_becomes_a_credential_and_is_shown_nowhere() {
    let location = Location::parse("https://me:p%40ss@host.test/a?x=1", None, &Policy::default()).unwrap();
    assert_eq!(location.written, "https://host.test/a?x=1");
    assert_eq!(location.shown(), "https://host.test/a");
    let Transport::Http(target) = &location.transport else {
        panic!("not HTTP")
    };
    let expected = Credentials::Basic {
        username: "me".into(),
        password: "p@ss".into(),
    };
    assert_eq!(target.credentials, Some(expected));
    let text = format!("{target:?}");
    assert!(!text.contains("p@ss") && !text.contains("p%40ss"), "{text}");
}

#[test]
fn errors_do_not_repeat_secrets_or_control_characters() {
    let policy = Policy::default();
    for url in [
        "ftp://me:hunter2@host.test/a",
        "ssh://me:hunter2@host.test/a",
        "https://me:hunter2@/x\u{1b}",
    ] {
        let message = Location::parse(url, None, &policy).unwrap_err().to_string();
        assert!(
            !message.contains("hunter2") && !message.contains('\u{1b}'),
            "{message}"
        );
    }
}

#[test]
fn hashes_are_told_from_names() {
    let full = "0123456789abcdef0123456789abcdef01234567";
    let rows = [
        (full, true, false),
        (&full[..39], false, true),
        ("abcd", false, true),
        ("abc", false, false),
        ("main", false, false),
        ("0123456789abcdef0123456789abcdef0123456g", false, false),
    ];
    for (text, is_full, is_abbreviated) in rows {
        assert_eq!(
            (is_full_hash(text), is_abbreviated_hash(text)),
            (is_full, is_abbreviated),
            "{text}"
        );
    }
}

#[test]
fn ssh_connects_to_the_judged_address_and_asks_nobody() {
    let strict = ssh_command(
        "host.test",
        Some(2222),
        Some("[2606:2800::1]"),
        &Policy::default(),
    );
    insta::assert_snapshot!(strict, @"ssh -o BatchMode=yes -F none -o StrictHostKeyChecking=yes -o ProxyCommand=none -o ClearAllForwardings=yes -o HostName=2606:2800::1 -o 'HostKeyAlias=[host.test]:2222'");
    let trusting = ssh_command("host.test", None, None, &Policy::trusting());
    insta::assert_snapshot!(trusting, @"ssh -o BatchMode=yes");
}

#[test]
fn links_that_may_leave_the_tree_are_found() {
    let rows = [
        ("link", "file", true),
        ("link", "./dir/file", true),
        ("a/b/link", "../../file", true),
        ("a/b/link", "../../../file", false),
        ("link", "..", false),
        ("link", "/etc/passwd", false),
        ("link", "", false),
        ("link", "dir/../../file", false),
        ("a/link", "dir/../file", false),
        ("link", ".git/config", true),
    ];
    for (path, target, inside) in rows {
        assert_eq!(stays_inside(path, target), inside, "{path} -> {target}");
    }
}

#[test]
fn a_listing_gives_number_size_and_links() {
    let listing = b"100644 blob aaaa      12\ta b.txt\x00120000 blob bbbb       4\tdir/link\x00160000 commit cccc       -\tsub\0";
    insta::assert_debug_snapshot!(Tree::parse(listing), @r#"
    Tree {
        files: 3,
        bytes: 16,
        links: [
            (
                "bbbb",
                "dir/link",
            ),
        ],
    }
    "#);
}

#[test]
fn the_version_of_the_program_is_read() {
    let rows = [
        ("git version 2.39.5\n", Some((2, 39))),
        ("git version 2.39.5 (Apple Git-154)", Some((2, 39))),
        ("git version 3.0.rc1", Some((3, 0))),
        ("hub version 2", None),
        ("", None),
    ];
    for (text, version) in rows {
        assert_eq!(parse_version(text), version, "{text}");
    }
}

#[test]
fn what_the_program_said_fits_on_one_line() {
    assert_eq!(one_line("fatal: a\n\n  b\n"), "fatal: a; b");
    assert_eq!(one_line(" \n"), "it gave no reason");
    assert_eq!(one_line(&"x".repeat(5000)).len(), 1024);
}

#[test]
fn a_forge_repository_becomes_a_url() {
    let rows = [
        (("github", "", "o", "r"), Some("https://github.com/o/r.git")),
        (("", "", "o", "r.git"), Some("https://github.com/o/r.git")),
        (("gitlab", "", "a/b", "r"), Some("https://gitlab.com/a/b/r.git")),
        (
            ("github", "https://ghe.test/", "o", "r"),
            Some("https://ghe.test/o/r.git"),
        ),
        (("bitbucketserver", "", "o", "r"), None),
        (("github", "", "..", "r"), None),
        (("github", "", "o", ""), None),
        (("github", "", "o", "r?x"), None),
        (("github", "", "-o", "r"), None),
    ];
    for ((scm_type, server, org, repo), url) in rows {
        assert_eq!(
            repository_url(scm_type, server, org, repo).ok().as_deref(),
            url,
            "{scm_type} {org}/{repo}"
        );
    }
}

#[tokio::test]
async fn the_connection_is_pinned_to_the_judged_address() {
    let rows = [
        (
            "https://8.8.8.8/a",
            "https://8.8.8.8/a",
            "http.curloptResolve=8.8.8.8:443:8.8.8.8",
        ),
        (
            "git://8.8.8.8/a%20b",
            "git://8.8.8.8:9418/a%20b",
            "GIT_OVERRIDE_VIRTUAL_HOST=8.8.8.8:9418",
        ),
        (
            "git@8.8.8.8:a",
            "git@8.8.8.8:a",
            "-o HostName=8.8.8.8 -o 'HostKeyAlias=8.8.8.8'",
        ),
    ];
    for (url, asked, pin) in rows {
        let policy = Policy::default();
        let location = Location::parse(url, None, &policy).unwrap();
        let route = Route::to(&location, &policy).await.unwrap();
        assert_eq!(route.url, asked);
        let settings: Vec<String> = route
            .environment
            .iter()
            .chain(&route.config)
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert!(
            settings.iter().any(|setting| setting.ends_with(pin)),
            "{url}: {settings:?}"
        );
        assert!(
            settings.contains(&format!("GIT_ALLOW_PROTOCOL={}", location.protocol())),
            "{settings:?}"
        );
    }
}

#[tokio::test]
async fn no_transport_reaches_a_private_address_unless_allowed() {
    let urls = [
        "http://127.0.0.1/a",
        "http://2130706433/a",
        "http://0x7f000001/a",
        "http://[::1]/a",
        "http://[::ffff:169.254.169.254]/a",
        "https://169.254.169.254/latest",
        "http://localhost/a",
        "git://127.0.0.1/a",
        "git://[::1]/a",
        "ssh://git@10.0.0.1/a",
        "git@192.168.0.1:a",
        "git@localhost:a",
    ];
    for url in urls {
        let policy = Policy::default();
        let location = Location::parse(url, None, &policy).unwrap();
        let outcome = Route::to(&location, &policy).await;
        assert!(matches!(outcome, Err(Error::Denied { .. })), "{url}");
        let policy = Policy {
            allow_private_networks: true,
            ..Policy::default()
        };
        assert!(Route::to(&location, &policy).await.is_ok(), "{url}");
    }
}

#[tokio::test]
async fn credentials_are_bound_to_the_origin_of_the_url() {
    let credentials = Credentials::Basic {
        username: "git".into(),
        password: "hunter2".into(),
    };
    let policy = Policy::trusting();
    let location = Location::parse("https://Host.test:8443/a", Some(&credentials), &policy).unwrap();
    let route = Route::to(&location, &policy).await.unwrap();
    assert!(!route.url.contains("hunter2"));
    let (key, value) = route.config.first().unwrap();
    assert_eq!(key, "http.https://host.test:8443/.extraHeader");
    assert_eq!(value, &format!("Authorization: {}", credentials.authorization()));
}
