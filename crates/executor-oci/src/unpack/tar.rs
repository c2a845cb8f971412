//! A reader of tar archives from strangers: every dialect that image builders write, and no byte trusted.
//!
//! Understands v7, ustar, GNU (long names, sparse files) and PAX. Everything it keeps is bounded.

use std::io;
use std::io::BufRead;

use super::header::BLOCK;
use super::header::Header;
use super::header::Kind;
use super::pax::Pax;
use super::sparse;
use super::sparse::Sparse;

/// Most bytes of one extended header: a path, a link and the attributes an inode can hold are a tenth of it.
const EXTENDED: u64 = 1 << 20;

/// Most extended headers before one entry; the dialects need three.
const EXTENDED_RUN: usize = 16;

/// Why an archive cannot be read on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The bytes could not be had.
    #[error(transparent)]
    Read(io::Error),
    /// The bytes are no archive that we understand.
    #[error("{0}")]
    Format(String),
}

impl From<String> for Error {
    fn from(text: String) -> Self {
        Self::Format(text)
    }
}

/// One entry of an archive.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The name as written.
    pub(crate) path: Vec<u8>,
    /// What a link leads to, as written.
    pub(crate) link: Vec<u8>,
    /// What it is.
    pub(crate) kind: Kind,
    /// The twelve permission bits.
    pub(crate) mode: u32,
    /// Owner.
    pub(crate) uid: u32,
    /// Group.
    pub(crate) gid: u32,
    /// Seconds and nanoseconds since 1970.
    pub(crate) mtime: (i64, u32),
    /// Major and minor number of a device.
    pub(crate) device: (u32, u32),
    /// Extended attributes.
    pub(crate) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Bytes of content that follow.
    pub(crate) size: u64,
    /// Where those bytes belong, when the file has holes.
    pub(crate) sparse: Option<Sparse>,
}

/// Reads entries one after the other.
pub(crate) struct Reader<R> {
    input: R,
    /// Content of the current entry that was not read yet.
    remaining: u64,
    /// Filling after it.
    padding: u64,
    /// Bytes read so far.
    position: u64,
    global: Pax,
}

