use std::fs;
use std::path::Path;

use super::Groups;
use super::bounds::bounds;
use super::bounds::kills;
use super::bounds::needed;
use super::find::Candidate;
use super::find::Controller;
use super::find::Facts;
use super::find::Version;
use super::find::candidates;
use super::find::usable;
use super::owner_of;
use crate::job::Limits;

const V1: &str = "\
31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
";

const UNIFIED: &str = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
const V2: &str = "30 23 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw,nsdelegate\n";

/// One line for each candidate.
fn summary(found: &[Candidate]) -> Vec<String> {
    let line = |one: &Candidate| {
        let names: Vec<_> = one.controllers.iter().map(|one| one.name()).collect();
        let place = one.mount.join(&one.own);
        format!("{:?} {} {}", one.version, place.display(), names.join(","))
    };
    found.iter().map(line).collect()
}

#[test]
fn hierarchies_are_found_on_every_kind_of_machine() {
    let hybrid = format!("{V1}{UNIFIED}");
    let in_docker = V1.replace(" / /sys", " /docker/a /sys");
    let read_only = V2.replace(" rw,nosuid ", " ro,nosuid ");
    let moved = V2.replace("/sys/fs/cgroup ", "/my\\040groups ");
    let rows: [(&str, &str, &str, &[&str]); 9] = [
        (
            "v1",
            V1,
            "9:name=systemd:/s\n4:memory:/job\n2:cpu,cpuacct:/\n1:pids:/p/q\n",
            &[
                "One /sys/fs/cgroup/memory/job memory",
                "One /sys/fs/cgroup/cpu,cpuacct/ cpu",
                "One /sys/fs/cgroup/pids/p/q pids",
            ],
        ),
        (
            "hybrid with every controller in version one",
            &hybrid,
            "4:memory:/\n2:cpu,cpuacct:/\n1:pids:/\n0::/\n",
            &[
                "One /sys/fs/cgroup/memory/ memory",
                "One /sys/fs/cgroup/cpu,cpuacct/ cpu",
                "One /sys/fs/cgroup/pids/ pids",
            ],
        ),
        (
            "hybrid with some of them in version two",
            &hybrid,
            "4:memory:/\n0::/user\n",
            &[
                "One /sys/fs/cgroup/memory/ memory",
                "Two /sys/fs/cgroup/unified/user cpu,pids",
            ],
        ),
        (
            "v2",
            V2,
            "0::/user.slice/a.scope\n",
            &["Two /sys/fs/cgroup/user.slice/a.scope memory,cpu,pids"],
        ),
        (
            "a container that sees its own part",
            &in_docker,
            "4:memory:/docker/a/job\n2:cpu,cpuacct:/docker/b\n",
            &["One /sys/fs/cgroup/memory/job memory"],
        ),
        ("a container that may only read", &read_only, "0::/\n", &[]),
        ("a group out of sight", V2, "0::/../other\n", &[]),
        (
            "a mount with a space",
            &moved,
            "0::/\n",
            &["Two /my groups/ memory,cpu,pids"],
        ),
        ("none", "", "", &[]),
    ];
    for (name, mounts, memberships, then) in rows {
        assert_eq!(summary(&candidates(mounts, memberships)), then, "{name}");
    }
}

#[test]
fn a_group_with_processes_enables_nothing() {
    let rows = [
        // available, enabled, processes, is the first → usable, to be enabled
        (
            "memory cpu pids",
            "memory cpu pids",
            "12\n",
            false,
            "memory cpu pids",
            "",
        ),
        (
            "memory cpu pids",
            "memory",
            "",
            false,
            "memory cpu pids",
            "cpu pids",
        ),
        ("memory cpu pids", "memory", "12\n", false, "memory", ""),
        ("memory cpu pids", "", "12\n", false, "", ""),
        (
            "memory cpu pids",
            "",
            "12\n",
            true,
            "memory cpu pids",
            "memory cpu pids",
        ),
        ("cpuset hugetlb", "", "", false, "", ""),
    ];
    for (available, enabled, processes, is_first, all, enable) in rows {
        let facts = Facts {
            available: available.to_owned(),
            enabled: enabled.to_owned(),
            processes: processes.to_owned(),
            is_first,
        };
        let names = |controllers: Vec<Controller>| {
            let names: Vec<_> = controllers.into_iter().map(Controller::name).collect();
            names.join(" ")
        };
        let (found, to_enable) = usable(&facts, &Controller::ALL);
        assert_eq!(
            (names(found), names(to_enable)),
            (all.to_owned(), enable.to_owned()),
            "{facts:?}"
        );
    }
}

