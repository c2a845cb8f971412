//! What a scenario can do.

use std::time::Duration;

use windlass_api::Key;
use windlass_api::Kind;

use crate::plane;

/// One thing that happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Objects are created or updated; a refusal goes into the transcript. Written as YAML without a command line.
    Apply(String),
    /// `config fail-fast | strict-limits | unknown-custom-tasks | stable | beta`: settings of the plane, before all else.
    Config(String),
    /// `note TEXT`: the text goes into the transcript.
    Note(String),
    /// `wait 10s`: time passes.
    Wait(Duration),
    /// `show KIND/NAME`: tells how a run stands at this moment.
    Show(Key),
    /// `await KIND/NAME`: waits for its end and tells how it went.
    Await(Key),
    /// `until KIND/NAME`: waits for its end and says nothing.
    Until(Key),
    /// `merge KIND/NAME`: changes the object by a JSON merge patch, given as YAML on the next lines.
    Merge(Key, String),
    /// `status KIND/NAME`: as `merge`, of the status: what the controller of a custom task does.
    Status(Key, String),
    /// `delete KIND/NAME`: removes an object.
    Delete(Key),
    /// `fail KIND/NAME 3`: so many of the next writes of an object by controllers fail.
    Fail(Key, usize),
    /// `yaml KIND/NAME /pointer…`: prints parts of an object.
    Yaml(Key, Vec<String>),
    /// `job NAME WORD…`: prints parts of the jobs of a `TaskRun`: `run` (commands), `env`, `volumes`, `files`, `sidecars`.
    Job(String, Vec<String>),
    /// `log POD CONTAINER`: prints a log.
    Log(String, String),
    /// `history KIND/NAME`: prints every condition that a run had, in order.
    History(Key),
    /// `journal`: prints what the backend did.
    Journal,
    /// `once REASON`: the scenario is not repeated with controllers that crash.
    Once,
}

impl Command {
    /// Reads a command line without its mark.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(line: &str) -> Result<Self, String> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut words = rest.split_whitespace().map(str::to_owned);
        let mut word = |what: &str| words.next().ok_or_else(|| format!("{verb} needs {what}"));
        Ok(match verb {
            "config" => Self::Config(word("a setting")?),
            "note" => Self::Note(rest.to_owned()),
            "wait" => Self::Wait(duration(rest)?),
            "show" => Self::Show(key(rest)?),
            "await" => Self::Await(key(rest)?),
            "until" => Self::Until(key(rest)?),
            "merge" => Self::Merge(key(rest)?, String::new()),
            "status" => Self::Status(key(rest)?, String::new()),
            "delete" => Self::Delete(key(rest)?),
            "fail" => Self::Fail(key(&word("an object")?)?, number(&word("a number")?)?),
            "yaml" => Self::Yaml(key(&word("an object")?)?, words.collect()),
            "job" => Self::Job(word("a run")?, words.collect()),
            "log" => Self::Log(word("a pod")?, word("a container")?),
            "history" => Self::History(key(rest)?),
            "journal" => Self::Journal,
            "once" => Self::Once,
            other => return Err(format!("there is no command {other}")),
        })
    }

    pub(super) fn takes_yaml(&self) -> bool {
        matches!(self, Self::Merge(..) | Self::Status(..))
    }

    pub(super) fn add_yaml(&mut self, line: &str) {
        if let Self::Merge(_, yaml) | Self::Status(_, yaml) = self {
            yaml.push_str(line);
            yaml.push('\n');
        }
    }
}

fn key(text: &str) -> Result<Key, String> {
    let (kind, name) = text
        .split_once('/')
        .ok_or_else(|| format!("{text} is not KIND/NAME"))?;
    let kind = Kind::ALL.iter().find(|known| known.as_str() == kind);
    let kind = kind.ok_or_else(|| format!("{text} is of no known kind"))?;
    Ok(plane::key(*kind, name))
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("{text} is no number"))
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed: windlass_api::Duration = text.parse().map_err(|_| format!("{text} is no duration"))?;
    Ok(parsed.to_std())
}
