use std::fmt::Write;
use std::path::PathBuf;

use super::Action;
use super::Machine;
use super::MountSpec;
use super::Origin;
use super::SandboxSpec;
use super::Shell;
use super::Source;
use super::Submount;
use super::Top;
use super::View;
use super::VolumeSpec;
use super::processes;
use super::view;

fn machine(view: View) -> Machine {
    Machine {
        view,
        unprivileged: view == View::ReadOnly,
        top: vec![
            Top::Directory("usr".to_owned()),
            Top::Directory("etc".to_owned()),
            Top::Link("bin".to_owned(), "usr/bin".into()),
        ],
        submounts: vec![
            Submount {
                path: "/home".into(),
                copy_on_write: true,
            },
            Submount {
                path: "/run".into(),
                copy_on_write: false,
            },
        ],
        current: None,
        hidden: Some("/var/scratch".into()),
        memory: None,
        shell_dir: "/usr/bin".into(),
        ash: Some("/usr/bin/busybox".into()),
        shell: "/usr/bin/dash".into(),
        kernel_files: vec!["/proc/sys".to_owned()],
    }
}

/// One line for each action that mounts, links or attaches.
fn text(actions: &[Action]) -> String {
    let mut text = String::new();
    for action in actions {
        let line = match action {
            Action::Directory(..) | Action::File(..) => continue,
            Action::Parents { lower, path, .. } => format!("parents {} {}", lower.display(), path.display()),
            Action::Group(path, group) => format!("group {group} {}", path.display()),
            Action::Link(path, target) => format!("link {} -> {}", path.display(), target.display()),
            Action::Replace(path, target) => format!("replace {} -> {}", path.display(), target.display()),
            Action::Beneath(base, path) => format!("beneath {} {}", base.display(), path.display()),
            Action::Memory(path, size) => format!("memory {} {size:?}", path.display()),
            Action::Overlay { lower, store, target } => {
                let lower: Vec<_> = lower.iter().map(|path| path.display().to_string()).collect();
                format!(
                    "overlay {} {} -> {}",
                    lower.join(":"),
                    store.display(),
                    target.display()
                )
            }
            Action::Bind {
                source,
                target,
                read_only,
            } => {
                let kind = if *read_only { "show" } else { "bind" };
                format!("{kind} {} -> {}", source.display(), target.display())
            }
            Action::Move(source, target) => format!("move {} -> {}", source.display(), target.display()),
            Action::Cover(source, target) => format!("cover {} -> {}", source.display(), target.display()),
            Action::Mask(path) => format!("mask {}", path.display()),
            Action::Processes(path) => format!("processes {}", path.display()),
            Action::Take {
                from,
                sub_path,
                read_only,
                devices,
            } => {
                let (whose, path) = match from {
                    Origin::Launcher(path) => ("own", path),
                    Origin::Machine(path) => ("machine", path),
                };
                format!(
                    "take {whose} {} {:?}{}{}",
                    path.display(),
                    sub_path,
                    if *read_only { " read-only" } else { "" },
                    if *devices { " with devices" } else { "" }
                )
            }
            Action::Enter => "enter".to_owned(),
            Action::Attach(number, path) => format!("attach {number} {}", path.display()),
        };
        writeln!(text, "{line}").unwrap();
    }
    text
}

fn spec() -> SandboxSpec {
    SandboxSpec {
        slot: "slot-1".to_owned(),
        ..SandboxSpec::default()
    }
}

