//! Where the registries of a name are: mirrors, plain HTTP, certificates. Pure.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;
use url::Url;

use super::reference::Reference;

/// The variable that names a file with [`Registries`] in YAML.
pub const REGISTRIES_VARIABLE: &str = "WINDLASS_REGISTRIES";

/// The variable that names mirrors, as [`Registries::prefer`] reads them.
pub const MIRRORS_VARIABLE: &str = "WINDLASS_REGISTRY_MIRRORS";

/// The prefix of every registry.
const EVERY: &str = "*";

/// Entries of each list; nobody writes more by hand, and every pull walks through them.
const MAX_ENTRIES: usize = 256;

/// How registries are reached. Default: every registry under its own name, by HTTPS, on loopback by plain HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Registries {
    /// Other places to look for images; the longest prefix of a name decides. Default none.
    pub mirrors: Vec<Mirror>,
    /// Registries reached by plain HTTP, `host` (any port) or `host:port`; loopback need not be listed. Default none.
    pub insecure: Vec<String>,
    /// Files with certificate authorities in PEM, trusted besides the machine's. Default none.
    pub certificates: Vec<PathBuf>,
}

/// Where images of some names are looked for before their own registry is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Mirror {
    /// A registry (`docker.io`), a path in one (`ghcr.io/team`), or `*` for every registry.
    pub prefix: String,
    /// What stands in for the prefix, tried in this order: `https://mirror.example/hub`, or without a scheme.
    pub urls: Vec<String>,
    /// Whether the registry itself is left out. Default false.
    pub only: bool,
}

/// Settings of registries that make no sense.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidRegistries {
    /// The text is no YAML, or has other fields than there are.
    #[error("no valid settings of registries: {0}")]
    Syntax(String),
    /// A list has too many entries.
    #[error("{0} has more than {MAX_ENTRIES} entries")]
    TooMany(&'static str),
    /// A mirror has no valid prefix.
    #[error("mirror prefix {0:?} is no registry; write docker.io, ghcr.io/team or *")]
    Prefix(String),
    /// Two mirrors have one prefix.
    #[error("mirror prefix {0:?} is there twice; list all its urls under one")]
    Twice(String),
    /// A mirror has no URL.
    #[error("the mirror of {0:?} has no urls")]
    NoUrl(String),
    /// A mirror's URL is none.
    #[error("mirror url {url:?} of {prefix:?} {problem}; write https://mirror.example or localhost:5000")]
    Url {
        /// The prefix it belongs to.
        prefix: String,
        /// The URL, without user and password.
        url: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// An insecure registry is no host.
    #[error("insecure registry {0:?} is no host; write registry.internal or registry.internal:5000")]
    Insecure(String),
    /// A mirror given as text has no `=`.
    #[error("mirror {0:?} is not prefix=url, such as docker.io=http://localhost:5000")]
    Pair(String),
}

/// One place where an image may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Scheme, host, port and path up to `/v2/`.
    pub(super) base: Url,
    /// The registry that credentials are looked up for.
    pub(super) registry: String,
    /// The image's path there.
    pub(super) repository: String,
    /// The registry that a mirror stands in for, as the mirror is told; none where it is the registry itself.
    pub(super) stands_for: Option<String>,
}

impl Registries {
    /// Reads settings from YAML or JSON; an empty text is the default.
    pub fn of_yaml(bytes: &[u8]) -> Result<Self, InvalidRegistries> {
        let documents = windlass_api::yaml::load(bytes).map_err(|problems| {
            let first = problems.iter().next();
            InvalidRegistries::Syntax(first.map_or_else(String::new, ToString::to_string))
        })?;
        let mut documents = documents.into_iter();
        let (first, more) = (documents.next(), documents.next().is_some());
        if more {
            return Err(InvalidRegistries::Syntax(
                "there are several documents".to_owned(),
            ));
        }
        let registries: Option<Self> = first
            .map(|document| serde_json::from_value(document.value))
            .transpose()
            .map_err(|error| InvalidRegistries::Syntax(error.to_string()))?;
        let registries = registries.unwrap_or_default();
        registries.check()?;
        Ok(registries)
    }

