//! How far images have come, on a terminal.

use std::sync::Mutex;
use std::sync::PoisonError;

use crate::images::Event;
use crate::report::size;
use crate::terminal::Stream;
use crate::terminal::safe;

/// Bytes between two looks of the line: more often is only work.
const STEP: u64 = 1_000_000;

/// One line that is written over itself. Nothing, where nobody sees it move.
pub(super) struct Watcher<'a> {
    stream: Mutex<(&'a mut Stream, State)>,
    what: String,
}

#[derive(Default)]
struct State {
    layers: usize,
    ready: usize,
    bytes: u64,
    total: u64,
    shown: u64,
}

impl<'a> Watcher<'a> {
    /// Watches something with a name of strangers.
    pub(super) fn new(stream: &'a mut Stream, what: &str) -> Self {
        Self {
            stream: Mutex::new((stream, State::default())),
            what: safe(what),
        }
    }

    /// Takes note.
    pub(super) fn event(&self, event: Event) {
        let mut held = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let (stream, state) = &mut *held;
        match event {
            Event::Begun { layers, bytes } => {
                *state = State {
                    layers,
                    total: bytes,
                    ..State::default()
                };
            }
            Event::Bytes(count) => {
                state.bytes += count;
                if state.bytes - state.shown < STEP {
                    return;
                }
            }
            Event::Layer => state.ready += 1,
        }
        state.shown = state.bytes;
        if stream.is_terminal() {
            let line = format!(
                "\r\x1b[K{}: {} of {}, {} of {} layers ready",
                self.what,
                size(state.bytes.min(state.total)),
                size(state.total),
                state.ready,
                state.layers
            );
            stream.write(line.as_bytes());
        }
    }

    /// Takes the line away.
    pub(super) fn end(self) {
        let (stream, _) = self.stream.into_inner().unwrap_or_else(PoisonError::into_inner);
        if stream.is_terminal() {
            stream.write(b"\r\x1b[K");
        }
    }
}
