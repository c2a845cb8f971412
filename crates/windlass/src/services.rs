//! The programs that go on until they are stopped.

use windlass_cli::services::RunnerOptions;
use windlass_cli::services::ServeOptions;
use windlass_cli::services::Services;

/// Starts them in this process.
pub(crate) struct InThisProcess;

impl Services for InThisProcess {
    fn serve(&self, _: &ServeOptions) -> anyhow::Result<()> {
        anyhow::bail!("not wired")
    }

    fn run(&self, _: &RunnerOptions) -> anyhow::Result<()> {
        anyhow::bail!("not wired")
    }
}
