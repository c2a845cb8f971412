//! Which files of upstream's examples there are, and which of them this machine can run.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;

/// One file of the corpus.
pub(crate) struct Example {
    /// Relative to the folder `tekton` of the corpus.
    pub(crate) path: PathBuf,
    /// What it needs, as the index tags it; empty when no index row names it.
    needs: Vec<String>,
    /// Whether upstream's own CI runs it.
    in_ci: bool,
}

/// What to do with a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Run it; it must succeed.
    Run,
    /// Leave it out, for this reason.
    Skip(&'static str),
}

/// Reads the corpus: every YAML file under `examples/v1`, with its row of the index where there is one.
///
/// The index is `tekton-examples.tsv` in the folder `reference` beside the corpus, with the columns path, kinds,
/// images, needs and expected.
pub(crate) fn read(corpus: &Path) -> Result<Vec<Example>> {
    let base = corpus.join("tekton");
    let index = corpus.join("../reference/tekton-examples.tsv");
    let rows = std::fs::read_to_string(&index)
        .map(|text| parse(&text))
        .unwrap_or_default();
    let mut paths = Vec::new();
    list(&base.join("examples/v1"), &mut paths)?;
    paths.sort();
    let examples = paths.into_iter().map(|path| {
        let path = path.strip_prefix(&base).map(Path::to_path_buf).unwrap_or(path);
        let row = rows.get(path.to_string_lossy().as_ref());
        Example {
            needs: row.map(|(needs, _)| needs.clone()).unwrap_or_default(),
            in_ci: row.map_or_else(
                || !is_left_out(&path),
                |(_, expected)| expected.starts_with("Succeeded"),
            ),
            path,
        }
    });
    Ok(examples.collect())
}

fn list(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
    Ok(())
}

fn is_left_out(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "no-ci")
}

/// Maps path → (needs, expected).
fn parse(text: &str) -> BTreeMap<String, (Vec<String>, String)> {
    let rows = text.lines().skip(1).filter_map(|line| {
        let mut columns = line.split('\t');
        let path = columns.next()?.to_owned();
        let needs = columns.nth(2)?.split(',').map(str::to_owned).collect();
        Some((path, (needs, columns.next()?.to_owned())))
    });
    rows.collect()
}

impl Example {
    /// Decides from what the file needs, and whether steps run in the images that they name.
    pub(crate) fn verdict(&self, images: bool) -> Verdict {
        let needs = |tag: &str| self.needs.iter().any(|need| need == tag);
        if !self.in_ci {
            return Verdict::Skip("upstream's own CI leaves it out");
        }
        if needs("exec:win") {
            return Verdict::Skip("needs Windows");
        }
        if needs("exec:k8s") {
            return Verdict::Skip("needs a cluster's volume drivers");
        }
        if needs("exec:oci") && !images {
            return Verdict::Skip("needs the contents of its image");
        }
        if needs("network") {
            return Verdict::Skip("needs the internet");
        }
        Verdict::Run
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::Example;
    use super::Verdict;
    use super::parse;

    #[test]
    fn needs_decide_what_runs() {
        let rows = [
            (true, "exec:proc,gate:stable", false, Verdict::Run),
            (true, "exec:ns,sidecar", false, Verdict::Run),
            (
                true,
                "exec:oci,network",
                false,
                Verdict::Skip("needs the contents of its image"),
            ),
            (true, "exec:oci,sidecar", true, Verdict::Run),
            (
                true,
                "exec:oci,network",
                true,
                Verdict::Skip("needs the internet"),
            ),
            (
                true,
                "exec:proc,network",
                true,
                Verdict::Skip("needs the internet"),
            ),
            (true, "exec:win", true, Verdict::Skip("needs Windows")),
            (
                false,
                "exec:proc",
                true,
                Verdict::Skip("upstream's own CI leaves it out"),
            ),
        ];
        for (in_ci, needs, images, expected) in rows {
            let needs = needs.split(',').map(str::to_owned).collect();
            let example = Example {
                path: PathBuf::new(),
                needs,
                in_ci,
            };
            assert_eq!(example.verdict(images), expected, "{:?}", example.needs);
        }
    }

    #[test]
    fn index_rows_are_read_by_column() {
        let rows =
            parse("path\tkinds\timages\tneeds\texpected\na.yaml\tTask\tbash\texec:proc,when\tSucceeded\n");
        let (needs, expected) = rows.get("a.yaml").unwrap();
        assert_eq!(
            (needs.join(" ").as_str(), expected.as_str()),
            ("exec:proc when", "Succeeded")
        );
    }
}
