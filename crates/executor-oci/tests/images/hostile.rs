//! A table of images that mean harm. Each is refused with the layer and the entry named, and leaves the store as it was.

use std::fmt::Write as _;

use libtest_mimic::Trial;
use serde_json::json;
use windlass_executor_oci::Limits;

use crate::layer::Head;
use crate::layer::Layer;
use crate::layer::gzip;
use crate::layer::size;
use crate::layer::zstd;
use crate::memory::Memory;
use crate::place::Outcome;
use crate::place::Place;

/// All tests of this file that mean the same for every user.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("hostile::every_image_is_refused", every_image_is_refused),
        Trial::test(
            "hostile::links_stay_inside_the_image",
            links_stay_inside_the_image,
        ),
        Trial::test(
            "hostile::archives_are_refused",
            crate::archives::hostile_archives_are_refused,
        ),
    ]
}

/// All tests of this file that need an ordinary user.
pub(crate) fn ordinary_trials() -> Vec<Trial> {
    vec![Trial::test(
        "hostile::devices_are_not_for_ordinary_users",
        devices_are_not_for_ordinary_users,
    )]
}

/// An image of one layer.
fn one(layer: Layer) -> Memory {
    Memory::new(&[layer.end()])
}

fn two(below: Layer, above: Layer) -> Memory {
    Memory::new(&[below.end(), above.end()])
}

/// One layer as it is transferred; the configuration does not matter any more when it cannot be unpacked.
fn packed(bytes: Vec<u8>) -> Memory {
    Memory::packed(&[(bytes.clone(), bytes)])
}

/// Bounds that a test can exceed quickly.
fn tight() -> Limits {
    Limits {
        bytes: 6 << 20,
        entries: 1_000,
        ratio: 20,
        ratio_from: 1 << 16,
        layers: 8,
        ..Limits::default()
    }
}

