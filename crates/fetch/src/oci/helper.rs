//! Docker's credential helpers: programs that keep logins elsewhere.

use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::keyring::Login;

/// The name under which Docker keeps the login of its own registry.
pub(super) const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// Bytes of a helper's answer; a token has some thousand.
const MAX_ANSWER: u64 = 256 << 10;

/// A helper may have to ask a cloud; longer than this it is broken.
const PATIENCE: Duration = Duration::from_secs(10);

/// A helper gave no answer. Its own words are not shown, since they may hold what it keeps.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("docker-credential-{name} cannot be run: {source}")]
    Run { name: String, source: io::Error },
    #[error("docker-credential-{name} gave no answer in {} s", PATIENCE.as_secs())]
    Slow { name: String },
    #[error("docker-credential-{name} failed; run it by hand to see why")]
    Failed { name: String },
    #[error("docker-credential-{name} answered something that is no login")]
    Answer { name: String },
}

/// What every helper says that has no login for a registry.
const NOT_FOUND: &[u8] = b"credentials not found in native keychain";

/// What a helper made of its question.
enum Told {
    Login(Vec<u8>),
    Nothing,
    Failure,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// Whether a word is part of a program's name and nothing else.
pub(super) fn is_name(word: &str) -> bool {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !word.is_empty() && word.len() <= 64 && !word.starts_with(['.', '-']) && word.bytes().all(harmless)
}

/// Asks the helper `docker-credential-<name>` for the login of a registry; none if it has none. `path` is where
/// programs are, as `$PATH` says it; without one, where this process finds them.
pub(super) async fn get(name: &str, registry: &str, path: Option<&OsStr>) -> Result<Option<Login>, Error> {
    let key = if registry == "docker.io" {
        DOCKER_HUB
    } else {
        registry
    };
    let failed = |source| Error::Run {
        name: name.to_owned(),
        source,
    };
    let program = program(name, path).map_err(failed)?;
    let talk = tokio::time::timeout(PATIENCE, ask(program, key));
    let told = talk
        .await
        .map_err(|_| Error::Slow {
            name: name.to_owned(),
        })?
        .map_err(failed)?;
    let output = match told {
        Told::Login(output) => output,
        Told::Nothing => return Ok(None),
        Told::Failure => {
            return Err(Error::Failed {
                name: name.to_owned(),
            });
        }
    };
    let refused = || Error::Answer {
        name: name.to_owned(),
    };
    if output.len() as u64 > MAX_ANSWER {
        return Err(refused());
    }
    let answer: Answer = serde_json::from_slice(&output).map_err(|_| refused())?;
    if answer.username.is_empty() && answer.secret.is_empty() {
        return Ok(None);
    }
    Ok(Some(Login::of_pair(answer.username, answer.secret)))
}

fn program(name: &str, path: Option<&OsStr>) -> io::Result<PathBuf> {
    let file = format!("docker-credential-{name}");
    let Some(path) = path else {
        return Ok(file.into());
    };
    let mut candidates = std::env::split_paths(path).map(|directory| directory.join(&file));
    let found = candidates.find(|candidate| candidate.is_file());
    found.ok_or_else(|| io::ErrorKind::NotFound.into())
}

async fn ask(program: PathBuf, key: &str) -> io::Result<Told> {
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not read its question still has an answer or an exit code.
        let _ = stdin.write_all(key.as_bytes()).await;
    }
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(MAX_ANSWER + 1).read_to_end(&mut output).await?;
    }
    if output.len() as u64 > MAX_ANSWER {
        // It may go on for ever; dropping it ends it.
        return Ok(Told::Login(output));
    }
    if child.wait().await?.success() {
        return Ok(Told::Login(output));
    }
    Ok(if output.trim_ascii() == NOT_FOUND {
        Told::Nothing
    } else {
        Told::Failure
    })
}
