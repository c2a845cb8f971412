//! What goes on inside, for those who ask; and what went wrong inside, for everybody.

use std::io::Write as _;

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Chooses what is logged: a level, or `target=level` with commas between.
const VARIABLE: &str = "WINDLASS_LOG";

/// Writes what happens inside to stderr, if somebody asked for it.
pub(crate) fn log(is_verbose: bool) {
    let wanted = std::env::var(VARIABLE).ok().filter(|value| !value.is_empty());
    let filter = match wanted.as_deref().map(str::parse::<Targets>) {
        Some(Ok(filter)) => filter,
        // A filter that cannot be read was meant to show something.
        Some(Err(_)) => Targets::new().with_default(Level::DEBUG),
        None if is_verbose => Targets::new().with_default(Level::INFO),
        None => Targets::new().with_default(LevelFilter::ERROR),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false);
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .init();
}

/// Says that a panic is this program's fault, in one line that can be reported.
pub(crate) fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(|place| format!(" at {}:{}", place.file(), place.line()))
            .unwrap_or_default();
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        let version = env!("CARGO_PKG_VERSION");
        let line = format!(
            "error: this is a bug in windlass {version}, please report it: panicked{place}: {text}\n"
        );
        let _ = std::io::stderr().write_all(line.as_bytes());
    }));
}