fn head(head: Head<'_>) -> Layer {
    Layer::new().head(&head)
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn names() -> Vec<(&'static str, Memory, &'static str)> {
    let new = Layer::new;
    vec![
        (
            "parent in a name",
            one(new().file("../evil", "x")),
            "`../evil`: the name leads out of the image or names nothing; refused",
        ),
        (
            "parent inside a name",
            one(new().file("a/../../evil", "x")),
            "`a/../../evil`: the name leads out of the image or names nothing; refused",
        ),
        (
            "parent as a name",
            one(new().directory("a/..", 0o777)),
            "`a/..`: the name leads out of the image or names nothing; refused",
        ),
        (
            "the root as a file",
            one(new().symlink("/", "/etc")),
            "`/`: the name leads out of the image or names nothing; refused",
        ),
        (
            "NUL in a PAX name",
            one(new().pax(b'x', &[("path", b"a\0b")]).file("a", "")),
            "after ``: `path` of an extended header holds a NUL",
        ),
        (
            "write through a link that climbs",
            one(new().symlink("a", "../../etc").file("a/passwd", "x")),
            "`a/passwd`: a link on the way, to `../../etc`, leads out of the image; refused",
        ),
        (
            "link of a lower layer that climbs",
            two(new().symlink("a", "../.."), new().file("a/x", "x")),
            "`a/x`: a link on the way, to `../..`, leads out of the image; refused",
        ),
        (
            "links in a circle",
            one(new().symlink("a", "b").symlink("b", "a").file("a/x", "x")),
            "`a/x`: links on the way lead in a circle",
        ),
        (
            "a link to itself",
            one(new().symlink("a", "a").directory("a/b", 0o755)),
            "`a/b`: links on the way lead in a circle",
        ),
        (
            "hard link out",
            one(new().hard("a", "../../etc/shadow")),
            "`a`: the name leads out of the image or names nothing; refused",
        ),
        (
            "hard link to a file of the machine",
            one(new().hard("a", "/etc/shadow")),
            "`a`: the hard link's target `/etc/shadow` does not exist in the image",
        ),
        (
            "hard link through a link that climbs",
            one(new().symlink("l", "../../../etc").hard("a", "l/shadow")),
            "`a`: a link on the way, to `../../../etc`, leads out of the image; refused",
        ),
        (
            "hard link to itself",
            one(new().hard("a", "a")),
            "`a`: the hard link's target `a` cannot be linked: it is a directory, a device, or the link itself",
        ),
        (
            "hard link to a directory",
            one(new().directory("d", 0o755).hard("a", "d")),
            "`a`: the hard link's target `d` cannot be linked: it is a directory, a device, or the link itself",
        ),
        (
            "hard link to what was removed",
            two(new().file("f", "1"), new().file(".wh.f", "").hard("a", "f")),
            "`a`: the hard link's target `f` does not exist in the image",
        ),
        (
            "file as a directory",
            one(new().file("a", "x").file("a/b", "x")),
            "`a/b`: `a`, on the way, is not a directory",
        ),
        (
            "file of a lower layer as a directory",
            two(new().file("a", "x"), new().file("a/b", "x")),
            "`a/b`: `a`, on the way, is not a directory",
        ),
        (
            "whiteout of the parent",
            one(new().file("a/.wh...", "")),
            "`a/.wh...`: the whiteout does not name a file to hide",
        ),
        (
            "whiteout of nothing",
            one(new().file(".wh.", "")),
            "`.wh.`: the whiteout does not name a file to hide",
        ),
        (
            "whiteout as a directory",
            one(new().file(".wh.a/b", "")),
            "`.wh.a/b`: the whiteout does not name a file to hide",
        ),
        (
            "whiteout through a link that climbs",
            one(new().symlink("a", "..").file("a/.wh.b", "")),
            "`a/.wh.b`: a link on the way, to `..`, leads out of the image; refused",
        ),
        (
            "marks of the overlay",
            one(new()
                .pax(b'x', &[("SCHILY.xattr.trusted.overlay.redirect", b"/../..")])
                .directory("a", 0o755)),
            "`a`: the attribute `trusted.overlay.redirect` steers the overlay that containers are made of; refused",
        ),
        (
            "marks of a rootless overlay",
            one(new()
                .pax(b'x', &[("SCHILY.xattr.user.overlay.metacopy", b"")])
                .file("a", "")),
            "`a`: the attribute `user.overlay.metacopy` steers the overlay that containers are made of; refused",
        ),
        (
            "marks on a link",
            one(new()
                .pax(b'x', &[("SCHILY.xattr.trusted.overlay.opaque", b"y")])
                .symlink("a", "b")),
            "`a`: the attribute `trusted.overlay.opaque` steers the overlay that containers are made of; refused",
        ),
        (
            "deep nesting",
            one(new()
                .pax(b'x', &[("path", "d/".repeat(200).as_bytes())])
                .directory("x", 0o755)),
            "`D`: the path has 200 components, more than 128",
        ),
        (
            "a long path",
            one(new()
                .pax(b'x', &[("path", format!("{}x", "d/".repeat(2_100)).as_bytes())])
                .file("x", "")),
            "`D`: the path has 4201 bytes, more than 4095",
        ),
        (
            "a long component",
            one(new()
                .pax(b'x', &[("path", "d".repeat(300).as_bytes())])
                .file("x", "")),
            "`D`: the path has 300 bytes in one component, more than 255",
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn forms() -> Vec<(&'static str, Memory, &'static str)> {
    let new = Layer::new;
    let many: Vec<(String, Vec<u8>)> = (0..300)
        .map(|index| (format!("SCHILY.xattr.user.{index}"), vec![0]))
        .collect();
    let many: Vec<(&str, &[u8])> = many
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_slice()))
        .collect();
    vec![
        (
            "too many attributes",
            one(new().pax(b'x', &many).file("a", "")),
            "after ``: more than 256 extended attributes",
        ),
        (
            "a huge extended header",
            one(head(Head {
                name: b"x",
                kind: b'x',
                size: b"77777777777\0",
                ..Head::default()
            })),
            "after ``: an extended header of 8589934591 bytes; at most 1048576 are read",
        ),
        (
            "a huge long name",
            one(head(Head {
                name: b"x",
                kind: b'L',
                size: b"00010000000\0",
                ..Head::default()
            })),
            "after ``: an extended header of 2097152 bytes; at most 1048576 are read",
        ),
        (
            "extended headers without end",
            one((0..40).fold(new(), |layer, _| layer.meta(b'L', b"a\0"))),
            "after ``: more than 16 extended headers before one entry",
        ),
        (
            "a negative size",
            one(new().file("ok", "").head(&Head {
                name: b"a",
                size: &[0xff; 12],
                ..Head::default()
            })),
            "after `ok`: size is negative",
        ),
        (
            "a negative size in decimal",
            one(new().pax(b'x', &[("size", b"-1")]).file("a", "")),
            "after ``: size is negative",
        ),
        (
            "a size beyond all bounds",
            one(head(Head {
                name: b"a",
                size: &[0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                ..Head::default()
            })),
            "`a`: the archive ends in the middle of an entry",
        ),
        (
            "a size too large for a number",
            one(head(Head {
                name: b"a",
                size: &[0xbf; 12],
                ..Head::default()
            })),
            "after ``: size is too large",
        ),
        (
            "an owner that means nobody",
            one(head(Head {
                name: b"a",
                uid: &[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
                ..Head::default()
            })),
            "after ``: owner 4294967295 is too large",
        ),
        (
            "a wrong checksum",
            one(new().file("ok", "").raw(&[b'x'; 512])),
            "after `ok`: checksum is not a number",
        ),
        (
            "an unknown type",
            one(new().special("a", b'V', "")),
            "after ``: `a` has the unknown type `V`",
        ),
        (
            "a sparse file whose map overlaps",
            one(new()
                .pax(
                    b'x',
                    &[("GNU.sparse.map", b"0,2,1,2"), ("GNU.sparse.size", b"10")],
                )
                .file("a", "abcd")),
            "after ``: a sparse file's map contradicts its content",
        ),
        (
            "a sparse file larger than everything",
            one(new()
                .pax(
                    b'x',
                    &[
                        ("GNU.sparse.map", b"0,4"),
                        ("GNU.sparse.size", b"9000000000000000000"),
                    ],
                )
                .file("a", "abcd")),
            "`a`: the unpacked size of the image, in bytes, exceeds the limit of 6291456; raise it if the image is trusted",
        ),
        (
            "truncated in content",
            packed(
                new()
                    .head(&Head {
                        name: b"a",
                        size: size(5000).as_bytes(),
                        ..Head::default()
                    })
                    .raw(b"abc")
                    .cut(),
            ),
            "`a`: the archive ends in the middle of an entry",
        ),
        (
            "truncated in a header",
            packed(new().file("ok", "x").raw(b"half a header").cut()),
            "after `ok`: the archive ends in the middle of an entry",
        ),
        (
            "truncated gzip",
            packed(gzip(&new().file("a", "x").end())[..40].to_vec()),
            "after ``: decompress: incomplete deflate stream",
        ),
        (
            "truncated zstd",
            packed(zstd(&new().file("a", "x").end())[..20].to_vec()),
            "after ``: decompress: incomplete frame",
        ),
        (
            "another compression",
            packed(b"BZh91AY&SY".to_vec()),
            "after ``: decompress: bzip2 is not supported",
        ),
        (
            "a web page",
            packed(b"<html>you are not logged in</html>".repeat(20)),
            "after ``: checksum is not a number",
        ),
        (
            "a bomb of size",
            Memory::packed(&[bomb(40 << 20)]),
            "`zeros`: the layer unpacks to more than 20 times its size: a decompression bomb; raise the limit if it is trusted",
        ),
        (
            "a large image",
            one((0..30).fold(new(), |layer, index| {
                layer.file_with(&format!("f{index}"), &noise(300_000, index), 0o644, (0, 0))
            })),
            "`f20`: the unpacked size of the image, in bytes, exceeds the limit of 6291456; raise it if the image is trusted",
        ),
        (
            "a bomb of count",
            one((0..1_500).fold(new(), |layer, index| layer.file(&format!("f{index}"), ""))),
            "`f1000`: the number of files of the image exceeds the limit of 1000; raise it if the image is trusted",
        ),
    ]
}

/// An archive that shrinks a thousandfold.
fn bomb(bytes: usize) -> (Vec<u8>, Vec<u8>) {
    let layer = Layer::new()
        .file_with("zeros", &vec![0; bytes], 0o644, (0, 0))
        .end();
    let packed = gzip(&layer);
    (layer, packed)
}

/// Bytes that do not shrink.
pub(crate) fn noise(count: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    (0..count).map(|_| next()).collect()
}

/// Images whose documents lie. The whole message is given, without the image's place.
#[expect(clippy::too_many_lines, reason = "a table")]
fn lies() -> Vec<(&'static str, Memory, &'static str)> {
    // Each has its own content: what an earlier image left, verified, would be used.
    let count = std::cell::Cell::new(0);
    let honest = || {
        count.set(count.get() + 1);
        one(Layer::new().file("a", &format!("honest {}", count.get())))
    };
    let other = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    vec![
        (
            "a layer that was changed",
            honest().tamper(0, |blob| blob[600] ^= 1),
            "LAYER: its content has the digest OTHER: it was changed or damaged on the way",
        ),
        (
            "a layer that is longer",
            honest().tamper(0, |blob| blob.push(0)),
            "LAYER: it has more than the 2048 bytes that the manifest says",
        ),
        (
            "a layer that is shorter",
            honest().tamper(0, |blob| blob.truncate(1_000)),
            "LAYER: it ends after 1000 of 2048 bytes",
        ),
        (
            "a manifest that says less",
            honest().lie(|manifest| manifest["layers"][0]["size"] = json!(100)),
            "LAYER: it has more than the 100 bytes that the manifest says",
        ),
        (
            "a manifest that says more",
            honest().lie(|manifest| manifest["layers"][0]["size"] = json!(1_u64 << 60)),
            "LAYER: it ends after 2048 of 1152921504606846976 bytes",
        ),
        (
            "another diff id",
            honest().configured(|config| config["rootfs"]["diff_ids"][0] = json!(other)),
            "layer LAYER: its content has the digest LAYER, not sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa as the image's configuration says",
        ),
        (
            "more layers than the configuration",
            honest().configured(|config| config["rootfs"]["diff_ids"] = json!([])),
            "its manifest has 1 layers and its configuration 0",
        ),
        (
            "no layers",
            honest()
                .configured(|config| config["rootfs"]["diff_ids"] = json!([]))
                .lie(|manifest| manifest["layers"] = json!([])),
            "it has 0 layers; between 1 and 8 can be run",
        ),
        (
            "too many layers",
            Memory::new(&vec![Layer::new().end(); 9]),
            "it has 9 layers; between 1 and 8 can be run",
        ),
        (
            "a huge configuration",
            honest().lie(|manifest| manifest["config"]["size"] = json!(1_u64 << 40)),
            "its configuration has 1099511627776 bytes; at most 8388608 are read",
        ),
        (
            "another machine",
            honest().configured(|config| config["architecture"] = json!("s390x")),
            "it is made for linux/s390x, not for linux/amd64",
        ),
        (
            "an artifact",
            honest().lie(|manifest| {
                manifest["config"]["mediaType"] = json!("application/vnd.cncf.helm.config.v1+json");
            }),
            "it is no container image: application/vnd.cncf.helm.config.v1+json; images with a configuration of another kind hold artifacts, not file systems",
        ),
        (
            "a digest we cannot verify",
            honest().lie(|manifest| {
                manifest["layers"][0]["digest"] = json!("md5:d41d8cd98f00b204e9800998ecf8427e");
            }),
            "`LAYER` is no digest of the form sha256:<64 hexadecimal digits>; other algorithms are not supported",
        ),
        (
            "a configuration that is none",
            honest()
                .lie(|manifest| manifest["config"] = manifest["layers"][0].clone())
                .lie(|manifest| {
                    manifest["config"]["mediaType"] = json!("application/vnd.oci.image.config.v1+json");
                }),
            "its configuration cannot be read: expected value at line 1 column 1",
        ),
    ]
}

fn every_image_is_refused() -> Outcome {
    let place = Place::new();
    place.import(&one(Layer::new().file("good", "x")))?;
    let before = crate::place::tree(&place.store.root().join("layers"));
    let mut wrong = String::new();
    let mut count = 0;
    let rows = names().into_iter().chain(forms()).map(|row| (row, true));
    for ((name, image, wanted), is_layer) in rows.chain(lies().into_iter().map(|row| (row, false))) {
        count += usize::from(wanted != "accepted");
        let got = place.refusal(&image, &tight());
        let layer = image.manifest["layers"]
            .as_array()
            .and_then(|layers| layers.last())
            .map(|layer| layer["digest"].as_str().unwrap_or_default().to_owned())
            .unwrap_or_default();
        let got = tell(&got, &layer);
        let wanted = if is_layer && wanted != "accepted" {
            format!("image test.example/image:1: layer LAYER: {wanted}")
        } else if wanted == "accepted" {
            wanted.to_owned()
        } else {
            format!("image test.example/image:1: {wanted}")
        };
        if got != wanted {
            let _ = writeln!(wrong, "{name}:\n  got    {got}\n  wanted {wanted}");
        }
        // Whatever was refused, nothing of it is left that looks whole, and the good image is as it was.
        let problems = place.store.check()?;
        if !problems.is_empty() {
            let _ = writeln!(wrong, "{name}: the store: {problems:?}");
        }
    }
    assert!(count >= 25, "{count}");
    if !wrong.is_empty() {
        return Err(wrong.into());
    }
    let after = crate::place::tree(&place.store.root().join("layers"));
    assert!(after.contains("good"), "{before}");
    Ok(())
}

/// Replaces what differs from image to image.
fn tell(text: &str, layer: &str) -> String {
    let text = if layer.is_empty() {
        text.to_owned()
    } else {
        text.replace(layer, "LAYER")
    };
    let mut told = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("has the digest sha256:") {
        told.push_str(before);
        told.push_str("has the digest OTHER");
        rest = after.get(64..).unwrap_or_default();
    }
    told.push_str(rest);
    // Long names are shortened, and told shorter still.
    for part in ["d/", "d"] {
        if let Some(at) = told.find(&part.repeat(50)) {
            let end = told[at..].find('`').map_or(told.len(), |end| at + end);
            told.replace_range(at..end, "D");
        }
    }
    told
}

/// Absolute links mean the image's root, never the machine's.
fn links_stay_inside_the_image() -> Outcome {
    let place = Place::new();
    let outside = place.directory.path().join("outside");
    std::fs::create_dir(&outside)?;
    let target = outside.to_str().expect("UTF-8");
    let image = Memory::new(&[
        Layer::new()
            .symlink("abs", target)
            .file("abs/evil", "x")
            .symlink("file", &format!("{target}/planted"))
            .file("file", "replaces the link")
            .hard("linked", "abs/evil")
            .end(),
        Layer::new()
            .file("abs/second", "x")
            .file("abs/.wh.evil", "")
            .end(),
    ]);
    let image = place.import(&image)?;
    assert_eq!(crate::place::tree(&outside), "");
    let inside = image.layers[0].join(target.trim_start_matches('/'));
    assert_eq!(std::fs::read_to_string(inside.join("evil"))?, "x");
    Ok(())
}

fn devices_are_not_for_ordinary_users() -> Outcome {
    let place = Place::new();
    let device = Memory::new(&[Layer::new().device("srv/disk", b'4', 8, 0).end()]);
    let refusal = tell(
        &place.refusal(&device, &Limits::default()),
        device.manifest["layers"][0]["digest"]
            .as_str()
            .unwrap_or_default(),
    );
    assert_eq!(
        refusal,
        "image test.example/image:1: layer LAYER: `srv/disk`: a device, which only root can make; run as root, or use an image without devices outside /dev"
    );
    // Containers get a /dev of their own.
    let image = place.import(&Memory::new(&[Layer::new()
        .device("dev/null", b'3', 1, 3)
        .file("a", "")
        .end()]))?;
    assert!(!image.layers[0].join("dev/null").exists());
    assert_eq!(place.store.check()?, Vec::<String>::new());
    Ok(())
}
