//! A client of the Docker Engine API: one connection per request, over a unix socket.
//!
//! Every answer is bounded in size, and every call in time, save for those that wait for a container.

mod calls;
mod error;
mod frames;
mod http;

pub(crate) use calls::ImageInspect;
pub(crate) use calls::NetworkSettings;
pub(crate) use calls::State;
pub(crate) use calls::escape;
pub(crate) use error::Error;
pub(crate) use frames::Frames;
pub(crate) use http::Body;
pub(crate) use http::Client;
pub(crate) use http::Hijacked;
pub(crate) use http::full;
pub(crate) use http::ping;
