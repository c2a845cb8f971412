//! The fields of workspace bindings that accept variables.

use windlass_api::tekton::workspaces::WorkspaceBinding;

use super::slots::Visitor;
use super::slots::items;

/// Visits the sources of workspaces; the templates of claims accept no variables.
pub fn bindings<V: Visitor>(visitor: &mut V, workspaces: &mut [WorkspaceBinding]) -> Result<(), V::Error> {
    workspaces
        .iter_mut()
        .try_for_each(|workspace| binding(visitor, workspace))
}

fn binding<V: Visitor>(visitor: &mut V, workspace: &mut WorkspaceBinding) -> Result<(), V::Error> {
    visitor.text(&mut workspace.sub_path)?;
    if let Some(claim) = &mut workspace.persistent_volume_claim {
        visitor.text(&mut claim.claim_name)?;
    }
    if let Some(source) = &mut workspace.config_map {
        visitor.text(&mut source.name)?;
        items(visitor, &mut source.items)?;
    }
    if let Some(source) = &mut workspace.secret {
        visitor.text(&mut source.secret_name)?;
        items(visitor, &mut source.items)?;
    }
    for source in workspace
        .projected
        .iter_mut()
        .flat_map(|projected| &mut projected.sources)
    {
        if let Some(part) = &mut source.config_map {
            visitor.text(&mut part.name)?;
            items(visitor, &mut part.items)?;
        }
        if let Some(part) = &mut source.secret {
            visitor.text(&mut part.name)?;
            items(visitor, &mut part.items)?;
        }
    }
    if let Some(csi) = &mut workspace.csi {
        visitor.text(&mut csi.driver)?;
        if let Some(secret) = &mut csi.node_publish_secret_ref {
            visitor.text(&mut secret.name)?;
        }
    }
    Ok(())
}
