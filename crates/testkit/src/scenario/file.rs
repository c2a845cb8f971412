//! The files of scenarios.

use crate::scenario::command::Command;

/// Begins a scenario; its name follows.
const NAME: &str = "=== ";
/// Begins a command.
const COMMAND: &str = "-- ";
/// Begins the transcript.
const TRANSCRIPT: &str = ">>>";

/// One scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What it claims.
    pub name: String,
    /// What happens, in order.
    pub commands: Vec<Command>,
    /// How it should go.
    pub transcript: String,
    /// Everything before the transcript as it was written.
    source: String,
}

/// Reads the scenarios of a file.
///
/// # Errors
/// The name of the scenario that cannot be read, and why.
pub fn read(text: &str) -> Result<Vec<Scenario>, String> {
    let mut scenarios = Vec::new();
    let (text, mark) = (format!("\n{text}"), format!("\n{NAME}"));
    let mut parts = text.split(&mark);
    let head = parts.next().unwrap_or_default();
    if head
        .lines()
        .any(|line| !line.is_empty() && !line.starts_with('#'))
    {
        return Err(format!("only comments may stand before the first `{NAME}`"));
    }
    for part in parts {
        let (name, _) = part.split_once('\n').unwrap_or((part, ""));
        scenarios.push(scenario(name, part).map_err(|problem| format!("{name}: {problem}"))?);
    }
    Ok(scenarios)
}

fn scenario(name: &str, part: &str) -> Result<Scenario, String> {
    let (source, transcript) = match part.split_once(&format!("\n{TRANSCRIPT}")) {
        Some((source, transcript)) => (source, transcript.trim()),
        None => (part.trim_end(), ""),
    };
    let mut commands = Vec::new();
    let mut yaml = String::new();
    let mut is_patch = false;
    for line in source.lines().skip(1) {
        if let Some(line) = line.strip_prefix(COMMAND) {
            flush(&mut commands, &mut yaml);
            let command = Command::read(line)?;
            is_patch = command.takes_yaml();
            commands.push(command);
        } else if is_patch && let Some(last) = commands.last_mut() {
            last.add_yaml(line);
        } else {
            yaml.push_str(line);
            yaml.push('\n');
        }
    }
    flush(&mut commands, &mut yaml);
    Ok(Scenario {
        name: name.to_owned(),
        commands,
        transcript: transcript.to_owned(),
        source: source.to_owned(),
    })
}

fn flush(commands: &mut Vec<Command>, yaml: &mut String) {
    let yaml = std::mem::take(yaml);
    let has_content = yaml
        .lines()
        .any(|line| !line.trim().is_empty() && !line.starts_with('#'));
    if has_content {
        commands.push(Command::Apply(yaml));
    }
}

/// Writes a file anew with other transcripts; `head` is the file as it was.
pub fn write(head: &str, scenarios: &[(Scenario, String)]) -> String {
    let marked = format!("\n{head}");
    let head = marked
        .split(&format!("\n{NAME}"))
        .next()
        .unwrap_or_default()
        .trim();
    let mut text = String::new();
    if !head.is_empty() {
        text.push_str(head);
        text.push_str("\n\n");
    }
    for (scenario, transcript) in scenarios {
        text.push_str(NAME);
        text.push_str(scenario.source.trim_end());
        text.push('\n');
        text.push_str(TRANSCRIPT);
        text.push('\n');
        text.push_str(transcript.trim());
        text.push_str("\n\n");
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}
