//! Writes images into files.
//!
//! An archive is both an OCI layout and an archive that `docker load` reads, as docker itself writes them today: the
//! same blobs, and an index in each form.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;

use serde_json::Value;
use serde_json::json;

use crate::digest::Digest;
use crate::store;
use crate::store::Record;
use crate::store::Store;
use crate::unpack::header::BLOCK;

/// What a layout says about itself.
const LAYOUT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

/// Writes images into one tar archive.
pub fn save(store: &Store, records: &[Record], output: &mut dyn Write) -> store::Result<()> {
    let place = Path::new("the archive");
    let failed = || store::call::<io::Error>("write", place);
    for (name, text) in documents(store, records)? {
        entry(output, name, text.len() as u64).map_err(failed())?;
        output.write_all(text.as_bytes()).map_err(failed())?;
        fill(output, text.len() as u64).map_err(failed())?;
    }
    for digest in blobs(records) {
        let mut blob = store.open_blob(&digest)?;
        let size = store.blob_size(&digest).unwrap_or_default();
        entry(output, &format!("blobs/sha256/{}", digest.hex()), size).map_err(failed())?;
        let copied = io::copy(&mut io::Read::take(&mut blob, size), output).map_err(failed())?;
        if copied != size {
            return Err(failed()(io::ErrorKind::UnexpectedEof.into()));
        }
        fill(output, size).map_err(failed())?;
    }
    output.write_all(&[0; 2 * BLOCK]).map_err(failed())?;
    output.flush().map_err(failed())
}

/// Writes images into a directory, as an OCI layout. What the directory has of them already stays.
pub fn save_layout(store: &Store, records: &[Record], directory: &Path) -> store::Result<()> {
    let blob_directory = directory.join("blobs/sha256");
    fs::create_dir_all(&blob_directory).map_err(store::call("make", &blob_directory))?;
    for digest in blobs(records) {
        let to = blob_directory.join(digest.hex());
        if fs::metadata(&to).ok().map(|metadata| metadata.len()) == store.blob_size(&digest) {
            continue;
        }
        let copied = fs::File::create(&to).and_then(|mut file| {
            let mut blob = store.open_blob(&digest).map_err(io::Error::other)?;
            io::copy(&mut blob, &mut file)
        });
        copied.map_err(store::call("write", &to))?;
    }
    for (name, text) in documents(store, records)? {
        // Only archives are for docker.
        if name != "manifest.json" {
            let to = directory.join(name);
            fs::write(&to, text).map_err(store::call("write", &to))?;
        }
    }
    Ok(())
}

fn blobs(records: &[Record]) -> BTreeSet<Digest> {
    records.iter().flat_map(Record::blobs).collect()
}

fn documents(store: &Store, records: &[Record]) -> store::Result<[(&'static str, String); 3]> {
    let mut manifests: Vec<Value> = Vec::new();
    let mut saved: Vec<Value> = Vec::new();
    for record in records {
        let size = store.blob_size(&record.manifest).ok_or(store::Error::Missing {
            digest: record.manifest,
        })?;
        let mut machine = record.platform.split('/');
        let (os, architecture) = (machine.next(), machine.next());
        let mut platform = json!({"architecture": architecture, "os": os});
        if let (Some(variant), Some(platform)) = (machine.next(), platform.as_object_mut()) {
            platform.insert("variant".to_owned(), variant.into());
        }
        manifests.push(json!({
            "mediaType": media_type(store, record)?,
            "digest": record.manifest,
            "size": size,
            "platform": platform,
            "annotations": {
                "io.containerd.image.name": record.name,
                "org.opencontainers.image.ref.name": tag(&record.name),
            },
        }));
        let path = |digest: Digest| format!("blobs/sha256/{}", digest.hex());
        saved.push(json!({
            "Config": path(record.config_digest),
            "RepoTags": if record.name.contains('@') { Value::from(Vec::<String>::new()) } else { json!([record.name]) },
            "Layers": record.layers.iter().map(|layer| path(layer.digest)).collect::<Vec<_>>(),
        }));
    }
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": manifests,
    });
    Ok([
        ("oci-layout", LAYOUT.to_owned()),
        ("index.json", index.to_string()),
        ("manifest.json", Value::from(saved).to_string()),
    ])
}

/// Type of a manifest, as it says itself: docker's own have another than OCI's.
fn media_type(store: &Store, record: &Record) -> store::Result<String> {
    let bytes = store.read_blob(&record.manifest, 4 << 20)?;
    let document: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let said = document.get("mediaType").and_then(Value::as_str);
    Ok(said
        .unwrap_or("application/vnd.oci.image.manifest.v1+json")
        .to_owned())
}

/// What follows the last colon, unless that separates a port.
fn tag(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((_, tag)) if !tag.contains('/') => tag,
        _ => "latest",
    }
}

/// A header of the plainest form: our names are short, and sizes fit eleven octal digits up to 8 GiB, then binary.
fn entry(output: &mut dyn Write, name: &str, size: u64) -> io::Result<()> {
    let mut block = [0_u8; BLOCK];
    let mut put = |at: usize, text: &[u8]| {
        for (to, from) in block.iter_mut().skip(at).zip(text) {
            *to = *from;
        }
    };
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    if size < 8 << 30 {
        put(124, format!("{size:011o}\0").as_bytes());
    } else {
        put(124, &[0x80, 0, 0, 0]);
        put(128, &size.to_be_bytes());
    }
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    for (to, from) in block.iter_mut().skip(148).zip(format!("{sum:06o}\0 ").bytes()) {
        *to = from;
    }
    output.write_all(&block)
}

fn fill(output: &mut dyn Write, size: u64) -> io::Result<()> {
    let missing = size.wrapping_neg() % BLOCK as u64;
    output.write_all(
        [0; BLOCK]
            .get(..usize::try_from(missing).unwrap_or_default())
            .unwrap_or_default(),
    )
}
