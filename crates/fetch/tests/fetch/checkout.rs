//! Whole revisions written into a directory.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use windlass_fetch::Limits;
use windlass_fetch::Policy;
use windlass_fetch::git::CheckoutRequest;
use windlass_fetch::git::Error;
use windlass_fetch::git::checkout;

use crate::repository::Repository;
use crate::repository::git_is_missing;

fn request(repository: &Repository, revision: &str) -> CheckoutRequest {
    CheckoutRequest {
        url: repository.url(),
        revision: revision.into(),
        ..CheckoutRequest::default()
    }
}

/// Every file below a directory with its content, links with their target.
fn files(directory: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
            if let Ok(target) = fs::read_link(&path) {
                found.insert(name, format!("-> {}", target.display()));
            } else if path.is_dir() {
                open.push(path);
            } else {
                found.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

#[tokio::test]
async fn a_revision_is_written_without_a_repository_beside_it() {
    if git_is_missing() {
        return;
    }
    let repository = Repository::empty();
    repository.write("a.yaml", "a");
    repository.write("dir/b.yaml", "bb");
    repository.link("dir/link", "../a.yaml");
    let commit = repository.commit("first");
    let target = repository.root.path().join("target");
    let written = checkout(&request(&repository, "main"), &target, &Policy::trusting())
        .await
        .unwrap();
    assert_eq!((written.commit.as_str(), written.files), (commit.as_str(), 3));
    assert_eq!(written.source.uri, format!("git+{}", repository.url()));
    assert_eq!(written.source.digest.get("sha1"), Some(&commit));
    insta::assert_debug_snapshot!(files(&target), @r#"
    {
        "a.yaml": "a",
        "dir/b.yaml": "bb",
        "dir/link": "-> ../a.yaml",
    }
    "#);
    let again = checkout(&request(&repository, "main"), &target, &Policy::trusting()).await;
    assert!(matches!(again, Err(Error::NotEmpty(_))), "{again:?}");
}

#[tokio::test]
async fn links_to_the_outside_are_refused_before_anything_is_written() {
    if git_is_missing() {
        return;
    }
    for target in ["/etc", "../outside", "dir/../../outside"] {
        let repository = Repository::empty();
        repository.write("dir/a.yaml", "a");
        repository.link("link", target);
        repository.commit("first");
        let directory = repository.root.path().join("target");
        let outcome = checkout(&request(&repository, "main"), &directory, &Policy::trusting()).await;
        assert!(
            matches!(outcome, Err(Error::LinkEscapes { .. })),
            "{target}: {outcome:?}"
        );
        assert!(!directory.exists());
    }
}

#[tokio::test]
async fn trees_that_git_would_not_make_write_nothing_outside() {
    if git_is_missing() {
        return;
    }
    let rows: [&[&str]; 5] = [
        &["..", "evil"],
        &[".git", "config"],
        &[".GIT", "hooks"],
        &["a", "..", "..", "evil"],
        &["git~1", "config"],
    ];
    for parts in rows {
        let repository = Repository::empty();
        repository.commit("first");
        repository.commit_raw("100644", parts, "[core]\n");
        let directory = repository.root.path().join("target");
        let outcome = checkout(&request(&repository, "raw"), &directory, &Policy::trusting()).await;
        assert!(
            matches!(outcome, Err(Error::Failed { .. })),
            "{parts:?}: {outcome:?}"
        );
        assert!(!repository.root.path().join("evil").exists(), "{parts:?}");
    }
}

#[tokio::test]
async fn nothing_in_a_tree_is_run() {
    if git_is_missing() {
        return;
    }
    let repository = Repository::empty();
    let witness = repository.root.path().join("witness");
    let touch = format!("touch {}", witness.display());
    repository.write("a.yaml", "a");
    repository.write(
        ".gitattributes",
        "* filter=evil\n*.yaml filter=lfs diff=lfs merge=lfs\n",
    );
    repository.write(
        ".gitconfig",
        &format!("[filter \"evil\"]\n\tsmudge = {touch}\n\tclean = {touch}\n"),
    );
    repository.write(".lfsconfig", "[lfs]\n\turl = http://127.0.0.1:1/\n");
    repository.write(
        ".gitmodules",
        &format!("[submodule \"s\"]\n\tpath = s\n\turl = ext::sh -c \"{touch}\"\n\tupdate = !{touch}\n"),
    );
    repository.write("hooks/post-checkout", &format!("#!/bin/sh\n{touch}\n"));
    repository.git(&["add", "--all"]);
    let commit = "1".repeat(40);
    repository.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{commit},s"),
    ]);
    repository.git(&["commit", "--quiet", "--message", "first"]);
    let target = repository.root.path().join("target");
    checkout(&request(&repository, "main"), &target, &Policy::trusting())
        .await
        .unwrap();
    assert_eq!(files(&target).get("a.yaml").map(String::as_str), Some("a"));
    assert!(!witness.exists());
}

#[tokio::test]
async fn trees_are_bounded() {
    if git_is_missing() {
        return;
    }
    let repository = Repository::empty();
    repository.write("a.yaml", "12345");
    repository.write("b.yaml", "12345");
    repository.commit("first");
    let rows = [
        (
            Limits {
                max_files: 2,
                max_tree_bytes: 10,
                ..Limits::default()
            },
            "",
        ),
        (
            Limits {
                max_files: 1,
                ..Limits::default()
            },
            "the number of files of ",
        ),
        (
            Limits {
                max_tree_bytes: 9,
                ..Limits::default()
            },
            "the tree of ",
        ),
    ];
    for (index, (limits, expected)) in rows.into_iter().enumerate() {
        let directory = repository.root.path().join(format!("target-{index}"));
        let request = CheckoutRequest {
            limits,
            ..request(&repository, "main")
        };
        let outcome = checkout(&request, &directory, &Policy::trusting()).await;
        let message = outcome.err().map_or_else(String::new, |error| error.to_string());
        assert_eq!(expected.is_empty(), message.is_empty(), "{message}");
        assert!(message.starts_with(expected), "{message}");
    }
}
