//! Asks the places where an engine may listen who is there.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use futures::future::join_all;
use hyper::HeaderMap;

use crate::client;
use crate::socket;
use crate::socket::Surroundings;

/// All places together are asked for no longer than this: an engine that lives answers a ping in milliseconds, and an image
/// step without an executor must be told so within a second.
const PATIENCE: Duration = Duration::from_millis(800);

/// Oldest version of the API that has everything used here (Docker 19.03, any Podman since 3.0).
const OLDEST: (u32, u32) = (1, 40);

/// Newest version that this code was written for; a newer engine is asked to speak it.
const NEWEST: (u32, u32) = (1, 47);

/// Why no engine was found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The environment names no place that can be asked.
    #[error(transparent)]
    Socket(#[from] socket::Error),
    /// Nobody answered. The text names every place that was tried and why it was none.
    #[error(
        "no Docker or Podman answers: {}. Start one (`systemctl start docker`, `systemctl --user start podman.socket`, Docker \
         Desktop), or name its socket: DOCKER_HOST=unix:///path/to/socket",
        tried.join("; ")
    )]
    Nobody {
        /// One text per place: its path and what happened.
        tried: Vec<String>,
    },
}

/// Which engine it is; they differ in how files are put into volumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Docker, or something that takes itself for it.
    Docker,
    /// Podman.
    Podman,
}

/// An engine that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// Where it listens.
    pub socket: PathBuf,
    /// Which it is.
    pub kind: Kind,
    /// Its own version, for people: `4.3.1`; empty when it does not say.
    pub version: String,
    /// Version of the API to speak: `1.41`.
    pub api: String,
}

impl Detected {
    /// The engine can mount a part of a volume.
    pub(crate) fn mounts_sub_paths(&self) -> bool {
        self.kind == Kind::Docker && api_version(&self.api) >= Some((1, 45))
    }
}

impl std::fmt::Display for Detected {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            Kind::Docker => "Docker",
            Kind::Podman => "Podman",
        };
        write!(formatter, "{kind} {} at {}", self.version, self.socket.display())
    }
}

/// Finds the first engine that answers, in the order of [`Surroundings::candidates`]. Takes less than a second, also when
/// somebody listens and says nothing.
///
/// # Errors
/// When nobody answers; the error names the places and the ways out.
pub async fn detect(surroundings: &Surroundings) -> Result<Detected, Error> {
    let places = surroundings.candidates()?;
    let answers = join_all(places.iter().map(|place| ask(place))).await;
    let mut tried = Vec::new();
    for (place, answer) in places.iter().zip(answers) {
        match answer {
            Ok(found) => return Ok(found),
            Err(why) => tried.push(format!("{}: {why}", place.display())),
        }
    }
    Err(Error::Nobody { tried })
}

async fn ask(place: &Path) -> Result<Detected, String> {
    let headers = client::ping(place, PATIENCE)
        .await
        .map_err(|error| match &error {
            client::Error::Connect { source, .. } => match source.kind() {
                std::io::ErrorKind::NotFound => "not there".to_owned(),
                std::io::ErrorKind::PermissionDenied => {
                    "not open to this user (for Docker, become a member of the group docker)".to_owned()
                }
                std::io::ErrorKind::ConnectionRefused => "nobody listens".to_owned(),
                _ => source.to_string(),
            },
            client::Error::TimedOut { .. } => "does not answer".to_owned(),
            _ => error.chain(),
        })?;
    identify(place, &headers)
}

fn identify(place: &Path, headers: &HeaderMap) -> Result<Detected, String> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let offered = header("api-version")
        .and_then(api_version)
        .ok_or("answers, but is no Docker or Podman")?;
    if offered < OLDEST {
        let (major, minor) = OLDEST;
        return Err(format!(
            "too old: it speaks version {}.{} of the API, and {major}.{minor} is needed",
            offered.0, offered.1
        ));
    }
    let (major, minor) = offered.min(NEWEST);
    let podman = header("libpod-api-version");
    // `Docker/24.0.7 (linux)`
    let server = header("server").and_then(|server| server.split(['/', ' ']).nth(1));
    Ok(Detected {
        socket: place.to_owned(),
        kind: if podman.is_some() {
            Kind::Podman
        } else {
            Kind::Docker
        },
        version: podman.or(server).unwrap_or_default().to_owned(),
        api: format!("{major}.{minor}"),
    })
}

fn api_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use hyper::HeaderMap;
    use hyper::header::HeaderName;
    use hyper::header::HeaderValue;

    use super::identify;

    #[test]
    fn an_engine_is_known_by_its_headers() {
        type Row = (
            &'static [(&'static str, &'static str)],
            Result<&'static str, &'static str>,
        );
        let rows: [Row; 6] = [
            (
                &[("api-version", "1.43"), ("server", "Docker/24.0.7 (linux)")],
                Ok("Docker 24.0.7 at /s, API 1.43"),
            ),
            (
                &[("api-version", "1.52"), ("server", "Docker/29.0.0 (linux)")],
                Ok("Docker 29.0.0 at /s, API 1.47"),
            ),
            (
                &[("api-version", "1.41"), ("libpod-api-version", "4.3.1")],
                Ok("Podman 4.3.1 at /s, API 1.41"),
            ),
            (&[("api-version", "1.41")], Ok("Docker  at /s, API 1.41")),
            (
                &[("api-version", "1.24")],
                Err("too old: it speaks version 1.24 of the API, and 1.40 is needed"),
            ),
            (&[("server", "nginx")], Err("answers, but is no Docker or Podman")),
        ];
        for (headers, then) in rows {
            let map: HeaderMap = headers
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect();
            let found = identify(Path::new("/s"), &map).map(|found| format!("{found}, API {}", found.api));
            assert_eq!(found.as_deref().map_err(String::as_str), then, "{headers:?}");
        }
    }
}