fn limits(memory_bytes: Option<u64>, cpu_millis: Option<u64>) -> Limits {
    Limits {
        cpu_millis,
        memory_bytes,
    }
}

#[test]
fn limits_become_files() {
    let rows: [(Version, Limits, &[&str]); 6] = [
        (Version::One, limits(None, None), &[]),
        (Version::Two, limits(Some(0), Some(0)), &[]),
        (
            Version::One,
            limits(Some(33_554_432), None),
            &[
                "memory.limit_in_bytes=33554432",
                "memory.memsw.limit_in_bytes=33554432",
                "pids.max=2048",
            ],
        ),
        (
            Version::Two,
            limits(Some(5), Some(1500)),
            &[
                "memory.max=5",
                "memory.swap.max=0",
                "memory.oom.group=1",
                "cpu.max=150000 100000",
                "pids.max=2048",
            ],
        ),
        (
            Version::One,
            limits(None, Some(1)),
            &[
                "cpu.cfs_period_us=100000",
                "cpu.cfs_quota_us=1000",
                "pids.max=2048",
            ],
        ),
        (
            Version::Two,
            limits(None, Some(u64::MAX)),
            &["cpu.max=18446744073709551615 100000", "pids.max=2048"],
        ),
    ];
    for (version, limits, then) in rows {
        let controllers = needed(&limits);
        let all = controllers
            .iter()
            .flat_map(|controller| bounds(version, *controller, &limits));
        let lines: Vec<_> = all.map(|(file, value, _)| format!("{file}={value}")).collect();
        assert_eq!(lines, then, "{version:?} {limits:?}");
    }
}

#[test]
fn kills_are_counted_in_both_versions() {
    let rows = [
        ("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", 3),
        ("low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\noom_group_kill 7\n", 1),
        ("oom_kill_disable 1\n", 0),
        ("oom_kill many\n", 0),
        ("", 0),
    ];
    for (text, count) in rows {
        assert_eq!(kills(text), count, "{text:?}");
    }
}

#[test]
fn names_tell_whose_a_group_is() {
    let rows = [
        ("windlass-12-slot-3-0", Some(12)),
        ("windlass-12", None),
        ("windlass--1", None),
        ("windlass-x-1", None),
        ("other-12-1", None),
    ];
    for (name, owner) in rows {
        assert_eq!(owner_of(name), owner, "{name}");
    }
}

/// A stand-in for a tree of version two: control files are plain files.
fn tree(root: &Path, groups: &[(&str, &[(&str, &str)])]) {
    for (path, files) in groups {
        let group = root.join("sys/fs/cgroup").join(path);
        fs::create_dir_all(&group).unwrap();
        for (name, content) in *files {
            fs::write(group.join(name), content).unwrap();
        }
    }
}

const ALL: (&str, &str) = ("cgroup.controllers", "cpu memory pids\n");

