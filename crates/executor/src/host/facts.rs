//! What the machine is like: its mounts, its shells.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use super::plan::Submount;

/// The program that behaves most like busybox's shell.
pub(super) fn find_ash() -> Option<PathBuf> {
    let places = ["/bin", "/usr/bin", "/usr/local/bin"];
    let programs = ["busybox", "bash"];
    let mut candidates = programs
        .iter()
        .flat_map(|name| places.iter().map(move |place| Path::new(place).join(name)));
    candidates
        .find(|path| path.is_file())
        .and_then(|path| fs::canonicalize(path).ok())
}

/// The identity mapping of the first user namespace: a root of this one is root of the machine.
pub(super) fn is_first_user_namespace(uid_map: &str) -> bool {
    uid_map.split_ascii_whitespace().eq(["0", "0", "4294967295"])
}

/// Kinds of file systems that describe the kernel or belong to containers; the view has its own or none.
const SKIPPED: [&str; 19] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "securityfs",
    "sysfs",
    "tracefs",
];

/// Places that the view makes itself, and where other container tools keep theirs.
const REPLACED: [&str; 9] = [
    "/proc",
    "/sys",
    "/dev",
    "/tmp",
    "/tekton",
    "/workspace",
    "/var/lib/docker",
    "/var/lib/containers",
    "/run/user",
];

/// File systems below the root that the view shows, parents first.
pub(super) fn submounts(mountinfo: &str, scratch: &Path, current: Option<&Path>) -> Vec<Submount> {
    let mut found: Vec<PathBuf> = mountinfo
        .lines()
        .filter_map(|line| {
            let (before, after) = line.split_once(" - ")?;
            let path = unescape(before.split(' ').nth(4)?);
            let kind = after.split(' ').next()?;
            let skip = SKIPPED.contains(&kind)
                || path == Path::new("/")
                || path.starts_with(scratch)
                || REPLACED.iter().any(|place| path.starts_with(place));
            (!skip && path.is_absolute()).then_some(path)
        })
        .collect();
    found.sort();
    found.dedup();
    let holder = current.and_then(|current| found.iter().rfind(|path| current.starts_with(path)).cloned());
    let copy_on_write = |path: &PathBuf| Some(path) == holder.as_ref();
    found
        .iter()
        .map(|path| Submount {
            path: path.clone(),
            copy_on_write: copy_on_write(path),
        })
        .collect()
}

/// Undoes the octal escapes of a path in `mountinfo`.
pub(super) fn unescape(path: &str) -> PathBuf {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    PathBuf::from(escapes.iter().fold(path.to_owned(), |path, (code, character)| {
        path.replace(code, character)
    }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::is_first_user_namespace;
    use super::submounts;

    const MOUNTS: &str = r"22 27 0:21 / /proc rw,relatime - proc proc rw
24 27 0:6 / /dev rw,relatime - devtmpfs devtmpfs rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 27 254:1 / /home rw,relatime shared:2 - ext4 /dev/vdb rw
41 40 254:2 / /home/a\040b rw,relatime - xfs /dev/vdc rw
42 27 0:30 / /run rw - tmpfs tmpfs rw
43 27 0:31 / /tmp rw - tmpfs tmpfs rw
44 27 254:0 /etc/hosts /etc/hosts rw - ext4 /dev/vda rw
45 27 0:40 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw
46 40 0:41 / /home/scratch/base rw - tmpfs tmpfs rw
nonsense
";

    #[test]
    fn file_systems_of_files_are_shown() {
        let rows = [
            (None, "/etc/hosts /home /home/a b /run"),
            (Some("/home/project"), "/etc/hosts /home* /home/a b /run"),
            (Some("/home/a b/c"), "/etc/hosts /home /home/a b* /run"),
            (Some("/opt"), "/etc/hosts /home /home/a b /run"),
        ];
        for (current, shown) in rows {
            let found = submounts(
                &MOUNTS.replace("\\\\", "\\"),
                Path::new("/home/scratch"),
                current.map(Path::new),
            );
            let marked = found.iter().map(|submount| {
                format!(
                    "{}{}",
                    submount.path.display(),
                    if submount.copy_on_write { "*" } else { "" }
                )
            });
            assert_eq!(marked.collect::<Vec<_>>().join(" "), shown, "{current:?}");
        }
    }

    #[test]
    fn a_mapped_root_is_not_the_machine_s() {
        let rows = [
            ("         0          0 4294967295\n", true),
            ("0 1000 1", false),
            ("0 0 65536", false),
            ("", false),
        ];
        for (map, first) in rows {
            assert_eq!(is_first_user_namespace(map), first, "{map}");
        }
    }
}
