//! Which layer holds an object, and what is in a layer. Pure.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use oci_spec::image::Descriptor;
use oci_spec::image::ImageManifest;

/// Objects of a bundle; upstream's bound.
const MAX_OBJECTS: usize = 20;

const API_VERSION: &str = "dev.tekton.image.apiVersion";
const KIND: &str = "dev.tekton.image.kind";
const NAME: &str = "dev.tekton.image.name";

/// Refuses an image that is no bundle, in upstream's words.
pub(super) fn check(manifest: &ImageManifest) -> Result<(), String> {
    let layers = manifest.layers();
    if layers.len() > MAX_OBJECTS {
        return Err(format!(
            "contained more than the maximum {MAX_OBJECTS} allow objects"
        ));
    }
    for (position, layer) in layers.iter().enumerate() {
        if let Some(missing) = [API_VERSION, NAME, KIND]
            .iter()
            .find(|key| annotation(layer, key).is_none())
        {
            return Err(format!(
                "the layer {position} does not contain a {missing} annotation"
            ));
        }
        let kind = annotation(layer, KIND).unwrap_or_default();
        let lower = kind.to_lowercase();
        if lower.strip_suffix('s').unwrap_or(&lower) != kind {
            return Err(format!(
                "the layer {position} the annotation {KIND} must be lowercased and singular, found {}",
                shown(kind)
            ));
        }
    }
    Ok(())
}

/// The layer of an object, or what there is instead, in words.
pub(super) fn find<'a>(
    manifest: &'a ImageManifest,
    kind: &str,
    name: &str,
) -> Result<&'a Descriptor, String> {
    let layers = manifest.layers();
    let is_wanted =
        |layer: &&Descriptor| annotation(layer, KIND) == Some(kind) && annotation(layer, NAME) == Some(name);
    layers.iter().find(is_wanted).ok_or_else(|| {
        let listed = layers.iter().map(|layer| {
            let part = |key| shown(annotation(layer, key).unwrap_or_default());
            format!("{} {}", part(KIND), part(NAME))
        });
        let listed: Vec<String> = listed.collect();
        if listed.is_empty() {
            return "nothing".to_owned();
        }
        listed.join(", ")
    })
}

fn annotation<'a>(layer: &'a Descriptor, key: &str) -> Option<&'a str> {
    layer.annotations().as_ref()?.get(key).map(String::as_str)
}

/// A word of a bundle as errors show it.
fn shown(text: &str) -> String {
    let harmless = |character: char| if character.is_control() { '?' } else { character };
    text.chars().map(harmless).take(64).collect()
}

/// What is wrong with a layer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LayerError {
    TooLarge,
    Broken(String),
}

/// The object in a layer: the first file of an archive, or else the layer itself; either may be compressed.
pub(super) fn content(layer: &[u8], limit: u64) -> Result<Vec<u8>, LayerError> {
    let plain = if layer.starts_with(&[0x1f, 0x8b]) {
        // The archive around a file of the largest size is a little larger.
        bounded(MultiGzDecoder::new(layer), limit.saturating_add(64 << 10))?
    } else {
        layer.to_vec()
    };
    match first_file(&plain, limit) {
        Some(content) => content,
        None if plain.len() as u64 > limit => Err(LayerError::TooLarge),
        None => Ok(plain),
    }
}

/// The first file of an archive; none if the bytes are none.
fn first_file(bytes: &[u8], limit: u64) -> Option<Result<Vec<u8>, LayerError>> {
    let mut archive = tar::Archive::new(bytes);
    for entry in archive.entries().ok()? {
        let entry = entry.ok()?;
        if entry.header().entry_type().is_file() {
            let declared = entry.size();
            let content = bounded(entry, limit).and_then(|content| {
                if content.len() as u64 == declared {
                    return Ok(content);
                }
                Err(LayerError::Broken("its archive ends early".to_owned()))
            });
            return Some(content);
        }
    }
    None
}

