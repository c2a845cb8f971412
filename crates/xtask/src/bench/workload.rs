//! The same work twice: as a Pipeline and as a Makefile.

use std::fmt::Write as _;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;

/// A shape of graph whose every node is a shell that prints a line.
pub(crate) struct Workload {
    /// Shown, and the stem of its files.
    pub(crate) name: &'static str,
    width: usize,
    depth: usize,
}

/// What is measured: breadth, latency, and both.
pub(crate) const ALL: &[Workload] = &[
    Workload {
        name: "independent-1000",
        width: 1000,
        depth: 1,
    },
    Workload {
        name: "chain-300",
        width: 1,
        depth: 300,
    },
    Workload {
        name: "lattice-10x30",
        width: 10,
        depth: 30,
    },
];

/// Where a workload was written.
pub(crate) struct Files {
    /// A `PipelineRun` with an embedded pipeline.
    pub(crate) pipeline: PathBuf,
    /// A Makefile whose first target is everything.
    pub(crate) makefile: PathBuf,
}

impl Workload {
    /// How many steps it has.
    pub(crate) fn steps(&self) -> u32 {
        u32::try_from(self.width * self.depth).unwrap_or(u32::MAX)
    }

    /// Writes both forms into the folder.
    pub(crate) fn write(&self, folder: &Path) -> Result<Files> {
        let files = Files {
            pipeline: folder.join(format!("{}.yaml", self.name)),
            makefile: folder.join(format!("{}.mk", self.name)),
        };
        for (path, text) in [
            (&files.pipeline, self.pipeline()),
            (&files.makefile, self.makefile()),
        ] {
            std::fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
        }
        Ok(files)
    }

    /// Every node of a row stands on every node of the row before it.
    fn parents(&self, node: usize) -> std::ops::Range<usize> {
        let row = node / self.width;
        if row == 0 {
            0..0
        } else {
            (row - 1) * self.width..row * self.width
        }
    }

    fn pipeline(&self) -> String {
        let mut text = String::from(
            "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata:\n  name: bench\nspec:\n  pipelineSpec:\n    tasks:\n",
        );
        for node in 0..self.width * self.depth {
            let _ = writeln!(text, "      - name: t{node}");
            let parents: Vec<String> = self.parents(node).map(|parent| format!("t{parent}")).collect();
            if !parents.is_empty() {
                let _ = writeln!(text, "        runAfter: [{}]", parents.join(", "));
            }
            let _ = writeln!(
                text,
                "        taskSpec:\n          steps:\n            - name: echo\n              image: busybox\n              \
                 command: [sh, -c, \"echo step {node}; true\"]"
            );
        }
        text
    }

    fn makefile(&self) -> String {
        let nodes = 0..self.width * self.depth;
        let all: Vec<String> = nodes.clone().map(|node| format!("t{node}")).collect();
        let mut text = format!("all: {0}\n.PHONY: all {0}\n", all.join(" "));
        for node in nodes {
            let parents: Vec<String> = self.parents(node).map(|parent| format!("t{parent}")).collect();
            // The `; true` keeps make from starting echo without a shell.
            let _ = writeln!(text, "t{node}: {}\n\t@echo step {node}; true", parents.join(" "));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Workload;

    #[test]
    fn both_forms_hold_the_same_graph() {
        let lattice = Workload {
            name: "small",
            width: 2,
            depth: 2,
        };
        assert_eq!(lattice.steps(), 4);
        assert!(lattice.makefile().contains("t3: t0 t1\n\t@echo step 3; true\n"));
        let pipeline = lattice.pipeline();
        assert!(
            pipeline.contains("- name: t3\n        runAfter: [t0, t1]\n"),
            "{pipeline}"
        );
        assert_eq!(pipeline.matches("command: [sh, -c").count(), 4);
    }
}
