//! Outputs shown in the pages, each produced by the command above it.
//!
//! A page marks such a block with the comment `<!-- golden -->` on the line before the fence.
//!
//! Words after `golden` change the comparison: `exit=1` expects that exit code of the last command, `unordered`
//! ignores the order of lines (parallel tasks). Lines that start with `$ ` are commands, run by `sh` from the root
//! of the repository with the built binary first on the path; everything else is their stdout and stderr together.

use std::fmt::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use anyhow::Result;

use super::mask;
use crate::binary;
use crate::binary::Profile;
use crate::process;
use crate::tally::Tally;
use crate::workspace;

/// Longest a shown command may take.
const DEADLINE: Duration = Duration::from_mins(5);

/// One marked block.
struct Block {
    /// First line inside the fence and the line of the closing fence, from 0.
    lines: std::ops::Range<usize>,
    exit: i32,
    unordered: bool,
}

/// Runs the commands of every marked block and compares; with `update`, writes what they print now.
pub(crate) fn check(update: bool) -> Result<Tally> {
    let windlass = binary::build(Profile::Dev)?;
    let mut tally = Tally::default();
    let mut commands = String::new();
    for page in workspace::files()? {
        if page.extension().is_some_and(|extension| extension == "md") {
            check_page(&page, &windlass, update, &mut tally, &mut commands)?;
        }
    }
    for example in unshown_examples(&commands)? {
        tally.failed += 1;
        println!("FAILED  {}: no page shows it with its output", example.display());
    }
    Ok(tally)
}

fn check_page(
    page: &Path,
    windlass: &Path,
    update: bool,
    tally: &mut Tally,
    commands: &mut String,
) -> Result<()> {
    let file = workspace::root().join(page);
    let text = std::fs::read_to_string(&file).with_context(|| format!("read {}", page.display()))?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // From the end, so that rewriting a block leaves the lines of those before it in place.
    for block in blocks(&lines).into_iter().rev() {
        let shown = lines.get(block.lines.clone()).unwrap_or_default().to_vec();
        commands.extend(
            shown
                .iter()
                .filter(|line| line.starts_with("$ "))
                .map(String::as_str),
        );
        let (now, exit) = perform(&shown, windlass)?;
        let ended = exit == Some(block.exit);
        let same = ended && comparable(&shown, &block) == comparable(&now, &block);
        let place = format!("{}:{}", page.display(), block.lines.start + 1);
        if same || (update && ended) {
            tally.passed += 1;
            println!("{} {place}", if same { "ok     " } else { "updated" });
        } else {
            tally.failed += 1;
            println!("FAILED  {place}\n{}", difference(&shown, &now, exit, &block));
        }
        if !same && update && ended {
            lines.splice(block.lines, now);
        }
    }
    let written = lines.join("\n") + "\n";
    if update && written != text {
        std::fs::write(&file, written).with_context(|| format!("write {}", page.display()))?;
    }
    Ok(())
}

/// Lists the examples that no shown command runs.
fn unshown_examples(commands: &str) -> Result<Vec<PathBuf>> {
    let is_example = |path: &Path| {
        path.parent() == Some(Path::new("examples"))
            && path.extension().is_some_and(|extension| extension == "yaml")
    };
    let mut examples = workspace::files()?;
    examples.retain(|path| is_example(path) && !commands.contains(path.to_string_lossy().as_ref()));
    Ok(examples)
}

fn blocks(lines: &[String]) -> Vec<Block> {
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(words) = line
            .trim()
            .strip_prefix("<!-- golden")
            .and_then(|rest| rest.strip_suffix("-->"))
        else {
            continue;
        };
        if !lines.get(index + 1).is_some_and(|fence| fence.starts_with("```")) {
            continue;
        }
        let start = index + 2;
        let length = lines
            .iter()
            .skip(start)
            .take_while(|inner| !inner.starts_with("```"))
            .count();
        let exit = words
            .split_whitespace()
            .find_map(|word| word.strip_prefix("exit=")?.parse().ok());
        found.push(Block {
            lines: start..start + length,
            exit: exit.unwrap_or(0),
            unordered: words.split_whitespace().any(|word| word == "unordered"),
        });
    }
    found
}

/// Runs the block's commands and returns the block as it would read now, with the last exit code.
fn perform(shown: &[String], windlass: &Path) -> Result<(Vec<String>, Option<i32>)> {
    let folder = windlass.parent().context("the binary has no folder")?;
    let path = format!(
        "{}:{}",
        folder.display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let mut now = Vec::new();
    let mut exit = Some(0);
    for prompt in shown.iter().filter(|line| line.starts_with("$ ")) {
        let script = format!("exec 2>&1; {}", prompt.trim_start_matches("$ "));
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &script])
            .current_dir(workspace::root())
            .env("PATH", &path)
            .env("NO_COLOR", "1")
            .env("COLUMNS", "100");
        let finished = process::run(&mut shell, DEADLINE)?;
        exit = finished.status.and_then(|status| status.code());
        now.push(prompt.clone());
        now.extend(
            String::from_utf8_lossy(&finished.stdout)
                .lines()
                .map(|line| line.trim_end().to_owned()),
        );
    }
    Ok((now, exit))
}

fn comparable(lines: &[String], block: &Block) -> Vec<String> {
    let mut masked: Vec<String> = lines.iter().map(|line| mask::line(line)).collect();
    if block.unordered {
        masked.sort();
    }
    masked
}

fn difference(shown: &[String], now: &[String], exit: Option<i32>, block: &Block) -> String {
    let mut text = String::new();
    if exit != Some(block.exit) {
        let _ = writeln!(text, "    exit code {exit:?}, but the page says {}", block.exit);
    }
    let (shown, now) = (comparable(shown, block), comparable(now, block));
    for line in shown.iter().filter(|line| !now.contains(line)) {
        let _ = writeln!(text, "    - {line}");
    }
    for line in now.iter().filter(|line| !shown.contains(line)) {
        let _ = writeln!(text, "    + {line}");
    }
    text + "    to take the output of now: cargo xtask docs --update"
}

#[cfg(test)]
mod tests {
    use super::blocks;
    use super::comparable;

    #[test]
    fn marked_blocks_are_found_with_their_words() {
        let page = "text\n<!-- golden exit=1 unordered -->\n```console\n$ a\nb 1ms\n```\n```console\n$ unmarked\n```\n";
        let lines: Vec<String> = page.lines().map(str::to_owned).collect();
        let found = blocks(&lines);
        let [block] = found.as_slice() else {
            panic!("one block is marked, {} were found", found.len())
        };
        assert_eq!(
            (block.lines.clone(), block.exit, block.unordered),
            (3..5, 1, true)
        );
        assert_eq!(
            comparable(&lines[block.lines.clone()], block),
            ["$ a", "b <time>"]
        );
    }
}
