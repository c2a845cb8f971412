//! What honest layers become.

use std::fs;

use libtest_mimic::Trial;

use crate::layer::Head;
use crate::layer::Layer;
use crate::layer::gzip;
use crate::layer::size;
use crate::layer::zstd;
use crate::memory::Memory;
use crate::place::Outcome;
use crate::place::Place;
use crate::place::same;
use crate::place::tree;

/// All tests of this file that mean the same for every user.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("unpack::every_compression_is_read", every_compression_is_read),
        Trial::test(
            "unpack::whiteouts_hide_only_what_is_below",
            whiteouts_hide_only_what_is_below,
        ),
        Trial::test(
            "unpack::links_of_lower_layers_are_followed",
            links_of_lower_layers_are_followed,
        ),
        Trial::test(
            "unpack::hard_links_reach_lower_layers",
            hard_links_reach_lower_layers,
        ),
        Trial::test("unpack::later_entries_win", later_entries_win),
        Trial::test("unpack::every_dialect_is_read", every_dialect_is_read),
        Trial::test("unpack::holes_stay_holes", holes_stay_holes),
        Trial::test(
            "unpack::implied_directories_are_those_below",
            implied_directories_are_those_below,
        ),
    ]
}

/// All tests of this file that need root.
pub(crate) fn root_trials() -> Vec<Trial> {
    vec![Trial::test(
        "unpack::root_keeps_owners_and_devices",
        root_keeps_owners_and_devices,
    )]
}

/// The uppermost of some layers, as it was unpacked; owners are those of whoever runs the test.
fn upper(layers: &[Vec<u8>]) -> Result<String, libtest_mimic::Failed> {
    let place = Place::new();
    let image = place.import(&Memory::new(layers))?;
    let text = tree(image.layers.last().expect("a layer"));
    let me = format!(
        " {}:{} ",
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw()
    );
    Ok(text.replace(&me, " me "))
}

fn every_compression_is_read() -> Outcome {
    let plain = Layer::new().file("a", "content").end();
    let mut two_members = gzip(&plain[..700]);
    two_members.extend(gzip(&plain[700..]));
    for packed in [plain.clone(), gzip(&plain), zstd(&plain), two_members] {
        let place = Place::new();
        let image = place.import(&Memory::packed(&[(plain.clone(), packed)]))?;
        assert_eq!(fs::read_to_string(image.layers[0].join("a"))?, "content");
        assert_eq!(place.store.check()?, Vec::<String>::new());
    }
    Ok(())
}

fn whiteouts_hide_only_what_is_below() -> Outcome {
    let base = Layer::new()
        .directory("d", 0o755)
        .file("d/old", "1")
        .file("gone", "1")
        .directory("e", 0o755)
        .file("e/old", "1")
        .end();
    let next = Layer::new()
        .file(".wh.gone", "")
        .file("d/new", "2")
        .file("d/.wh..wh..opq", "")
        // Hides what is below, and not what comes with it, in either order.
        .directory("e", 0o755)
        .file("e/new", "2")
        .file(".wh.e", "")
        .file(".wh.f", "")
        .directory("f", 0o755)
        .file("same", "2")
        .file(".wh.same", "")
        // Bookkeeping of an old storage driver.
        .directory(".wh..wh.plnk", 0o755)
        .file(".wh..wh.plnk/1.2", "")
        .end();
    same(
        &upper(&[base, next])?,
        r#"
        d0755 me d opaque
        -0644 me d/new "2" links=1
        d0755 me e opaque
        -0644 me e/new "2" links=1
        d0755 me f opaque
        c0000 me gone 0
        -0644 me same "2" links=1
        "#,
    )
}

fn links_of_lower_layers_are_followed() -> Outcome {
    let base = Layer::new()
        .directory("usr/bin", 0o755)
        .symlink("bin", "usr/bin")
        .symlink("var/run", "/run")
        .symlink("usr/up", "../opt/x")
        .end();
    let middle = Layer::new()
        .directory("opt/x", 0o711)
        .file("bin/middle", "1")
        .end();
    let top = Layer::new()
        .file("bin/tool", "2")
        .file("var/run/pid", "2")
        .file("usr/up/deep/er", "2")
        .symlink("own", "usr")
        .file("own/bin/other", "2")
        .end();
    same(
        &upper(&[base, middle, top])?,
        r#"
        d0755 me opt
        d0711 me opt/x
        d0755 me opt/x/deep
        -0644 me opt/x/deep/er "2" links=1
        l0777 me own -> usr
        d0755 me run
        -0644 me run/pid "2" links=1
        d0755 me usr
        d0755 me usr/bin
        -0644 me usr/bin/other "2" links=1
        -0644 me usr/bin/tool "2" links=1
        "#,
    )
}

fn hard_links_reach_lower_layers() -> Outcome {
    let base = Layer::new()
        .file_with("lib/a", b"base", 0o640, (0, 0))
        .symlink("l", "lib/a")
        .end();
    let top = Layer::new()
        .file("own", "top")
        .hard("second", "own")
        .hard("/lib/b", "./lib/a")
        .hard("third", "own")
        .hard("third", "own")
        .end();
    same(
        &upper(&[base, top])?,
        r#"
        d0755 me lib
        -0640 me lib/a "base" links=2
        -0640 me lib/b "base" links=2
        -0644 me own "top" links=3
        -0644 me second "top" links=3
        -0644 me third "top" links=3
        "#,
    )
}