#[test]
fn a_group_of_version_two_is_made_beside_the_own_one() {
    let root = tempfile::tempdir().unwrap();
    let empty = ("cgroup.procs", "");
    let made = "user/windlass-7-slot-0-4";
    tree(
        root.path(),
        &[
            ("", &[ALL, ("cgroup.subtree_control", "memory\n"), empty]),
            (
                "user",
                &[
                    ALL,
                    ("cgroup.subtree_control", "memory\n"),
                    ("cgroup.type", ""),
                    empty,
                ],
            ),
            (
                "user/own",
                &[
                    ALL,
                    ("cgroup.subtree_control", ""),
                    ("cgroup.type", ""),
                    ("cgroup.procs", "12\n"),
                ],
            ),
            (
                made,
                &[
                    ("memory.max", ""),
                    ("memory.events", "oom_kill 2\n"),
                    ("cpu.max", ""),
                    ("pids.max", ""),
                    empty,
                ],
            ),
        ],
    );
    let groups = Groups::open(root.path(), V2, "0::/user/own\n", 7);
    let asked = limits(Some(4096), Some(250));
    let (group, lack) = groups.make("slot-0", 4, &asked).unwrap().unwrap();
    assert!(lack.is_none(), "{lack:?}");
    let cgroup = root.path().join("sys/fs/cgroup");
    let read = |path: &str| fs::read_to_string(cgroup.join(path)).unwrap();
    assert_eq!(read(&format!("{made}/memory.max")), "4096");
    assert_eq!(read(&format!("{made}/cpu.max")), "25000 100000");
    assert_eq!(read(&format!("{made}/pids.max")), "2048");
    // Plain files keep only the last of several writes.
    assert_eq!(read("user/cgroup.subtree_control"), "+pidsy\n");
    assert_eq!(group.entries().len(), 1);
    assert!(!group.has_killed());
    fs::write(cgroup.join(made).join("memory.events"), "oom_kill 3\n").unwrap();
    assert!(group.has_killed());
    // The kernel's files go with their directory.
    assert!(!groups.remove(&group));
    for entry in fs::read_dir(cgroup.join(made)).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    assert!(groups.remove(&group));
    assert!(!cgroup.join(made).exists());
}

#[test]
fn what_cannot_be_bounded_is_named() {
    let root = tempfile::tempdir().unwrap();
    let processes = ("cgroup.procs", "12\n");
    let own: &[_] = &[
        ALL,
        ("cgroup.subtree_control", "cpu\n"),
        ("cgroup.type", ""),
        processes,
    ];
    tree(
        root.path(),
        &[("", own), ("windlass-7-s-0", &[("cpu.max", ""), processes])],
    );
    let refusal = |limits: &Limits| {
        let made = Groups::open(root.path(), V2, "0::/\n", 7).make("s", 0, limits);
        made.map(|made| made.and_then(|(_, lack)| lack).map(|lack| lack.to_string()))
    };
    let rows = [
        (limits(None, None), None),
        (limits(None, Some(100)), None),
        (
            limits(Some(4096), Some(100)),
            Some("no control group for memory can be made here".to_owned()),
        ),
    ];
    for (limits, then) in rows {
        assert_eq!(refusal(&limits).unwrap(), then, "{limits:?}");
    }
    let none = Groups::open(root.path(), "", "", 7);
    let (group, lack) = none.make("s", 0, &limits(Some(1), Some(1))).unwrap().unwrap();
    assert!(group.entries().is_empty());
    assert_eq!(
        lack.map(|lack| lack.to_string()).as_deref(),
        Some("no control group for memory and cpu can be made here")
    );
}

#[test]
fn groups_of_dead_launchers_are_removed() {
    let root = tempfile::tempdir().unwrap();
    let own: &[_] = &[ALL, ("cgroup.subtree_control", "memory\n"), ("cgroup.procs", "")];
    let id = std::process::id();
    let alive = format!("windlass-{id}-slot-0-0");
    // No process has such a number.
    let dead = "windlass-2147483647-slot-0-0";
    tree(
        root.path(),
        &[
            ("", own),
            (&alive, &[]),
            (dead, &[]),
            ("windlass-7-slot-1-1", &[]),
            ("else", &[]),
        ],
    );
    let groups = Groups::open(root.path(), V2, "0::/\n", 7);
    let left = || {
        let entries = fs::read_dir(root.path().join("sys/fs/cgroup")).unwrap();
        let entries = entries.map(|entry| entry.unwrap());
        let groups = entries.filter(|entry| entry.file_type().unwrap().is_dir());
        let mut names: Vec<_> = groups
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    groups.remove_abandoned();
    // Which of them comes first depends on this process's number.
    let mut both = [alive.as_str(), "windlass-7-slot-1-1"];
    both.sort_unstable();
    assert_eq!(left(), [&["else"], both.as_slice()].concat());
    groups.remove_own();
    assert_eq!(left(), ["else", &alive]);
}
