//! The store under many hands, and under none.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use libtest_mimic::Trial;
use windlass_executor_oci::Limits;
use windlass_executor_oci::Store;
use windlass_executor_oci::import;
use windlass_executor_oci::store::Policy;

use crate::hostile::noise;
use crate::layer::Layer;
use crate::layer::gzip;
use crate::memory::Memory;
use crate::memory::platform;
use crate::place::Outcome;
use crate::place::Place;
use crate::place::same;
use crate::place::tree;

/// What this program is started with to import into a store and end.
pub(crate) const CHILD: &str = "import-into";

/// A user that owns nothing.
const ORDINARY: u32 = 12_345;

/// All tests of this file that mean the same for every user.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test(
            "shared::a_second_image_costs_only_its_own_layers",
            a_second_image_costs_only_its_own_layers,
        ),
        Trial::test(
            "shared::a_broken_transfer_is_resumed",
            a_broken_transfer_is_resumed,
        ),
        Trial::test(
            "shared::what_was_left_damaged_is_fetched_again",
            what_was_left_damaged_is_fetched_again,
        ),
        Trial::test(
            "shared::killed_imports_leave_nothing_half",
            killed_imports_leave_nothing_half,
        ),
        Trial::test("shared::processes_share_the_work", processes_share_the_work),
        Trial::test("shared::what_is_leased_stays", what_is_leased_stays),
        Trial::test(
            "shared::a_layer_of_another_boot_is_done_again",
            a_layer_of_another_boot_is_done_again,
        ),
    ]
}

/// All tests of this file that need root.
pub(crate) fn root_trials() -> Vec<Trial> {
    vec![Trial::test(
        "shared::all_of_it_as_an_ordinary_user",
        all_of_it_as_an_ordinary_user,
    )]
}

fn layer(seed: u32, files: u32) -> Vec<u8> {
    let start = Layer::new().directory(&format!("d{seed}"), 0o755);
    let layer = (0..files).fold(start, |layer, index| {
        let content = noise(4_000, seed * 1_000 + index);
        layer.file_with(&format!("d{seed}/f{index}"), &content, 0o644, (0, 0))
    });
    layer.end()
}

/// Three layers of some hundred files.
fn image() -> Memory {
    let layers: Vec<_> = (1..=3)
        .map(|seed| {
            let plain = layer(seed, 100);
            let packed = gzip(&plain);
            (plain, packed)
        })
        .collect();
    Memory::packed(&layers)
}

/// The whole life of a child: import, and end, or die by the hand of the kernel after so many events.
pub(crate) fn be_child(root: &str, events: &str) -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open(Path::new(root))?;
    let runtime = tokio::runtime::Runtime::new()?;
    let (source, platform, limits) = (image(), platform(), Limits::default());
    let mortal = Mortal(AtomicU64::new(events.parse()?));
    runtime.block_on(import::import(
        &store, "test", &source, &platform, &limits, &mortal,
    ))?;
    Ok(())
}

struct Mortal(AtomicU64);

impl import::Progress for Mortal {
    fn event(&self, _: &import::Event) {
        if self.0.fetch_sub(1, Ordering::Relaxed) == 1 {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }
}

fn child(root: &Path, events: u64) -> Result<Command, libtest_mimic::Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg(CHILD)
        .arg(root)
        .arg(events.to_string())
        .stderr(Stdio::piped());
    Ok(command)
}

fn a_second_image_costs_only_its_own_layers() -> Outcome {
    let place = Place::new();
    let (base, own) = (layer(1, 20), layer(2, 3));
    place.import(&Memory::new(std::slice::from_ref(&base)))?;
    let second = Memory::new(&[base, own.clone()]);
    place.import(&second)?;
    let config = second.manifest["config"]["size"].as_u64().expect("a size");
    assert_eq!(second.sent.load(Ordering::Relaxed), own.len() as u64 + config);
    let third = Memory::new(&[layer(1, 20), own]);
    place.import(&third)?;
    assert_eq!(third.sent.load(Ordering::Relaxed), 0);
    Ok(())
}

fn a_broken_transfer_is_resumed() -> Outcome {
    let place = Place::new();
    let mut source = Memory::new(&[layer(1, 100)]);
    source.breaks_after = 100_000;
    place.import(&source)?;
    // Each connection sends what is left, so many bytes are offered; few are taken twice.
    assert_eq!(place.store.check()?, Vec::<String>::new());
    Ok(())
}

fn what_was_left_damaged_is_fetched_again() -> Outcome {
    let source = image();
    let digest = source.manifest["layers"][0]["digest"].as_str().expect("a digest")[7..].to_owned();
    for part in ["ingest", "blobs/sha256"] {
        let place = Place::new();
        let size = if part == "ingest" {
            1_000
        } else {
            source.blobs[&format!("sha256:{digest}")].len()
        };
        fs::write(place.store.root().join(part).join(&digest), vec![0; size])?;
        place
            .import(&source)
            .map_err(|error| format!("{part}: {}", crate::place::told(&error)))?;
        assert_eq!(place.store.check()?, Vec::<String>::new(), "{part}");
    }
    Ok(())
}

