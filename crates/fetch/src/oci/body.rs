//! A blob on its way, as a reader.

use std::io;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

use bytes::Buf as _;
use bytes::Bytes;
use http_body::Body as _;
use reqwest::Body;
use reqwest::Response;
use tokio::io::AsyncRead;
use tokio::io::ReadBuf;

use super::wire::root;

/// Reads the body of an answer, without its first bytes. Hung connections end it with an error.
pub(super) struct BlobReader {
    body: Body,
    chunk: Bytes,
    skip: u64,
}

impl BlobReader {
    pub(super) fn new(response: Response, skip: u64) -> Self {
        Self {
            body: response.into(),
            chunk: Bytes::new(),
            skip,
        }
    }

    fn take(&mut self, mut chunk: Bytes) {
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(chunk.len());
        chunk.advance(skipped);
        self.skip -= skipped as u64;
        self.chunk = chunk;
    }
}

impl AsyncRead for BlobReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.chunk.is_empty() {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(io::Error::other(root(&error)))),
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(chunk) = frame.into_data() {
                        self.take(chunk);
                    }
                }
            }
        }
        let length = self.chunk.len().min(buffer.remaining());
        let part = self.chunk.split_to(length);
        buffer.put_slice(&part);
        Poll::Ready(Ok(()))
    }
}
