//! The doors of a plane: the Kubernetes resource API over HTTP, and [`LocalClient`] for those who live in the same process.

pub mod access;
mod admission;
pub mod api;
pub mod audit;
pub mod kubeconfig;
pub mod lifecycle;
mod local;
pub mod observed;
pub mod pods;
pub mod resources;
pub mod runners;
pub mod tls;

pub use admission::Webhooks;
pub use local::LocalClient;
pub use local::StampFrom;