#[test]
fn root_sees_everything_copied_on_write() {
    insta::assert_snapshot!(text(&view(&machine(View::Whole), &spec())), @r#"
    memory /store None
    overlay /lower /store/root -> /view
    overlay /submounts/0 /store/submount-0 -> /view/home
    show /submounts/1 -> /view/run
    move /dev -> /view/dev
    bind /store/shm -> /view/dev/shm
    move /sys -> /view/sys
    move /processes -> /view/proc
    bind /store/tekton -> /view/tekton
    bind /scratch/slot-1/home -> /view/tekton/home
    bind /scratch/slot-1/workspace -> /view/workspace
    bind /scratch/slot-1/tmp -> /view/tmp
    cover /store/hidden -> /view/var/scratch
    enter
    "#);
}

#[test]
fn root_cannot_change_the_machine_through_the_process_list() {
    insta::assert_snapshot!(text(&processes(&machine(View::Whole))), @r#"
    processes /processes
    show /processes/sys -> /processes/sys
    "#);
}

#[test]
fn an_ordinary_user_sees_directories_read_only() {
    insta::assert_snapshot!(text(&view(&machine(View::ReadOnly), &spec())), @r#"
    memory /store None
    bind /store/root -> /view
    show /top/usr -> /view/usr
    show /top/etc -> /view/etc
    link /view/bin -> usr/bin
    move /dev -> /view/dev
    bind /store/shm -> /view/dev/shm
    move /sys -> /view/sys
    move /processes -> /view/proc
    bind /store/tekton -> /view/tekton
    bind /scratch/slot-1/home -> /view/tekton/home
    bind /scratch/slot-1/workspace -> /view/workspace
    bind /scratch/slot-1/tmp -> /view/tmp
    cover /store/hidden -> /view/var/scratch
    enter
    "#);
}

#[test]
fn volumes_are_taken_outside_and_attached_inside() {
    let volume = |source, group| VolumeSpec { source, group };
    let mount = |path: &str, volume, sub_path: &str, read_only| MountSpec {
        path: path.to_owned(),
        volume,
        sub_path: sub_path.to_owned(),
        read_only,
    };
    let spec = SandboxSpec {
        volumes: vec![
            volume(Source::Scratch(PathBuf::from("slot-1/volumes/0")), Some(7)),
            volume(Source::Directory("/data".into()), None),
            volume(Source::Memory(Some(9)), None),
        ],
        mounts: vec![
            mount("/etc/x", 0, "", false),
            mount("/workspace/y", 1, "sub", true),
            mount("/z", 2, "", false),
        ],
        mount_points: ["/etc/x", "/workspace/y", "/z"].map(str::to_owned).to_vec(),
        shell: Shell::Ash,
        ..spec()
    };
    insta::assert_snapshot!(text(&view(&machine(View::ReadOnly), &spec)), @r#"
    memory /store None
    bind /store/root -> /view
    show /top/usr -> /view/usr
    parents /top/etc x
    overlay /top/etc /store/top-etc -> /view/etc
    link /view/bin -> usr/bin
    link /store/shell/upper/sh -> /usr/bin/busybox
    link /store/shell/upper/ash -> /usr/bin/busybox
    overlay /top/usr/bin /store/shell -> /view/usr/bin
    move /dev -> /view/dev
    bind /store/shm -> /view/dev/shm
    move /sys -> /view/sys
    move /processes -> /view/proc
    bind /store/tekton -> /view/tekton
    bind /scratch/slot-1/home -> /view/tekton/home
    bind /scratch/slot-1/workspace -> /view/workspace
    bind /scratch/slot-1/tmp -> /view/tmp
    cover /store/hidden -> /view/var/scratch
    group 7 /scratch/slot-1/volumes/0
    memory /store/volumes/2 Some(9)
    take own /scratch/slot-1/volumes/0 ""
    take machine /data "sub" read-only
    take own /store/volumes/2 ""
    enter
    attach 0 /etc/x
    attach 1 /workspace/y
    attach 2 /z
    "#);
}

#[test]
fn mounts_of_single_processes_wait_out_of_sight() {
    let spec = SandboxSpec {
        volumes: vec![VolumeSpec {
            source: Source::Directory("/data".into()),
            group: None,
        }],
        private_mounts: true,
        shell: Shell::PerProcess,
        privileged: true,
        ..spec()
    };
    insta::assert_snapshot!(text(&view(&machine(View::Whole), &spec)), @r#"
    memory /store None
    link /store/root/upper/usr/bin/sh -> /tekton/bin/sh
    link /store/root/upper/usr/bin/ash -> /usr/bin/busybox
    overlay /lower /store/root -> /view
    overlay /submounts/0 /store/submount-0 -> /view/home
    show /submounts/1 -> /view/run
    take machine /dev "" with devices
    attach 0 /view/dev
    bind /store/shm -> /view/dev/shm
    move /sys -> /view/sys
    processes /view/proc
    bind /store/tekton -> /view/tekton
    bind /scratch/slot-1/home -> /view/tekton/home
    bind /scratch/slot-1/workspace -> /view/workspace
    bind /scratch/slot-1/tmp -> /view/tmp
    cover /store/hidden -> /view/var/scratch
    take machine /data "" with devices
    enter
    memory /tekton/.volumes Some(1048576)
    attach 1 /tekton/.volumes/0
    "#);
}
