//! Declares a module's words as constants and as a list.

/// Declares constants, and `ALL` with every one of them in order.
macro_rules! words {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: &str = $text;)+

        /// Every word of this module.
        pub const ALL: &[&str] = &[$($name),+];
    };
}

pub(super) use words;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::reasons;

    #[test]
    fn no_word_is_listed_twice() {
        let lists = [
            reasons::annotations::ALL,
            reasons::custom_run::ALL,
            reasons::labels::ALL,
            reasons::pipeline_run::ALL,
            reasons::skip::ALL,
            reasons::step::ALL,
            reasons::task_run::ALL,
        ];
        for list in lists {
            assert_eq!(list.iter().collect::<BTreeSet<_>>().len(), list.len(), "{list:?}");
        }
    }
}
