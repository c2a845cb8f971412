use std::collections::BTreeMap;
use std::path::Path;

use super::lay_out;
use crate::host::plan::Shell;
use crate::host::process::Surroundings;
use crate::host::slot::Slots;
use crate::job::AttemptId;
use crate::job::Breakpoints;
use crate::job::Job;
use crate::job::Mount;
use crate::job::Process;
use crate::job::Step;
use crate::job::Volume;
use crate::job::VolumeSource;

fn job(processes: Vec<Process>) -> Job {
    let empty = |name: &str| Volume {
        name: name.to_owned(),
        source: VolumeSource::Empty {
            memory: false,
            size_limit: None,
        },
    };
    let steps = processes.into_iter().enumerate();
    let steps = steps.map(|(number, process)| Step {
        name: format!("s{number}"),
        process,
        ..Step::default()
    });
    Job {
        id: AttemptId {
            task_run_uid: "uid".to_owned(),
            attempt: 0,
        },
        namespace: "default".to_owned(),
        task_run: "run".to_owned(),
        pod: "p".repeat(80),
        steps: steps.collect(),
        sidecars: Vec::new(),
        volumes: vec![empty("a"), empty("b"), empty("unused")],
        results: Vec::new(),
        credentials: BTreeMap::new(),
        masks: Vec::new(),
        pull_logins: Vec::new(),
        timeout: None,
        max_result_bytes: None,
        breakpoints: Breakpoints::default(),
    }
}

fn process(image: &str, mounts: &[(&str, &str)]) -> Process {
    let mounts = mounts.iter().map(|(volume, path)| Mount {
        volume: (*volume).to_owned(),
        path: (*path).to_owned(),
        sub_path: String::new(),
        read_only: false,
    });
    Process {
        image: image.to_owned(),
        mounts: mounts.collect(),
        ..Process::default()
    }
}

fn shared() -> Surroundings {
    let rewrites = vec![
        ("/tekton".to_owned(), "/m".to_owned()),
        ("/workspace".to_owned(), "/w".to_owned()),
    ];
    Surroundings {
        rewrites,
        ..Surroundings::default()
    }
}

#[test]
fn mounts_are_shared_only_when_every_process_has_them() {
    type Mounts = &'static [(&'static str, &'static str)];
    let scratch = tempfile::tempdir().unwrap();
    let slot = Slots::new(scratch.path().to_owned()).take().unwrap();
    let rows: [(Mounts, Mounts, bool, &[&str]); 4] = [
        (
            &[("a", "/x"), ("b", "/y/")],
            &[("b", "/y"), ("a", "/x")],
            false,
            &["/x", "/y"],
        ),
        (&[("a", "/x")], &[], true, &[]),
        (&[("a", "/x")], &[("b", "/x")], true, &[]),
        (&[], &[], false, &[]),
    ];
    for (one, other, private, paths) in rows {
        let job = job(vec![process("ubuntu", one), process("ubuntu", other)]);
        let layout = lay_out(&job, &slot, Surroundings::default()).unwrap();
        let found: Vec<&str> = layout
            .spec
            .mounts
            .iter()
            .map(|mount| mount.path.as_str())
            .collect();
        assert_eq!(
            (layout.spec.private_mounts, found.as_slice()),
            (private, paths),
            "{one:?} {other:?}"
        );
    }
}

#[test]
fn a_mount_that_cannot_be_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let slot = Slots::new(scratch.path().to_owned()).take().unwrap();
    let rows = [
        (process("", &[("missing", "/x")]), "does not exist"),
        (process("", &[("a", "x")]), "must be an absolute path"),
        (process("", &[("a", "/")]), "must be an absolute path"),
        (process("", &[("a", "/x/../y")]), "must be an absolute path"),
        (process("", &[("a", "/tekton")]), "belongs to the executor"),
        (
            process("", &[("a", "//tekton/./results/")]),
            "belongs to the executor",
        ),
        (process("", &[("a", "/proc/sys")]), "belongs to the executor"),
    ];
    for (process, message) in rows {
        let failure = lay_out(&job(vec![process]), &slot, Surroundings::default()).unwrap_err();
        assert!(failure.message.contains(message), "{}", failure.message);
    }
    let clash = job(vec![process("", &[("a", "/x")]), process("", &[("b", "/x")])]);
    let failure = lay_out(&clash, &slot, shared()).unwrap_err();
    assert!(
        failure
            .message
            .contains("cannot be a different volume in each step"),
        "{}",
        failure.message
    );
}

#[test]
fn without_a_view_mounts_have_places_of_their_own() {
    let scratch = tempfile::tempdir().unwrap();
    let slot = Slots::new(scratch.path().to_owned()).take().unwrap();
    let job = job(vec![process(
        "",
        &[("a", "/x"), ("b", "/x/y"), ("b", "/workspace/z")],
    )]);
    let layout = lay_out(&job, &slot, shared()).unwrap();
    let places =
        ["/x", "/x/y/f", "/workspace/z", "/tekton/results", "/etc"].map(|path| layout.spec.locate(path));
    let wanted = ["/m/.mounts/x", "/m/.mounts/x/y/f", "/w/z", "/m/results"].map(|path| Some(Path::new(path)));
    assert_eq!(
        places.each_ref().map(Option::as_deref),
        [wanted[0], wanted[1], wanted[2], wanted[3], None]
    );
}

#[test]
fn one_shell_is_enough_when_all_images_have_it() {
    let scratch = tempfile::tempdir().unwrap();
    let slot = Slots::new(scratch.path().to_owned()).take().unwrap();
    let rows: [(&[&str], Shell); 4] = [
        (&["alpine", "bash"], Shell::Ash),
        (&["ubuntu"], Shell::Machine),
        (&["ubuntu", "alpine"], Shell::PerProcess),
        (&["alpine", "ubuntu"], Shell::PerProcess),
    ];
    for (images, shell) in rows {
        let job = job(images.iter().map(|image| process(image, &[])).collect());
        let layout = lay_out(&job, &slot, Surroundings::default()).unwrap();
        assert_eq!(
            (layout.spec.shell, layout.spec.hostname.len()),
            (shell, 64),
            "{images:?}"
        );
    }
}
