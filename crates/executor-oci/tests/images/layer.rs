//! Archives by hand, also such as no honest tool writes.

/// A tar archive under construction.
#[derive(Clone, Default)]
pub(crate) struct Layer(Vec<u8>);

/// Fields of a header; what is not said is that of a plain file.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) kind: u8,
    pub(crate) mode: &'a [u8],
    pub(crate) uid: &'a [u8],
    pub(crate) gid: &'a [u8],
    pub(crate) size: &'a [u8],
    pub(crate) link: &'a [u8],
    pub(crate) device: (&'a [u8], &'a [u8]),
}

impl Default for Head<'_> {
    fn default() -> Self {
        Self {
            name: b"",
            kind: b'0',
            mode: b"0000644\0",
            uid: b"0000000\0",
            gid: b"0000000\0",
            size: b"00000000000\0",
            link: b"",
            device: (b"0000000\0", b"0000000\0"),
        }
    }
}

impl Layer {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn head(mut self, head: &Head<'_>) -> Self {
        let mut block = [0_u8; 512];
        let mut put = |at: usize, most: usize, text: &[u8]| {
            let text = &text[..text.len().min(most)];
            block[at..at + text.len()].copy_from_slice(text);
        };
        put(0, 100, head.name);
        put(100, 8, head.mode);
        put(108, 8, head.uid);
        put(116, 8, head.gid);
        put(124, 12, head.size);
        put(136, 12, b"00000001750\0");
        put(148, 8, b"        ");
        put(156, 1, &[head.kind]);
        put(157, 100, head.link);
        put(257, 8, b"ustar\x0000");
        put(329, 8, head.device.0);
        put(337, 8, head.device.1);
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend_from_slice(&block);
        self
    }

    /// Bytes as they are.
    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Bytes, and zeros up to the next block.
    pub(crate) fn content(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn file(self, name: &str, content: &str) -> Self {
        self.file_with(name, content.as_bytes(), 0o644, (0, 0))
    }

    pub(crate) fn file_with(self, name: &str, content: &[u8], mode: u32, owner: (u32, u32)) -> Self {
        self.head(&Head {
            name: name.as_bytes(),
            mode: format!("{mode:07o}\0").as_bytes(),
            uid: format!("{:07o}\0", owner.0).as_bytes(),
            gid: format!("{:07o}\0", owner.1).as_bytes(),
            size: size(content.len()).as_bytes(),
            ..Head::default()
        })
        .content(content)
    }

    pub(crate) fn directory(self, name: &str, mode: u32) -> Self {
        self.head(&Head {
            name: name.as_bytes(),
            kind: b'5',
            mode: format!("{mode:07o}\0").as_bytes(),
            ..Head::default()
        })
    }

    pub(crate) fn symlink(self, name: &str, target: &str) -> Self {
        self.special(name, b'2', target)
    }

    pub(crate) fn hard(self, name: &str, target: &str) -> Self {
        self.special(name, b'1', target)
    }

    pub(crate) fn special(self, name: &str, kind: u8, target: &str) -> Self {
        self.head(&Head {
            name: name.as_bytes(),
            kind,
            link: target.as_bytes(),
            mode: b"0000777\0",
            ..Head::default()
        })
    }

    pub(crate) fn device(self, name: &str, kind: u8, major: u32, minor: u32) -> Self {
        self.head(&Head {
            name: name.as_bytes(),
            kind,
            device: (
                format!("{major:07o}\0").as_bytes(),
                format!("{minor:07o}\0").as_bytes(),
            ),
            ..Head::default()
        })
    }

    /// An extended header of a kind (`x` or `g`) before the next entry.
    pub(crate) fn pax(self, kind: u8, records: &[(&str, &[u8])]) -> Self {
        let mut data = Vec::new();
        for (key, value) in records {
            let body = key.len() + value.len() + 3;
            let mut length = body + body.to_string().len();
            if length.to_string().len() + body != length {
                length = body + length.to_string().len();
            }
            data.extend_from_slice(format!("{length} {key}=").as_bytes());
            data.extend_from_slice(value);
            data.push(b'\n');
        }
        self.meta(kind, &data)
    }

    /// An entry that describes the next one.
    pub(crate) fn meta(self, kind: u8, data: &[u8]) -> Self {
        self.head(&Head {
            name: b"meta",
            kind,
            size: size(data.len()).as_bytes(),
            ..Head::default()
        })
        .content(data)
    }

    /// The archive, with its end.
    pub(crate) fn end(self) -> Vec<u8> {
        self.raw(&[0; 1024]).0
    }

    /// The archive so far, without an end.
    pub(crate) fn cut(self) -> Vec<u8> {
        self.0
    }
}

pub(crate) fn size(bytes: usize) -> String {
    format!("{bytes:011o}\0")
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory takes it")
}
