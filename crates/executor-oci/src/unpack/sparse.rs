//! Files with holes.

use super::header::BLOCK;
use super::header::Header;
use super::pax::SparseKeys;
use super::pax::number;
use super::tar::Error;

/// Most pieces of one file.
const PIECES: usize = 1 << 16;

/// Where the bytes of an entry belong in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sparse {
    /// Size of the file with its holes.
    pub(crate) size: u64,
    /// Offset and length of each piece of content, ascending.
    pub(crate) pieces: Vec<(u64, u64)>,
}

impl Sparse {
    /// Checks that the pieces ascend, lie in the file, and are as many bytes as there are.
    pub(super) fn check(&self, stored: u64) -> Result<(), Error> {
        let (mut end, mut sum) = (0_u64, 0_u64);
        for (offset, length) in &self.pieces {
            let next = offset.checked_add(*length).filter(|next| *next <= self.size);
            let Some(next) = next.filter(|_| *offset >= end) else {
                return Err(malformed());
            };
            end = next;
            sum = sum.saturating_add(*length);
        }
        if sum == stored { Ok(()) } else { Err(malformed()) }
    }
}

fn malformed() -> Error {
    Error::Format("a sparse file's map contradicts its content".to_owned())
}

/// GNU tar's own form: four pieces in the header, 21 in each block after it.
pub(super) fn old_gnu(
    block: &[u8; BLOCK],
    mut more: impl FnMut() -> Result<[u8; BLOCK], Error>,
) -> Result<Sparse, Error> {
    let header = Header::read(block)?;
    let mut pieces = Vec::new();
    let size = header.number(483, 12, "size")?;
    add(&mut pieces, &Fields(block), 386, 4)?;
    let mut is_extended = block.get(482).is_some_and(|flag| *flag != 0);
    while is_extended {
        let block = more()?;
        add(&mut pieces, &Fields(&block), 0, 21)?;
        is_extended = block.get(504).is_some_and(|flag| *flag != 0);
    }
    Ok(Sparse { size, pieces })
}

struct Fields<'a>(&'a [u8; BLOCK]);

fn add(pieces: &mut Vec<(u64, u64)>, fields: &Fields<'_>, at: usize, count: usize) -> Result<(), Error> {
    for index in 0..count {
        let number = |at: usize| {
            let field = fields.0.get(at..at + 12).unwrap_or_default();
            super::header::number(field).map_err(|fault| format!("a sparse file's map {fault}"))
        };
        let at = at + index * 24;
        if fields.0.get(at).is_none_or(|first| *first == 0) {
            break;
        }
        push(pieces, number(at)?, number(at + 12)?)?;
    }
    Ok(())
}

fn push(pieces: &mut Vec<(u64, u64)>, offset: u64, length: u64) -> Result<(), Error> {
    if pieces.len() >= PIECES {
        return Err(Error::Format(format!(
            "a sparse file of more than {PIECES} pieces"
        )));
    }
    // An empty piece only marks where the file ends.
    if length > 0 {
        pieces.push((offset, length));
    }
    Ok(())
}

/// The forms in extended headers: 0.1 has the map in a record, 1.0 before the content.
pub(super) fn pax(
    keys: &SparseKeys,
    mut more: impl FnMut() -> Result<[u8; BLOCK], Error>,
) -> Result<Option<Sparse>, Error> {
    let mut pieces = Vec::new();
    let missing = || Error::Format("a sparse file without a size or a map".to_owned());
    match (keys.version, &keys.map) {
        (None, None) => return Ok(None),
        (None | Some((0, 1)), Some(map)) => {
            let mut numbers = map.split(|byte| *byte == b',');
            while let (Some(offset), Some(length)) = (numbers.next(), numbers.next()) {
                push(&mut pieces, decimal(offset)?, decimal(length)?)?;
            }
        }
        (Some((1, 0)), _) => {
            let mut lines = Lines {
                block: [0; BLOCK],
                at: BLOCK,
            };
            for _ in 0..lines.next(&mut more)? {
                let (offset, length) = (lines.next(&mut more)?, lines.next(&mut more)?);
                push(&mut pieces, offset, length)?;
                // Each piece is at least four bytes of map, so its length bounds the loop.
            }
        }
        (Some((major, minor)), _) => {
            return Err(Error::Format(format!(
                "a sparse file in the unknown form {major}.{minor}"
            )));
        }
    }
    let size = keys.size.ok_or_else(missing)?;
    Ok(Some(Sparse { size, pieces }))
}

fn decimal(text: &[u8]) -> Result<u64, Error> {
    number(text, "a number of a sparse file's map")?.ok_or_else(malformed)
}

/// Decimal lines in whole blocks.
struct Lines {
    block: [u8; BLOCK],
    at: usize,
}

impl Lines {
    fn next(&mut self, more: &mut impl FnMut() -> Result<[u8; BLOCK], Error>) -> Result<u64, Error> {
        let mut line = Vec::new();
        loop {
            let Some(byte) = self.block.get(self.at).copied() else {
                self.block = more()?;
                self.at = 0;
                continue;
            };
            self.at += 1;
            if byte == b'\n' {
                return decimal(&line);
            }
            line.push(byte);
            if line.len() > 20 {
                return Err(malformed());
            }
        }
    }
}
