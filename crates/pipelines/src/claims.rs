//! Claims: directories that the plane owns, or that its user named.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::Digest as _;
use sha2::Sha256;
use windlass_api::Object;
use windlass_api::core::PersistentVolumeClaim;
use windlass_api::core::PersistentVolumeClaimVolumeSource;
use windlass_api::meta::ObjectMeta;
use windlass_api::meta::OwnerReference;
use windlass_api::names::is_dns_subdomain;
use windlass_api::tekton::workspaces::WorkspaceBinding;
use windlass_runtime::Client;
use windlass_runtime::client;

use crate::config::Config;

/// Where a claim's files are. Admission lets only labels be namespaces and names; as these become parts of a path, nothing
/// is taken for granted.
fn directory(config: &Config, namespace: &str, name: &str) -> io::Result<PathBuf> {
    if let Some(named) = config.directories.get(&(namespace.to_owned(), name.to_owned())) {
        return Ok(named.clone());
    }
    if [namespace, name].iter().all(|part| is_dns_subdomain(part)) {
        return Ok(config.claims.join(namespace).join(name));
    }
    let message = format!("{namespace:?} and {name:?} do not name a directory");
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}

/// Makes a claim's directory where the plane owns it; one that a user named must exist.
///
/// # Errors
/// Whatever the machine says, with the path.
pub(crate) fn provide(config: &Config, namespace: &str, name: &str) -> io::Result<PathBuf> {
    let place = directory(config, namespace, name)?;
    if place.starts_with(&config.claims) {
        std::fs::create_dir_all(&place)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", place.display())))?;
    }
    Ok(place)
}

/// The claims that the templates of a run's workspaces ask for, and the workspaces with references to them.
pub(crate) fn from_templates(
    bindings: Vec<WorkspaceBinding>,
    owner: &OwnerReference,
    namespace: &str,
) -> (Vec<Object>, Vec<WorkspaceBinding>) {
    let mut claims = Vec::new();
    let bound = bindings
        .into_iter()
        .map(|binding| match from_template(&binding, owner, namespace) {
            None => binding,
            Some((claim, binding)) => {
                claims.push(claim);
                binding
            }
        });
    let bound = bound.collect();
    (claims, bound)
}

/// Creates claims; those that exist stay as they are. Returns which claim the plane will not have, and why.
pub(crate) async fn create(
    client: &dyn Client,
    claims: Vec<Object>,
) -> client::Result<std::result::Result<(), String>> {
    for claim in claims {
        let name = claim.metadata().name.clone();
        match client.create(claim).await {
            Ok(_) | Err(client::Error::AlreadyExists(_)) => {}
            // Asking again would be answered the same.
            Err(client::Error::Invalid(why)) => {
                return Ok(Err(format!("PVC creation error for {name}: {why}")));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Ok(()))
}

/// The claim that a template of a run's workspace asks for, and the binding that refers to it; `None` when the binding
/// has no template. The name depends on nothing but run and workspace, so asking again asks for the same claim.
fn from_template(
    binding: &WorkspaceBinding,
    owner: &OwnerReference,
    namespace: &str,
) -> Option<(Object, WorkspaceBinding)> {
    let template = binding.volume_claim_template.as_ref()?;
    let prefix = if template.metadata.name.is_empty() {
        "pvc"
    } else {
        template.metadata.name.as_str()
    };
    let name = format!("{prefix}-{}", identity(&binding.name, &owner.uid));
    let claim = PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: name.clone(),
            namespace: namespace.to_owned(),
            labels: template.metadata.labels.clone(),
            annotations: template.metadata.annotations.clone(),
            owner_references: vec![owner.clone()],
            ..ObjectMeta::default()
        },
        spec: template.spec.clone(),
        status: None,
    };
    let binding = WorkspaceBinding {
        volume_claim_template: None,
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: name,
            read_only: false,
        }),
        ..binding.clone()
    };
    Some((Object::PersistentVolumeClaim(Arc::new(claim)), binding))
}

/// Ten hexadecimal digits by which a claim belongs to one workspace of one run.
fn identity(workspace: &str, owner: &str) -> String {
    let digest = Sha256::digest(format!("{workspace}{owner}"));
    let bytes: Vec<String> = digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    bytes.concat()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::provide;
    use crate::config::Config;

    #[test]
    fn no_name_leads_out_of_the_plane_s_directory() {
        let claims = tempfile::tempdir().unwrap();
        let config = Config::new(claims.path().join("claims"));
        let rows = [
            ("default", "a.b", true),
            ("..", "x", false),
            ("a", "../../x", false),
            ("/x", "y", false),
            ("", "x", false),
        ];
        for (namespace, name, provided) in rows {
            let place = provide(&config, namespace, name);
            assert_eq!(place.is_ok(), provided, "{namespace} {name}");
        }
        assert!(claims.path().join("claims/default/a.b").is_dir());
        assert!(!Path::new("/x").exists());
    }
}
