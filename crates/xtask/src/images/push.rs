//! Blobs and manifests to a registry on loopback: just enough of HTTP and of the distribution specification.

use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use super::oci;

/// A registry on this machine answers a request at once; a blob of 100 MB takes it a second or two.
const PATIENCE: Duration = Duration::from_secs(30);

struct Reply {
    code: u16,
    location: Option<String>,
}

/// Pushes the blob in a file, unless the repository has it.
pub(crate) fn blob(registry: SocketAddr, repository: &str, path: &Path, digest: &str) -> Result<()> {
    let file = File::open(path).with_context(|| format!("open {}", path.display()))?;
    let size = file
        .metadata()
        .with_context(|| format!("look at {}", path.display()))?
        .len();
    push(registry, repository, digest, file, size)
}

/// Pushes a small blob.
pub(crate) fn bytes(registry: SocketAddr, repository: &str, bytes: &[u8]) -> Result<()> {
    push(
        registry,
        repository,
        &oci::digest(bytes),
        bytes,
        bytes.len() as u64,
    )
}

fn push(registry: SocketAddr, repository: &str, digest: &str, body: impl Read, size: u64) -> Result<()> {
    let known = ask(
        registry,
        "HEAD",
        &format!("/v2/{repository}/blobs/{digest}"),
        "",
        io::empty(),
        0,
    )?;
    if known.code == 200 {
        return Ok(());
    }
    let begun = ask(
        registry,
        "POST",
        &format!("/v2/{repository}/blobs/uploads/"),
        "",
        io::empty(),
        0,
    )?;
    let location = begun
        .location
        .with_context(|| format!("no place for a blob: HTTP status {}", begun.code))?;
    // The registry writes the whole address; what is after the host is asked for.
    let path = location.split_once("://").map_or(location.as_str(), |(_, rest)| {
        rest.find('/').and_then(|start| rest.get(start..)).unwrap_or(rest)
    });
    let separator = if path.contains('?') { '&' } else { '?' };
    let path = format!("{path}{separator}digest={digest}");
    let ended = ask(registry, "PUT", &path, "application/octet-stream", body, size)?;
    ensure!(
        ended.code == 201,
        "the registry refused blob {digest}: HTTP status {}",
        ended.code
    );
    Ok(())
}

/// Pushes a manifest under a tag.
pub(crate) fn manifest(registry: SocketAddr, repository: &str, tag: &str, manifest: &str) -> Result<()> {
    let path = format!("/v2/{repository}/manifests/{tag}");
    let ended = ask(
        registry,
        "PUT",
        &path,
        oci::MANIFEST,
        manifest.as_bytes(),
        manifest.len() as u64,
    )?;
    ensure!(
        ended.code == 201,
        "the registry refused {repository}:{tag}: HTTP status {}",
        ended.code
    );
    Ok(())
}

/// Sends one request on a connection of its own and reads the head of the answer.
fn ask(
    registry: SocketAddr,
    method: &str,
    path: &str,
    kind: &str,
    mut body: impl Read,
    size: u64,
) -> Result<Reply> {
    let mut stream = TcpStream::connect(registry).context("connect to the registry")?;
    stream.set_read_timeout(Some(PATIENCE)).context("set a timeout")?;
    stream
        .set_write_timeout(Some(PATIENCE))
        .context("set a timeout")?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {registry}\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n\r\n"
    );
    stream
        .write_all(head.as_bytes())
        .context("send to the registry")?;
    io::copy(&mut body, &mut stream).context("send to the registry")?;
    let mut answer = Vec::new();
    stream
        .take(1 << 20)
        .read_to_end(&mut answer)
        .context("read from the registry")?;
    reply(&String::from_utf8_lossy(&answer)).context("the registry does not speak HTTP")
}

fn reply(answer: &str) -> Option<Reply> {
    let mut lines = answer.split("\r\n");
    let code = lines
        .next()?
        .strip_prefix("HTTP/1.")?
        .split(' ')
        .nth(1)?
        .parse()
        .ok()?;
    let headers = lines.take_while(|line| !line.is_empty());
    let location = headers
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("location"));
    Some(Reply {
        code,
        location: location.map(|(_, value)| value.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::reply;

    #[test]
    fn the_head_of_an_answer_is_read() {
        let found =
            reply("HTTP/1.1 202 Accepted\r\nlocation: http://h/v2/a?x=1\r\n\r\nLocation: body").unwrap();
        assert_eq!(
            (found.code, found.location.as_deref()),
            (202, Some("http://h/v2/a?x=1"))
        );
        assert!(reply("SSH-2.0").is_none());
    }
}
