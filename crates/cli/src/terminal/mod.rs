//! Where output goes, and how it looks there.

mod neutral;
mod stream;
mod style;

pub(crate) use neutral::neutralise;
pub(crate) use neutral::safe;
pub(crate) use stream::Color;
pub(crate) use stream::Stream;
pub(crate) use stream::Streams;
pub(crate) use stream::size;
pub(crate) use stream::takes_at_once;
pub(crate) use style::Paint;
pub(crate) use style::Style;
