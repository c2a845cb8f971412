//! What one segment holds.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::Weak;

use windlass_api::Time;

use super::Follower;
use super::MAX_TIMES;
use super::Segment;
use super::place;
use super::place::Opened;

#[derive(Default)]
pub(super) struct Content {
    pub(super) head: Vec<u8>,
    pub(super) file: Option<File>,
    /// Where times are kept beside the file, for logs that outlive the process.
    pub(super) times_file: Option<File>,
    pub(super) length: u64,
    /// Whether the notice that ends a log that is too long is written.
    pub(super) full: bool,
    pub(super) closed: bool,
    /// Whether it must be in a file from its first byte.
    pub(super) is_kept: bool,
    /// When the bytes up to an offset had been printed: one entry per append that came a millisecond or more after the
    /// one before, fewer when a log has many.
    pub(super) times: Vec<(u64, Time)>,
    pub(super) followers: Vec<(Weak<Follower>, bool)>,
}

impl Content {
    pub(super) fn append(
        &mut self,
        bytes: &[u8],
        at: Time,
        limit: u64,
        make_file: impl Fn() -> io::Result<Opened> + Copy,
    ) -> io::Result<()> {
        let room = usize::try_from(limit.saturating_sub(self.length)).unwrap_or(usize::MAX);
        let (kept, rest) = bytes.split_at(room.min(bytes.len()));
        if !kept.is_empty() {
            self.write(kept, make_file)?;
            self.note_time(at);
        }
        if !rest.is_empty() && !self.full {
            self.write(
                format!("\n[log ends here: more than {limit} bytes]\n").as_bytes(),
                make_file,
            )?;
            self.full = true;
        }
        Ok(())
    }

    fn note_time(&mut self, at: Time) {
        match self.times.last_mut() {
            Some((end, last)) if *last == at => *end = self.length,
            _ => self.times.push((self.length, at)),
        }
        if let Some(file) = &self.times_file {
            // Times are a help for readers; a log without them is still whole.
            let _ = place::note(file, self.length, at);
        }
        if self.times.len() > MAX_TIMES {
            // Every second entry goes: what remains still says when the bytes up to it had been printed.
            let mut odd = false;
            self.times.retain(|_| {
                odd = !odd;
                !odd
            });
        }
    }

    fn write(&mut self, bytes: &[u8], make_file: impl FnOnce() -> io::Result<Opened>) -> io::Result<()> {
        if self.file.is_none() {
            self.move_to_file(bytes.len(), make_file)?;
        }
        match &self.file {
            Some(file) => file.write_all_at(bytes, self.length)?,
            None => self.head.extend_from_slice(bytes),
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Gives the segment a file when it needs one for so many bytes more.
    fn move_to_file(
        &mut self,
        more: usize,
        make_file: impl FnOnce() -> io::Result<Opened>,
    ) -> io::Result<()> {
        let opened = if self.head.len() + more > place::IN_MEMORY || self.is_kept {
            make_file()?
        } else {
            return Ok(());
        };
        if let Some(file) = &opened.file {
            file.write_all_at(&self.head, 0)?;
        }
        self.head = Vec::new();
        self.file = opened.file;
        self.times_file = opened.times_file;
        Ok(())
    }

    pub(super) fn read(&self, from: u64, limit: usize) -> io::Result<Vec<u8>> {
        let length = usize::try_from(self.length.saturating_sub(from))
            .unwrap_or(usize::MAX)
            .min(limit);
        match &self.file {
            Some(file) => {
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, from)?;
                Ok(bytes)
            }
            None => {
                let from = usize::try_from(from).unwrap_or(usize::MAX);
                Ok(self.head.get(from..from + length).unwrap_or_default().to_vec())
            }
        }
    }

    pub(super) fn announce(&mut self, segment: &Arc<Segment>) {
        self.followers.retain_mut(|(follower, told)| {
            let Some(follower) = follower.upgrade() else {
                return false;
            };
            if !*told {
                *told = true;
                follower.tell(segment);
            }
            true
        });
    }
}