    /// Puts mirrors before those that are there: `prefix=url`, separated by commas or blanks, several of one prefix
    /// in the order they are tried.
    pub fn prefer(&mut self, pairs: &str) -> Result<(), InvalidRegistries> {
        let mut preferred: Vec<Mirror> = Vec::new();
        for pair in pairs
            .split([',', ' ', '\n', '\t'])
            .filter(|pair| !pair.is_empty())
        {
            let (prefix, url) = pair
                .split_once('=')
                .ok_or_else(|| InvalidRegistries::Pair(without_secret(pair)))?;
            match preferred.iter_mut().find(|mirror| mirror.prefix == prefix) {
                Some(mirror) => mirror.urls.push(url.to_owned()),
                None => preferred.push(Mirror {
                    prefix: prefix.to_owned(),
                    urls: vec![url.to_owned()],
                    only: false,
                }),
            }
        }
        for mut mirror in preferred {
            match self
                .mirrors
                .iter_mut()
                .find(|other| other.prefix == mirror.prefix)
            {
                Some(other) => {
                    mirror.urls.append(&mut other.urls);
                    other.urls = mirror.urls;
                }
                None => self.mirrors.push(mirror),
            }
        }
        self.check()
    }

    /// Refuses what could never work.
    pub fn check(&self) -> Result<(), InvalidRegistries> {
        let lists = [
            ("mirrors", self.mirrors.len()),
            ("insecure", self.insecure.len()),
            ("certificates", self.certificates.len()),
        ];
        if let Some((name, _)) = lists.iter().find(|(_, length)| *length > MAX_ENTRIES) {
            return Err(InvalidRegistries::TooMany(name));
        }
        for (position, mirror) in self.mirrors.iter().enumerate() {
            let prefix = || mirror.prefix.clone();
            if mirror.prefix != EVERY && !is_name(&mirror.prefix) {
                return Err(InvalidRegistries::Prefix(prefix()));
            }
            if self.mirrors[..position]
                .iter()
                .any(|other| other.prefix == mirror.prefix)
            {
                return Err(InvalidRegistries::Twice(prefix()));
            }
            if mirror.urls.is_empty() {
                return Err(InvalidRegistries::NoUrl(prefix()));
            }
            for url in &mirror.urls {
                self.base(url).map_err(|problem| InvalidRegistries::Url {
                    prefix: prefix(),
                    url: without_secret(url),
                    problem,
                })?;
            }
        }
        match self
            .insecure
            .iter()
            .find(|host| !is_name(host) || host.contains('/'))
        {
            Some(host) => Err(InvalidRegistries::Insecure(host.clone())),
            None => Ok(()),
        }
    }

    /// The places to look for an image, in order. Only these, and what they redirect to, are ever asked.
    pub(super) fn endpoints(&self, reference: &Reference) -> Vec<Endpoint> {
        let name = reference.name();
        let mirror = self
            .mirrors
            .iter()
            .filter(|mirror| rest_of(&name, &mirror.prefix).is_some())
            .max_by_key(|mirror| {
                if mirror.prefix == EVERY {
                    0
                } else {
                    mirror.prefix.len()
                }
            });
        let mut endpoints = Vec::new();
        if let Some(mirror) = mirror
            && let Some(rest) = rest_of(&name, &mirror.prefix)
        {
            let rest = if mirror.prefix == EVERY {
                reference.repository()
            } else {
                rest
            };
            let places = mirror.urls.iter().filter_map(|url| self.base(url).ok());
            endpoints.extend(places.map(|base| replaced(base, rest, reference)));
        }
        if !mirror.is_some_and(|mirror| mirror.only) {
            endpoints.extend(self.origin(reference));
        }
        endpoints
    }

