//! A plane's own roles are there from its start.

use std::sync::Arc;

use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::meta::ObjectMeta;
use windlass_api::rbac::ClusterRole;
use windlass_api::rbac::ClusterRoleBinding;
use windlass_store::Error;
use windlass_store::Store;
use windlass_store::Write;

use super::roles::default_bindings;
use super::roles::default_roles;

/// Makes the default roles and bindings that are missing, and gives back to those that are there what they lack.
///
/// What was added to them stays, and so does an object whose annotation
/// `rbac.authorization.kubernetes.io/autoupdate` is `false`.
///
/// # Errors
/// When the store refuses a write.
pub async fn bootstrap(store: &Store) -> Result<(), Error> {
    let mut writes = Vec::new();
    let roles = store.list(Kind::ClusterRole, None).objects;
    for role in default_roles() {
        let there = roles.iter().filter_map(Object::get::<ClusterRole>);
        let there = there
            .into_iter()
            .find(|there| there.metadata.name == role.metadata.name);
        match there {
            None => writes.push(Write::Create(Object::ClusterRole(Arc::new(role)))),
            Some(there) if is_kept(&there.metadata) => {
                let mut whole = ClusterRole::clone(there);
                let missing = role.rules.into_iter().filter(|rule| !there.rules.contains(rule));
                whole.rules.extend(missing);
                if whole.rules != there.rules {
                    writes.push(Write::Update(Object::ClusterRole(Arc::new(whole))));
                }
            }
            Some(_) => {}
        }
    }
    let bindings = store.list(Kind::ClusterRoleBinding, None).objects;
    for binding in default_bindings() {
        let there = bindings.iter().filter_map(Object::get::<ClusterRoleBinding>);
        let there = there
            .into_iter()
            .find(|there| there.metadata.name == binding.metadata.name);
        match there {
            None => writes.push(Write::Create(Object::ClusterRoleBinding(Arc::new(binding)))),
            Some(there) if is_kept(&there.metadata) => {
                let mut whole = ClusterRoleBinding::clone(there);
                let missing = binding.subjects.into_iter();
                let missing = missing.filter(|subject| !there.subjects.contains(subject));
                whole.subjects.extend(missing);
                if whole.subjects != there.subjects {
                    writes.push(Write::Update(Object::ClusterRoleBinding(Arc::new(whole))));
                }
            }
            Some(_) => {}
        }
    }
    if writes.is_empty() {
        return Ok(());
    }
    store.commit(writes).await.map(drop)
}

fn is_kept(metadata: &ObjectMeta) -> bool {
    let wish = metadata
        .annotations
        .get("rbac.authorization.kubernetes.io/autoupdate");
    wish.is_none_or(|wish| wish != "false")
}
