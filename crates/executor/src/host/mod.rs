//! The `host` backend: steps run with the machine's own tools, in namespaces of their own where the machine allows it.
//!
//! Three kinds of processes take part:
//!
//! ```text
//! plane ──Order──► launcher                    one for each backend, one thread, small
//!   │                 │ copy, in new namespaces
//!   └──Command──►  process 1 of a sandbox      one job after another: view, start, reap, take down
//!      ◄──Event──     │ vfork, exec
//!                  steps, sidecars, probes     output straight to the plane through pipes
//! ```
//!
//! # What a step sees
//! - As root: the machine's root copy-on-write (written parts in memory, at most half of it by default), the file system
//!   of the current directory likewise, other file systems read-only, a small `/dev`, `/sys` read-only, its own `/proc`,
//!   host name and IPC; the network is the machine's. It has a container's usual capabilities, and devices it makes do
//!   not work.
//! - As an ordinary user: the same with the machine's directories read-only, copied on write where a mount or another
//!   `sh` must be put. The user is mapped to itself, because tools that believe to be root try to change owners, and fail.
//!   No other user can be had; asking for one is refused.
//! - `/workspace`, `/tmp`, `$HOME` and empty volumes lie on disk, because builds write gigabytes there; the rest of
//!   `/tekton` is in memory. The current directory's files are visible where they always are, copied on write.
//! - Its environment is `PATH` and `LANG` of the plane, `HOME=/tekton/home`, and what the step declares: nothing else leaks.
//! - `sh` is busybox's (or bash, where there is no busybox) for images whose shell that is; see [`image`].
//! - What a step leaves in the background ends with it, as when a container ends. A sidecar keeps what it started.
//!
//! # Without isolation (`host-shared`)
//! The literal paths `/workspace`, `/tekton` and those of mounts are replaced by directories of the sandbox in commands,
//! arguments, scripts, variables and working directories. Paths that a program computes, or that stand in files, are not;
//! mounts are links, so that a read-only one can be written to and two steps cannot have different volumes at one path;
//! processes see and share everything else of the machine. Orphans are adopted and killed all the same.
//!
//! # Measured
//! A copy of the machine's mounts for each sandbox, `rm -r` of a directory tree for each sandbox, and large helpers were
//! what cost; see [`base`], [`slot`] and [`launcher`]. So did a new first process for each: see [`pool`].
//! `examples/spawn_rate.rs` prints the rates beside plain starts.
//!
//! Deciding and doing never share a file: [`spec`], [`process`] and [`plan`] are pure; [`base`], [`mount`], [`spawn`] and
//! [`init`] do what was decided. `unsafe` code is in [`sys`] only. Read [`backend`] first, then [`launcher`], then [`init`].

mod backend;
mod base;
mod capability;
mod channel;
mod contain;
mod directories;
mod facts;
mod guard;
mod image;
mod init;
mod launcher;
mod mount;
mod mounted;
mod network;
mod owned;
mod passwd;
mod plan;
mod pool;
mod process;
mod roots;
mod running;
mod sandbox;
mod slot;
mod spawn;
mod spec;
mod store;
mod sys;
mod traits;
mod tree;
mod wire;

pub use backend::Config;
pub use backend::Error;
pub use backend::Host;
pub use backend::Mode;
pub use launcher::LAUNCHER_ARGUMENT;
pub use launcher::launcher_main;
pub use plan::Network;
pub use roots::Root;
pub use roots::Roots;
