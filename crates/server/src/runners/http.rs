//! The door for runners.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::ConnectInfo;
use axum::extract::DefaultBodyLimit;
use axum::extract::Query;
use axum::extract::Request;
use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware;
use axum::middleware::Next;
use axum::response::IntoResponse as _;
use axum::response::Response;
use axum::routing::post;
use windlass_executor::protocol::LOG_PATH;
use windlass_executor::protocol::Output;
use windlass_executor::protocol::PIECE;
use windlass_executor::protocol::POLL_PATH;
use windlass_executor::protocol::Poll;
use windlass_executor::protocol::REPORT_PATH;
use windlass_executor::protocol::Report;
use windlass_executor::protocol::Taken;

use super::hub::Hub;
use super::hub::Refused;
use crate::access::Authenticate;

/// Group of those who may run what the server hands out, which includes its secrets.
pub const GROUP: &str = "windlass:runners";

/// Largest message, in bytes; reports carry results.
const LARGEST: usize = 64 << 20;

/// Serves the paths of [`windlass_executor::protocol`] to members of [`GROUP`].
pub fn router(hub: Arc<Hub>, authenticate: Arc<dyn Authenticate>) -> Router {
    Router::new()
        .route(POLL_PATH, post(poll))
        .route(REPORT_PATH, post(report))
        .route(LOG_PATH, post(print).layer(DefaultBodyLimit::max(PIECE)))
        .layer(DefaultBodyLimit::max(LARGEST))
        .layer(middleware::from_fn_with_state(authenticate, admit))
        .with_state(hub)
}

async fn admit(State(authenticate): State<Arc<dyn Authenticate>>, request: Request, next: Next) -> Response {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(peer)| *peer);
    match authenticate.authenticate(request.headers(), peer).await {
        Err(_) => StatusCode::UNAUTHORIZED.into_response(),
        Ok(user) if !user.groups.iter().any(|group| group == GROUP) => StatusCode::FORBIDDEN.into_response(),
        Ok(_) => next.run(request).await,
    }
}

async fn poll(State(hub): State<Arc<Hub>>, Json(poll): Json<Poll>) -> Response {
    Json(hub.poll(&poll).await).into_response()
}

async fn report(State(hub): State<Arc<Hub>>, Json(report): Json<Report>) -> Response {
    let id = report.attempt.clone();
    let taken = hub.report(report);
    let is_over = hub
        .held()
        .get(&id)
        .is_some_and(|entry| entry.live.as_ref().is_some_and(|live| live.ended));
    if is_over {
        // Its run may have ended without it, and then says nothing more.
        hub.settle_one(&id).await;
    }
    answer(taken.map(|taken| taken as u64))
}

async fn print(State(hub): State<Arc<Hub>>, Query(output): Query<Output>, bytes: Bytes) -> Response {
    answer(hub.print(&output, &bytes))
}

fn answer(taken: Result<u64, Refused>) -> Response {
    match taken {
        Ok(taken) => Json(Taken { taken }).into_response(),
        Err(refused) => {
            let status = match refused {
                Refused::Superseded => StatusCode::CONFLICT,
                Refused::NotYet => StatusCode::SERVICE_UNAVAILABLE,
                Refused::Invalid => StatusCode::BAD_REQUEST,
                Refused::NotKept => StatusCode::INSUFFICIENT_STORAGE,
            };
            (status, refused.to_string()).into_response()
        }
    }
}
