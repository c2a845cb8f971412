//! The end of the output: table, results, failures, outcome.

use std::fmt::Write as _;
use std::sync::Arc;

use windlass_api::Object;
use windlass_api::Time;
use windlass_api::tekton::ParamValue;
use windlass_runtime::Client;

use super::failure::failures;
use super::failure::message;
use super::rows::Row;
use super::rows::rows;
use super::secrets::Secrets;
use super::table::Cell;
use super::table::table;
use crate::launch::value_text;
use crate::progress::Progress;
use crate::progress::State;
use crate::progress::duration_text;
use crate::terminal::Paint;
use crate::terminal::Style;
use crate::terminal::safe;

/// Most rows of the table; beyond, tasks that ended well are only counted.
const MOST_ROWS: usize = 60;

/// Table, results, failures and outcome.
pub(crate) async fn summary(
    client: &Arc<dyn Client>,
    progress: &Progress,
    secrets: &Secrets,
    now: Time,
    style: Style,
) -> String {
    let mut blocks = vec![tasks(&rows(progress, now), style)];
    blocks.extend(results(progress, secrets, style));
    if progress.root_state() != State::Succeeded {
        blocks.extend(failures(client, progress, style).await);
    }
    blocks.push(outcome(progress, now, style));
    blocks.join("\n")
}

/// One line: what became of the run, how long it took, and why.
pub(crate) fn outcome(progress: &Progress, now: Time, style: Style) -> String {
    let root = progress.root();
    let state = progress.root_state();
    let word = match state {
        State::Pending | State::Running => "was ended before it was done".to_owned(),
        state => style.paint(state.paint(), state.word()),
    };
    let time = crate::progress::duration(root, now).map(|span| format!(" in {}", duration_text(span)));
    let mut line = format!(
        "{} {} {word}{}",
        root.kind(),
        root.metadata().name,
        time.unwrap_or_default()
    );
    let message = message(progress);
    if state != State::Succeeded && !message.is_empty() {
        let _ = write!(line, "\n  {}", safe(&message.replace('\n', " ")));
    }
    line.push('\n');
    line
}

fn tasks(rows: &[Row], style: Style) -> String {
    let is_long = rows.len() > MOST_ROWS;
    let is_plain = |row: &&Row| row.state == State::Succeeded;
    let mut shown: Vec<&Row> = if is_long {
        rows.iter().filter(|row| !is_plain(row)).collect()
    } else {
        rows.iter().collect()
    };
    let hidden_good = if is_long {
        rows.iter().filter(is_plain).count()
    } else {
        0
    };
    let hidden_others = shown.len().saturating_sub(MOST_ROWS);
    shown.truncate(MOST_ROWS);
    let cells: Vec<Vec<Cell>> = shown.into_iter().map(cells).collect();
    let mut text = if cells.is_empty() {
        String::new()
    } else {
        table(style, &["TASK", "STATE", "REASON", "DURATION"], &cells)
    };
    for (count, what) in [
        (hidden_others, "others did not succeed"),
        (hidden_good, "tasks succeeded"),
    ] {
        if count > 0 {
            let _ = writeln!(text, "and {count} {what}");
        }
    }
    text
}

fn cells(row: &Row) -> Vec<Cell> {
    vec![
        (row.task.clone(), None),
        (
            format!("{} {}", row.state.icon(), row.state.word()),
            Some(row.state.paint()),
        ),
        (row.reason.clone(), None),
        (
            row.duration.map(duration_text).unwrap_or_default(),
            Some(Paint::Faint),
        ),
    ]
}

fn results(progress: &Progress, secrets: &Secrets, style: Style) -> Option<String> {
    let results: Vec<(&str, String)> = match progress.root() {
        Object::PipelineRun(run) => run
            .status
            .results
            .iter()
            .map(|r| (r.name.as_str(), shown(&r.value, secrets)))
            .collect(),
        Object::TaskRun(run) => run
            .status
            .results
            .iter()
            .map(|r| (r.name.as_str(), shown(&r.value, secrets)))
            .collect(),
        Object::CustomRun(run) => run
            .status
            .results
            .iter()
            .map(|r| (r.name.as_str(), secrets.cover(&r.value).into_owned()))
            .collect(),
        _ => Vec::new(),
    };
    if results.is_empty() {
        return None;
    }
    let rows: Vec<Vec<Cell>> = results
        .into_iter()
        .map(|(name, value)| vec![(name.to_owned(), None), (value, None)])
        .collect();
    Some(table(style, &["RESULT", "VALUE"], &rows))
}

/// Longest value that is shown whole; `--output` has all of it.
const LONGEST_VALUE: usize = 400;

/// A value on one line; a newline at the end is what `echo` leaves and means nothing to people.
fn shown(value: &ParamValue, secrets: &Secrets) -> String {
    let text = match value.as_str() {
        Some(text) => value_text(&ParamValue::from(text.trim_end_matches('\n'))),
        None => value_text(value),
    };
    let text = secrets.cover(&text);
    if text.chars().count() <= LONGEST_VALUE {
        return text.into_owned();
    }
    let start: String = text.chars().take(LONGEST_VALUE).collect();
    format!("{start}… ({} bytes)", text.len())
}
