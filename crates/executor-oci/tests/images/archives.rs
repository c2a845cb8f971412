//! Archives and layouts: our own, those of other tools, and hostile ones.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;
use windlass_executor_oci::Digest;
use windlass_executor_oci::Image;
use windlass_executor_oci::Limits;
use windlass_executor_oci::archive;
use windlass_executor_oci::import;

use crate::layer::Layer;
use crate::layer::gzip;
use crate::layer::zstd;
use crate::memory::Memory;
use crate::memory::platform;
use crate::place::Outcome;
use crate::place::Place;
use crate::place::same;
use crate::place::told;
use crate::place::tree;

/// All tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test(
            "archives::what_is_saved_can_be_loaded",
            what_is_saved_can_be_loaded,
        ),
        Trial::test(
            "archives::old_docker_archives_are_read",
            old_docker_archives_are_read,
        ),
        Trial::test(
            "archives::images_of_umoci_and_skopeo_are_read",
            images_of_other_tools_are_read,
        ),
        Trial::test("archives::images_of_buildah_are_read", images_of_buildah_are_read),
    ]
}

/// Loads everything that an archive holds, as `NAME:INDEX`; the names it brings, and the images.
fn load(place: &Place, path: &Path) -> Result<Vec<(Vec<String>, Image)>, String> {
    let found =
        archive::open(path, place.directory.path(), &Limits::default()).map_err(|error| told(&error))?;
    let mut images = Vec::new();
    let platform = platform();
    for (index, found) in found.into_iter().enumerate() {
        let name = format!("loaded:{index}");
        let loading = import::import(
            &place.store,
            &name,
            found.source.as_ref(),
            &platform,
            &LIMITS,
            &(),
        );
        let image = place.runtime.block_on(loading).map_err(|error| told(&error))?;
        images.push((found.names, image));
    }
    Ok(images)
}

static LIMITS: std::sync::LazyLock<Limits> = std::sync::LazyLock::new(Limits::default);

fn what_is_saved_can_be_loaded() -> Outcome {
    let place = Place::new();
    let base = Layer::new().directory("bin", 0o755).file("bin/sh", "#!").end();
    let top = Layer::new().file("etc/motd", "hello").end();
    let original = place.import(&Memory::packed(&[
        (base.clone(), gzip(&base)),
        (top.clone(), zstd(&top)),
    ]))?;
    let records = place.store.list()?;
    let (file, directory) = (
        place.directory.path().join("saved.tar"),
        place.directory.path().join("layout"),
    );
    archive::save(&place.store, &records, &mut fs::File::create(&file)?)?;
    archive::save_layout(&place.store, &records, &directory)?;
    let packed = place.directory.path().join("saved.tar.gz");
    fs::write(&packed, gzip(&fs::read(&file)?))?;
    for path in [&file, &directory, &packed] {
        let other = Place::new();
        let images = load(&other, path)?;
        let [(names, image)] = images.as_slice() else {
            return Err(format!("{} images", images.len()).into());
        };
        assert_eq!(names, &["test"]);
        assert_eq!((image.digest, &image.config), (original.digest, &original.config));
        same(&tree(&image.layers[1]), &tree(&original.layers[1]))?;
        assert_eq!(other.store.check()?, Vec::<String>::new());
    }
    Ok(())
}

/// As `docker save` wrote them before it wrote layouts: layers in folders, the same layer as a link.
fn old_docker_archives_are_read() -> Outcome {
    let place = Place::new();
    let layer = Layer::new().file("a", "x").end();
    let diff_id = Digest::of(&layer);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"Cmd":["a"]}},"rootfs":{{"type":"layers","diff_ids":["{diff_id}","{diff_id}"]}}}}"#
    );
    let manifest = r#"[{"Config":"c.json","RepoTags":["app:1","app:latest"],"Layers":["one/layer.tar","two/layer.tar"]}]"#;
    let archive = Layer::new()
        .file_with("one/layer.tar", &layer, 0o644, (0, 0))
        .symlink("two/layer.tar", "../one/layer.tar")
        .file("c.json", &config)
        .file("manifest.json", manifest)
        .end();
    let file = place.directory.path().join("old.tar");
    fs::write(&file, archive)?;
    let images = load(&place, &file)?;
    assert_eq!(images[0].0, ["app:1", "app:latest"]);
    assert_eq!(images[0].1.config.cmd, ["a"]);
    assert_eq!(images[0].1.layers.len(), 2);
    Ok(())
}

