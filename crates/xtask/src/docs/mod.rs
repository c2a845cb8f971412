//! The documentation: its links, the book, and the outputs shown in it.

mod golden;
mod links;
mod mask;

use std::process::Command;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::Result;

pub(crate) use golden::check as golden;
pub(crate) use links::broken as broken_links;

use crate::process;
use crate::workspace;

/// What to do with outputs that differ.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Write the outputs of now into the pages
    #[arg(long)]
    update: bool,
}

/// Checks outputs and links, and builds the book where mdbook is installed.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let tally = golden(arguments.update)?;
    let links = broken_links()?;
    for link in &links {
        println!("{link}");
    }
    let built = if process::on_path("mdbook") {
        let mut mdbook = Command::new("mdbook");
        mdbook.args(["build", "docs"]).current_dir(workspace::root());
        mdbook.status().context("run mdbook")?.success()
    } else {
        println!("book: not built, mdbook is not installed (cargo install mdbook)");
        true
    };
    println!("{tally}");
    Ok(if built && links.is_empty() {
        tally.exit_code()
    } else {
        ExitCode::FAILURE
    })
}
