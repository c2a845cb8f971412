//! A small HTTP server that does exactly what a test tells it to, however wrong that is.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;

/// One request as it arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Serves on a free port of 127.0.0.1, one thread per connection.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub(crate) fn start(handle: impl Fn(&Seen, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
        };
        let (seen, handle) = (Arc::clone(&server.seen), Arc::new(handle));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (seen, handle) = (Arc::clone(&seen), Arc::clone(&handle));
                std::thread::spawn(move || {
                    if let Some(request) = read(&stream) {
                        seen.lock().unwrap().push(request.clone());
                        handle(&request, &mut stream);
                    }
                });
            }
        });
        server
    }

    /// Answers every path with its own text.
    pub(crate) fn of_files(files: &'static [(&'static str, &'static str)]) -> Self {
        Self::start(move |request, stream| {
            let path = request.target.split('?').next().unwrap_or_default();
            match files.iter().find(|(name, _)| *name == path) {
                Some((_, content)) => reply(stream, "200 OK", &[], content.as_bytes()),
                None => reply(stream, "404 Not Found", &[], b"no"),
            }
        })
    }

    /// Serves the repositories below a directory with git's own CGI program; with a password if one is given.
    pub(crate) fn of_repositories(root: &Path, password: Option<&'static str>) -> Self {
        let root = root.to_owned();
        Self::start(move |request, stream| {
            let allowed = password.is_none_or(|password| request.header("authorization") == Some(password));
            if allowed {
                backend(&root, request, stream);
            } else {
                reply(
                    stream,
                    "401 Unauthorized",
                    &["WWW-Authenticate: Basic realm=\"test\""],
                    b"",
                );
            }
        })
    }

    /// Sends every request on to another place.
    pub(crate) fn redirecting(base: String) -> Self {
        Self::start(move |request, stream| {
            let location = format!("Location: {base}{}", request.target);
            reply(stream, "301 Moved Permanently", &[&location], b"");
        })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The same server under another host name, which makes it another origin.
    pub(crate) fn other_url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.address.port())
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

pub(crate) fn reply(stream: &mut TcpStream, status: &str, headers: &[&str], body: &[u8]) {
    let mut head = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    // The client may hang up whenever it likes.
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
}

fn read(stream: &TcpStream) -> Option<Seen> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let mut seen = Seen {
        method: words.next()?.into(),
        target: words.next()?.into(),
        ..Seen::default()
    };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        seen.headers.push((name.to_lowercase(), value.trim().into()));
    }
    let length = seen
        .header("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    seen.body.resize(length, 0);
    reader.read_exact(&mut seen.body).ok()?;
    Some(seen)
}

fn backend(root: &PathBuf, request: &Seen, stream: &mut TcpStream) {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut command = Command::new("git");
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1");
    command
        .env("REQUEST_METHOD", &request.method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query);
    command.env("CONTENT_TYPE", request.header("content-type").unwrap_or_default());
    command.env(
        "HTTP_CONTENT_ENCODING",
        request.header("content-encoding").unwrap_or_default(),
    );
    command.env("CONTENT_LENGTH", request.body.len().to_string());
    command.env("GIT_PROTOCOL", request.header("git-protocol").unwrap_or_default());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&request.body).unwrap();
    let output = child.wait_with_output().unwrap().stdout;
    let end = output
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let status = head
        .lines()
        .find_map(|line| line.strip_prefix("Status: "))
        .unwrap_or("200 OK")
        .to_owned();
    let headers: Vec<&str> = head
        .lines()
        .filter(|line| !line.starts_with("Status: "))
        .collect();
    reply(stream, &status, &headers, &output[end + 4..]);
}
