//! What a login is for, by the rules of Kubernetes. Pure.

use std::fmt;

/// A registry, paths in one, or several registries by `*` in the parts of their name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    host: String,
    port: Option<String>,
    path: String,
}

impl Pattern {
    /// Reads a key of a configuration: `host:port/path`, or a URL, whose `/v1/` and `/v2/` mean nothing. None
    /// where it names no host.
    pub(super) fn parse(key: &str) -> Option<Self> {
        let bare = key.split_once("://").map_or(key, |(_, rest)| rest);
        let (authority, path) = bare.split_once('/').unwrap_or((bare, ""));
        let path = match path.split_once('/').unwrap_or((path, "")) {
            ("v1" | "v2", rest) => rest,
            _ => path,
        };
        let (host, port) = split_port(authority);
        if host.is_empty() {
            return None;
        }
        let host = host.to_ascii_lowercase();
        let host = match host.as_str() {
            "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
            _ => host,
        };
        Some(Self {
            host,
            port: port.map(str::to_owned),
            path: path.trim_matches('/').to_owned(),
        })
    }

    /// Whether it is for a repository. Parts of names are compared whole, so that `host/team` is not for `host/teams`.
    pub(super) fn matches(&self, registry: &str, repository: &str) -> bool {
        let (host, port) = split_port(registry);
        if self.port.as_deref() != port {
            return false;
        }
        // An address in brackets has no parts.
        let parts = |host: &str| host.split('.').count();
        let same_host = parts(host) == parts(&self.host)
            && host
                .split('.')
                .zip(self.host.split('.'))
                .all(|(part, glob)| glob_matches(glob.as_bytes(), part.to_ascii_lowercase().as_bytes()));
        let same_path = match repository.strip_prefix(self.path.as_str()) {
            Some(rest) => self.path.is_empty() || rest.is_empty() || rest.starts_with('/'),
            None => false,
        };
        same_host && same_path
    }

    /// How well it fits what it matches: longer paths first, then names before globs.
    pub(super) fn rank(&self) -> (usize, bool, usize) {
        (self.path.len(), !self.host.contains('*'), self.host.len())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.host)?;
        if let Some(port) = &self.port {
            write!(formatter, ":{port}")?;
        }
        if !self.path.is_empty() {
            write!(formatter, "/{}", self.path)?;
        }
        Ok(())
    }
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// Whether a part of a name matches a glob of literal characters, `*` and `?`. Takes time linear in their product.
fn glob_matches(glob: &[u8], text: &[u8]) -> bool {
    let (mut position, mut at) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match glob.get(position) {
            Some(b'*') => {
                star = Some((position, at));
                position += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[at] => {
                position += 1;
                at += 1;
            }
            _ => match star {
                // The star takes one byte more than was tried last.
                Some((seen, taken)) => {
                    star = Some((seen, taken + 1));
                    position = seen + 1;
                    at = taken + 1;
                }
                None => return false,
            },
        }
    }
    glob[position..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn a_key_is_for_what_kubernetes_says_it_is_for() {
        let rows = [
            ("host.test", "host.test", "a/b", true),
            ("HOST.test", "host.test", "a/b", true),
            ("https://host.test", "host.test", "a/b", true),
            ("https://host.test/v1/", "host.test", "a/b", true),
            ("host.test/v2/", "host.test", "a/b", true),
            ("host.test/v2/a", "host.test", "a/b", true),
            ("host.test/a", "host.test", "a/b", true),
            ("host.test/a/", "host.test", "a/b", true),
            ("host.test/a/b", "host.test", "a/b", true),
            ("host.test/a/b/c", "host.test", "a/b", false),
            ("host.test/a", "host.test", "ab", false),
            ("host.test:5000", "host.test:5000", "a", true),
            ("host.test", "host.test:5000", "a", false),
            ("host.test:5000", "host.test", "a", false),
            ("*.test", "host.test", "a", true),
            ("*.host.test", "a.host.test", "a", true),
            ("*.host.test", "host.test", "a", false),
            ("*.host.test", "a.b.host.test", "a", false),
            ("h*t.test", "host.test", "a", true),
            ("h*t.te?t", "host.test", "a", true),
            ("h*x.test", "host.test", "a", false),
            ("*", "host.test", "a", false),
            ("*", "localhost", "a", true),
            ("*.test:5000", "host.test:5000", "a", true),
            ("https://index.docker.io/v1/", "docker.io", "library/alpine", true),
            ("docker.io", "docker.io", "library/alpine", true),
            ("index.docker.io/team", "docker.io", "team/app", true),
            ("[::1]:5000", "[::1]:5000", "a", true),
            ("evil.test", "host.test", "a", false),
            ("host.test", "host.test.evil", "a", false),
        ];
        for (key, registry, repository, expected) in rows {
            let pattern = Pattern::parse(key).unwrap();
            assert_eq!(
                pattern.matches(registry, repository),
                expected,
                "{key} for {registry}/{repository}"
            );
        }
        for key in ["", "https://", "/a", ":5000"] {
            assert_eq!(Pattern::parse(key), None, "{key}");
        }
    }
}
