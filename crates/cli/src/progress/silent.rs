//! Nothing, for `--quiet`.

use windlass_api::Time;

use super::model::Progress;
use super::view::View;
use crate::terminal::Stream;

/// Shows nothing but notices.
pub(crate) struct Silent<'s>(pub(crate) &'s mut Stream);

impl View for Silent<'_> {
    fn wants_output(&self) -> bool {
        false
    }

    fn line(&mut self, _: &str, _: &[u8]) {}

    fn prefix(&self, _: &str, _: &str) -> String {
        String::new()
    }

    fn notice(&mut self, text: &str) {
        self.0.line(text);
    }

    fn settle(&mut self, _: &Progress, _: Time) {}

    fn is_moving(&self) -> bool {
        false
    }

    fn finish(&mut self) {}
}
