//! Takes apart the stream in which an engine sends both outputs of a container.
//!
//! A frame is a head of eight bytes (stream, three zeros, length in network order) and its content.

use bytes::Buf;
use bytes::Bytes;
use bytes::BytesMut;
use windlass_executor::backend::Chunk;
use windlass_executor::backend::Stream;

const HEAD: usize = 8;

/// Largest chunk that is handed on.
const CHUNK: usize = 64 << 10;

/// No engine sends larger frames than its own buffers, tens of kilobytes; beyond this the stream is not one of frames.
const MAX_FRAME: u32 = 16 << 20;

/// A head that is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a stream of output frames: head {0:02x?}")]
pub(crate) struct NotFrames([u8; HEAD]);

/// What was read and not handed on, and where in a frame it stands.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    buffer: BytesMut,
    current: Option<(Stream, usize)>,
}

impl Frames {
    /// Where bytes from the engine go.
    pub(crate) fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next piece of output, if enough was read for one. Frames are handed on in parts as they come, so that what is
    /// kept here does not depend on what the engine says.
    ///
    /// # Errors
    /// When the stream is not made of frames.
    pub(crate) fn next(&mut self) -> Result<Option<Chunk>, NotFrames> {
        loop {
            let Some((stream, left)) = self.current else {
                let Some(head) = self.buffer.first_chunk::<HEAD>().copied() else {
                    return Ok(None);
                };
                self.buffer.advance(HEAD);
                self.current = Some(frame(head)?);
                continue;
            };
            if left == 0 {
                self.current = None;
                continue;
            }
            let size = left.min(self.buffer.len()).min(CHUNK);
            if size == 0 {
                return Ok(None);
            }
            let bytes: Bytes = self.buffer.split_to(size).freeze();
            self.current = Some((stream, left - size));
            return Ok(Some(Chunk { stream, bytes }));
        }
    }
}

fn frame(head: [u8; HEAD]) -> Result<(Stream, usize), NotFrames> {
    let [stream, zeros @ .., a, b, c, d] = head;
    let size = u32::from_be_bytes([a, b, c, d]);
    let stream = match stream {
        0 | 1 => Stream::Stdout,
        2 | 3 => Stream::Stderr,
        _ => return Err(NotFrames(head)),
    };
    if zeros != [0; 3] || size > MAX_FRAME {
        return Err(NotFrames(head));
    }
    usize::try_from(size)
        .map(|size| (stream, size))
        .map_err(|_| NotFrames(head))
}

#[cfg(test)]
mod tests {
    use windlass_executor::backend::Stream;

    use super::Frames;

    /// Feeds a stream in pieces of one size and joins what comes out.
    fn fed(input: &[u8], piece: usize) -> Result<Vec<(Stream, Vec<u8>)>, super::NotFrames> {
        let mut frames = Frames::default();
        let mut out: Vec<(Stream, Vec<u8>)> = Vec::new();
        for part in input.chunks(piece) {
            frames.buffer().extend_from_slice(part);
            while let Some(chunk) = frames.next()? {
                match out.last_mut().filter(|(stream, _)| *stream == chunk.stream) {
                    Some((_, bytes)) => bytes.extend_from_slice(&chunk.bytes),
                    None => out.push((chunk.stream, chunk.bytes.to_vec())),
                }
            }
        }
        Ok(out)
    }

    #[test]
    fn frames_may_be_cut_anywhere() {
        let input =
            b"\x01\0\0\0\0\0\0\x03out\x02\0\0\0\0\0\0\x00\x02\0\0\0\0\0\0\x04err\n\x01\0\0\0\0\0\0\x02\xff\0";
        let wanted = vec![
            (Stream::Stdout, b"out".to_vec()),
            (Stream::Stderr, b"err\n".to_vec()),
            (Stream::Stdout, b"\xff\0".to_vec()),
        ];
        for piece in 1..=input.len() {
            assert_eq!(fed(input, piece), Ok(wanted.clone()), "pieces of {piece}");
        }
    }

    #[test]
    fn large_frames_come_in_bounded_chunks() {
        let mut frames = Frames::default();
        frames.buffer().extend_from_slice(b"\x01\0\0\0\0\x10\0\0");
        frames.buffer().extend_from_slice(&vec![b'x'; 1 << 20]);
        let mut sizes = Vec::new();
        while let Ok(Some(chunk)) = frames.next() {
            sizes.push(chunk.bytes.len());
        }
        assert_eq!(sizes, vec![64 << 10; 16]);
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for head in [
            *b"HTTP/1.1",
            *b"\x01\x01\0\0\0\0\0\x01",
            *b"\x04\0\0\0\0\0\0\x01",
            *b"\x01\0\0\0\xff\xff\xff\xff",
        ] {
            assert!(fed(&head, 8).is_err(), "{head:?}");
        }
    }
}
