//! From pieces of output to lines.

use std::collections::HashMap;
use std::sync::Arc;

use windlass_runtime::client::LogChunk;

/// Longest line that is kept together; longer ones are broken, so that memory stays bounded.
const LONGEST: usize = 64 * 1024;

/// A container of an attempt.
pub(super) type Container = (Arc<str>, Arc<str>);

/// The unfinished lines of all containers.
#[derive(Debug, Default)]
pub(super) struct Lines {
    open: HashMap<Container, Vec<u8>>,
}

impl Lines {
    /// Takes a piece and hands out the lines that are complete, without their ends.
    pub(super) fn push(&mut self, chunk: &LogChunk, mut emit: impl FnMut(&[u8])) {
        let container = (Arc::clone(&chunk.pod), Arc::clone(&chunk.container));
        if chunk.bytes.is_empty() {
            if let Some(rest) = self.open.remove(&container).filter(|rest| !rest.is_empty()) {
                emit(&rest);
            }
            return;
        }
        let held = self.open.entry(container).or_default();
        let mut rest: &[u8] = &chunk.bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            if held.is_empty() {
                emit(without_return(line));
            } else {
                held.extend_from_slice(line);
                emit(without_return(held));
                held.clear();
            }
            rest = after.get(1..).unwrap_or_default();
        }
        held.extend_from_slice(rest);
        if held.len() >= LONGEST {
            emit(held);
            *held = Vec::new();
        }
    }

    /// Hands out what no newline ended.
    pub(super) fn finish(&mut self, mut emit: impl FnMut(&Container, &[u8])) {
        let mut open: Vec<(Container, Vec<u8>)> =
            self.open.drain().filter(|(_, rest)| !rest.is_empty()).collect();
        open.sort();
        for (container, rest) in open {
            emit(&container, &rest);
        }
    }

    /// Containers that printed something and did not say that they are complete.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}
