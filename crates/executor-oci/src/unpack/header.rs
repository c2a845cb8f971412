//! One header block of a tar archive.

/// Size of a block, the unit of the format.
pub(crate) const BLOCK: usize = 512;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A regular file.
    File,
    /// Another name of an earlier entry.
    HardLink,
    /// A symbolic link.
    Symlink,
    /// A character device.
    Character,
    /// A block device.
    Block,
    /// A directory.
    Directory,
    /// A named pipe.
    Fifo,
}

/// A header block whose checksum is right.
pub(super) struct Header<'a>(&'a [u8; BLOCK]);

impl<'a> Header<'a> {
    /// Checks a block's sum. Old archives summed signed bytes.
    pub(super) fn read(block: &'a [u8; BLOCK]) -> Result<Self, String> {
        let header = Self(block);
        let stated = header.number(148, 8, "checksum")?;
        let (mut unsigned, mut signed) = (0_u64, 0_i64);
        for (at, byte) in block.iter().enumerate() {
            let byte = if (148..156).contains(&at) { b' ' } else { *byte };
            unsigned += u64::from(byte);
            signed += i64::from(byte.cast_signed());
        }
        if stated == unsigned || i64::try_from(stated).is_ok_and(|stated| stated == signed) {
            Ok(header)
        } else {
            Err("a header's checksum is wrong: this is no tar archive, or it is damaged".to_owned())
        }
    }

    fn field(&self, at: usize, length: usize) -> &'a [u8] {
        self.0.get(at..at + length).unwrap_or_default()
    }

    fn text(&self, at: usize, length: usize) -> &'a [u8] {
        let field = self.field(at, length);
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(length);
        field.get(..end).unwrap_or_default()
    }

    pub(super) fn number(&self, at: usize, length: usize, what: &str) -> Result<u64, String> {
        number(self.field(at, length)).map_err(|fault| format!("{what} {fault}"))
    }

    pub(super) fn flag(&self) -> u8 {
        self.field(156, 1).first().copied().unwrap_or_default()
    }

    /// The name, with the prefix field where the dialect has one.
    pub(super) fn path(&self) -> Vec<u8> {
        let name = self.text(0, 100);
        // GNU's dialect, `ustar` and two spaces, keeps other things there.
        let prefix = if self.field(257, 6) == b"ustar\0" {
            self.text(345, 155)
        } else {
            b""
        };
        if prefix.is_empty() {
            return name.to_vec();
        }
        [prefix, b"/", name].concat()
    }

    pub(super) fn link(&self) -> Vec<u8> {
        self.text(157, 100).to_vec()
    }

    pub(super) fn mode(&self) -> Result<u32, String> {
        let mode = self.number(100, 8, "mode")? & 0o7777;
        Ok(u32::try_from(mode).unwrap_or_default())
    }

    pub(super) fn uid(&self) -> Result<u32, String> {
        id(self.number(108, 8, "owner")?)
    }

    pub(super) fn gid(&self) -> Result<u32, String> {
        id(self.number(116, 8, "group")?)
    }

    pub(super) fn size(&self) -> Result<u64, String> {
        self.number(124, 12, "size")
    }

    /// Whole seconds; a time before 1970 counts as 1970.
    pub(super) fn mtime(&self) -> i64 {
        let seconds = number(self.field(136, 12)).unwrap_or_default();
        i64::try_from(seconds).unwrap_or_default()
    }

    pub(super) fn device(&self) -> Result<(u32, u32), String> {
        let half = |at, what| -> Result<u32, String> {
            let number = self.number(at, 8, what)?;
            u32::try_from(number).map_err(|_| format!("{what} {number} is too large"))
        };
        Ok((
            half(329, "major device number")?,
            half(337, "minor device number")?,
        ))
    }
}

/// An owner that the kernel can represent; its largest number means "nobody was named".
pub(super) fn id(number: u64) -> Result<u32, String> {
    u32::try_from(number)
        .ok()
        .filter(|id| *id != u32::MAX)
        .ok_or_else(|| format!("owner {number} is too large"))
}

/// Octal digits, or a big number in binary behind a set high bit.
pub(super) fn number(field: &[u8]) -> Result<u64, &'static str> {
    match field.split_first() {
        Some((first, _)) if first & 0xc0 == 0xc0 => Err("is negative"),
        Some((first, rest)) if first & 0x80 != 0 => {
            let mut value = u64::from(first & 0x3f);
            for byte in rest {
                value = value
                    .checked_mul(256)
                    .and_then(|value| value.checked_add(u64::from(*byte)))
                    .ok_or("is too large")?;
            }
            Ok(value)
        }
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Result<u64, &'static str> {
    let mut value = 0_u64;
    let digits = field
        .iter()
        .skip_while(|byte| matches!(**byte, b' ' | 0))
        .take_while(|byte| !matches!(**byte, b' ' | 0));
    for digit in digits {
        match digit {
            b'0'..=b'7' => value = value.checked_mul(8).ok_or("is too large")? + u64::from(digit - b'0'),
            b'-' => return Err("is negative"),
            _ => return Err("is not a number"),
        }
    }
    Ok(value)
}