pub(crate) fn hostile_archives_are_refused() -> Outcome {
    let new = Layer::new;
    let index = |digest: &str| format!(r#"{{"manifests":[{{"digest":"{digest}","size":1}}]}}"#);
    let zero = format!("sha256:{}", "0".repeat(64));
    let blob = format!("blobs/sha256/{}", "0".repeat(64));
    let itself = index(&zero);
    let deep = Digest::of(itself.as_bytes()).to_string();
    let rows: Vec<(&str, Vec<u8>, String)> = vec![
        ("empty", Vec::new(), "FILE is neither an OCI layout nor a docker archive: it has no index.json and no manifest.json at its top".into()),
        ("not an archive", vec![b'x'; 2048], "FILE is neither an OCI layout nor a docker archive: it has no index.json and no manifest.json at its top".into()),
        ("no JSON", new().file("index.json", "{").end(), "FILE: index.json: EOF while parsing an object at line 1 column 1".into()),
        ("a digest that is a path", new().file("index.json", &index("sha256:../../etc/shadow")).end(), "read image FILE: FILE: `sha256:../../etc/shadow` is no digest of the form sha256:<64 hexadecimal digits>; other algorithms are not supported".into()),
        ("a blob that is missing", new().file("index.json", &index(&zero)).end(), format!("read image FILE: FILE has no file {blob}, which its documents name")),
        ("a blob of another digest", new().file("index.json", &index(&zero)).file(&blob, "{}").end(), format!("read image FILE: FILE: {blob}: its content has the digest sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a: it was changed or damaged")),
        ("an index of nothing we can run", new().file("index.json", &index(&Digest::of(b"{\"manifests\":[]}").to_string())).file(&format!("blobs/sha256/{}", Digest::of(b"{\"manifests\":[]}").hex()), "{\"manifests\":[]}").end(), "read image FILE: FILE has no image for linux/amd64; it has none that it names".into()),
        ("an index whose only line leads nowhere", new().file("index.json", &index(&deep)).file(&format!("blobs/sha256/{}", &deep[7..]), &itself).end(), format!("read image FILE: FILE has no file {blob}, which its documents name")),
        ("links out of the archive", new().file("manifest.json", r#"[{"Config":"c.json","Layers":[]}]"#).symlink("c.json", "../../../../etc/passwd").end(), "FILE has no file c.json, which its documents name".into()),
        ("links in a circle", new().file("manifest.json", r#"[{"Config":"a","Layers":[]}]"#).symlink("a", "b").symlink("b", "a").end(), "FILE has no file a, which its documents name".into()),
        ("a name out of the archive", new().file("manifest.json", r#"[{"Config":"../../../etc/passwd","Layers":[]}]"#).end(), "FILE has no file ../../../etc/passwd, which its documents name".into()),
        ("a very old archive", new().file("repositories", "{}").end(), "FILE was written by a docker before 1.10, which said nothing about content; save it again with a newer one".into()),
    ];
    let mut wrong = String::new();
    for (name, archive, wanted) in rows {
        let place = Place::new();
        let file = place.directory.path().join("file");
        fs::write(&file, archive)?;
        let got = load(&place, &file).map_or_else(|error| error, |_| "accepted".to_owned());
        let got = got.replace(file.to_str().expect("UTF-8"), "FILE");
        if got != wanted {
            let _ = writeln!(wrong, "{name}:\n  got    {got}\n  wanted {wanted}");
        }
        assert_eq!(place.store.check()?, Vec::<String>::new(), "{name}");
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.into())
    }
}

/// A test that needs a program says so; in CI its absence is a failure.
#[expect(clippy::print_stderr, reason = "how a test says that it did not run")]
fn needs(program: &str) -> Result<bool, libtest_mimic::Failed> {
    let is_there = |path: std::ffi::OsString| {
        std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
    };
    if std::env::var_os("PATH").is_some_and(is_there) {
        return Ok(true);
    }
    let reason = format!("{program} is not installed");
    if std::env::var_os("CI").is_some() {
        return Err(reason.into());
    }
    eprintln!("skipped: {reason}");
    Ok(false)
}

fn run(program: &str, directory: &Path, arguments: &[&str]) -> Outcome {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .env("HOME", directory)
        .env("XDG_RUNTIME_DIR", directory)
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} {arguments:?}: {text}").into())
}

fn images_of_other_tools_are_read() -> Outcome {
    if !(needs("umoci")? && needs("skopeo")?) {
        return Ok(());
    }
    let place = Place::new();
    let directory = place.directory.path();
    build(directory)?;
    let mut trees = Vec::new();
    for path in ["layout", "oci.tar", "docker.tar", "zstd"] {
        let other = Place::new();
        let images = load(&other, &directory.join(path))?;
        let [(_, image)] = images.as_slice() else {
            return Err(format!("{path}: {} images", images.len()).into());
        };
        assert_eq!(image.config.cmd, ["tool"], "{path}");
        let layers: Vec<String> = image.layers.iter().map(|layer| tree(layer)).collect();
        trees.push((path, layers.join("--\n")));
        assert_eq!(other.store.check()?, Vec::<String>::new());
    }
    assert!(
        trees[0].1.contains("c0000") && trees[0].1.contains("bin/more/added"),
        "{}",
        trees[0].1
    );
    for (path, tree) in &trees[1..] {
        same(tree, &trees[0].1).map_err(|error| format!("{path}: {error:?}"))?;
    }
    Ok(())
}

/// One image in the forms in which tools write it.
fn build(directory: &Path) -> Outcome {
    fs::create_dir_all(directory.join("tree/bin"))?;
    fs::write(directory.join("tree/bin/tool"), "one")?;
    fs::create_dir(directory.join("more"))?;
    fs::write(directory.join("more/added"), "two")?;
    let commands = [
        "umoci init --layout layout",
        "umoci new --image layout:app",
        "umoci insert --rootless --image layout:app tree /",
        "umoci insert --rootless --image layout:app more /bin/more",
        "umoci insert --rootless --image layout:app --whiteout /bin/tool",
        "umoci config --image layout:app --config.cmd tool",
        "skopeo copy oci:layout:app oci-archive:oci.tar:app",
        "skopeo copy oci:layout:app docker-archive:docker.tar:example/app:1",
        "skopeo copy --dest-compress-format zstd --dest-compress oci:layout:app oci:zstd:app",
    ];
    for command in commands {
        let mut words = command.split(' ');
        let program = words.next().unwrap_or_default();
        run(program, directory, &words.collect::<Vec<_>>())?;
    }
    Ok(())
}

fn images_of_buildah_are_read() -> Outcome {
    if !needs("buildah")? || !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let place = Place::new();
    let directory = place.directory.path();
    fs::write(directory.join("file"), "content")?;
    let script = "set -e; export STORAGE_DRIVER=vfs; \
        b=\"buildah --root $PWD/root --runroot $PWD/run\"; \
        c=$($b from scratch); $b copy $c file /srv/file; $b config --entrypoint '[\"/srv/file\"]' $c; \
        $b commit --signature-policy $PWD/policy.json $c oci-archive:$PWD/built.tar:built";
    fs::write(
        directory.join("policy.json"),
        r#"{"default":[{"type":"insecureAcceptAnything"}]}"#,
    )?;
    run("sh", directory, &["-c", script])?;
    let images = load(&place, &directory.join("built.tar"))?;
    assert_eq!(images[0].1.config.entrypoint, ["/srv/file"]);
    assert_eq!(
        fs::read_to_string(images[0].1.layers[0].join("srv/file"))?,
        "content"
    );
    Ok(())
}
