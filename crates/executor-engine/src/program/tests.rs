use serde_json::json;
use windlass_executor::job::EnvVar;
use windlass_executor::job::Limits;
use windlass_executor::job::Process;
use windlass_executor::job::Security;
use windlass_executor::job::SystemCalls;
use windlass_executor::observation::StartFailureKind;

use super::Surroundings;
use super::described;
use super::resolve;
use crate::image::Image;

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn image(entrypoint: &str, cmd: &str) -> Image {
    Image {
        entrypoint: words(entrypoint),
        cmd: words(cmd),
        env: vec![("FROM".into(), "image".into())],
        ..Image::default()
    }
}

#[test]
fn entrypoints_follow_upstream() {
    type Row = (
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        &'static str,
    );
    // Entrypoint and command of the image, command and args of the step, what runs.
    let rows: [Row; 7] = [
        ("", "sh", "", "", "sh"),
        ("", "sh", "", "-c true", "sh -c true"),
        ("git", "--help", "", "", "git --help"),
        ("git", "--help", "", "clone x", "git clone x"),
        ("git", "--help", "echo", "", "echo"),
        (
            "git",
            "--help",
            "echo",
            "$(FROM)-$(OWN) $$(OWN)",
            "echo image-step $(OWN)",
        ),
        ("git", "", "", "", "git"),
    ];
    for (entrypoint, cmd, command, args, then) in rows {
        let process = Process {
            command: words(command),
            args: words(args),
            env: vec![EnvVar {
                name: "OWN".into(),
                value: "step".into(),
            }],
            ..Process::default()
        };
        let program = resolve("step-a", &process, &image(entrypoint, cmd), false);
        assert_eq!(
            program.map(|program| program.arguments),
            Ok(words(then)),
            "{entrypoint}|{cmd}|{command}|{args}"
        );
    }
    let empty = resolve("step-a", &Process::default(), &image("", ""), false);
    assert_eq!(
        empty.err().map(|failure| failure.kind),
        Some(StartFailureKind::ContainerConfig)
    );
}

#[test]
fn a_script_runs_with_its_args_and_nothing_of_the_image() {
    let process = Process {
        script: Some("#!/bin/sh\necho $(FROM)".into()),
        args: words("one $(FROM)"),
        ..Process::default()
    };
    let program = resolve("step-a", &process, &image("git", "--help"), false);
    let arguments = program.map(|program| program.arguments);
    assert_eq!(arguments, Ok(words("/tekton/scripts/step-a one image")));
}

#[test]
fn users_are_checked_as_a_cluster_does() {
    type Row = (
        Option<u32>,
        Option<u32>,
        bool,
        &'static str,
        Result<&'static str, &'static str>,
    );
    let rows: [Row; 9] = [
        (None, None, false, "node", Ok("")),
        (Some(5), None, false, "node", Ok("5")),
        (Some(5), Some(6), true, "", Ok("5:6")),
        (None, Some(6), false, "", Ok("0:6")),
        (None, Some(6), false, "node:7", Ok("node:6")),
        (None, None, true, "1000", Ok("")),
        (None, None, true, "", Err("would run as root")),
        (Some(0), None, true, "1000", Err("breaks non-root policy")),
        (None, None, true, "node", Err("without a number")),
    ];
    for (user, group, run_as_non_root, by_image, then) in rows {
        let process = Process {
            command: words("true"),
            security: Security {
                user,
                group,
                run_as_non_root,
                ..Security::default()
            },
            ..Process::default()
        };
        let image = Image {
            user: by_image.to_owned(),
            ..Image::default()
        };
        match (resolve("step-a", &process, &image, false), then) {
            (Ok(program), Ok(wanted)) => assert_eq!(program.user, wanted, "{by_image}"),
            (Err(failure), Err(wanted)) => assert!(failure.message.contains(wanted), "{}", failure.message),
            (found, _) => panic!("{user:?} {by_image}: {:?}", found.map(|program| program.user)),
        }
    }
}

/// What an engine is asked for by a process that asks for everything.
fn demanding() -> serde_json::Value {
    json!({
        "Image": "tool:1",
        "Entrypoint": ["make", "all"],
        "Cmd": [],
        "Env": ["HOME=/tekton/home", "A=3", "B=2"],
        "Labels": {"l": "1"},
        "User": "1",
        "AttachStdin": false,
        "OpenStdin": false,
        "Tty": false,
        "WorkingDir": "/workspace/source",
        "Hostname": "pod",
        "ExposedPorts": {"80/tcp": {}},
        "HostConfig": {
            "Mounts": ["mount"],
            "Init": true,
            "LogConfig": {"Type": "none"},
            "GroupAdd": ["8", "9"],
            "Privileged": false,
            "ReadonlyRootfs": true,
            "CapAdd": ["NET_ADMIN"],
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges", "seccomp=unconfined"],
            "Memory": 1 << 20,
            "MemorySwap": 1 << 20,
            "NanoCpus": 1_500_000_000_u64,
            "NetworkMode": "bridge",
            "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]},
        },
    })
}

#[test]
fn everything_that_a_process_asks_for_is_passed_on() {
    let process = Process {
        image: "tool:1".into(),
        command: words("make all"),
        env: [("A", "1"), ("B", "2"), ("A", "3")]
            .map(|(name, value)| EnvVar {
                name: name.into(),
                value: value.into(),
            })
            .into(),
        working_dir: "/workspace/source".into(),
        security: Security {
            user: Some(1),
            fs_group: Some(9),
            supplemental_groups: vec![8],
            read_only_root: true,
            system_calls: SystemCalls::All,
            allow_privilege_escalation: Some(false),
            add_capabilities: vec!["NET_ADMIN".into()],
            drop_capabilities: vec!["ALL".into()],
            ..Security::default()
        },
        limits: Limits {
            cpu_millis: Some(1500),
            memory_bytes: Some(1 << 20),
        },
        ..Process::default()
    };
    let program = resolve("step-a", &process, &Image::default(), true).expect("resolves");
    let around = Surroundings {
        labels: json!({"l": "1"}),
        mounts: vec![json!("mount")],
        network: Some("bridge".into()),
        hostname: Some("pod".into()),
        ports: vec![80],
        init: true,
    };
    assert_eq!(described(&process, &program, &around), demanding());
}

#[test]
fn texts_that_the_kernel_would_cut_are_refused() {
    let process = |working_dir: &str, argument: &str| Process {
        command: vec!["echo".into(), argument.into()],
        working_dir: working_dir.into(),
        ..Process::default()
    };
    for (working_dir, argument, holds) in [
        ("/a", "b", true),
        ("", "b", true),
        ("a", "b", false),
        ("/a", "b\0c", false),
    ] {
        let resolved = resolve(
            "step-a",
            &process(working_dir, argument),
            &Image::default(),
            false,
        );
        assert_eq!(resolved.is_ok(), holds, "{working_dir:?} {argument:?}");
    }
}
