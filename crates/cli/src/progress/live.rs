//! A live tree below the lines of output, for terminals.

use std::fmt::Write as _;

use windlass_api::Duration;
use windlass_api::Object;
use windlass_api::Time;

use super::model::Progress;
use super::model::Run;
use super::model::duration;
use super::model::running_step;
use super::state::State;
use super::state::duration_text;
use super::state::times;
use super::view;
use super::view::View;
use crate::terminal::Paint;
use crate::terminal::Stream;
use crate::terminal::Style;
use crate::terminal::neutralise;
use crate::terminal::size;

/// Bytes of lines that are collected before they are written in between.
const FULL: usize = 64 * 1024;

/// Time between two drawings, in milliseconds.
const PERIOD: i64 = 80;

/// Most rows of the tree, whatever the terminal offers: the lines are the product.
const MOST_ROWS: usize = 14;

/// Pictures of what moves.
const SPINNER: &[&str] = &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// Draws a tree of tasks at the bottom and lets lines of output pass above it.
pub(crate) struct Live<'s> {
    out: &'s mut Stream,
    held: Vec<u8>,
    rows: usize,
    last: Option<Time>,
    is_dirty: bool,
}

impl<'s> Live<'s> {
    /// Draws on a terminal.
    pub(crate) fn new(out: &'s mut Stream) -> Self {
        Self {
            out,
            held: Vec::new(),
            rows: 0,
            last: None,
            is_dirty: false,
        }
    }

    /// Takes the tree back, lets lines pass, and draws it again.
    fn draw(&mut self, tree: &[String]) {
        let mut frame = Vec::with_capacity(self.held.len() + 256);
        if self.rows > 0 {
            frame.extend_from_slice(format!("\r\x1b[{}A\x1b[J", self.rows).as_bytes());
        }
        frame.append(&mut self.held);
        for row in tree {
            frame.extend_from_slice(row.as_bytes());
            frame.push(b'\n');
        }
        self.rows = tree.len();
        self.out.write(&frame);
        self.is_dirty = false;
    }
}

impl View for Live<'_> {
    fn line(&mut self, prefix: &str, line: &[u8]) {
        // A progress bar overwrites its line: what it showed last is what counts.
        let shown = line.rsplit(|byte| *byte == b'\r').next().unwrap_or(line);
        self.held.extend_from_slice(prefix.as_bytes());
        neutralise(shown, self.out.style().has_color(), &mut self.held);
        if self.out.style().has_color() && shown.contains(&0x1b) {
            self.held.extend_from_slice(b"\x1b[0m");
        }
        self.held.push(b'\n');
        self.is_dirty = true;
        if self.held.len() >= FULL {
            self.draw(&[]);
        }
    }

    fn prefix(&self, task: &str, step: &str) -> String {
        view::prefix(self.out.style(), task, step)
    }

    fn notice(&mut self, text: &str) {
        self.held
            .extend_from_slice(self.out.style().paint(Paint::Notice, text).as_bytes());
        self.held.push(b'\n');
        self.is_dirty = true;
    }

    fn settle(&mut self, progress: &Progress, now: Time) {
        if self
            .last
            .is_some_and(|last| now.as_millis() - last.as_millis() < PERIOD)
        {
            return;
        }
        self.last = Some(now);
        let (columns, rows) = size();
        let tree = tree(
            progress,
            now,
            self.out.style(),
            columns,
            rows.saturating_sub(4).clamp(1, MOST_ROWS),
        );
        self.draw(&tree);
    }

    fn is_moving(&self) -> bool {
        true
    }

    fn finish(&mut self) {
        self.draw(&[]);
    }
}

/// The rows of the tree: a head, what runs, what ended last, and how much is not shown.
pub(super) fn tree(progress: &Progress, now: Time, style: Style, columns: usize, most: usize) -> Vec<String> {
    let mut rows = vec![head(progress, now, style, columns)];
    if let Object::TaskRun(_) = progress.root() {
        return rows;
    }
    let room = most.saturating_sub(2).max(1);
    let running: Vec<&Run> = progress
        .runs()
        .map(|(_, run)| run)
        .filter(|run| is_shown(run))
        .collect();
    let shown = running.len().min(room);
    let ended = last_ended(progress, room - shown);
    let width = ended
        .iter()
        .chain(running.iter().take(shown))
        .map(|run| run.label.chars().count())
        .max();
    let width = width.unwrap_or_default().min(columns.saturating_sub(34).max(8));
    rows.extend(
        ended
            .iter()
            .chain(running.iter().take(shown))
            .map(|run| row(run, now, style, width, columns)),
    );
    let more = running.len() - shown;
    if more > 0 {
        rows.push(style.paint(Paint::Faint, &format!("    and {more} more running")));
    }
    rows
}

