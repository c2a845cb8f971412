//! How much an image may ask for.

/// Bounds of one image; what exceeds them is refused. The defaults let every honest image pass that we know of.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of all layers of an image together, unpacked. Default 64 GiB: twice the largest machine-learning images.
    pub bytes: u64,
    /// Files, directories and links of all layers together. Default 2 million; a full distribution has 0.5.
    pub entries: u64,
    /// Unpacked bytes for each transferred byte of a layer, once it has more than [`Self::ratio_from`]. Default 200;
    /// text has 10, and gzip cannot exceed 1032.
    pub ratio: u64,
    /// Unpacked bytes of a layer up to which its ratio does not matter. Default 1 GiB: files full of zeros are common.
    pub ratio_from: u64,
    /// Bytes of one path. Default 4095, the most that the kernel takes in one call.
    pub path: usize,
    /// Directories above an entry. Default 128; each costs a descriptor while a layer is unpacked.
    pub depth: usize,
    /// Layers of an image. Default 500, the most that overlayfs stacks.
    pub layers: usize,
    /// Bytes of an image's configuration. Default 8 MiB.
    pub config: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 << 30,
            entries: 2_000_000,
            ratio: 200,
            ratio_from: 1 << 30,
            path: 4095,
            depth: 128,
            layers: 500,
            config: 8 << 20,
        }
    }
}
