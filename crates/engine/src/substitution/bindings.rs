//! The fields of workspace bindings that accept variables.

use windlass_api::tekton::workspaces::WorkspaceBinding;

use super::error::Error;
use super::expand::Expansion;
use super::slots::Visitor;

/// Replaces variables in the sources of workspaces; the templates of claims accept none.
pub fn bindings(pass: &mut Expansion<'_>, workspaces: &mut [WorkspaceBinding]) -> Result<(), Error> {
    workspaces
        .iter_mut()
        .try_for_each(|workspace| binding(pass, workspace))
}

fn binding(pass: &mut Expansion<'_>, workspace: &mut WorkspaceBinding) -> Result<(), Error> {
    Visitor::text(pass, &mut workspace.sub_path)?;
    if let Some(claim) = &mut workspace.persistent_volume_claim {
        Visitor::text(pass, &mut claim.claim_name)?;
    }
    if let Some(source) = &mut workspace.config_map {
        Visitor::text(pass, &mut source.name)?;
        super::slots::items(pass, &mut source.items)?;
    }
    if let Some(source) = &mut workspace.secret {
        Visitor::text(pass, &mut source.secret_name)?;
        super::slots::items(pass, &mut source.items)?;
    }
    for source in workspace
        .projected
        .iter_mut()
        .flat_map(|projected| &mut projected.sources)
    {
        if let Some(part) = &mut source.config_map {
            Visitor::text(pass, &mut part.name)?;
            super::slots::items(pass, &mut part.items)?;
        }
        if let Some(part) = &mut source.secret {
            Visitor::text(pass, &mut part.name)?;
            super::slots::items(pass, &mut part.items)?;
        }
    }
    if let Some(csi) = &mut workspace.csi {
        Visitor::text(pass, &mut csi.driver)?;
        if let Some(secret) = &mut csi.node_publish_secret_ref {
            Visitor::text(pass, &mut secret.name)?;
        }
    }
    Ok(())
}
