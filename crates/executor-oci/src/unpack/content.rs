//! Content of files.

use std::io::BufRead;
use std::os::fd::BorrowedFd;

use super::budget::Budget;
use super::error::Fault;
use super::error::call;
use super::tar;
use super::tar::Entry;
use super::tar::Reader;

/// Writes an entry's content into its file, with its holes.
pub(super) fn write<R: BufRead>(
    entry: &Entry,
    archive: &mut Reader<R>,
    budget: &mut Budget,
    file: BorrowedFd<'_>,
) -> Result<(), Fault> {
    let Some(sparse) = &entry.sparse else {
        return piece(archive, file, entry.size);
    };
    // Holes cost no room here, but whoever copies the file pays for them.
    budget.take_bytes(sparse.size.saturating_sub(entry.size))?;
    rustix::fs::ftruncate(file, sparse.size).map_err(call("set the file's size"))?;
    for (offset, length) in &sparse.pieces {
        rustix::fs::seek(file, rustix::fs::SeekFrom::Start(*offset)).map_err(call("seek in the file"))?;
        piece(archive, file, *length)?;
    }
    Ok(())
}

fn piece<R: BufRead>(archive: &mut Reader<R>, file: BorrowedFd<'_>, mut length: u64) -> Result<(), Fault> {
    while length > 0 {
        let bytes = archive.content().map_err(fault)?;
        let most = usize::try_from(length).unwrap_or(usize::MAX);
        let bytes = bytes.get(..most).unwrap_or(bytes);
        if bytes.is_empty() {
            return Err(Fault::Format("less content than announced".to_owned()));
        }
        let count = rustix::io::write(file, bytes).map_err(call("write the file"))?;
        archive.consume(count);
        length -= count as u64;
    }
    Ok(())
}

/// What went wrong while reading an archive.
pub(super) fn fault(error: tar::Error) -> Fault {
    match error {
        tar::Error::Format(text) => Fault::Format(text),
        // The other end of the pipeline wraps what it found.
        tar::Error::Read(error) => match error.downcast::<Fault>() {
            Ok(fault) => fault,
            Err(error) => Fault::Read(error),
        },
    }
}
