//! What a registry calls a manifest: one image, or an index of several. Pure.

use oci_spec::image::ImageIndex;
use oci_spec::image::ImageManifest;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Bytes of a manifest; the bound that registries hold themselves to.
pub const MAX_MANIFEST: u64 = 4 << 20;

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_V1: &str = "application/vnd.docker.distribution.manifest.v1";

/// The media types that are asked for.
pub(super) const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, \
     application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.docker.distribution.manifest.list.v2+json";

/// A manifest of either kind, in OCI's or in Docker's dialect.
#[derive(Clone, Debug)]
pub enum Document {
    /// One image.
    Image(Box<ImageManifest>),
    /// Several, of which one is chosen by platform.
    Index(Box<ImageIndex>),
}

/// A document that is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It has the first version of Docker's format.
    #[error(
        "its manifest has Docker's schema 1, which nothing checks against its layers; push the image again with a current tool"
    )]
    SchemaOne,
    /// It is neither an image nor an index.
    #[error("its manifest has the media type {0:?}, which is no image and no index")]
    MediaType(String),
    /// It calls itself one thing and is another, or is both.
    #[error("its manifest says it is {0:?} and is something else")]
    Ambiguous(String),
    /// It is no JSON, or lacks fields.
    #[error("its manifest cannot be read: {0}")]
    Syntax(serde_json::Error),
}

/// As much of a document as tells what it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    media_type: Option<String>,
    schema_version: Option<u64>,
    manifests: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
    config: Option<IgnoredAny>,
    #[serde(rename = "fsLayers")]
    fs_layers: Option<IgnoredAny>,
}

impl Document {
    /// Reads a manifest. `media_type` is what the registry or a descriptor calls it, which must agree with the
    /// document: bytes that are an image to one reader and an index to another are refused.
    pub fn read(media_type: Option<&str>, bytes: &[u8]) -> Result<Self, DocumentError> {
        // Parameters such as a character set do not matter.
        let outer = media_type.and_then(|text| text.split(';').next()).map(str::trim);
        if outer.is_some_and(|outer| outer.starts_with(DOCKER_V1)) {
            return Err(DocumentError::SchemaOne);
        }
        let shape: Shape = serde_json::from_slice(bytes).map_err(DocumentError::Syntax)?;
        if shape.schema_version == Some(1) || shape.fs_layers.is_some() {
            return Err(DocumentError::SchemaOne);
        }
        let outer = outer.filter(|outer| !is_vague(outer));
        if let (Some(outer), Some(inner)) = (outer, shape.media_type.as_deref())
            && outer != inner
        {
            return Err(DocumentError::Ambiguous(short(inner)));
        }
        let is_index = match outer.or(shape.media_type.as_deref()) {
            Some(OCI_INDEX | DOCKER_INDEX) => true,
            Some(OCI_MANIFEST | DOCKER_MANIFEST) => false,
            Some(other) => return Err(DocumentError::MediaType(short(other))),
            None => shape.manifests.is_some(),
        };
        let other_parts = if is_index {
            shape.layers.is_some() || shape.config.is_some()
        } else {
            shape.manifests.is_some()
        };
        if other_parts {
            let name = outer.or(shape.media_type.as_deref()).unwrap_or("a manifest");
            return Err(DocumentError::Ambiguous(short(name)));
        }
        if is_index {
            let index = serde_json::from_slice(bytes).map_err(DocumentError::Syntax)?;
            return Ok(Self::Index(Box::new(index)));
        }
        let image = serde_json::from_slice(bytes).map_err(DocumentError::Syntax)?;
        Ok(Self::Image(Box::new(image)))
    }
}

/// What servers say who do not know what they serve.
fn is_vague(media_type: &str) -> bool {
    matches!(
        media_type,
        "" | "application/json" | "application/octet-stream" | "text/plain" | "binary/octet-stream"
    )
}

fn short(text: &str) -> String {
    text.chars().take(128).collect()
}

#[cfg(test)]
mod tests {
    use super::Document;

    const CONFIG: &str = r#""config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 2,
        "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}"#;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn a_document_is_what_it_is_called_or_refused() {
        let image = format!(r#"{{"schemaVersion": 2, {CONFIG}, "layers": []}}"#);
        let named =
            |name: &str| format!(r#"{{"schemaVersion": 2, "mediaType": "{name}", {CONFIG}, "layers": []}}"#);
        let both = format!(r#"{{"schemaVersion": 2, {CONFIG}, "layers": [], "manifests": []}}"#);
        let index = r#"{"schemaVersion": 2, "manifests": []}"#.to_owned();
        let ambiguous = "its manifest says it is ";
        let rows: &[(Option<&str>, &str, &str)] = &[
            (None, &image, "image"),
            (Some("application/json"), &image, "image"),
            (Some(super::OCI_MANIFEST), &image, "image"),
            (
                Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
                &image,
                "image",
            ),
            (
                Some(super::DOCKER_MANIFEST),
                &named(super::DOCKER_MANIFEST),
                "image",
            ),
            (None, &named(super::DOCKER_MANIFEST), "image"),
            (Some(super::OCI_INDEX), &index, "index"),
            (Some(super::DOCKER_INDEX), &index, "index"),
            (None, &index, "index"),
            (Some(super::OCI_INDEX), &image, ambiguous),
            (Some(super::OCI_MANIFEST), &index, ambiguous),
            (
                Some(super::OCI_MANIFEST),
                &named(super::DOCKER_MANIFEST),
                ambiguous,
            ),
            (None, &both, ambiguous),
            (Some(super::OCI_INDEX), &both, ambiguous),
            (
                None,
                &named("text/x"),
                "its manifest has the media type \"text/x\"",
            ),
            (
                Some("text/html"),
                &image,
                "its manifest has the media type \"text/html\"",
            ),
            (
                Some("application/vnd.docker.distribution.manifest.v1+prettyjws"),
                "{}",
                "its manifest has Docker's schema 1",
            ),
            (
                None,
                r#"{"schemaVersion": 1, "fsLayers": []}"#,
                "its manifest has Docker's schema 1",
            ),
            (None, "{}", "its manifest cannot be read: missing field"),
            (None, "<html>", "its manifest cannot be read: "),
            (None, "", "its manifest cannot be read: "),
        ];
        for (media_type, text, expected) in rows {
            let outcome = match Document::read(*media_type, text.as_bytes()) {
                Ok(Document::Image(_)) => "image".to_owned(),
                Ok(Document::Index(_)) => "index".to_owned(),
                Err(error) => error.to_string(),
            };
            assert!(outcome.starts_with(expected), "{media_type:?} {text}: {outcome}");
        }
    }
}
