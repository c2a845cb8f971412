//! The volumes of an attempt and where they appear. Pure.

use std::path::Path;

use windlass_api::core::Volume;
use windlass_api::core::VolumeMount;
use windlass_api::tekton::TaskSpec;
use windlass_api::tekton::workspaces::WorkspaceBinding;
use windlass_api::tekton::workspaces::WorkspaceUsage;
use windlass_executor::job;
use windlass_executor::job::VolumeSource;

use super::files;
use super::files::ConfigError;
use super::files::PodFields;
use super::needs::Found;
use super::needs::volume_of;

/// A workspace of the task with its volume and place.
#[derive(Clone, Debug)]
pub(crate) struct BoundWorkspace {
    name: String,
    mount: job::Mount,
    isolated: bool,
}

/// Resolves a volume's content.
pub(crate) fn source(
    volume: &Volume,
    found: &Found,
    fields: &PodFields,
    allow_host_path: bool,
) -> Result<VolumeSource, ConfigError> {
    if let Some(source) = &volume.config_map {
        let optional = source.optional.unwrap_or(false);
        let data = files::config_map(found, &source.name, optional)?;
        return files::keyed(&data, &source.items, source.default_mode, "configmap", optional)
            .map(VolumeSource::Files);
    }
    if let Some(source) = &volume.secret {
        let optional = source.optional.unwrap_or(false);
        let data = files::secret(found, &source.secret_name, optional)?;
        return files::keyed(&data, &source.items, source.default_mode, "secret", optional)
            .map(VolumeSource::Files);
    }
    if let Some(source) = &volume.persistent_volume_claim {
        let directory = found.claims.get(&source.claim_name);
        let missing = || ConfigError(format!("persistentvolumeclaim {:?} not found", source.claim_name));
        return directory
            .cloned()
            .map(VolumeSource::Directory)
            .ok_or_else(missing);
    }
    if let Some(source) = &volume.projected {
        let mut all = Vec::new();
        for part in &source.sources {
            all.extend(files::projected(part, source.default_mode, found, fields)?);
        }
        return Ok(VolumeSource::Files(all));
    }
    if let Some(source) = &volume.downward_api {
        return files::downward(&source.items, source.default_mode, fields).map(VolumeSource::Files);
    }
    if let Some(source) = &volume.host_path {
        if allow_host_path && Path::new(&source.path).is_absolute() {
            return Ok(VolumeSource::Directory(source.path.clone().into()));
        }
        return Err(ConfigError(format!(
            "volume {:?}: hostPath {:?} is not allowed on this plane",
            volume.name, source.path
        )));
    }
    if let Some(what) = unsupported(volume) {
        return Err(ConfigError(format!(
            "volume {:?}: {what} needs a cluster",
            volume.name
        )));
    }
    let empty = volume.empty_dir.clone().unwrap_or_default();
    Ok(VolumeSource::Empty {
        memory: empty.medium == "Memory",
        size_limit: empty.size_limit.and_then(|limit| limit.units()),
    })
}

fn unsupported(volume: &Volume) -> Option<&'static str> {
    let sources = [
        (volume.csi.is_some(), "csi"),
        (volume.ephemeral.is_some(), "ephemeral"),
        (volume.nfs.is_some(), "nfs"),
        (volume.iscsi.is_some(), "iscsi"),
        (volume.image.is_some(), "image"),
        (volume.git_repo.is_some(), "gitRepo"),
    ];
    sources.iter().find(|(set, _)| *set).map(|(_, name)| *name)
}

/// Makes one volume for each distinct claim and each other workspace, and says where each workspace appears.
pub(crate) fn workspaces(
    spec: &TaskSpec,
    bindings: &[WorkspaceBinding],
    volumes: &mut Vec<job::Volume>,
    resolve: impl Fn(&Volume) -> Result<VolumeSource, ConfigError>,
) -> Result<Vec<BoundWorkspace>, ConfigError> {
    let used = |name: &str| {
        let in_steps = spec.steps.iter().flat_map(|step| &step.workspaces);
        let in_sidecars = spec.sidecars.iter().flat_map(|sidecar| &sidecar.workspaces);
        in_steps.chain(in_sidecars).any(|usage| usage.name == name)
    };
    let mut bound = Vec::with_capacity(bindings.len());
    for binding in bindings {
        let declared = spec
            .workspaces
            .iter()
            .find(|declared| declared.name == binding.name);
        let claim = binding.persistent_volume_claim.as_ref();
        let volume = match claim {
            // The same claim twice is one volume, so that both places show the same files.
            Some(claim) => format!("claim-{}", claim.claim_name),
            None => format!("workspace-{}", binding.name),
        };
        if !volumes.iter().any(|known| known.name == volume) {
            volumes.push(job::Volume {
                name: volume.clone(),
                source: resolve(&volume_of(binding))?,
            });
        }
        let path = declared
            .map(|declared| declared.mount_path.as_str())
            .filter(|path| !path.is_empty());
        bound.push(BoundWorkspace {
            name: binding.name.clone(),
            isolated: used(&binding.name),
            mount: job::Mount {
                volume,
                path: path.map_or_else(|| format!("/workspace/{}", binding.name), str::to_owned),
                sub_path: binding.sub_path.clone(),
                read_only: declared.is_some_and(|declared| declared.read_only)
                    || claim.is_some_and(|claim| claim.read_only),
            },
        });
    }
    Ok(bound)
}

/// Where volumes and workspaces appear in one container.
pub(crate) fn mounts(
    mounts: &[VolumeMount],
    usages: &[WorkspaceUsage],
    workspaces: &[BoundWorkspace],
    expand: impl Fn(&str) -> String,
) -> Vec<job::Mount> {
    let own = mounts.iter().map(|mount| job::Mount {
        volume: mount.name.clone(),
        path: mount.mount_path.clone(),
        sub_path: if mount.sub_path_expr.is_empty() {
            mount.sub_path.clone()
        } else {
            expand(&mount.sub_path_expr)
        },
        read_only: mount.read_only,
    });
    let shared = workspaces
        .iter()
        .filter(|workspace| !workspace.isolated)
        .map(|workspace| workspace.mount.clone());
    let isolated = usages.iter().filter_map(|usage| {
        let workspace = workspaces.iter().find(|workspace| workspace.name == usage.name)?;
        let mut mount = workspace.mount.clone();
        if !usage.mount_path.is_empty() {
            mount.path.clone_from(&usage.mount_path);
        }
        Some(mount)
    });
    own.chain(shared).chain(isolated).collect()
}
