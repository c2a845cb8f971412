//! Docker's credential helpers: programs that keep logins elsewhere.

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
    Run { name: String, source: std::io::Error },
    #[error("docker-credential-{name} gave no answer in {} s", PATIENCE.as_secs())]
    Slow { name: String },
    #[error("docker-credential-{name} answered something that is no login")]
    Answer { name: String },
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

/// Asks the helper `docker-credential-<name>` for the login of a registry; none if it has none.
pub(super) async fn get(name: &str, registry: &str) -> Result<Option<Login>, Error> {
    let key = if registry == "docker.io" {
        DOCKER_HUB
    } else {
        registry
    };
    let talk = tokio::time::timeout(PATIENCE, ask(name, key));
    let output = talk
        .await
        .map_err(|_| Error::Slow {
            name: name.to_owned(),
        })?
        .map_err(|source| Error::Run {
            name: name.to_owned(),
            source,
        })?;
    // A helper that has nothing says so in words of its own and fails.
    let Some(output) = output else {
        return Ok(None);
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

async fn ask(name: &str, key: &str) -> std::io::Result<Option<Vec<u8>>> {
    let mut child = Command::new(format!("docker-credential-{name}"))
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
    let status = child.wait().await?;
    Ok(status.success().then_some(output))
}
