//! The resolvers: from parameters to an object and where it came from.

mod bundles;
mod cluster;
mod params;
mod remote;

use windlass_api::Kind;
use windlass_api::Object;
use windlass_api::tekton::Param;
use windlass_api::tekton::provenance::RefSource;

use self::params::Params;
use super::error::Error;
use super::find::Definitions;

/// Resolves a reference by the resolver it names.
pub(super) async fn resolve(
    definitions: &Definitions,
    kind: Kind,
    namespace: &str,
    resolver: &str,
    params: &[Param],
) -> Result<(Object, RefSource), Error> {
    let params = |resolver| Params { resolver, params };
    match resolver {
        "git" => remote::git(definitions, namespace, &params("git")).await,
        "http" => remote::http(definitions, namespace, &params("http")).await,
        "hub" => remote::hub(definitions, kind, &params("hub")).await,
        "bundles" => bundles::resolve(definitions, namespace, &params("bundles")).await,
        "cluster" => cluster::resolve(definitions, namespace, &params("cluster")).await,
        unknown => Err(Error::UnknownResolver(unknown.to_owned())),
    }
}
