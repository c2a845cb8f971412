//! `windlass schema`.

use windlass_api::Kind;
use windlass_api::schema::KindSchema;
use windlass_api::schema::document;

use crate::exit::Exit;
use crate::terminal::Streams;

/// Name of the document; it need not lead anywhere.
const ID: &str = "urn:windlass:schema:objects";

/// Examples at the end of the help.
const EXAMPLES: &str = "\
Examples:
  windlass schema > .windlass.schema.json

  Then, in an editor with YAML support, as the first line of a file:
  # yaml-language-server: $schema=.windlass.schema.json";

/// Print the JSON Schema of all objects, for editors
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SchemaArgs {}

/// Prints the schema.
pub(crate) fn schema(_: &SchemaArgs, streams: &mut Streams) -> Exit {
    let mut kinds: Vec<KindSchema> = Kind::ALL.iter().map(|kind| kind.schema()).collect();
    kinds.extend(
        OLD_VERSIONS
            .iter()
            .filter_map(|(api_version, kind)| unchecked(api_version, kind)),
    );
    let text = serde_json::to_string_pretty(&document(ID, &kinds)).unwrap_or_default();
    streams.out.line(&text);
    Exit::Succeeded
}

/// Versions that are accepted and converted. Editors accept them unchecked: their fields are not those of `v1`.
const OLD_VERSIONS: &[(&str, &str)] = &[
    ("tekton.dev/v1beta1", "Task"),
    ("tekton.dev/v1beta1", "Pipeline"),
    ("tekton.dev/v1beta1", "TaskRun"),
    ("tekton.dev/v1beta1", "PipelineRun"),
    ("tekton.dev/v1alpha1", "StepAction"),
];

fn unchecked(api_version: &str, kind: &str) -> Option<KindSchema> {
    let schema = serde_json::json!({"type": "object"}).try_into().ok()?;
    Some(KindSchema {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        schema,
    })
}
