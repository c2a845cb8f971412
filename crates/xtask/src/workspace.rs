//! The source tree: where it is, what it tracks, what `cargo metadata` says of it.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;
use serde_json::Value;

/// Returns the root of the workspace this binary was built from.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Returns the path of a file in the folder of shared material beside the workspace, if it is there.
///
/// `WINDLASS_CORPUS` replaces the folder that holds `tekton/examples`.
pub(crate) fn corpus() -> Option<PathBuf> {
    let folder =
        std::env::var_os("WINDLASS_CORPUS").map_or_else(|| root().join("../shared/corpus"), PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// Lists the files under version control, or every file outside `target/` when there is no repository.
pub(crate) fn files() -> Result<Vec<PathBuf>> {
    let root = root();
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(&root)
        .output();
    if let Ok(output) = listed
        && output.status.success()
    {
        let text = String::from_utf8(output.stdout).context("git lists a path that is not UTF-8")?;
        let paths = text
            .split('\0')
            .filter(|path| !path.is_empty())
            .map(PathBuf::from);
        return Ok(paths.filter(|path| root.join(path).is_file()).collect());
    }
    let mut found = Vec::new();
    walk(&root, &root, &mut found)?;
    Ok(found)
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() && name != "target" && name != ".git" {
            walk(root, &path, found)?;
        } else if path.is_file()
            && let Ok(relative) = path.strip_prefix(root)
        {
            found.push(relative.to_path_buf());
        }
    }
    Ok(())
}

/// Returns `cargo metadata` of the workspace members alone.
pub(crate) fn metadata() -> Result<Value> {
    let output = Command::new(cargo())
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root())
        .output()
        .context("run cargo metadata")?;
    ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).context("read the output of cargo metadata")
}

/// Returns the cargo that runs this tool.
pub(crate) fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

/// Returns the folder cargo builds into.
pub(crate) fn target() -> Result<PathBuf> {
    let metadata = metadata()?;
    let folder = metadata.get("target_directory").and_then(Value::as_str);
    Ok(PathBuf::from(
        folder.context("cargo metadata names no target directory")?,
    ))
}
