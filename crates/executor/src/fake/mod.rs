//! A backend without processes, scripted by the environment of the steps.
//!
//! | variable | effect |
//! |---|---|
//! | `FAKE_OUTPUT` | written to standard output at the start |
//! | `FAKE_ERROR_OUTPUT` | written to standard error after it |
//! | `FAKE_FLOOD` | writes that many bytes of `y\n` after it |
//! | `FAKE_SLEEP` | runs for `<n>ms`, `<n>s` or `forever` on tokio's clock; default: ends at once |
//! | `FAKE_EXIT_CODE` | exit code; default 0 |
//! | `FAKE_RESULT_<name>` | writes `/tekton/results/<name>` before it ends |
//! | `FAKE_STEP_RESULT_<name>` | writes the step's own result before it ends |
//! | `FAKE_FILE` | `<path>=<content>`: writes a file below `/tekton/` before it ends |
//! | `FAKE_IGNORE_TERM` | survives SIGTERM |
//! | `FAKE_OOM` | ends as killed for memory |
//! | `FAKE_START_FAIL` | does not start; the value is the message |
//! | `FAKE_PULL_FAIL` | its image cannot be had; the value is the message |
//! | `FAKE_LOST` | the backend loses sight of it; the value is the message |
//! | `FAKE_READY_AFTER` | probes of this sidecar fail until it ran that long; default: they pass at once |
//!
//! Files are kept in memory and only below `/tekton/`; volumes, users and limits are ignored. With tokio's paused clock
//! everything is instant and deterministic.

mod backend;
mod process;
mod script;

pub use backend::Fake;
