//! Versions, constraints and the URLs asked for.

use super::Constraints;
use super::Error;
use super::Request;
use super::Version;

#[test]
fn versions_are_read_and_written_out() {
    let rows = [
        ("0.7", Some("0.7.0")),
        ("1", Some("1.0.0")),
        ("v1.2.3", Some("1.2.3")),
        ("1.2.3.4", Some("1.2.3.4")),
        ("1.2.3-rc.1+build.7", Some("1.2.3-rc.1+build.7")),
        ("01.2.3", Some("1.2.3")),
        ("", None),
        ("v", None),
        ("1.", None),
        ("1..2", None),
        ("1.2.x", None),
        ("1.2.3-", None),
        ("1.2.3+", None),
        ("1.2.3-a/b", None),
        ("-1", None),
        ("99999999999999999999", None),
        ("1.1.1.1.1.1.1.1.1", None),
        (">= 1", None),
    ];
    for (text, expected) in rows {
        assert_eq!(
            text.parse::<Version>()
                .ok()
                .map(|version| version.text())
                .as_deref(),
            expected,
            "{text}"
        );
    }
}

#[test]
fn versions_are_ordered() {
    let ascending = [
        "0.1",
        "0.9.9",
        "0.10",
        "1.0.0-1",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-rc.2",
        "1.0.0-rc.10",
        "1.0.0",
        "1.0.0.1",
        "2",
    ];
    let versions: Vec<Version> = ascending.iter().map(|text| text.parse().unwrap()).collect();
    for (index, left) in versions.iter().enumerate() {
        for (other, right) in versions.iter().enumerate() {
            assert_eq!(
                left.cmp(right),
                index.cmp(&other),
                "{} {}",
                left.text(),
                right.text()
            );
        }
    }
    assert_eq!("1.0+a".parse::<Version>(), "v1.0.0+b".parse());
}

#[test]
fn constraints_decide_as_the_hub_resolver_does() {
    let rows = [
        (">= 0.7.0", "0.7.0", true),
        (">= 0.7.0", "0.6.9", false),
        (">=0.7", "1.0.0", true),
        ("> 0.7.0", "0.7.0", false),
        ("< 0.7.0", "0.6.0", true),
        ("<= 0.7.0", "0.7.0", true),
        ("= 0.7", "0.7.0", true),
        ("0.7", "0.7.1", false),
        ("!= 0.7", "0.7.0", false),
        ("!= 0.7", "0.8.0", true),
        (">= 0.5.0, < 0.7.0", "0.6.0", true),
        (">= 0.5.0, < 0.7.0", "0.7.0", false),
        ("~> 1.2.3", "1.2.9", true),
        ("~> 1.2.3", "1.3.0", false),
        ("~> 1.2.3", "1.2.2", false),
        ("~> 1.2", "1.9.0", true),
        ("~> 1.2", "2.0.0", false),
        (">= 1.0.0", "1.1.0-rc.1", false),
        (">= 1.1.0-beta", "1.1.0-rc.1", true),
        (">= 1.1.0-beta", "1.2.0-rc.1", false),
        (">= 1.1.0-beta", "1.2.0", true),
    ];
    for (constraints, version, expected) in rows {
        let parsed: Constraints = constraints.parse().unwrap();
        assert_eq!(
            parsed.accept(&version.parse().unwrap()),
            expected,
            "{version} against {constraints}"
        );
    }
}

#[test]
fn what_is_no_constraint_is_refused() {
    for text in [
        "",
        ">=",
        "latest",
        "=> 1.0",
        ">= 1.0,",
        "^1.2",
        "1.0 || 2.0",
        &["> 1"; 9].join(","),
    ] {
        assert!(text.parse::<Constraints>().is_err(), "{text}");
    }
}

#[test]
fn urls_are_built_from_checked_words() {
    let task = Request::task("git-clone", "0.9");
    let rows = [
        (
            task.clone(),
            "https://artifacthub.io/api/v1/packages/tekton-task/tekton-catalog-tasks/git-clone/0.9.0",
        ),
        (
            Request {
                kind: "pipeline".into(),
                base_url: "http://hub.test/sub/?q".into(),
                ..task.clone()
            },
            "http://hub.test/sub/api/v1/packages/tekton-pipeline/tekton-catalog-pipelines/git-clone/0.9.0",
        ),
        (
            Request {
                kind: "stepaction".into(),
                catalog: Some("mine".into()),
                ..task
            },
            "https://artifacthub.io/api/v1/packages/tekton-stepaction/mine/git-clone/0.9.0",
        ),
    ];
    for (request, url) in rows {
        assert_eq!(request.endpoint(Some("0.9.0")).unwrap().as_str(), url);
    }
}

#[test]
fn words_that_would_move_the_url_are_refused() {
    let task = || Request::task("git-clone", "0.9");
    let rows = [
        (
            Request {
                catalog: Some("a/b".into()),
                ..task()
            },
            "catalog param",
        ),
        (
            Request {
                kind: "Task".into(),
                ..task()
            },
            "kind param must be one of",
        ),
        (
            Request {
                kind: "stepaction".into(),
                ..task()
            },
            "failed to resolve catalog name",
        ),
        (
            Request {
                hub_type: "tekton".into(),
                ..task()
            },
            "type param tekton is not supported",
        ),
        (
            Request {
                hub_type: "other".into(),
                ..task()
            },
            "type param must be artifact",
        ),
        (
            Request {
                base_url: "file:///etc".into(),
                ..task()
            },
            "fail to fetch Artifact Hub resource",
        ),
    ];
    for (request, expected) in rows {
        let message = request.endpoint(None).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
    assert!(matches!(
        task().endpoint(Some("1/../..")),
        Err(Error::Name { param: "version", .. })
    ));
}