    /// The registry of the name itself.
    pub(super) fn origin(&self, reference: &Reference) -> Option<Endpoint> {
        let host = match reference.registry() {
            // The name of Docker Hub is not the name of its machine.
            "docker.io" => "registry-1.docker.io",
            host => host,
        };
        Some(Endpoint {
            base: self.base(host).ok()?,
            registry: reference.registry().to_owned(),
            repository: reference.repository().to_owned(),
            stands_for: None,
        })
    }

    /// The URL of a registry that may be written without a scheme.
    fn base(&self, text: &str) -> Result<Url, &'static str> {
        let url = match text.split_once("://") {
            Some(_) => Url::parse(text),
            None => {
                let url = Url::parse(&format!("https://{text}"));
                match url {
                    Ok(url) if self.is_insecure(&url) => Url::parse(&format!("http://{text}")),
                    other => other,
                }
            }
        };
        let url = url.map_err(|_| "cannot be read")?;
        match url.scheme() {
            "http" | "https" => {}
            _ => return Err("is neither http nor https"),
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err("has no host");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("holds a user or password, which belong into Docker's config.json");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("has a query");
        }
        Ok(url)
    }

    fn is_insecure(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default();
        let listed = |entry: &String| {
            let Ok(entry_url) = Url::parse(&format!("https://{entry}")) else {
                return false;
            };
            let same_port = entry_url.port_or_known_default() == port || !has_port(entry);
            entry_url.host_str() == Some(host) && same_port
        };
        is_loopback(url) || self.insecure.iter().any(listed)
    }
}

/// Whether a host is this machine by its very name.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name.trim_end_matches('.') == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => IpAddr::from(address).to_canonical().is_loopback(),
        None => false,
    }
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'))
}

fn is_name(prefix: &str) -> bool {
    let (host, path) = prefix.split_once('/').unwrap_or((prefix, "x"));
    // Judged as the beginning of an image's name: a lone word would be a repository, hence the slash.
    let looks_like_host = host == "localhost" || host.contains(['.', ':']);
    looks_like_host && !path.contains([':', '@']) && format!("{host}/{path}").parse::<Reference>().is_ok()
}

/// What is left of a name after a prefix that ends where a part of the name ends.
fn rest_of<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    if prefix == EVERY {
        return Some(name);
    }
    let rest = name.strip_prefix(prefix)?;
    match rest.strip_prefix('/') {
        Some(rest) => Some(rest),
        None => rest.is_empty().then_some(rest),
    }
}

/// The endpoint of a mirror whose URL stands in for a prefix.
fn replaced(mut base: Url, rest: &str, reference: &Reference) -> Endpoint {
    let path = base.path().trim_matches('/').to_owned();
    base.set_path("/");
    let repository = match (path.is_empty(), rest.is_empty()) {
        // A prefix that is a whole name, and a URL without a path: the image has its own path there.
        (true, true) => reference.repository().to_owned(),
        (true, false) => rest.to_owned(),
        (false, true) => path,
        (false, false) => format!("{path}/{rest}"),
    };
    let host = base.host_str().unwrap_or_default();
    let registry = match base.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    Endpoint {
        base,
        registry,
        repository,
        stands_for: Some(reference.registry().to_owned()),
    }
}

/// A URL as errors may show it.
fn without_secret(text: &str) -> String {
    crate::http::shown(text)
}

impl Endpoint {
    /// The URL of something in the repository: `manifests/latest`.
    pub(super) fn url(&self, what: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{}/{what}", self.repository));
        if let Some(registry) = &self.stands_for {
            // Mirrors of several registries tell them apart by this.
            url.query_pairs_mut().append_pair("ns", registry);
        }
        url
    }

    /// The place in words.
    pub(super) fn place(&self) -> String {
        let origin = self.base.origin().ascii_serialization();
        format!("{origin}/{}", self.repository)
    }

    /// Whether nothing but the network itself keeps the connection from being read.
    pub(super) fn is_plain(&self) -> bool {
        self.base.scheme() == "http"
    }
}

#[cfg(test)]
mod tests {
    use super::InvalidRegistries;
    use super::Registries;

