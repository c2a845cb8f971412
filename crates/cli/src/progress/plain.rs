//! Lines, for pipes and files.

use windlass_api::Time;

use super::model::Progress;
use super::view;
use super::view::View;
use crate::terminal::Stream;
use crate::terminal::neutralise;

/// Bytes that are collected before they are written.
const FULL: usize = 64 * 1024;

/// Shows lines of output as they come.
pub(crate) struct Plain<'s> {
    out: &'s mut Stream,
    notices: Option<&'s mut Stream>,
    held: Vec<u8>,
}

impl<'s> Plain<'s> {
    /// Lines go to `out`, notices to `notices` or, without it, to the same stream.
    pub(crate) fn new(out: &'s mut Stream, notices: Option<&'s mut Stream>) -> Self {
        Self {
            out,
            notices,
            held: Vec::new(),
        }
    }

    fn flush(&mut self) {
        self.out.write(&self.held);
        self.held.clear();
    }
}

impl View for Plain<'_> {
    fn line(&mut self, prefix: &str, line: &[u8]) {
        self.held.extend_from_slice(prefix.as_bytes());
        if self.out.is_terminal() {
            neutralise(line, self.out.style().has_color(), &mut self.held);
        } else {
            self.held.extend_from_slice(line);
        }
        self.held.push(b'\n');
        if self.held.len() >= FULL {
            self.flush();
        }
    }

    fn prefix(&self, task: &str, step: &str) -> String {
        view::prefix(self.out.style(), task, step)
    }

    fn notice(&mut self, text: &str) {
        self.flush();
        match &mut self.notices {
            Some(stream) => stream.line(text),
            None => self.out.line(text),
        }
    }

    fn settle(&mut self, _: &Progress, _: Time) {
        self.flush();
    }

    fn is_moving(&self) -> bool {
        false
    }

    fn finish(&mut self) {
        self.flush();
    }
}