fn is_shown(run: &Run) -> bool {
    !run.state.is_final() && !matches!(run.object, Object::PipelineRun(_))
}

/// The runs that ended last, the latest at the end.
fn last_ended(progress: &Progress, most: usize) -> Vec<&Run> {
    let mut last: Vec<(Option<Time>, &Run)> = Vec::with_capacity(most + 1);
    for (_, run) in progress.runs() {
        if !run.state.is_final() || matches!(run.object, Object::PipelineRun(_)) || most == 0 {
            continue;
        }
        let end = times(&run.object).1;
        let place = last.partition_point(|(earlier, _)| *earlier <= end);
        last.insert(place, (end, run));
        if last.len() > most {
            last.remove(0);
        }
    }
    last.into_iter().map(|(_, run)| run).collect()
}

fn head(progress: &Progress, now: Time, style: Style, columns: usize) -> String {
    let root = progress.root();
    let name = &root.metadata().name;
    let mut about = String::new();
    if let Object::TaskRun(_) = root {
        let _ = write!(about, "{}", progress.root_state().word());
        if let Some(step) = running_step(root) {
            let _ = write!(about, "  {step}");
        }
    } else {
        about = counts(progress);
    }
    let time = duration(root, now).map(duration_text).unwrap_or_default();
    let name = cut(name, columns.saturating_sub(12).max(8));
    let about = cut(
        &about,
        columns.saturating_sub(name.chars().count() + time.len() + 7),
    );
    format!(
        "{} {}  {about}  {}",
        style.paint(Paint::Active, spinner(now)),
        style.paint(Paint::Strong, &name),
        style.paint(Paint::Faint, &time)
    )
}

/// `3 done, 2 running, 4 waiting`.
fn counts(progress: &Progress) -> String {
    let ended = [State::Succeeded, State::Cancelled]
        .iter()
        .map(|state| progress.count(*state))
        .sum();
    let failed = progress.count(State::Failed) + progress.count(State::TimedOut);
    let running = progress.count(State::Running) + progress.count(State::Pending);
    let (skipped, waiting) = others(progress);
    let words = [
        (failed, "failed"),
        (ended, "done"),
        (skipped, "skipped"),
        (running, "running"),
        (waiting, "waiting"),
    ];
    let parts: Vec<String> = words
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if parts.is_empty() {
        "starting".to_owned()
    } else {
        parts.join(", ")
    }
}

/// Tasks that were skipped, and those that are neither skipped nor started.
fn others(progress: &Progress) -> (usize, usize) {
    let Object::PipelineRun(run) = progress.root() else {
        return (0, 0);
    };
    let skipped = run.status.skipped_tasks.len();
    let all = run
        .status
        .pipeline_spec
        .as_ref()
        .map_or(0, |spec| spec.tasks.len() + spec.finally.len());
    let root = progress.root().key();
    let mut started: Vec<&str> = progress
        .runs()
        .filter(|(_, run)| run.parent == root)
        .map(|(_, run)| task_of(run))
        .collect();
    started.sort_unstable();
    started.dedup();
    (skipped, all.saturating_sub(skipped + started.len()))
}

fn task_of(run: &Run) -> &str {
    let label = run
        .object
        .metadata()
        .labels
        .get(windlass_api::reasons::labels::PIPELINE_TASK);
    label.map_or_else(|| run.label.as_ref(), String::as_str)
}

fn row(run: &Run, now: Time, style: Style, width: usize, columns: usize) -> String {
    let icon = if run.state == State::Running {
        spinner(now)
    } else {
        run.state.icon()
    };
    let label = cut(&run.label, width);
    let padding = width.saturating_sub(label.chars().count());
    let time = run.duration(now).map(duration_text).unwrap_or_default();
    let step = cut(run.step().unwrap_or_default(), columns.saturating_sub(width + 26));
    format!(
        "  {} {label}{:padding$}  {}  {}{}",
        style.paint(run.state.paint(), icon),
        "",
        style.paint(run.state.paint(), &format!("{:<9}", run.state.word())),
        style.paint(Paint::Faint, &time),
        if step.is_empty() {
            String::new()
        } else {
            format!("  {step}")
        },
    )
}

fn spinner(now: Time) -> &'static str {
    let turn = usize::try_from(now.as_millis().max(0) / Duration::from_millis(PERIOD).as_millis())
        .unwrap_or_default();
    SPINNER.get(turn % SPINNER.len()).copied().unwrap_or("●")
}

/// At most so many characters; what is cut off is shown to be.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}
