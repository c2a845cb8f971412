//! What a status says of where its definition came from and of the features in force. Pure.

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;
use windlass_api::tekton::provenance::Provenance;
use windlass_api::tekton::provenance::RefSource;

use crate::config::Config;

/// The features in force, in the words of upstream's `feature-flags`; made once for a plane, as every status repeats them.
///
/// Flags that are off are left out, as upstream does. Those of features that this plane does not have are what upstream
/// writes when they are off; logs outlive a cancelled run here, which upstream calls keeping its pod.
pub(crate) fn feature_flags(config: &Config) -> Arc<Value> {
    let flags = &config.flags;
    let mut shown = json!({
        "enableAPIFields": flags.enable_api_fields.as_str(),
        "awaitSidecarReadiness": true,
        "enforceNonfalsifiability": "none",
        "enableKeepPodOnCancel": true,
        "verificationNoMatchPolicy": "ignore",
        "enableProvenanceInStatus": true,
        "resultExtractionMethod": "termination-message",
        "coschedule": "disabled",
    });
    let switches = [
        ("enableCELInWhenExpression", flags.enable_cel_in_when_expression),
        ("enableParamEnum", flags.enable_param_enum),
        ("enableArtifacts", flags.enable_artifacts),
        (
            "enableConciseResolverSyntax",
            flags.enable_concise_resolver_syntax,
        ),
    ];
    for (name, _) in switches.into_iter().filter(|(_, on)| *on) {
        shown[name] = Value::Bool(true);
    }
    if let Some(bytes) = config.max_result_bytes {
        shown["maxResultSize"] = bytes.into();
    }
    if !flags.disable_inline_spec.is_empty() {
        shown["disableInlineSpec"] = flags.disable_inline_spec.join(",").into();
    }
    Arc::new(shown)
}

/// The provenance of a run. A source that was noted once stays, however the definition is found later.
pub(crate) fn provenance(
    noted: Option<&Provenance>,
    source: Option<RefSource>,
    flags: &Arc<Value>,
) -> Provenance {
    let noted = noted.and_then(|provenance| provenance.ref_source.clone());
    Provenance {
        ref_source: noted.or(source),
        feature_flags: Some(Arc::clone(flags)),
    }
}

#[cfg(test)]
mod tests {
    use windlass_api::validation::Flags;
    use windlass_api::validation::Stability;

    use super::*;

    #[test]
    fn only_what_is_on_is_shown() {
        let mut config = Config::new("claims".into());
        config.max_result_bytes = Some(4096);
        let permissive = json!({
            "enableAPIFields": "alpha",
            "awaitSidecarReadiness": true,
            "enforceNonfalsifiability": "none",
            "enableKeepPodOnCancel": true,
            "verificationNoMatchPolicy": "ignore",
            "enableProvenanceInStatus": true,
            "resultExtractionMethod": "termination-message",
            "coschedule": "disabled",
            "enableCELInWhenExpression": true,
            "enableParamEnum": true,
            "enableArtifacts": true,
            "enableConciseResolverSyntax": true,
            "maxResultSize": 4096,
        });
        assert_eq!(*feature_flags(&config), permissive);

        config.max_result_bytes = None;
        config.flags = Flags {
            enable_api_fields: Stability::Stable,
            disable_inline_spec: vec!["pipeline".into(), "taskrun".into()],
            ..Flags::default()
        };
        let stable = json!({
            "enableAPIFields": "stable",
            "awaitSidecarReadiness": true,
            "enforceNonfalsifiability": "none",
            "enableKeepPodOnCancel": true,
            "verificationNoMatchPolicy": "ignore",
            "enableProvenanceInStatus": true,
            "resultExtractionMethod": "termination-message",
            "coschedule": "disabled",
            "disableInlineSpec": "pipeline,taskrun",
        });
        assert_eq!(*feature_flags(&config), stable);
    }
}