fn bounded(reader: impl std::io::Read, limit: u64) -> Result<Vec<u8>, LayerError> {
    let mut bytes = Vec::new();
    let mut reader = reader.take(limit.saturating_add(1));
    reader
        .read_to_end(&mut bytes)
        .map_err(|error| LayerError::Broken(error.to_string()))?;
    if bytes.len() as u64 > limit {
        return Err(LayerError::TooLarge);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use oci_spec::image::ImageManifest;
    use serde_json::Value;
    use serde_json::json;

    use super::LayerError;
    use super::check;
    use super::content;
    use super::find;

    const YAML: &[u8] = b"kind: Task\n";

    fn archive(files: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, kind, bytes) in files {
            let mut header = tar::Header::new_ustar();
            header.set_entry_type(*kind);
            header.set_size(bytes.len() as u64);
            archive.append_data(&mut header, name, *bytes).unwrap();
        }
        archive.into_inner().unwrap()
    }

    fn zipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_layer_is_read_in_every_form_that_bundles_have() {
        use tar::EntryType::Directory;
        use tar::EntryType::Regular;
        let file = archive(&[("task", Regular, YAML)]);
        let in_directory = archive(&[
            ("d", Directory, b""),
            ("d/task", Regular, YAML),
            ("x", Regular, b"x"),
        ]);
        let cut = file[..515].to_vec();
        let broken = |text: &str| Err(LayerError::Broken(text.to_owned()));
        let rows = [
            (file.clone(), 100, Ok(YAML.to_vec())),
            (zipped(&file), 100, Ok(YAML.to_vec())),
            (in_directory, 100, Ok(YAML.to_vec())),
            (YAML.to_vec(), 100, Ok(YAML.to_vec())),
            (zipped(YAML), 100, Ok(YAML.to_vec())),
            (
                [zipped(b"kind: "), zipped(b"Task\n")].concat(),
                100,
                Ok(YAML.to_vec()),
            ),
            (Vec::new(), 100, Ok(Vec::new())),
            (YAML.to_vec(), 11, Ok(YAML.to_vec())),
            (YAML.to_vec(), 10, Err(LayerError::TooLarge)),
            (file, 10, Err(LayerError::TooLarge)),
            (zipped(&vec![b' '; 1 << 20]), 100, Err(LayerError::TooLarge)),
            (cut, 100, broken("its archive ends early")),
            (vec![0x1f, 0x8b, 8, 0], 100, broken("unexpected end of file")),
        ];
        for (position, (layer, limit, expected)) in rows.into_iter().enumerate() {
            assert_eq!(content(&layer, limit), expected, "row {position}");
        }
    }

    fn manifest(layers: &[Value]) -> ImageManifest {
        let blob = |annotations: &Value| {
            json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                "digest": format!("sha256:{}", "0".repeat(64)),
                "size": 1,
                "annotations": annotations,
            })
        };
        let layers: Vec<Value> = layers.iter().map(blob).collect();
        serde_json::from_value(json!({"schemaVersion": 2, "config": blob(&json!({})), "layers": layers}))
            .unwrap()
    }

    fn object(kind: &str, name: &str) -> Value {
        json!({
            "dev.tekton.image.apiVersion": "v1",
            "dev.tekton.image.kind": kind,
            "dev.tekton.image.name": name,
        })
    }

    #[test]
    fn an_image_that_is_no_bundle_is_refused() {
        let lacking = |key: &str| {
            let mut object = object("task", "a");
            object.as_object_mut().unwrap().remove(key);
            object
        };
        let rows = [
            (vec![], ""),
            (vec![object("task", "a"); 20], ""),
            (
                vec![object("task", "a"); 21],
                "contained more than the maximum 20 allow objects",
            ),
            (
                vec![object("task", "a"), lacking("dev.tekton.image.apiVersion")],
                "the layer 1 does not contain a dev.tekton.image.apiVersion annotation",
            ),
            (
                vec![lacking("dev.tekton.image.name")],
                "the layer 0 does not contain a dev.tekton.image.name annotation",
            ),
            (
                vec![lacking("dev.tekton.image.kind")],
                "the layer 0 does not contain a dev.tekton.image.kind annotation",
            ),
            (
                vec![object("Task", "a")],
                "the layer 0 the annotation dev.tekton.image.kind must be lowercased and singular, found Task",
            ),
            (
                vec![object("tasks", "a")],
                "the layer 0 the annotation dev.tekton.image.kind must be lowercased and singular, found tasks",
            ),
        ];
        for (layers, expected) in rows {
            let message = check(&manifest(&layers)).err().unwrap_or_default();
            assert_eq!(message, expected);
        }
    }

    #[test]
    fn an_object_is_found_by_kind_and_name() {
        let bundle = manifest(&[
            object("task", "a"),
            object("pipeline", "a"),
            object("task", "b\n"),
        ]);
        let there = "task a, pipeline a, task b?";
        let rows = [
            ("task", "a", Ok(0)),
            ("pipeline", "a", Ok(1)),
            ("stepaction", "a", Err(there)),
            ("task", "c", Err(there)),
            ("Task", "a", Err(there)),
        ];
        for (kind, name, expected) in rows {
            let found = find(&bundle, kind, name);
            let position = found
                .as_ref()
                .map(|layer| {
                    bundle
                        .layers()
                        .iter()
                        .position(|other| std::ptr::eq(other, *layer))
                        .unwrap()
                })
                .map_err(String::as_str);
            assert_eq!(position, expected, "{kind} {name}");
        }
        assert_eq!(find(&manifest(&[]), "task", "a"), Err("nothing".to_owned()));
    }
}