    fn registries(text: &str) -> Registries {
        Registries::of_yaml(text.as_bytes()).unwrap()
    }

    fn urls(registries: &Registries, image: &str) -> Vec<String> {
        let reference = image.parse().unwrap();
        let endpoints = registries.endpoints(&reference);
        endpoints
            .iter()
            .map(|endpoint| endpoint.url("tags").to_string())
            .collect()
    }

    #[test]
    fn names_lead_to_mirrors_and_then_to_their_registry() {
        let registries = registries(
            r#"{
                "mirrors": [
                    {"prefix": "docker.io", "urls": ["localhost:5000", "https://mirror.example/hub/"]},
                    {"prefix": "docker.io/library/alpine", "urls": ["http://10.0.0.1:81/base/alpine"], "only": true},
                    {"prefix": "docker.io/library/bash", "urls": ["localhost:5000"], "only": true},
                    {"prefix": "ghcr.io/team", "urls": ["mirror.internal:5000"]},
                    {"prefix": "*", "urls": ["https://all.example"], "only": true}
                ],
                "insecure": ["mirror.internal", "other.internal:81"]
            }"#,
        );
        let rows: &[(&str, &[&str])] = &[
            (
                "busybox",
                &[
                    "http://localhost:5000/v2/library/busybox/tags?ns=docker.io",
                    "https://mirror.example/v2/hub/library/busybox/tags?ns=docker.io",
                    "https://registry-1.docker.io/v2/library/busybox/tags",
                ],
            ),
            ("alpine", &["http://10.0.0.1:81/v2/base/alpine/tags?ns=docker.io"]),
            (
                "bash",
                &["http://localhost:5000/v2/library/bash/tags?ns=docker.io"],
            ),
            (
                "alpine2",
                &[
                    "http://localhost:5000/v2/library/alpine2/tags?ns=docker.io",
                    "https://mirror.example/v2/hub/library/alpine2/tags?ns=docker.io",
                    "https://registry-1.docker.io/v2/library/alpine2/tags",
                ],
            ),
            (
                "ghcr.io/team/app",
                &[
                    "http://mirror.internal:5000/v2/app/tags?ns=ghcr.io",
                    "https://ghcr.io/v2/team/app/tags",
                ],
            ),
            (
                "ghcr.io/teams/app",
                &["https://all.example/v2/teams/app/tags?ns=ghcr.io"],
            ),
            ("quay.io/a/b", &["https://all.example/v2/a/b/tags?ns=quay.io"]),
        ];
        for (image, expected) in rows {
            assert_eq!(urls(&registries, image), *expected, "{image}");
        }
    }

    #[test]
    fn only_loopback_and_what_is_listed_is_reached_by_plain_http() {
        let registries = registries(r#"{"insecure": ["plain.test", "port.test:81", "[fd00::1]"]}"#);
        let rows = [
            ("localhost:5000/x", "http"),
            ("localhost/x", "http"),
            ("127.0.0.1:5000/x", "http"),
            ("127.9.9.9/x", "http"),
            ("[::1]:5000/x", "http"),
            ("plain.test/x", "http"),
            ("plain.test:444/x", "http"),
            ("port.test:81/x", "http"),
            ("[fd00::1]:80/x", "http"),
            ("port.test/x", "https"),
            ("port.test:82/x", "https"),
            ("localhost.test/x", "https"),
            ("128.0.0.1/x", "https"),
            ("10.0.0.1/x", "https"),
            ("xplain.test/x", "https"),
            ("alpine", "https"),
        ];
        for (image, scheme) in rows {
            let url = &urls(&registries, image)[0];
            assert!(url.starts_with(&format!("{scheme}://")), "{image}: {url}");
        }
    }

    #[test]
    fn mirrors_given_as_text_come_first() {
        let mut registries =
            registries(r#"{"mirrors": [{"prefix": "docker.io", "urls": ["https://c.test"]}]}"#);
        registries
            .prefer("docker.io=http://a.test, docker.io=b.test:5000\n ghcr.io/team=localhost:1")
            .unwrap();
        let rows: &[(&str, &[&str])] = &[
            (
                "a/b",
                &[
                    "http://a.test/v2/a/b/tags?ns=docker.io",
                    "https://b.test:5000/v2/a/b/tags?ns=docker.io",
                    "https://c.test/v2/a/b/tags?ns=docker.io",
                    "https://registry-1.docker.io/v2/a/b/tags",
                ],
            ),
            (
                "ghcr.io/team/a",
                &[
                    "http://localhost:1/v2/a/tags?ns=ghcr.io",
                    "https://ghcr.io/v2/team/a/tags",
                ],
            ),
        ];
        for (image, expected) in rows {
            assert_eq!(urls(&registries, image), *expected, "{image}");
        }
        let refused = registries.prefer("docker.io").unwrap_err();
        assert_eq!(refused, InvalidRegistries::Pair("docker.io".to_owned()));
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn settings_that_make_no_sense_are_refused() {
        let mirror = |prefix: &str, url: &str| {
            format!(r#"{{"mirrors": [{{"prefix": "{prefix}", "urls": ["{url}"]}}]}}"#)
        };
        let rows = [
            (mirror("docker.io", "https://a.test"), ""),
            (mirror("docker.io", "localhost:5000"), ""),
            (mirror("localhost:80/a", "[::1]:5000"), ""),
            (
                mirror("alpine", "a.test"),
                "mirror prefix \"alpine\" is no registry",
            ),
            (mirror("", "a.test"), "mirror prefix \"\" is no registry"),
            (
                mirror("docker.io/", "a.test"),
                "mirror prefix \"docker.io/\" is no registry",
            ),
            (
                mirror("docker.io/A", "a.test"),
                "mirror prefix \"docker.io/A\" is no registry",
            ),
            (
                mirror("docker.io", "ftp://a.test"),
                "mirror url \"ftp://a.test\" of \"docker.io\" is neither",
            ),
            (
                mirror("docker.io", "https://"),
                "mirror url \"https://\" of \"docker.io\" cannot be read",
            ),
            (
                mirror("docker.io", "https://me:hunter2@a.test"),
                "mirror url \"https://a.test\" of \"docker.io\" holds a user or password",
            ),
            (
                mirror("docker.io", "https://a.test?x=1"),
                "mirror url \"https://a.test\" of \"docker.io\" has a query",
            ),
            (
                r#"{"mirrors": [{"prefix": "a.test"}]}"#.to_owned(),
                "the mirror of \"a.test\" has no urls",
            ),
            (
                r#"{"mirrors": [{"prefix": "*", "urls": ["a.test"]}, {"prefix": "*", "urls": ["a.test"]}]}"#
                    .to_owned(),
                "mirror prefix \"*\" is there twice",
            ),
            (
                r#"{"insecure": ["http://a.test"]}"#.to_owned(),
                "insecure registry \"http://a.test\" is no host",
            ),
            (
                r#"{"insecure": ["a.test/b"]}"#.to_owned(),
                "insecure registry \"a.test/b\" is no host",
            ),
            (String::new(), ""),
            ("# nothing\n".to_owned(), ""),
            ("insecure:\n- a.test\n".to_owned(), ""),
            ("a: [".to_owned(), "no valid settings of registries: "),
            (
                "{}\n---\n{}".to_owned(),
                "no valid settings of registries: there are several documents",
            ),
            (
                "hello".to_owned(),
                "no valid settings of registries: invalid type: string",
            ),
            (
                r#"{"insecre": []}"#.to_owned(),
                "no valid settings of registries: unknown field `insecre`",
            ),
            (
                format!(r#"{{"insecure": [{}"a.b"]}}"#, "\"a.b\",".repeat(256)),
                "insecure has more than 256 entries",
            ),
        ];
        for (text, expected) in rows {
            let outcome = Registries::of_yaml(text.as_bytes());
            let message = outcome.err().map_or_else(String::new, |error| error.to_string());
            assert_eq!(expected.is_empty(), message.is_empty(), "{text}: {message}");
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
