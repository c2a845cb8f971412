//! Relative links between the pages.

use std::path::Path;

use anyhow::Context;
use anyhow::Result;

use crate::workspace;

/// Lists every relative link of a Markdown page that leads nowhere.
pub(crate) fn broken() -> Result<Vec<String>> {
    let root = workspace::root();
    let mut problems = Vec::new();
    for path in workspace::files()? {
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text =
            std::fs::read_to_string(root.join(&path)).with_context(|| format!("read {}", path.display()))?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        for (line, target) in links(&text) {
            if !root.join(folder).join(target).exists() {
                problems.push(format!(
                    "{}:{line}: link to {target}, which is not there",
                    path.display()
                ));
            }
        }
    }
    Ok(problems)
}

/// Yields (line, target without its fragment) of every relative link outside code fences.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for rest in line.split("](").skip(1) {
            let target = rest.split([')', ' ']).next().unwrap_or_default();
            let target = target.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                found.push((index + 1, target));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::links;

    #[test]
    fn only_relative_links_outside_code_count() {
        let page =
            "see [a](a.md#x) and [b](https://b.example/)\n```\n[c](c.md)\n```\n[d](#here), [e](../e.md)\n";
        assert_eq!(links(page), [(1, "a.md"), (5, "../e.md")]);
    }
}
