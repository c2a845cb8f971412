//! Rules of the house that no lint of the compiler knows.

use std::path::Path;

use anyhow::Result;

use crate::workspace;

/// A source file longer than this holds more than one subject.
const MAX_LINES: usize = 800;

/// Words that belong to one machine and mean nothing on another, split so that this file does not hold them.
const FORBIDDEN: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/."),
    concat!("/home", "/user"),
];

/// Lists every violation in the tracked files.
pub(crate) fn problems() -> Result<Vec<String>> {
    let root = workspace::root();
    let mut problems = Vec::new();
    for path in workspace::files()? {
        let Ok(text) = std::fs::read_to_string(root.join(&path)) else {
            continue; // Binary test data has no words.
        };
        problems.extend(check(&path, &text));
    }
    Ok(problems)
}

fn check(path: &Path, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let rust = path.extension().is_some_and(|extension| extension == "rs");
    let lines = text.lines().count();
    if rust && lines > MAX_LINES && !text.lines().next().is_some_and(|line| line.contains("table")) {
        problems.push(format!(
            "{}: {lines} lines, at most {MAX_LINES} are allowed",
            path.display()
        ));
    }
    for (index, line) in text.lines().enumerate() {
        for word in FORBIDDEN.iter().filter(|word| line.contains(**word)) {
            problems.push(format!(
                "{}:{}: names `{word}`, a path of one machine",
                path.display(),
                index + 1
            ));
        }
        if rust && line.contains(concat!("TO", "DO")) && !line.contains(concat!("TO", "DO(#")) {
            problems.push(format!(
                "{}:{}: a to-do without an issue number",
                path.display(),
                index + 1
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::check;

    #[test]
    fn machine_paths_and_overlong_files_are_found() {
        let long = "\n".repeat(801);
        let rows = [
            ("a.rs", "//! A module.\n", 0),
            ("a.rs", long.as_str(), 1),
            ("a.md", long.as_str(), 0),
            ("a.md", concat!("see /wo", "rk/main"), 1),
            ("a.md", "mounted at /workspace/source", 0),
            ("a.rs", concat!("// TO", "DO: later"), 1),
            ("a.rs", concat!("// TO", "DO(#12): later"), 0),
        ];
        for (path, text, expected) in rows {
            let found = check(Path::new(path), text);
            assert_eq!(found.len(), expected, "{path}: {found:?}");
        }
    }
}
