//! Waits until a sidecar is ready.

use std::io;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;

use crate::backend::Connection;
use crate::backend::Sandbox;
use crate::job::Check;
use crate::job::Probe;
use crate::job::Sidecar;

/// The start of a status line is all that a probe needs: `HTTP/1.1 200`.
const STATUS_BYTES: usize = "HTTP/1.1 200".len();

/// Probes until the sidecar is ready, however long that takes.
pub(super) async fn ready(sandbox: &dyn Sandbox, sidecar: &Sidecar, probe: &Probe) {
    if !probe.initial_delay.is_zero() {
        tokio::time::sleep(probe.initial_delay).await;
    }
    let mut successes = 0;
    loop {
        let passed = match tokio::time::timeout(probe.timeout, check(sandbox, sidecar, probe)).await {
            Ok(Ok(passed)) => passed,
            Ok(Err(error)) => {
                tracing::debug!(%error, sidecar = sidecar.name, "readiness probe failed");
                false
            }
            Err(_) => false,
        };
        successes = if passed { successes + 1 } else { 0 };
        if successes >= probe.success_threshold.max(1) {
            return;
        }
        tokio::time::sleep(probe.period).await;
    }
}

async fn check(sandbox: &dyn Sandbox, sidecar: &Sidecar, probe: &Probe) -> io::Result<bool> {
    match &probe.check {
        Check::Exec(command) => {
            let container = format!("sidecar-{}", sidecar.name);
            Ok(sandbox.probe(&container, &sidecar.process, command).await? == 0)
        }
        Check::Tcp { port } => sandbox.connect(*port).await.map(|_| true),
        Check::Http { port, path } => get(sandbox.connect(*port).await?.as_mut(), *port, path).await,
    }
}

/// Says whether a GET is answered with 200 to 399.
async fn get(connection: &mut dyn Connection, port: u16, path: &str) -> io::Result<bool> {
    let slash = if path.starts_with('/') { "" } else { "/" };
    // A path must not be able to add lines of its own to the request.
    let target: String = path
        .chars()
        .filter(|letter| !letter.is_control() && *letter != ' ')
        .collect();
    let request = format!(
        "GET {slash}{target} HTTP/1.1\r\nHost: localhost:{port}\r\nUser-Agent: kube-probe/windlass\r\n\
         Accept: */*\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).await?;
    let mut status = [0; STATUS_BYTES];
    connection.read_exact(&mut status).await?;
    let code = status
        .strip_prefix(b"HTTP/1.")
        .and_then(|rest| rest.get(2..))
        .unwrap_or_default();
    Ok(matches!(code, [b'2' | b'3', b'0'..=b'9', b'0'..=b'9']))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::io::AsyncWriteExt;

    use super::get;

    #[tokio::test]
    async fn answers_from_200_to_399_are_success() {
        let rows = [
            ("HTTP/1.1 200 OK\r\n\r\n", Some(true)),
            ("HTTP/1.0 204 No Content\r\n\r\n", Some(true)),
            ("HTTP/1.1 399 Odd\r\n\r\n", Some(true)),
            ("HTTP/1.1 404 Not Found\r\n\r\n", Some(false)),
            ("HTTP/1.1 500 Oh\r\n\r\n", Some(false)),
            ("SSH-2.0-OpenSSH_9.2\r\n", Some(false)),
            ("HTTP", None),
        ];
        for (answer, then) in rows {
            let (mut client, mut server) = tokio::io::duplex(1024);
            server.write_all(answer.as_bytes()).await.expect("room");
            server.shutdown().await.expect("open");
            assert_eq!(get(&mut client, 80, "ready").await.ok(), then, "{answer}");
        }
    }

    #[tokio::test]
    async fn a_path_cannot_add_to_the_request() {
        let (mut client, mut server) = tokio::io::duplex(1024);
        server.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("room");
        get(&mut client, 8080, "/ready?x=1\r\nX-Evil: yes y")
            .await
            .expect("an answer");
        drop(client);
        let mut request = String::new();
        server.read_to_string(&mut request).await.expect("text");
        insta::assert_snapshot!(request.replace("\r\n", "\n"), @r"
        GET /ready?x=1X-Evil:yesy HTTP/1.1
        Host: localhost:8080
        User-Agent: kube-probe/windlass
        Accept: */*
        Connection: close
        ");
    }
}
