//! Where results of earlier steps may be used.

use windlass_api::core::EnvFromSource;
use windlass_api::tekton::Step;

use super::runtime::uses_step_result;

/// The message for a field of [`misplaced_step_results`].
pub const MISPLACED: &str =
    "stepResult substitutions are only allowed in env, command and args. Found usage in";

/// The fields of a step that use results of earlier steps although they are not filled in at run time.
pub fn misplaced_step_results(step: &Step) -> Vec<&'static str> {
    let mut fields = vec![
        ("name", step.name.as_str()),
        ("image", &step.image),
        ("script", &step.script),
        ("imagePullPolicy", &step.image_pull_policy),
        ("workingDir", &step.working_dir),
    ];
    fields.extend(step.env_from.iter().flat_map(env_from));
    for mount in &step.volume_mounts {
        fields.push(("volumeMounts.name", &mount.name));
        fields.push(("volumeMounts.mountPath", &mount.mount_path));
        fields.push(("volumeMounts.subPath", &mount.sub_path));
    }
    for device in &step.volume_devices {
        fields.push(("volumeDevices.name", &device.name));
        fields.push(("volumeDevices.devicePath", &device.device_path));
    }
    fields
        .into_iter()
        .filter(|(_, text)| uses_step_result(text))
        .map(|(field, _)| field)
        .collect()
}

fn env_from(source: &EnvFromSource) -> impl Iterator<Item = (&'static str, &str)> {
    let config_map = source
        .config_map_ref
        .as_ref()
        .map(|object| ("envFrom.configMapRef", object.name.as_str()));
    let secret = source
        .secret_ref
        .as_ref()
        .map(|object| ("envFrom.secretRef", object.name.as_str()));
    [
        Some(("envFrom.prefix", source.prefix.as_str())),
        config_map,
        secret,
    ]
    .into_iter()
    .flatten()
}
