//! Which other objects a task needs, and what was found of them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use windlass_api::core::ConfigMap;
use windlass_api::core::EnvFromSource;
use windlass_api::core::EnvVar;
use windlass_api::core::Secret;
use windlass_api::core::ServiceAccount;
use windlass_api::core::Volume;
use windlass_api::core::VolumeProjection;
use windlass_api::tekton::TaskSpec;
use windlass_api::tekton::workspaces::WorkspaceBinding;

/// Names of the objects that a task refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) config_maps: BTreeSet<String>,
    pub(crate) secrets: BTreeSet<String>,
    pub(crate) claims: BTreeSet<String>,
}

/// The objects as found; what is absent here does not exist.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) config_maps: BTreeMap<String, Arc<ConfigMap>>,
    pub(crate) secrets: BTreeMap<String, Arc<Secret>>,
    /// Directories of the claims that exist.
    pub(crate) claims: BTreeMap<String, PathBuf>,
    pub(crate) service_account: Option<Arc<ServiceAccount>>,
    /// Secrets that no log may show although the task does not refer to them.
    pub(crate) bystanders: Vec<Arc<Secret>>,
}

impl Needs {
    /// Collects the names in a substituted task, the pod template's parts and the workspaces of its run.
    pub(crate) fn of(
        spec: &TaskSpec,
        env: &[EnvVar],
        volumes: &[Volume],
        workspaces: &[WorkspaceBinding],
    ) -> Self {
        let mut needs = Self::default();
        for step in &spec.steps {
            needs.environment(&step.env_from, &step.env);
        }
        for sidecar in &spec.sidecars {
            needs.environment(&sidecar.env_from, &sidecar.env);
        }
        needs.environment(&[], env);
        for volume in spec.volumes.iter().chain(volumes) {
            needs.volume(volume);
        }
        for workspace in workspaces {
            needs.volume(&volume_of(workspace));
        }
        needs
    }

    fn environment(&mut self, from: &[EnvFromSource], env: &[EnvVar]) {
        for source in from {
            self.config_maps
                .extend(source.config_map_ref.iter().map(|source| source.name.clone()));
            self.secrets
                .extend(source.secret_ref.iter().map(|source| source.name.clone()));
        }
        for source in env.iter().filter_map(|variable| variable.value_from.as_ref()) {
            self.config_maps
                .extend(source.config_map_key_ref.iter().map(|key| key.name.clone()));
            self.secrets
                .extend(source.secret_key_ref.iter().map(|key| key.name.clone()));
        }
    }

    fn volume(&mut self, volume: &Volume) {
        self.config_maps
            .extend(volume.config_map.iter().map(|source| source.name.clone()));
        self.secrets
            .extend(volume.secret.iter().map(|source| source.secret_name.clone()));
        self.claims.extend(
            volume
                .persistent_volume_claim
                .iter()
                .map(|source| source.claim_name.clone()),
        );
        for source in volume.projected.iter().flat_map(|projected| &projected.sources) {
            self.projection(source);
        }
    }

    fn projection(&mut self, source: &VolumeProjection) {
        self.config_maps
            .extend(source.config_map.iter().map(|source| source.name.clone()));
        self.secrets
            .extend(source.secret.iter().map(|source| source.name.clone()));
    }
}

/// The volume that a workspace binding stands for, without a name. A claim template has been replaced by its claim
/// before.
pub(crate) fn volume_of(binding: &WorkspaceBinding) -> Volume {
    Volume {
        empty_dir: binding.empty_dir.clone(),
        config_map: binding.config_map.clone(),
        secret: binding.secret.clone(),
        persistent_volume_claim: binding.persistent_volume_claim.clone(),
        projected: binding.projected.clone(),
        csi: binding.csi.clone(),
        ..Volume::default()
    }
}
