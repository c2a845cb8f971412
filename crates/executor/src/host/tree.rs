//! Processes by descent, read from `/proc`.

use std::collections::BTreeMap;
use std::fs;

use super::sys;

/// Ids of all processes by the id of their parent.
pub(super) struct Tree(BTreeMap<i32, Vec<i32>>);

impl Tree {
    /// Takes a look at `/proc`; processes that end meanwhile may or may not be in it.
    pub(super) fn look() -> Self {
        let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            if let Some(parent) = fs::read_to_string(entry.path().join("stat"))
                .ok()
                .as_deref()
                .and_then(parent_of)
            {
                children.entry(parent).or_default().push(pid);
            }
        }
        Self(children)
    }

    /// Everything below a process, not the process itself, nearest first; what lies below `spared` is left out, and
    /// so are they.
    pub(super) fn below(&self, pid: i32, spared: &[i32]) -> Vec<i32> {
        let mut found = Vec::new();
        let mut queue = vec![pid];
        while let Some(next) = queue.pop() {
            for child in self
                .0
                .get(&next)
                .into_iter()
                .flatten()
                .filter(|child| !spared.contains(child))
            {
                found.push(*child);
                queue.push(*child);
            }
        }
        found
    }
}

/// The parent's id in the text of `/proc/<pid>/stat`: the second field after the name, which may hold anything.
fn parent_of(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?
        .1
        .split_ascii_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

/// Kills everything below the calling process except `spared`, orphans included, and waits until it is gone.
///
/// The caller adopts the orphans of its tree, so what escapes one look is found by the next.
pub(super) fn kill_below(spared: &[i32], mut ended: impl FnMut(i32, i32)) {
    let own = rustix::process::getpid().as_raw_pid();
    loop {
        let left = Tree::look().below(own, spared);
        if left.is_empty() {
            return;
        }
        for pid in &left {
            sys::kill(*pid, libc::SIGKILL);
        }
        if !reap_one(true, &mut ended) {
            return;
        }
        while reap_one(false, &mut ended) {}
    }
}

/// Takes the end of one child; `false` when there is no child, or none that ended and waiting was not asked for.
pub(super) fn reap_one(wait: bool, ended: &mut impl FnMut(i32, i32)) -> bool {
    use rustix::process::WaitOptions;
    let options = if wait {
        WaitOptions::empty()
    } else {
        WaitOptions::NOHANG
    };
    let Ok(Some((pid, status))) = rustix::io::retry_on_intr(|| rustix::process::wait(options)) else {
        return false;
    };
    let code = status
        .exit_status()
        .or_else(|| status.terminating_signal().map(|signal| 128 + signal));
    ended(pid.as_raw_pid(), code.unwrap_or(255));
    true
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Tree;
    use super::parent_of;

    #[test]
    fn a_name_cannot_forge_a_parent() {
        let rows = [
            ("7 (sh) S 3 7 7 0", Some(3)),
            ("7 (a b) S 9 (c) S 4 7 7", Some(4)),
            ("7 (x) R 1 1) S 5 5", Some(5)),
            ("7 sh S 3", None),
            ("", None),
        ];
        for (stat, parent) in rows {
            assert_eq!(parent_of(stat), parent, "{stat}");
        }
    }

    #[test]
    fn descent_leaves_the_spared_out() {
        let tree = Tree(BTreeMap::from([
            (1, vec![2, 3]),
            (2, vec![4]),
            (3, vec![5]),
            (5, vec![6]),
        ]));
        let mut below = tree.below(1, &[3]);
        below.sort_unstable();
        assert_eq!(below, [2, 4]);
        let mut below = tree.below(3, &[]);
        below.sort_unstable();
        assert_eq!(below, [5, 6]);
    }
}
