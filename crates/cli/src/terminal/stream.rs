//! Standard output and standard error.

use std::fs::File;
use std::io;
use std::io::IsTerminal;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;

use super::style::Style;

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Color {
    /// On terminals, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    fn on(self, is_terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                is_terminal && !refused && !is_dumb()
            }
        }
    }
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb")
}

/// Whether writing never waits for anybody: a file, or the null device. Pipes and terminals have readers who may pause.
pub(crate) fn takes_at_once(output: impl AsFd) -> bool {
    let Ok(descriptor) = output.as_fd().try_clone_to_owned() else {
        return false;
    };
    let output = File::from(descriptor);
    let kind = output.metadata().map(|metadata| metadata.file_type());
    kind.is_ok_and(|kind| kind.is_file() || (kind.is_char_device() && !output.is_terminal()))
}

/// A place for text. What cannot be written is lost: a reader that left (`| head`) does not stop a run.
pub(crate) struct Stream {
    sink: Box<dyn Write + Send>,
    is_terminal: bool,
    style: Style,
    is_broken: bool,
}

impl Stream {
    /// A stream over any sink.
    pub(crate) fn new(sink: Box<dyn Write + Send>, is_terminal: bool, style: Style) -> Self {
        Self {
            sink,
            is_terminal,
            style,
            is_broken: false,
        }
    }

    /// Whether somebody looks at it who can see text move.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// How text looks here.
    pub(crate) fn style(&self) -> Style {
        self.style
    }

    /// Writes bytes and hands them on at once.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        if self.is_broken || bytes.is_empty() {
            return;
        }
        let written = self.sink.write_all(bytes).and_then(|()| self.sink.flush());
        self.is_broken = written.is_err();
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, line: &str) {
        self.write(format!("{line}\n").as_bytes());
    }
}

/// Both streams: stdout is data, stderr is talk.
pub(crate) struct Streams {
    /// Standard output.
    pub(crate) out: Stream,
    /// Standard error.
    pub(crate) err: Stream,
}

impl Streams {
    /// The streams of this process.
    pub(crate) fn standard(color: Color) -> Self {
        let stream = |sink: Box<dyn Write + Send>, is_terminal: bool| {
            Stream::new(sink, is_terminal && !is_dumb(), Style::new(color.on(is_terminal)))
        };
        let (out, err) = (io::stdout(), io::stderr());
        let (out_is, err_is) = (out.is_terminal(), err.is_terminal());
        // Stdout's own buffer breaks output at line ends; ours are whole lines already.
        Self {
            out: stream(Box::new(Unbuffered), out_is),
            err: stream(Box::new(err), err_is),
        }
    }
}

/// Standard output without the buffer of the standard library, which would split each write at its last newline.
struct Unbuffered;

impl Write for Unbuffered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(rustix::stdio::stdout(), bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Columns and rows of the terminal; 80 by 24 when it does not say.
pub(crate) fn size() -> (usize, usize) {
    let told = rustix::termios::tcgetwinsize(rustix::stdio::stdout())
        .or_else(|_| rustix::termios::tcgetwinsize(rustix::stdio::stderr()));
    match told {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
            (usize::from(size.ws_col), usize::from(size.ws_row))
        }
        _ => (80, 24),
    }
}

#[cfg(test)]
mod tests {
    use super::takes_at_once;

    #[test]
    fn only_files_and_the_null_device_take_text_at_once() {
        let null = std::fs::File::options().write(true).open("/dev/null").unwrap();
        let file = std::fs::File::open("Cargo.toml").unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        assert_eq!(
            [takes_at_once(&file), takes_at_once(&null), takes_at_once(&writer)],
            [true, true, false]
        );
        drop(reader);
    }
}
