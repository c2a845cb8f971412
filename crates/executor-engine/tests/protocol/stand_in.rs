//! An engine made of canned answers, on a real socket.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;
use tokio::net::UnixStream;
use windlass_executor_engine::Detected;
use windlass_executor_engine::Kind;

/// What is said to a request.
pub(crate) enum Answer {
    /// A status and a body.
    Body(u16, &'static str),
    /// These bytes and the end of the connection.
    Raw(&'static [u8]),
    /// The connection becomes a stream of these bytes.
    Stream(&'static [u8]),
    /// The connection becomes a stream that never ends.
    EndlessStream,
    /// Nothing, ever.
    Silence,
}

/// What an engine says otherwise than usual: called with the request's first line and its body.
pub(crate) type Script = fn(&str, &str) -> Option<Answer>;

/// A running stand-in.
pub(crate) struct StandIn {
    directory: tempfile::TempDir,
    seen: Arc<Mutex<Vec<String>>>,
}

impl StandIn {
    /// Listens until the runtime ends.
    pub(crate) fn start(script: Script) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let listener = UnixListener::bind(directory.path().join("s")).expect("listens");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, script, Arc::clone(&log)));
            }
        });
        Self { directory, seen }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("s")
    }

    /// The stand-in as an engine that was found.
    pub(crate) fn found(&self) -> Detected {
        Detected {
            socket: self.socket(),
            kind: Kind::Podman,
            version: "0".into(),
            api: "1.41".into(),
        }
    }

    /// First lines of the requests so far that contain a text.
    pub(crate) fn seen(&self, part: &str) -> Vec<String> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().filter(|line| line.contains(part)).cloned().collect()
    }
}

async fn serve(mut stream: UnixStream, script: Script, seen: Arc<Mutex<Vec<String>>>) {
    let Some((line, body)) = request(&mut stream).await else {
        return;
    };
    seen.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(line.clone());
    let answer = script(&line, &body).unwrap_or_else(|| usual(&line));
    let bytes = match answer {
        Answer::Body(status, body) => {
            let length = body.len();
            format!("HTTP/1.1 {status} Said\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
                .into_bytes()
        }
        Answer::Raw(bytes) => bytes.to_vec(),
        Answer::Stream(bytes) => [UPGRADED, bytes].concat(),
        Answer::EndlessStream => {
            let _ = stream.write_all(UPGRADED).await;
            std::future::pending().await
        }
        Answer::Silence => std::future::pending().await,
    };
    let _ = stream.write_all(&bytes).await;
}

const UPGRADED: &[u8] = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

/// First line and body of a request whose length is given.
async fn request(stream: &mut UnixStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(bytes.get(..end)?).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    let whole = end + length.unwrap_or(0_usize);
    while bytes.len() < whole {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8_lossy(bytes.get(end..whole)?).into_owned();
    Some((head.lines().next()?.to_owned(), body))
}

/// What an engine says when all is well: every process prints `out` and ends with 0.
fn usual(line: &str) -> Answer {
    let has = |part: &str| line.contains(part);
    match line.split(' ').next().unwrap_or_default() {
        "GET" if has("/images/") => Answer::Body(
            200,
            r#"{"Id":"sha256:1","RepoDigests":["r.example/a@sha256:2"],"Config":{"Cmd":["sh"]}}"#,
        ),
        "GET" if has("/archive?") => Answer::Raw(EMPTY_ARCHIVE),
        "GET" if has("/json") => Answer::Body(
            200,
            r#"{"State":{"Running":false,"ExitCode":0,"OOMKilled":false}}"#,
        ),
        "POST" if has("/volumes/create") => Answer::Body(201, r#"{"Name":"v","Mountpoint":"/m"}"#),
        "POST" if has("/containers/create") => Answer::Body(201, r#"{"Id":"c","Warnings":[]}"#),
        "POST" if has("/attach") => Answer::Stream(b"\x01\0\0\0\0\0\0\x04out\n"),
        "PUT" => Answer::Body(200, ""),
        _ => Answer::Body(204, ""),
    }
}

/// Two blocks of zeros.
const EMPTY_ARCHIVE: &[u8] = &{
    let head = *b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    let mut bytes = [0; 1024 + 38];
    let mut index = 0;
    while index < head.len() {
        bytes[index] = head[index];
        index += 1;
    }
    bytes
};