fn killed_imports_leave_nothing_half() -> Outcome {
    let reference = Place::new();
    let wanted: Vec<String> = reference
        .import(&image())?
        .layers
        .iter()
        .map(|layer| tree(layer))
        .collect();
    let mut deaths = 0;
    for events in 1..100 {
        let place = Place::new();
        let root = place.store.root().to_owned();
        if child(&root, events)?.status()?.success() {
            break;
        }
        deaths += 1;
        let problems = place.store.check()?;
        assert_eq!(problems, Vec::<String>::new(), "killed at event {events}");
        let image = place
            .import(&image())
            .map_err(|error| crate::place::told(&error))?;
        for (layer, wanted) in image.layers.iter().zip(&wanted) {
            same(&tree(layer), wanted)?;
        }
        let removed = place.store.sweep(&Policy::default())?;
        assert_eq!(
            (removed.layers, removed.blobs),
            (0, 0),
            "killed at event {events}"
        );
        assert_eq!(fs::read_dir(root.join("ingest"))?.count(), 0);
        assert_eq!(place.store.check()?, Vec::<String>::new());
    }
    assert!((10..99).contains(&deaths), "{deaths}");
    Ok(())
}

fn processes_share_the_work() -> Outcome {
    let place = Place::new();
    let children: Vec<_> = (0..6)
        .map(|_| {
            child(place.store.root(), 0)?
                .spawn()
                .map_err(libtest_mimic::Failed::from)
        })
        .collect::<Result<_, _>>()?;
    for process in children {
        let output = process.wait_with_output()?;
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(place.store.check()?, Vec::<String>::new());
    let second = image();
    place.import(&second)?;
    assert_eq!(second.sent.load(Ordering::Relaxed), 0);
    Ok(())
}

fn what_is_leased_stays() -> Outcome {
    let place = Place::new();
    let image = place.import(&image())?;
    let all = Policy {
        names: vec!["test".to_owned()],
        ..Policy::default()
    };
    // Another process's view: it has leases of its own.
    let other = Store::open(place.store.root())?;
    let removed = other.sweep(&all)?;
    assert_eq!((removed.images.len(), removed.layers, removed.blobs), (1, 0, 0));
    assert!(place.store.find("test", &platform())?.is_none());
    assert!(
        image
            .layers
            .iter()
            .all(|layer| layer.join("..").join("layer.json").exists())
    );
    drop(image);
    let used = disk(place.store.root());
    let removed = other.sweep(&Policy::default())?;
    assert_eq!((removed.layers, removed.blobs), (3, 5));
    let freed = used - disk(place.store.root());
    assert_eq!(removed.bytes, freed);
    assert_eq!(place.store.check()?, Vec::<String>::new());
    Ok(())
}

/// Bytes of the disk that a tree takes in `blobs` and `layers`.
fn disk(root: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    fn walk(path: &Path) -> u64 {
        let metadata = fs::symlink_metadata(path).expect("metadata");
        let below: u64 = if metadata.is_dir() {
            fs::read_dir(path)
                .expect("a directory")
                .map(|entry| walk(&entry.expect("an entry").path()))
                .sum()
        } else {
            0
        };
        metadata.blocks() * 512 + below
    }
    let inside = |part: &str| -> u64 {
        fs::read_dir(root.join(part))
            .expect("a part")
            .map(|entry| walk(&entry.expect("an entry").path()))
            .sum()
    };
    inside("blobs/sha256") + inside("layers")
}

fn a_layer_of_another_boot_is_done_again() -> Outcome {
    let place = Place::new();
    let image = place.import(&image())?;
    let layer = image.layers[0].parent().expect("a parent").to_owned();
    drop(image);
    // As if the machine had gone down before anything was written out.
    fs::remove_file(layer.join("durable"))?;
    let facts = fs::read_to_string(layer.join("layer.json"))?;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    fs::write(layer.join("layer.json"), facts.replace(boot.trim(), "another"))?;
    fs::write(layer.join("fs/d1/f0"), "")?;
    let again = self::image();
    let image = place.import(&again)?;
    assert_eq!(fs::read(image.layers[0].join("d1/f0"))?.len(), 4_000);
    assert_eq!(again.sent.load(Ordering::Relaxed), 0);
    Ok(())
}

fn all_of_it_as_an_ordinary_user() -> Outcome {
    let place = tempfile::tempdir()?;
    fs::set_permissions(place.path(), PermissionsExt::from_mode(0o777))?;
    // The folder that cargo builds into may be closed to other users.
    let program = place.path().join("tests");
    fs::copy(std::env::current_exe()?, &program)?;
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755))?;
    let output = Command::new(&program)
        .uid(ORDINARY)
        .gid(ORDINARY)
        .current_dir("/")
        .env("TMPDIR", place.path())
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stdout).into_owned().into())
}
