//! The `host` backend: steps run with the machine's own tools, in namespaces of their own where the machine allows it.
//!
//! Three kinds of processes take part:
//!
//! ```text
//! plane ──Order──► launcher                    one for each backend, one thread, small
//!   │                 │ copy, in new namespaces
//!   └──Command──►  process 1 of a sandbox      one for each job: view, start, reap, take down
//!      ◄──Event──     │ vfork, exec
//!                  steps, sidecars, probes     output straight to the plane through pipes
//! ```
//!
//! Deciding and doing never share a file: [`spec`], [`process`] and [`plan`] are pure; [`base`], [`mount`], [`spawn`] and
//! [`init`] do what was decided. `unsafe` code is in [`sys`] only. Read [`backend`] first, then [`launcher`], then [`init`].

mod backend;
mod base;
mod capability;
mod channel;
mod directories;
mod facts;
mod guard;
mod image;
mod init;
mod launcher;
mod mount;
mod plan;
mod process;
mod running;
mod sandbox;
mod slot;
mod spawn;
mod spec;
mod sys;
mod tree;
mod wire;

pub use backend::Config;
pub use backend::Error;
pub use backend::Host;
pub use backend::Mode;
pub use launcher::LAUNCHER_ARGUMENT;
pub use launcher::launcher_main;
