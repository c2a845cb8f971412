use super::Program;
use super::Surroundings;
use super::resolve;
use crate::backend::Tee;
use crate::job::EnvVar;
use crate::job::Process;
use crate::job::Security;

fn surroundings() -> Surroundings {
    Surroundings {
        environment: vec![
            ("PATH".to_owned(), "/bin".to_owned()),
            ("HOME".to_owned(), "/tekton/home".to_owned()),
        ],
        user: 1000,
        ..Surroundings::default()
    }
}

fn shared() -> Surroundings {
    let places = [
        ("/tekton/home", "/s/1/home"),
        ("/tekton", "/m/1"),
        ("/workspace", "/s/1/workspace"),
    ];
    let rewrites = places.map(|(from, to)| (from.to_owned(), to.to_owned())).to_vec();
    Surroundings {
        rewrites,
        ..surroundings()
    }
}

fn texts(program: &Program) -> Vec<String> {
    program
        .environment
        .iter()
        .map(|entry| String::from_utf8_lossy(entry.expose()).into_owned())
        .collect()
}

#[test]
fn paths_are_rewritten_where_they_are_whole() {
    let rows = [
        ("/workspace", "/s/1/workspace"),
        (
            "cat /workspace/a /workspace/b",
            "cat /s/1/workspace/a /s/1/workspace/b",
        ),
        (
            "/workspaces /workspace-2 /my/workspace a/workspace",
            "/workspaces /workspace-2 /my/workspace a/workspace",
        ),
        (
            "x=/tekton/results/r;y='/tekton/home/.ssh'",
            "x=/m/1/results/r;y='/s/1/home/.ssh'",
        ),
        ("file:///workspace", "file:///workspace"),
        ("é/workspace \"/workspace\"", "é/workspace \"/s/1/workspace\""),
        ("/tekton", "/m/1"),
        ("", ""),
    ];
    for (given, then) in rows {
        assert_eq!(shared().rewrite(given), then, "{given}");
        assert_eq!(surroundings().rewrite(given), given, "{given}");
    }
}

#[test]
fn the_last_value_of_a_variable_wins_in_the_first_one_s_place() {
    let variable = |name: &str, value: &str| EnvVar {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let process = Process {
        command: vec!["$(A)".to_owned()],
        args: vec!["$$(A) $(B)".to_owned()],
        env: vec![variable("A", "1"), variable("HOME", "/root"), variable("A", "2")],
        ..Process::default()
    };
    let program = resolve("step-a", &process, Tee::default(), &surroundings(), None).unwrap();
    assert_eq!(texts(&program), ["PATH=/bin", "HOME=/root", "A=2"]);
    assert_eq!(program.arguments, ["2", "$(A) $(B)"]);
    assert_eq!(program.working_dir, "/workspace");
}

#[test]
fn a_script_takes_the_place_of_a_command() {
    let process = Process {
        script: Some("#!/bin/sh\ncat /workspace/file $(A)".to_owned()),
        args: vec!["one".to_owned()],
        ..Process::default()
    };
    let program = resolve("step-a", &process, Tee::default(), &shared(), None).unwrap();
    assert_eq!(program.arguments, ["/m/1/scripts/step-a", "one"]);
    let (path, text) = program.script.unwrap();
    assert_eq!(path, "/m/1/scripts/step-a");
    assert_eq!(text.expose(), b"#!/bin/sh\ncat /s/1/workspace/file $(A)");
}

#[test]
fn sh_is_named_where_no_view_can_replace_it() {
    let command = |parts: &[&str]| Process {
        command: parts.iter().map(|part| (*part).to_owned()).collect(),
        ..Process::default()
    };
    let script = |text: &str| Process {
        script: Some(text.to_owned()),
        ..Process::default()
    };
    let rows: [(Process, &[&str]); 5] = [
        (command(&["/bin/sh", "-c", "x"]), &["/m/1/bin/sh", "-c", "x"]),
        (command(&["sh", "-c", "x"]), &["sh", "-c", "x"]),
        (script("#!/bin/sh\nx"), &["/m/1/bin/sh", "/m/1/scripts/step-a"]),
        (
            script("#! /bin/sh -e\nx"),
            &["/m/1/bin/sh", "-e", "/m/1/scripts/step-a"],
        ),
        (script("#!/usr/bin/env bash\nx"), &["/m/1/scripts/step-a"]),
    ];
    for (process, arguments) in rows {
        let mut program = resolve("step-a", &process, Tee::default(), &shared(), None).unwrap();
        program.with_shell("/m/1/bin/sh");
        assert_eq!(program.arguments, arguments, "{process:?}");
        assert_eq!(
            texts(&program).first().map(String::as_str),
            Some("PATH=/m/1/bin:/bin")
        );
    }
}

#[test]
fn what_cannot_be_honoured_is_refused() {
    let base = || Process {
        command: vec!["true".to_owned()],
        ..Process::default()
    };
    let secure = |security| Process { security, ..base() };
    let rows = [
        (
            Process {
                command: vec!["a\0b".to_owned()],
                ..base()
            },
            "hold a NUL character",
        ),
        (
            Process {
                working_dir: "sub".to_owned(),
                ..base()
            },
            "is not an absolute path",
        ),
        (
            Process {
                command: Vec::new(),
                image: "example.com/x".to_owned(),
                ..base()
            },
            "give step-a a command or a script",
        ),
        (
            secure(Security {
                user: Some(5),
                ..Security::default()
            }),
            "only root can change the user",
        ),
        (
            secure(Security {
                user: Some(0),
                run_as_non_root: true,
                ..Security::default()
            }),
            "container's runAsUser breaks non-root policy",
        ),
    ];
    for (process, message) in rows {
        let failure = resolve("step-a", &process, Tee::default(), &surroundings(), None).unwrap_err();
        assert!(failure.message.contains(message), "{}", failure.message);
    }
}
