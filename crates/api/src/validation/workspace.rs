//! What workspaces are bound to.

use super::place::Place;
use super::task::leaves_its_directory;
use super::violation::Check;
use super::violation::INVALID_VALUE;
use super::violation::Violation;
use crate::tekton::workspaces::WorkspaceBinding;

const SOURCES: [&str; 5] = [
    "persistentvolumeclaim",
    "volumeclaimtemplate",
    "emptydir",
    "configmap",
    "secret",
];

impl Check<'_> {
    pub(super) fn workspace_binding(&mut self, at: &Place<'_>, binding: &WorkspaceBinding) {
        if binding == &WorkspaceBinding::default() {
            self.add(Violation::missing(at));
            return;
        }
        if leaves_its_directory(&binding.name) {
            let message = format!(
                "invalid value: workspace name {:?} is no name of a directory",
                binding.name
            );
            self.add(Violation::new(INVALID_VALUE, &at.field("name"), message));
        }
        let sources = [
            binding.volume_claim_template.is_some(),
            binding.persistent_volume_claim.is_some(),
            binding.empty_dir.is_some(),
            binding.config_map.is_some(),
            binding.secret.is_some(),
            binding.projected.is_some(),
            binding.csi.is_some(),
        ];
        let hint = "a workspace is bound to one of emptyDir, persistentVolumeClaim, volumeClaimTemplate, configMap, \
                    secret, projected and csi";
        match sources.into_iter().filter(|set| *set).count() {
            0 => self.add(Violation::neither(at, &SOURCES).hint(hint)),
            1 => self.workspace_source(at, binding),
            _ => {
                let both = Violation::one_of(at, &SOURCES, "expected exactly one, got both", true);
                self.add(both.hint(hint));
            }
        }
    }

    fn workspace_source(&mut self, at: &Place<'_>, binding: &WorkspaceBinding) {
        let missing = |field: &'static str, printed: &'static str, name: &'static str| {
            let source = at.spelt(field, printed);
            Some(Violation::missing(
                &source.spelt(name, if name == "claimName" { "claimname" } else { name }),
            ))
        };
        let violation = match binding {
            WorkspaceBinding {
                persistent_volume_claim: Some(claim),
                ..
            } if claim.claim_name.is_empty() => {
                missing("persistentVolumeClaim", "persistentvolumeclaim", "claimName")
            }
            WorkspaceBinding {
                config_map: Some(map),
                ..
            } if map.name.is_empty() => missing("configMap", "configmap", "name"),
            WorkspaceBinding {
                secret: Some(secret), ..
            } if secret.secret_name.is_empty() => missing("secret", "secret", "secretName"),
            WorkspaceBinding {
                projected: Some(projected),
                ..
            } if projected.sources.is_empty() => missing("projected", "projected", "sources"),
            WorkspaceBinding { csi: Some(csi), .. } if csi.driver.is_empty() => {
                missing("csi", "csi", "driver")
            }
            _ => None,
        };
        if let Some(violation) = violation {
            self.add(violation);
        }
    }
}