impl<R: BufRead> Reader<R> {
    /// A reader at the beginning of an archive.
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            remaining: 0,
            padding: 0,
            position: 0,
            global: Pax::default(),
        }
    }

    /// The next entry; `None` at the end of the archive. What was not read of the one before is skipped.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, Error> {
        let mut pax = self.global.clone();
        let (mut long_path, mut long_link) = (None, None);
        for _ in 0..EXTENDED_RUN {
            self.skip()?;
            let Some(block) = self.block()? else {
                return Ok(None);
            };
            let header = Header::read(&block)?;
            match header.flag() {
                b'x' => pax.add(&self.extended(&header)?)?,
                b'g' => {
                    let data = self.extended(&header)?;
                    self.global.add(&data)?;
                    pax.add(&data)?;
                }
                b'L' => long_path = Some(until_nul(self.extended(&header)?)),
                b'K' => long_link = Some(until_nul(self.extended(&header)?)),
                _ => {
                    pax.path = pax.path.or(long_path);
                    pax.link = pax.link.or(long_link);
                    return self.entry(&header, &block, pax).map(Some);
                }
            }
        }
        Err(Error::Format(format!(
            "more than {EXTENDED_RUN} extended headers before one entry"
        )))
    }

    fn entry(&mut self, header: &Header<'_>, block: &[u8; BLOCK], pax: Pax) -> Result<Entry, Error> {
        let path = pax
            .sparse
            .name
            .clone()
            .or(pax.path)
            .unwrap_or_else(|| header.path());
        let kind = kind(header.flag(), &path)?;
        let stored = match pax.size {
            Some(size) => size,
            None => header.size()?,
        };
        // The size of a link or a directory says nothing about bytes that follow.
        self.expect(if kind == Kind::File { stored } else { 0 });
        let sparse = if header.flag() == b'S' {
            Some(sparse::old_gnu(block, || self.extension())?)
        } else if kind == Kind::File {
            sparse::pax(&pax.sparse, || self.content_block())?
        } else {
            None
        };
        if let Some(sparse) = &sparse {
            sparse.check(self.remaining)?;
        }
        Ok(Entry {
            path,
            link: pax.link.unwrap_or_else(|| header.link()),
            kind,
            mode: header.mode()?,
            uid: pax.uid.map_or_else(|| header.uid(), Ok)?,
            gid: pax.gid.map_or_else(|| header.gid(), Ok)?,
            mtime: pax.mtime.unwrap_or_else(|| (header.mtime(), 0)),
            device: match kind {
                Kind::Character | Kind::Block => header.device()?,
                _ => (0, 0),
            },
            xattrs: pax.xattrs,
            size: self.remaining,
            sparse,
        })
    }

    /// Bytes of content that are at hand; empty when there are no more. [`Self::consume`] takes them.
    pub(crate) fn content(&mut self) -> Result<&[u8], Error> {
        if self.remaining == 0 {
            return Ok(&[]);
        }
        let most = usize::try_from(self.remaining).unwrap_or(usize::MAX);
        let bytes = self.input.fill_buf().map_err(Error::Read)?;
        if bytes.is_empty() {
            return Err(truncated());
        }
        Ok(bytes.get(..most).unwrap_or(bytes))
    }

    /// Takes bytes that [`Self::content`] showed.
    pub(crate) fn consume(&mut self, count: usize) {
        self.input.consume(count);
        self.remaining = self.remaining.saturating_sub(count as u64);
        self.position = self.position.saturating_add(count as u64);
    }

    /// Bytes read so far: where the content of the entry just returned begins.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Hands back what the archive is read from.
    pub(crate) fn into_input(self) -> R {
        self.input
    }

    /// Where it is read from, for who can skip content faster than by reading it.
    pub(crate) fn skip_content_by(
        &mut self,
        skip: impl FnOnce(&mut R, u64) -> io::Result<()>,
    ) -> io::Result<()> {
        let bytes = self.remaining.saturating_add(self.padding);
        skip(&mut self.input, bytes)?;
        self.position = self.position.saturating_add(bytes);
        (self.remaining, self.padding) = (0, 0);
        Ok(())
    }

    fn expect(&mut self, size: u64) {
        self.remaining = size;
        self.padding = size.wrapping_neg() % BLOCK as u64;
    }

    fn skip(&mut self) -> Result<(), Error> {
        while self.remaining > 0 {
            let count = self.content()?.len();
            self.consume(count);
        }
        // Some tools leave out what fills the last block, and the end mark with it.
        self.remaining = std::mem::take(&mut self.padding);
        while self.remaining > 0 && !self.input.fill_buf().map_err(Error::Read)?.is_empty() {
            let count = self.content()?.len();
            self.consume(count);
        }
        self.remaining = 0;
        Ok(())
    }

    /// The next block; `None` at a block of zeros and at the end of the bytes.
    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, Error> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while let Some(space) = block.get_mut(filled..).filter(|space| !space.is_empty()) {
            let bytes = self.input.fill_buf().map_err(Error::Read)?;
            if bytes.is_empty() {
                return if filled == 0 { Ok(None) } else { Err(truncated()) };
            }
            let count = bytes.len().min(space.len());
            for (to, from) in space.iter_mut().zip(bytes) {
                *to = *from;
            }
            self.input.consume(count);
            self.position += count as u64;
            filled += count;
        }
        Ok((block != [0; BLOCK]).then_some(block))
    }

    /// A block of sparse entries between a header and its content.
    fn extension(&mut self) -> Result<[u8; BLOCK], Error> {
        self.block()?.ok_or_else(truncated)
    }

    /// A block at the beginning of an entry's content.
    fn content_block(&mut self) -> Result<[u8; BLOCK], Error> {
        let rest = self.remaining.checked_sub(BLOCK as u64).ok_or_else(truncated)?;
        self.remaining = rest;
        self.extension()
    }

    /// Content of an extended header.
    fn extended(&mut self, header: &Header<'_>) -> Result<Vec<u8>, Error> {
        let size = header.size()?;
        if size > EXTENDED {
            return Err(Error::Format(format!(
                "an extended header of {size} bytes; at most {EXTENDED} are read"
            )));
        }
        self.expect(size);
        let mut data = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        while self.remaining > 0 {
            let bytes = self.content()?;
            data.extend_from_slice(bytes);
            let count = bytes.len();
            self.consume(count);
        }
        Ok(data)
    }
}

fn kind(flag: u8, path: &[u8]) -> Result<Kind, Error> {
    Ok(match flag {
        // The oldest dialect marks a directory by its name only.
        0 | b'0' if path.ends_with(b"/") => Kind::Directory,
        0 | b'0' | b'7' | b'S' => Kind::File,
        b'1' => Kind::HardLink,
        b'2' => Kind::Symlink,
        b'3' => Kind::Character,
        b'4' => Kind::Block,
        b'5' => Kind::Directory,
        b'6' => Kind::Fifo,
        other => {
            let path: String = String::from_utf8_lossy(path).chars().take(200).collect();
            return Err(Error::Format(format!(
                "`{}` has the unknown type `{}`",
                path.escape_debug(),
                other.escape_ascii()
            )));
        }
    })
}

fn until_nul(mut data: Vec<u8>) -> Vec<u8> {
    if let Some(end) = data.iter().position(|byte| *byte == 0) {
        data.truncate(end);
    }
    data
}

fn truncated() -> Error {
    Error::Format("the archive ends in the middle of an entry".to_owned())
}
