//! Accepting connections.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

/// Connections at the same time; others wait to be accepted.
const MOST_CONNECTIONS: usize = 10_000;

/// Time for a handshake, and for the headers of a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Time for what is being answered when the server stops. Watches end with it.
const FAREWELL: Duration = Duration::from_secs(2);

/// Wait after a connection could not be accepted, for instance because there are no descriptors left.
const BREATH: Duration = Duration::from_millis(50);

/// Serves a router, for instance the one of the API, on a listener, with TLS, until `stop` ends.
///
/// # Errors
/// When the listener fails.
pub async fn listen(
    router: axum::Router,
    listener: TcpListener,
    tls: TlsAcceptor,
    stop: impl Future<Output = ()> + Send,
) -> std::io::Result<()> {
    let service = TowerToHyperService::new(router);
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let shutdown = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let accepted = async {
            // Nobody closes the semaphore, so there always is a place in the end.
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(BREATH).await;
            continue;
        };
        // Answers are small and wanted at once.
        let _ = stream.set_nodelay(true);
        let (tls, service, watcher) = (tls.clone(), service.clone(), shutdown.watcher());
        tokio::spawn(async move {
            let _place = place;
            if let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, tls.accept(stream)).await {
                serve(stream, service, watcher).await;
            }
        });
    }
    // Whoever still follows something has been told enough.
    let _ = tokio::time::timeout(FAREWELL, shutdown.shutdown()).await;
    Ok(())
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    service: TowerToHyperService<axum::Router>,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(250);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let connection = watcher.watch(connection.into_owned());
    if let Err(error) = connection.await {
        tracing::debug!(error, "a connection ended");
    }
}
