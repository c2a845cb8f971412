//! Where a repository is: the URL, read once and strictly.

use std::path::PathBuf;

use url::Url;

use super::error::Error;
use crate::credentials::Credentials;
use crate::http::Target;
use crate::http::shown;
use crate::policy::Policy;

/// A repository's place.
#[derive(Clone, Debug)]
pub(super) struct Location {
    /// The URL as written, without user and password where those are secrets.
    pub(super) written: String,
    /// How it is reached.
    pub(super) transport: Transport,
}

/// How a repository is reached.
#[derive(Clone, Debug)]
pub(super) enum Transport {
    /// `http` or `https`.
    Http(Box<Target>),
    /// The git protocol, with its host, port and path.
    Git { host: String, port: u16, path: String },
    /// The ssh program; the port is that of the URL.
    Ssh { host: String, port: Option<u16> },
    /// A directory of this machine.
    Local(PathBuf),
}

impl Location {
    /// Reads a URL, refusing whatever git would take for an option, a program to run or a second line.
    pub(super) fn parse(
        text: &str,
        credentials: Option<&Credentials>,
        policy: &Policy,
    ) -> Result<Self, Error> {
        let refuse = |reason| Error::Url {
            url: shown(text),
            reason,
        };
        check_characters(text).map_err(refuse)?;
        let (transport, written) = match text.split_once("://") {
            Some(("http" | "https", _)) => {
                let target =
                    Target::parse(text, credentials).map_err(|_| refuse("it is no valid http(s) URL"))?;
                let written = target.written.clone();
                (Transport::Http(Box::new(target)), written)
            }
            Some(("git", _)) => (git(text).map_err(refuse)?, text.to_owned()),
            Some(("ssh", _)) => (ssh(text).map_err(refuse)?, text.to_owned()),
            Some(("file", path)) => {
                let path = path.strip_prefix("localhost").unwrap_or(path);
                if !path.starts_with('/') || path.contains('%') {
                    return Err(refuse("a file URL has the form file:///path"));
                }
                (Transport::Local(PathBuf::from(path)), text.to_owned())
            }
            Some(_) => return Err(refuse("its scheme must be https, http, ssh, git or file")),
            None if is_local(text) => (Transport::Local(PathBuf::from(text)), text.to_owned()),
            None => (scp_like(text).map_err(refuse)?, text.to_owned()),
        };
        let location = Self { written, transport };
        if matches!(location.transport, Transport::Local(_)) && !policy.allow_local {
            return Err(Error::LocalRefused(shown(text)));
        }
        Ok(location)
    }

    /// The URL as errors show it.
    pub(super) fn shown(&self) -> String {
        shown(&self.written)
    }

    /// The host that is connected to, if any.
    pub(super) fn host(&self) -> Option<&str> {
        match &self.transport {
            Transport::Http(target) => target.url.host_str(),
            Transport::Git { host, .. } | Transport::Ssh { host, .. } => Some(host),
            Transport::Local(_) => None,
        }
    }

    /// The only protocol that git may speak for this location.
    pub(super) fn protocol(&self) -> &'static str {
        match &self.transport {
            Transport::Http(target) if target.url.scheme() == "https" => "https",
            Transport::Http(_) => "http",
            Transport::Git { .. } => "git",
            Transport::Ssh { .. } => "ssh",
            Transport::Local(_) => "file",
        }
    }
}

fn check_characters(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() > 4096 {
        return Err("it is longer than 4096 bytes");
    }
    if text.starts_with('-') {
        return Err("it must not begin with '-'");
    }
    if text.chars().any(char::is_control) {
        return Err("it has control characters");
    }
    if has_escaped_control(text.as_bytes()) {
        return Err("it has escaped control characters");
    }
    // `ext::sh -c …` and its like name a program to run.
    let helper = text
        .split_once("::")
        .is_some_and(|(name, _)| !name.contains(['/', '@', ':', '[']));
    if helper {
        return Err("transport helpers are not allowed");
    }
    Ok(())
}

fn has_escaped_control(text: &[u8]) -> bool {
    text.windows(3).any(|window| {
        matches!(window, [b'%', b'0' | b'1', low] if low.is_ascii_hexdigit())
            || matches!(window, [b'%', b'7', b'f' | b'F'])
    })
}

/// A path must show that it is one, so that no mistyped URL is looked for on the disk.
fn is_local(text: &str) -> bool {
    text.starts_with('/') || matches!(text, "." | "..") || text.starts_with("./") || text.starts_with("../")
}

fn is_word(text: &str, further: &[u8]) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || further.contains(&byte))
}

fn is_host(text: &str) -> bool {
    let address = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_word(text, b".-_"),
    }
}

fn git(text: &str) -> Result<Transport, &'static str> {
    let url = Url::parse(text).map_err(|_| "it is no valid URL")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the git protocol knows no users");
    }
    let host = url
        .host_str()
        .filter(|host| is_host(host))
        .ok_or("its host is no valid name")?;
    let path = url.path().to_owned();
    Ok(Transport::Git {
        host: host.to_owned(),
        port: url.port().unwrap_or(9418),
        path,
    })
}

fn ssh(text: &str) -> Result<Transport, &'static str> {
    let url = Url::parse(text).map_err(|_| "it is no valid URL")?;
    if url.password().is_some() {
        return Err("ssh takes no password in the URL; use a key");
    }
    if !url.username().is_empty() && !is_word(url.username(), b"._-") {
        return Err("its user is no valid name");
    }
    let host = url
        .host_str()
        .filter(|host| is_host(host))
        .ok_or("its host is no valid name")?;
    Ok(Transport::Ssh {
        host: host.to_owned(),
        port: url.port(),
    })
}

fn scp_like(text: &str) -> Result<Transport, &'static str> {
    let shape = "write https://host/path, user@host:path, or a path that starts with '/' or './'";
    let (user, rest) = text.split_once('@').ok_or(shape)?;
    let end = if rest.starts_with('[') {
        rest.find(']').map_or(0, |end| end + 1)
    } else {
        0
    };
    let colon = rest.get(end..).and_then(|tail| tail.find(':')).ok_or(shape)? + end;
    let (host, path) = rest.split_at(colon);
    if !is_word(user, b"._-") || !is_host(host) || path.len() < 2 || path.starts_with(":-") {
        return Err(shape);
    }
    Ok(Transport::Ssh {
        host: host.to_owned(),
        port: None,
    })
}