fn later_entries_win() -> Outcome {
    let layer = Layer::new()
        .file("a", "1")
        .file("a", "2")
        .directory("b", 0o700)
        .file("b/c", "1")
        .file("b", "now a file")
        .file("d", "1")
        .directory("d", 0o750)
        .symlink("e", "a")
        .file("e", "not through the link")
        .directory("f", 0o700)
        .directory("f", 0o711)
        .end();
    same(
        &upper(&[layer])?,
        r#"
        -0644 me a "2" links=1
        -0644 me b "now a file" links=1
        d0750 me d
        -0644 me e "not through the link" links=1
        d0711 me f
        "#,
    )
}

fn every_dialect_is_read() -> Outcome {
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(120));
    let layer = Layer::new()
        .pax(b'g', &[("comment", b"of the whole archive")])
        .meta(b'L', format!("{long}\0").as_bytes())
        .file("short", "gnu")
        .meta(b'K', format!("{long}\0").as_bytes())
        .symlink("link", "short")
        .pax(
            b'x',
            &[("path", "naïve".as_bytes()), ("mtime", b"12.5"), ("size", b"3")],
        )
        .head(&Head {
            name: b"ignored",
            size: b"00000000000\0",
            ..Head::default()
        })
        .content(b"pax")
        // A big number in binary.
        .head(&Head {
            name: b"binary",
            size: &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3],
            ..Head::default()
        })
        .content(b"bin")
        .head(&Head {
            name: b"v7/",
            mode: b"0000755\0",
            kind: 0,
            ..Head::default()
        })
        .special("pipe", b'6', "")
        .end();
    let text = upper(&[layer])?;
    let text = text.replace(&"d".repeat(120), "D").replace(&"f".repeat(120), "F");
    same(
        &text,
        r#"
        -0644 me binary "bin" links=1
        d0755 me D
        -0644 me D/F "gnu" links=1
        l0777 me link -> D/F
        -0644 me naïve "pax" links=1
        p0777 me pipe
        d0755 me v7
        "#,
    )
}

fn holes_stay_holes() -> Outcome {
    let field = |offset: u64, length: u64| format!("{offset:011o}\0{length:011o}\0");
    let mut block = Layer::new()
        .head(&Head {
            name: b"gnu",
            kind: b'S',
            size: size(6).as_bytes(),
            ..Head::default()
        })
        .cut();
    // GNU's header keeps the map where ustar has its prefix.
    block[257..265].copy_from_slice(b"ustar  \0");
    let map = format!("{}{}{}", field(0, 3), field(1 << 20, 3), field(1 << 21, 0));
    block[386..386 + map.len()].copy_from_slice(map.as_bytes());
    block[483..495].copy_from_slice(format!("{:011o}\0", 1 << 21).as_bytes());
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let map = b"2\n0\n3\n1048576\n3\n";
    let mut content = map.to_vec();
    content.resize(512, 0);
    content.extend(b"abcxyz");
    let layer = Layer::new()
        .raw(&block)
        .content(b"abcxyz")
        .pax(
            b'x',
            &[
                ("GNU.sparse.major", b"1"),
                ("GNU.sparse.minor", b"0"),
                ("GNU.sparse.name", b"pax"),
                ("GNU.sparse.realsize", b"2097152"),
            ],
        )
        .file_with("GNUSparseFile.0/pax", &content, 0o644, (0, 0))
        .end();
    let place = Place::new();
    let image = place.import(&Memory::new(&[layer]))?;
    for name in ["gnu", "pax"] {
        let content = fs::read(image.layers[0].join(name))?;
        assert_eq!(content.len(), 1 << 21, "{name}");
        assert_eq!(
            (&content[..4], &content[1 << 20..(1 << 20) + 4]),
            (&b"abc\0"[..], &b"xyz\0"[..])
        );
    }
    Ok(())
}

fn implied_directories_are_those_below() -> Outcome {
    let base = Layer::new().directory("a", 0o750).directory("a/b", 0o1777).end();
    let top = Layer::new().file("a/b/c", "1").file("new/x", "1").end();
    same(
        &upper(&[base, top])?,
        r#"
        d0750 me a
        d1777 me a/b
        -0644 me a/b/c "1" links=1
        d0755 me new
        -0644 me new/x "1" links=1
        "#,
    )
}

fn root_keeps_owners_and_devices() -> Outcome {
    let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let layer = Layer::new()
        .file_with("su", b"x", 0o4755, (0, 5))
        .file_with("owned", b"x", 0o600, (1000, 1001))
        .pax(
            b'x',
            &[
                ("SCHILY.xattr.security.capability", &capability),
                ("SCHILY.xattr.user.note", b"hi"),
            ],
        )
        .file_with("ping", b"x", 0o755, (0, 0))
        .device("null", b'3', 1, 3)
        .device("disk", b'4', 7, 0)
        .end();
    let place = Place::new();
    let image = place.import(&Memory::new(&[layer]))?;
    same(
        &tree(&image.layers[0]),
        r#"
        b0644 0:0 disk 1792
        c0644 0:0 null 259
        -0600 1000:1001 owned "x" links=1
        -0755 0:0 ping "x" links=1
        -4755 0:5 su "x" links=1
        "#,
    )?;
    let mut value = [0_u8; 64];
    let length = rustix::fs::getxattr(image.layers[0].join("ping"), "security.capability", &mut value)?;
    assert_eq!(value[..length], capability);
    let length = rustix::fs::getxattr(image.layers[0].join("ping"), "user.note", &mut value)?;
    assert_eq!(&value[..length], b"hi");
    Ok(())
}
