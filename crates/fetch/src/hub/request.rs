//! What is asked for, with the defaults of the hub resolver.

use url::Url;

use super::error::Error;
use super::version::Version;
use crate::cache::Key;
use crate::http;
use crate::limits::Limits;

/// The public hub.
const ARTIFACT_HUB: &str = "https://artifacthub.io";

/// One version of a task, pipeline or step action.
#[derive(Clone, Debug)]
pub struct Request {
    /// Address of the hub; default `https://artifacthub.io`.
    pub base_url: String,
    /// `artifact`, the default; `tekton` is refused, because that hub is gone.
    pub hub_type: String,
    /// `task` (default), `pipeline` or `stepaction`.
    pub kind: String,
    /// Repository of the hub; default `tekton-catalog-tasks` and `tekton-catalog-pipelines` by kind.
    pub catalog: Option<String>,
    /// Name of the package.
    pub name: String,
    /// An exact version, of which `0.7` means `0.7.0`, or constraints such as `>= 0.7.0, < 2.0`.
    pub version: String,
    /// Bounds of this fetch; each request to the hub has them anew.
    pub limits: Limits,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            base_url: ARTIFACT_HUB.to_owned(),
            hub_type: "artifact".to_owned(),
            kind: "task".to_owned(),
            catalog: None,
            name: String::new(),
            version: String::new(),
            limits: Limits::default(),
        }
    }
}

impl Request {
    /// Asks the public hub for a task of the default catalog.
    pub fn task(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            ..Self::default()
        }
    }

    /// Whether the request can only ever mean one content: its version is exact.
    pub fn is_immutable(&self) -> bool {
        self.version.parse::<Version>().is_ok()
    }

    /// The identity of the request in a cache.
    pub(crate) fn key(&self) -> Key {
        let catalog = self.catalog.as_deref().unwrap_or_default();
        Key::new([
            "hub",
            &self.base_url,
            &self.hub_type,
            &self.kind,
            catalog,
            &self.name,
            &self.version,
        ])
    }

    /// The URL of the package, or of one version of it.
    pub(super) fn endpoint(&self, version: Option<&str>) -> Result<Url, Error> {
        self.check()?;
        let catalog = self.catalog()?;
        let kind = format!("tekton-{}", self.kind);
        let mut parts = vec![
            "api",
            "v1",
            "packages",
            &kind,
            checked("catalog", catalog)?,
            checked("name", &self.name)?,
        ];
        if let Some(version) = version {
            parts.push(checked("version", version)?);
        }
        let base = http::Target::parse(&self.base_url, None).map_err(Error::Fetch)?;
        let mut url = base.url;
        url.set_query(None);
        url.set_fragment(None);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(parts);
        }
        Ok(url)
    }

    fn check(&self) -> Result<(), Error> {
        match self.hub_type.as_str() {
            "artifact" => {}
            "tekton" => return Err(Error::TektonHubGone),
            other => return Err(Error::Type(other.to_owned())),
        }
        if !matches!(self.kind.as_str(), "task" | "pipeline" | "stepaction") {
            return Err(Error::Kind(self.kind.clone()));
        }
        Ok(())
    }

    fn catalog(&self) -> Result<&str, Error> {
        match (self.catalog.as_deref(), self.kind.as_str()) {
            (Some(catalog), _) => Ok(catalog),
            (None, "task") => Ok("tekton-catalog-tasks"),
            (None, "pipeline") => Ok("tekton-catalog-pipelines"),
            (None, kind) => Err(Error::Catalog(kind.to_owned())),
        }
    }
}

/// A word that is one segment of a URL and nothing else.
fn checked<'a>(param: &'static str, value: &'a str) -> Result<&'a str, Error> {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte);
    if value.is_empty() || value.len() > 255 || matches!(value, "." | "..") || !value.bytes().all(harmless) {
        return Err(Error::Name {
            param,
            value: value.chars().take(256).collect(),
        });
    }
    Ok(value)
}
