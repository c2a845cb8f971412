//! Workspaces from the command line.

use std::fs;
use std::path::PathBuf;

use windlass_api::core::ConfigMapVolumeSource;
use windlass_api::core::EmptyDirVolumeSource;
use windlass_api::core::PersistentVolumeClaimVolumeSource;
use windlass_api::core::SecretVolumeSource;
use windlass_api::tekton::workspaces::WorkspaceBinding;

use crate::error::Error;
use crate::error::Result;
use crate::input::Assignment;
use crate::input::DeclaredWorkspace;

/// What a workspace is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A directory of the user, through a claim that stands for it.
    Directory {
        /// The claim.
        claim: String,
        /// Absolute path.
        directory: PathBuf,
    },
    /// A fresh directory for each task.
    EmptyDir,
    /// A claim in the input.
    Claim(String),
    /// A `ConfigMap` in the input.
    ConfigMap(String),
    /// A `Secret` in the input.
    Secret(String),
}

impl Source {
    /// The binding of a workspace of this name.
    pub(super) fn binding(&self, name: &str) -> WorkspaceBinding {
        let mut binding = WorkspaceBinding {
            name: name.to_owned(),
            ..WorkspaceBinding::default()
        };
        match self {
            Self::Directory { claim, .. } | Self::Claim(claim) => {
                binding.persistent_volume_claim = Some(PersistentVolumeClaimVolumeSource {
                    claim_name: claim.clone(),
                    read_only: false,
                });
            }
            Self::EmptyDir => binding.empty_dir = Some(EmptyDirVolumeSource::default()),
            Self::ConfigMap(name) => {
                binding.config_map = Some(ConfigMapVolumeSource {
                    name: name.clone(),
                    ..ConfigMapVolumeSource::default()
                });
            }
            Self::Secret(name) => {
                binding.secret = Some(SecretVolumeSource {
                    secret_name: name.clone(),
                    ..SecretVolumeSource::default()
                });
            }
        }
        binding
    }
}

/// Reads bindings; `None` for `declared` when the declarations are not in the input.
///
/// # Errors
/// When a workspace is not declared or a directory does not exist.
pub(super) fn read(
    assignments: &[Assignment],
    declared: Option<&[DeclaredWorkspace<'_>]>,
) -> Result<Vec<(String, Source)>> {
    let mut sources: Vec<(String, Source)> = Vec::new();
    for Assignment { name, value } in assignments {
        if let Some(declared) = declared
            && !declared.iter().any(|workspace| workspace.name == name)
        {
            let names: Vec<&str> = declared.iter().map(|workspace| workspace.name).collect();
            let hint = if names.is_empty() {
                "none is declared".to_owned()
            } else {
                format!("declared: {}", names.join(", "))
            };
            return Err(Error::usage(format!("there is no workspace {name:?}")).hint(hint));
        }
        let source = source(name, value)?;
        sources.retain(|(known, _)| known != name);
        sources.push((name.clone(), source));
    }
    Ok(sources)
}

fn source(name: &str, value: &str) -> Result<Source> {
    if value == "emptyDir" {
        return Ok(Source::EmptyDir);
    }
    match value.split_once(':') {
        Some(("pvc", claim)) => return Ok(Source::Claim(claim.to_owned())),
        Some(("configmap", object)) => return Ok(Source::ConfigMap(object.to_owned())),
        Some(("secret", object)) => return Ok(Source::Secret(object.to_owned())),
        _ => {}
    }
    let refused = |why: String| Error::usage(format!("--workspace {name}={value}: {why}"));
    let directory = fs::canonicalize(value).map_err(|error| {
        let error = refused(error.to_string());
        if value.is_empty() {
            error
        } else {
            error.hint(format!("make it first: mkdir -p {value}"))
        }
    })?;
    if !directory.is_dir() {
        return Err(refused("is no directory".to_owned()));
    }
    Ok(Source::Directory {
        claim: claim_name(name),
        directory,
    })
}

/// A claim's name for a workspace: a DNS label, whatever the workspace is called.
fn claim_name(workspace: &str) -> String {
    let word: String = workspace
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .take(40)
        .collect();
    format!("directory-of-{}", word.trim_matches('-'))
}

/// Declared workspaces that need a binding and have none: what is wrong, and the options that mend it.
pub(super) fn missing(
    declared: &[DeclaredWorkspace<'_>],
    bound: &[WorkspaceBinding],
) -> Option<(String, Vec<String>)> {
    let is_bound = |name: &str| bound.iter().any(|binding| binding.name == name);
    let missing: Vec<&str> = declared
        .iter()
        .filter(|workspace| !workspace.optional && !is_bound(workspace.name))
        .map(|workspace| workspace.name)
        .collect();
    let what = match missing.as_slice() {
        [] => return None,
        [one] => format!("workspace {one} is not bound"),
        several => format!("workspaces {} are not bound", several.join(", ")),
    };
    Some((
        what,
        missing
            .iter()
            .map(|name| format!("--workspace {name}=DIR  or  {name}=emptyDir"))
            .collect(),
    ))
}
