//! Colours.

/// A way for text to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// Good ends.
    Good,
    /// Bad ends.
    Bad,
    /// What needs a look.
    Notice,
    /// What runs.
    Active,
    /// What matters less.
    Faint,
    /// What matters more.
    Strong,
    /// One of the colours that tell names apart.
    Name(u8),
}

/// Colours that names get: readable on dark and on light ground, none that means good or bad.
const NAMES: &[u8] = &[36, 35, 34, 33, 96, 95, 94, 93];

impl Paint {
    /// The colour of a name: always the same for the same name.
    pub(crate) fn of(name: &str) -> Self {
        // FNV-1a, because it is the same in every run and on every machine.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        let index = usize::try_from(hash % NAMES.len() as u64).unwrap_or_default();
        Self::Name(NAMES.get(index).copied().unwrap_or(36))
    }

    fn code(self) -> u8 {
        match self {
            Self::Good => 32,
            Self::Bad => 31,
            Self::Notice => 33,
            Self::Active => 36,
            Self::Faint => 2,
            Self::Strong => 1,
            Self::Name(code) => code,
        }
    }
}

/// How text looks in a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    color: bool,
}

impl Style {
    /// With colours or without.
    pub(crate) const fn new(color: bool) -> Self {
        Self { color }
    }

    /// Whether there are colours.
    pub(crate) fn has_color(self) -> bool {
        self.color
    }

    /// The text as it looks here.
    pub(crate) fn paint(self, paint: Paint, text: &str) -> String {
        if self.color && !text.is_empty() {
            format!("\x1b[{}m{text}\x1b[0m", paint.code())
        } else {
            text.to_owned()
        }
    }
}
