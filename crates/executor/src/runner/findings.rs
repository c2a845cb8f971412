//! What a step leaves behind in files: results and artifact provenance.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::backend::Sandbox;
use crate::job::Job;
use crate::job::Step;

/// Bytes of all results of one step together, whatever the job allows; bounds the memory that a step can make the plane
/// use.
pub const MOST_RESULT_BYTES: usize = 64 * 1024 * 1024;

/// A provenance file beyond this is no provenance file.
const MOST_ARTIFACT_BYTES: usize = 1024 * 1024;

/// Kinds of entries in upstream's termination message, where they are part of its size.
const TASK_RESULT: u8 = 1;
const STEP_RESULT: u8 = 4;

/// Upstream's message begins with the time at which the step started, always in this form.
const STARTED_AT: &str = r#"{"key":"StartedAt","value":"2006-01-02T15:04:05.000Z","type":3}"#;

/// What was found after a step.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) results: BTreeMap<String, String>,
    pub(super) task_results: BTreeMap<String, String>,
    pub(super) artifacts: Option<String>,
    pub(super) task_artifacts: Option<String>,
}

/// The results of a step are larger than allowed; the number is their size in bytes, or a lower bound of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge(pub(super) usize);

/// Reads everything that the job and the step declare. Missing files are simply absent, bytes that are not UTF-8 become
/// U+FFFD as in upstream's JSON, and a file that cannot be read counts as missing.
pub(super) fn read(sandbox: &dyn Sandbox, job: &Job, step: &Step) -> Result<Findings, TooLarge> {
    let own = PathBuf::from(format!("/tekton/steps/step-{}", step.name));
    let mut budget = MOST_RESULT_BYTES;
    let task_results = results(sandbox, Path::new("/tekton/results"), &job.results, &mut budget)?;
    let results = results(sandbox, &own.join("results"), &step.results, &mut budget)?;
    if let Some(limit) = job.max_result_bytes {
        let bytes = message_bytes(&task_results, &results);
        if bytes > limit {
            return Err(TooLarge(bytes));
        }
    }
    Ok(Findings {
        results,
        task_results,
        artifacts: artifacts(sandbox, &own.join("artifacts/provenance.json")),
        task_artifacts: artifacts(sandbox, Path::new("/tekton/artifacts/provenance.json")),
    })
}

fn results(
    sandbox: &dyn Sandbox,
    directory: &Path,
    names: &[String],
    budget: &mut usize,
) -> Result<BTreeMap<String, String>, TooLarge> {
    let mut found = BTreeMap::new();
    for name in names {
        match sandbox.read(&directory.join(name), *budget) {
            Ok(Some(content)) => {
                *budget -= content.len().min(*budget);
                found.insert(name.clone(), text(content));
            }
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                return Err(TooLarge(MOST_RESULT_BYTES + 1));
            }
            Err(error) => tracing::warn!(%error, result = name, "could not read a result"),
        }
    }
    Ok(found)
}

fn artifacts(sandbox: &dyn Sandbox, path: &Path) -> Option<String> {
    match sandbox.read(path, MOST_ARTIFACT_BYTES) {
        Ok(content) => content.map(text),
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "could not read artifact provenance");
            None
        }
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Size of the message in which upstream's entrypoint hands the results over.
fn message_bytes(task_results: &BTreeMap<String, String>, results: &BTreeMap<String, String>) -> usize {
    let entries = |results: &BTreeMap<String, String>, kind: u8| -> usize {
        let frame = r#",{"key":"","value":"","type":}"#.len() + kind.to_string().len();
        results
            .iter()
            .map(|(name, value)| frame + escaped_bytes(name) + escaped_bytes(value))
            .sum()
    };
    "[]".len() + STARTED_AT.len() + entries(task_results, TASK_RESULT) + entries(results, STEP_RESULT)
}

/// Size of a text inside a JSON string as Go writes it, which also escapes what HTML or JavaScript could trip over.
fn escaped_bytes(text: &str) -> usize {
    text.chars()
        .map(|letter| match letter {
            '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
            '<' | '>' | '&' | '\u{0}'..='\u{1f}' | '\u{2028}' | '\u{2029}' => 6,
            other => other.len_utf8(),
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::escaped_bytes;

    #[test]
    fn sizes_are_those_of_go() {
        for (text, bytes) in [
            ("plain", 5),
            ("é", 2),
            ("\"\\\n\t", 8),
            ("<&>", 18),
            ("\u{1}\u{2028}", 12),
        ] {
            assert_eq!(escaped_bytes(text), bytes, "{text:?}");
        }
    }
}
