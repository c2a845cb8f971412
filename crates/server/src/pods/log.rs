//! What a container printed, as `pods/log` gives it.

use std::collections::HashMap;
use std::io;

use bytes::Bytes;
use futures::Stream;
use futures::stream;
use windlass_api::Time;
use windlass_store::Logs;
use windlass_store::logs::Reader;
use windlass_store::logs::SegmentId;
use windlass_store::logs::Selection;

/// Most lines that are counted from the end.
const MOST_TAIL_LINES: u64 = 10_000_000;

/// Bytes looked at from the end for the last lines.
const TAIL_WINDOW: usize = 16 << 20;

/// Which part of a log, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The container; empty is the only one.
    pub container: String,
    /// Whether to wait for what is still to come.
    pub follow: bool,
    /// Whether each line begins with the time at which it was printed.
    pub timestamps: bool,
    /// Only so many lines from the end.
    pub tail_lines: Option<u64>,
    /// Only so many bytes.
    pub limit_bytes: Option<u64>,
    /// Only what was printed at most so many seconds ago.
    pub since_seconds: Option<i64>,
    /// Only what was printed since then.
    pub since_time: Option<Time>,
}

/// An option that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read {name}={value:?}: {expected}")]
pub struct Error {
    name: &'static str,
    value: String,
    expected: &'static str,
}

impl Options {
    /// Reads the options from a query.
    ///
    /// # Errors
    /// The first value that is not understood.
    pub fn of_query(query: &HashMap<String, String>) -> Result<Self, Error> {
        let flag = |name: &'static str| match query.get(name).map(String::as_str) {
            None | Some("false" | "0") => Ok(false),
            Some("" | "true" | "1") => Ok(true),
            Some(other) => Err(refuse(name, other, "true or false")),
        };
        let since_time = match query.get("sinceTime") {
            None => None,
            Some(text) => {
                let parsed = text.parse();
                Some(parsed.map_err(|_| refuse("sinceTime", text, "an RFC 3339 time"))?)
            }
        };
        Ok(Self {
            container: query.get("container").cloned().unwrap_or_default(),
            follow: flag("follow")?,
            timestamps: flag("timestamps")?,
            tail_lines: number(query, "tailLines")?.map(|lines| lines.min(MOST_TAIL_LINES)),
            limit_bytes: number(query, "limitBytes")?,
            since_seconds: number(query, "sinceSeconds")?
                .map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX)),
            since_time,
        })
    }
}

fn number(query: &HashMap<String, String>, name: &'static str) -> Result<Option<u64>, Error> {
    let text = query.get(name);
    text.map(|text| text.parse().map_err(|_| refuse(name, text, "a number from 0")))
        .transpose()
}

fn refuse(name: &'static str, value: &str, expected: &'static str) -> Error {
    Error {
        name,
        value: value.chars().take(100).collect(),
        expected,
    }
}

/// The bytes of a container's log, as they come.
///
/// # Errors
/// When the log cannot be read; also as an item of the stream.
pub fn read(
    logs: &Logs,
    id: &SegmentId,
    options: &Options,
    now: Time,
) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>> {
    let selection = Selection {
        namespace: id.namespace.to_string(),
        pod: id.pod.to_string(),
        container: id.container.to_string(),
    };
    let start = start(logs, id, options, now)?;
    let state = Reading {
        reader: logs.read(selection, options.follow),
        logs: logs.clone(),
        id: id.clone(),
        skip: start,
        position: 0,
        left: options.limit_bytes,
        lines: options.timestamps.then(|| Lines {
            at_start: true,
            times: Vec::new(),
        }),
    };
    Ok(stream::try_unfold(state, |mut state| async move {
        let bytes = state.next().await?;
        Ok(bytes.map(|bytes| (bytes, state)))
    }))
}

/// Where to begin: the later of what the options about time and lines say.
fn start(logs: &Logs, id: &SegmentId, options: &Options, now: Time) -> io::Result<u64> {
    let ago = |seconds: i64| {
        let span = seconds.saturating_mul(1_000);
        Time::from_millis(now.as_millis().saturating_sub(span))
    };
    let since = options.since_time.or_else(|| options.since_seconds.map(ago));
    let by_time = match since {
        None => 0,
        Some(since) => {
            let times = logs.times(id)?;
            let before = times.iter().take_while(|(_, at)| *at < since).last();
            before.map_or(0, |(end, _)| *end)
        }
    };
    let Some(lines) = options.tail_lines else {
        return Ok(by_time);
    };
    let length = logs.length(id)?;
    let window = logs.tail(id, TAIL_WINDOW)?;
    let begin = length.saturating_sub(window.len() as u64);
    Ok(by_time.max(begin + tail_start(&window, lines) as u64))
}

/// Where the last lines begin; a last line without its end counts.
fn tail_start(window: &[u8], lines: u64) -> usize {
    if lines == 0 {
        return window.len();
    }
    let body = window.strip_suffix(b"\n").unwrap_or(window);
    let ends = body.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    let nth = usize::try_from(lines - 1).unwrap_or(usize::MAX);
    ends.map(|(index, _)| index + 1).nth(nth).unwrap_or(0)
}

struct Reading {
    reader: Reader,
    logs: Logs,
    id: SegmentId,
    /// Bytes to pass over.
    skip: u64,
    /// Bytes passed over or given out.
    position: u64,
    /// Bytes that may still be given out.
    left: Option<u64>,
    lines: Option<Lines>,
}

/// What it takes to put times before lines.
struct Lines {
    at_start: bool,
    times: Vec<(u64, Time)>,
}

impl Reading {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        while self.left != Some(0) {
            let Some(piece) = self.reader.next().await? else {
                return Ok(None);
            };
            if piece.bytes.is_empty() {
                return Ok(None);
            }
            let from = self.position;
            self.position += piece.bytes.len() as u64;
            let passed = usize::try_from(self.skip.saturating_sub(from)).unwrap_or(usize::MAX);
            if passed >= piece.bytes.len() {
                continue;
            }
            let bytes = self.timed(from + passed as u64, piece.bytes.slice(passed..))?;
            return Ok(Some(self.limited(bytes)));
        }
        Ok(None)
    }

    fn timed(&mut self, from: u64, bytes: Bytes) -> io::Result<Bytes> {
        let Some(lines) = &mut self.lines else {
            return Ok(bytes);
        };
        lines.times = self.logs.times(&self.id)?;
        let mut out = Vec::with_capacity(bytes.len() + 64);
        let mut offset = from;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if lines.at_start {
                let next = lines.times.partition_point(|(end, _)| *end <= offset);
                let at = lines.times.get(next).or_else(|| lines.times.last());
                let at = at.map_or_else(|| Time::from_millis(0), |(_, at)| *at);
                out.extend_from_slice(format!("{at} ").as_bytes());
            }
            out.extend_from_slice(line);
            offset += line.len() as u64;
            lines.at_start = line.ends_with(b"\n");
        }
        Ok(out.into())
    }

    fn limited(&mut self, bytes: Bytes) -> Bytes {
        let Some(left) = &mut self.left else {
            return bytes;
        };
        let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
        *left -= taken as u64;
        bytes.slice(..taken)
    }
}
