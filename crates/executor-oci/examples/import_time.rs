//! How long it takes to bring an OCI layout or an archive into a new store, and to find the image there.
//!
//! `cargo run --release -p windlass-executor-oci --example import_time -- LAYOUT`

use std::path::Path;
use std::time::Instant;

use windlass_executor_oci::Limits;
use windlass_executor_oci::Store;
use windlass_executor_oci::archive;
use windlass_executor_oci::import;
use windlass_fetch::oci::Platform;

/// Times that an image is looked up.
const LOOKS: u32 = 10_000;

#[expect(clippy::print_stdout, reason = "what it is for")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let from = std::env::args()
        .nth(1)
        .ok_or("name an OCI layout or an archive")?;
    let from = Path::new(&from);
    // Beside the input, so that both are on the same disk.
    let directory = tempfile::tempdir_in(from.parent().unwrap_or(from))?;
    let platform = Platform {
        os: "linux".to_owned(),
        architecture: "amd64".to_owned(),
        variant: String::new(),
    };
    let limits = Limits::default();
    let runtime = tokio::runtime::Runtime::new()?;
    let started = Instant::now();
    let store = Store::open(directory.path())?;
    let found = archive::open(from, directory.path(), &limits)?;
    let source = &found.first().ok_or("no image")?.source;
    let importing = import::import(&store, "image", source.as_ref(), &platform, &limits, &());
    let image = runtime.block_on(importing)?;
    println!("import: {:?}, {} layers", started.elapsed(), image.layers.len());
    let started = Instant::now();
    for _ in 0..LOOKS {
        store.find("image", &platform)?.ok_or("the image is gone")?;
    }
    println!("find: {:?}", started.elapsed() / LOOKS);
    Ok(())
}
