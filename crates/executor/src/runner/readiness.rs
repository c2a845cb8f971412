//! Waits until a sidecar is ready.

use std::io;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;

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
        Check::Http { port, path } => get(sandbox, *port, path).await,
    }
}

/// Says whether a GET is answered with 200 to 399.
async fn get(sandbox: &dyn Sandbox, port: u16, path: &str) -> io::Result<bool> {
    let slash = if path.starts_with('/') { "" } else { "/" };
    let target: String = path
        .chars()
        .filter(|letter| !letter.is_control() && *letter != ' ')
        .collect();
    let mut connection = sandbox.connect(port).await?;
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
