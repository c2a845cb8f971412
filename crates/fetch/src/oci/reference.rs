//! Names of images, as Docker and containerd read them.
//!
//! Own code, because the libraries' parsers say only "invalid reference format", and a user needs to know which
//! character of which part is wrong.

use std::fmt;
use std::str::FromStr;

use crate::digest::Digest;

/// The registry of a name without one.
const DEFAULT_REGISTRY: &str = "docker.io";

/// Where Docker Hub keeps what has no owner.
const OFFICIAL: &str = "library/";

/// The tag of a name with neither tag nor digest.
const DEFAULT_TAG: &str = "latest";

/// Bytes of a repository's path: the bound of the field.
const MAX_PATH: usize = 255;

/// Bytes of a tag: the bound of the field.
const MAX_TAG: usize = 128;

/// Bytes of a registry's name: 253 of a host, a colon and a port.
const MAX_REGISTRY: usize = 259;

/// Bytes of a whole name: its parts at their longest, with a sha512 digest.
const MAX_TEXT: usize = MAX_REGISTRY + 1 + MAX_PATH + 1 + MAX_TAG + 1 + 135;

/// Which image, with everything that a short name leaves out: `alpine` is `docker.io/library/alpine:latest`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

/// A text that names no image. Upstream's reason for such an image is `InvalidImageName`.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("invalid image name {text:?}: {problem}; write it like {example}")]
pub struct InvalidReference {
    /// The text, cut where it is too long.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
    /// A name that is right, as near to the text as can be guessed.
    pub example: String,
}

impl Reference {
    /// Host of the registry, with its port where one is written: `docker.io`, `localhost:5000`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Path in the registry: `library/alpine`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag; `latest` where the text had neither tag nor digest.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest: `sha256:…`. It wins over the tag.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// What is asked of the registry: the digest, or else the tag.
    pub fn wanted(&self) -> &str {
        self.digest
            .as_deref()
            .or(self.tag.as_deref())
            .unwrap_or(DEFAULT_TAG)
    }

    /// Registry and repository, without tag and digest.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The short form that people write: `alpine:latest`.
    pub fn familiar(&self) -> String {
        let mut text = match self.registry.as_str() {
            DEFAULT_REGISTRY => {
                let path = &self.repository;
                match path.strip_prefix(OFFICIAL) {
                    Some(name) if !name.contains('/') => name.to_owned(),
                    _ => path.clone(),
                }
            }
            _ => self.name(),
        };
        self.append_rest(&mut text);
        text
    }

    fn append_rest(&self, text: &mut String) {
        for (separator, part) in [(':', &self.tag), ('@', &self.digest)] {
            if let Some(part) = part {
                text.push(separator);
                text.push_str(part);
            }
        }
    }
}

impl fmt::Display for Reference {
    /// The canonical form: `docker.io/library/alpine:latest`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.name();
        self.append_rest(&mut text);
        formatter.write_str(&text)
    }
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        parse(text).map_err(|problem| InvalidReference {
            text: text.chars().take(128).collect(),
            problem,
            example: example(text),
        })
    }
}

fn parse(text: &str) -> Result<Reference, String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.len() > MAX_TEXT {
        return Err(format!(
            "it has {} bytes, and no name has more than {MAX_TEXT}",
            text.len()
        ));
    }
    if text.contains("://") {
        return Err("it is a URL, and an image's name has no scheme".to_owned());
    }
    if let Some(odd) = text.chars().find(|character| !character.is_ascii_graphic()) {
        return Err(format!("it holds the character {odd:?}"));
    }
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(checked_digest(digest)?)),
        None => (text, None),
    };
    let (registry, path) = split_registry(rest);
    let (path, tag) = match path.split_once(':') {
        Some((path, tag)) => (path, Some(checked_tag(tag)?)),
        None => (path, None),
    };
    if path.len() == 64 && registry.is_none() && path.bytes().all(is_lower_hex) {
        return Err("64 hexadecimal digits alone are an image's id and no name".to_owned());
    }
    check_path(path)?;
    let registry = match registry {
        None | Some("index.docker.io" | DEFAULT_REGISTRY) => DEFAULT_REGISTRY.to_owned(),
        Some(registry) => checked_registry(registry)?,
    };
    let mut repository = path.to_owned();
    if registry == DEFAULT_REGISTRY && !path.contains('/') {
        repository.insert_str(0, OFFICIAL);
    }
    if repository.len() > MAX_PATH {
        return Err(format!("its repository has more than {MAX_PATH} characters"));
    }
    let tag = match (tag, &digest) {
        (None, None) => Some(DEFAULT_TAG.to_owned()),
        (tag, _) => tag.map(str::to_owned),
    };
    Ok(Reference {
        registry,
        repository,
        tag,
        digest,
    })
}

/// The first word is a registry if it could be no part of a path, or is `localhost`.
fn split_registry(text: &str) -> (Option<&str>, &str) {
    match text.split_once('/') {
        Some((first, rest)) if first == "localhost" || first.contains(['.', ':']) => (Some(first), rest),
        _ => (None, text),
    }
}

fn checked_registry(registry: &str) -> Result<String, String> {
    let wrong = |reason: &str| format!("its registry {registry:?} {reason}");
    if registry.len() > MAX_REGISTRY {
        return Err(wrong("is too long"));
    }
    let (host, port) = match registry.rsplit_once(':') {
        // The colons of an IPv6 address are inside its brackets.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (registry, None),
    };
    if let Some(port) = port
        && (port.is_empty()
            || !port.bytes().all(|byte| byte.is_ascii_digit())
            || port.parse::<u16>().is_err())
    {
        return Err(wrong("has no valid port"));
    }
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let valid = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(|label| {
            let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(inner)
        }),
    };
    if !valid {
        return Err(wrong("is no host name"));
    }
    Ok(registry.to_ascii_lowercase())
}

fn check_path(path: &str) -> Result<(), String> {
    if path.is_empty() {
        return Err("it has no repository".to_owned());
    }
    if let Some(upper) = path.chars().find(char::is_ascii_uppercase) {
        return Err(format!("its repository must be lowercase, and {upper:?} is not"));
    }
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_allowed =
        |character: char| character.is_ascii() && (is_plain(character as u8) || "._-".contains(character));
    for part in path.split('/') {
        if part.is_empty() {
            return Err("its repository has an empty part between slashes".to_owned());
        }
        if let Some(odd) = part.chars().find(|character| !is_allowed(*character)) {
            return Err(format!("its repository holds the character {odd:?}"));
        }
        let ends_plain = |byte: Option<u8>| byte.is_some_and(is_plain);
        if !ends_plain(part.bytes().next()) || !ends_plain(part.bytes().last()) {
            return Err(format!(
                "the part {part:?} must begin and end with a letter or digit"
            ));
        }
        // Between letters and digits stands one dot, one or two underscores, or any number of dashes.
        let mut separators = part.split(|character: char| is_plain(character as u8));
        let is_separator =
            |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|byte| byte == b'-');
        if let Some(odd) = separators.find(|text| !is_separator(text)) {
            return Err(format!("the part {part:?} has {odd:?} between letters"));
        }
    }
    Ok(())
}

fn checked_tag(tag: &str) -> Result<&str, String> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let valid = tag
        .bytes()
        .all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'));
    match tag.bytes().next() {
        None => Err("its tag is empty".to_owned()),
        Some(_) if tag.len() > MAX_TAG => Err(format!("its tag has more than {MAX_TAG} characters")),
        Some(first) if !is_word(first) || !valid => Err(format!("its tag {tag:?} is no word")),
        Some(_) => Ok(tag),
    }
}

fn checked_digest(text: &str) -> Result<String, String> {
    text.parse::<Digest>().map_err(|error| error.to_string())?;
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("its digest must be lowercase".to_owned());
    }
    Ok(text.to_owned())
}

fn is_lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

/// The text without what is most often wrong, if that makes a name; else any name.
fn example(text: &str) -> String {
    let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
    let guess = bare.trim().to_ascii_lowercase();
    if guess != text && guess.len() <= 128 && parse(&guess).is_ok() {
        return guess;
    }
    "registry.example/team/app:1.2".to_owned()
}

#[cfg(test)]
mod tests {
    use super::Reference;

    const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn names_are_completed_and_shortened_as_docker_does() {
        let digest = format!("@sha256:{HEX}");
        let rows = [
            ("alpine", "docker.io/library/alpine:latest", "alpine:latest"),
            ("alpine:3", "docker.io/library/alpine:3", "alpine:3"),
            (
                "library/alpine",
                "docker.io/library/alpine:latest",
                "alpine:latest",
            ),
            (
                "docker.io/alpine",
                "docker.io/library/alpine:latest",
                "alpine:latest",
            ),
            ("index.docker.io/a/b", "docker.io/a/b:latest", "a/b:latest"),
            (
                "docker.io/library/a/b",
                "docker.io/library/a/b:latest",
                "library/a/b:latest",
            ),
            ("team/app", "docker.io/team/app:latest", "team/app:latest"),
            ("localhost/x", "localhost/x:latest", "localhost/x:latest"),
            (
                "localhost:5000/x",
                "localhost:5000/x:latest",
                "localhost:5000/x:latest",
            ),
            ("gcr.io/a/b/c:v1", "gcr.io/a/b/c:v1", "gcr.io/a/b/c:v1"),
            ("GCR.io/a:V1", "gcr.io/a:V1", "gcr.io/a:V1"),
            ("10.0.0.1:443/a", "10.0.0.1:443/a:latest", "10.0.0.1:443/a:latest"),
            ("[::1]:5000/a:b", "[::1]:5000/a:b", "[::1]:5000/a:b"),
            ("[::1]/a", "[::1]/a:latest", "[::1]/a:latest"),
            (
                "a__b/c--d.e:_x.y-z",
                "docker.io/a__b/c--d.e:_x.y-z",
                "a__b/c--d.e:_x.y-z",
            ),
            ("localhost:80", "docker.io/library/localhost:80", "localhost:80"),
        ];
        for (text, canonical, familiar) in rows {
            for rest in ["", &digest] {
                let (canonical, familiar) =
                    if rest.is_empty() || text.contains(canonical.rsplit(':').next().unwrap()) {
                        (format!("{canonical}{rest}"), format!("{familiar}{rest}"))
                    } else {
                        // A digest makes the default tag superfluous.
                        let bare = |text: &str| format!("{}{rest}", text.trim_end_matches(":latest"));
                        (bare(canonical), bare(familiar))
                    };
                let reference: Reference = format!("{text}{rest}").parse().unwrap();
                assert_eq!(reference.to_string(), canonical, "{text}");
                assert_eq!(reference.familiar(), familiar, "{text}");
                assert_eq!(reference.familiar().parse(), Ok(reference.clone()), "{text}");
                assert_eq!(canonical.parse(), Ok(reference), "{text}");
            }
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn what_is_no_name_is_refused_for_a_stated_reason() {
        let upper = HEX.to_uppercase();
        let rows = [
            (String::new(), "it is empty"),
            (
                "Alpine".into(),
                "its repository must be lowercase, and 'A' is not; write it like alpine",
            ),
            // Docker takes this for a host, which nobody means.
            (
                "Team/app".into(),
                "its repository must be lowercase, and 'T' is not; write it like team/app",
            ),
            (
                "team/App:1".into(),
                "its repository must be lowercase, and 'A' is not; write it like team/app:1",
            ),
            (
                "https://gcr.io/a".into(),
                "it is a URL, and an image's name has no scheme; write it like gcr.io/a",
            ),
            (
                " alpine".into(),
                "it holds the character ' '; write it like alpine",
            ),
            ("alp\u{e9}".into(), "it holds the character 'é'"),
            ("a\nb".into(), "it holds the character '\\n'"),
            (
                HEX.into(),
                "64 hexadecimal digits alone are an image's id and no name",
            ),
            ("a:".into(), "its tag is empty"),
            ("a:-x".into(), "its tag \"-x\" is no word"),
            ("a:b:c".into(), "its tag \"b:c\" is no word"),
            (
                format!("a:{}", "x".repeat(129)),
                "its tag has more than 128 characters",
            ),
            ("a@".into(), "invalid digest format"),
            (
                "a@sha256:abc".into(),
                "invalid sha256 digest value, expected length: 64, got: 3",
            ),
            (format!("a@md5:{HEX}"), "invalid digest algorithm: md5"),
            (format!("a@sha256:{upper}"), "its digest must be lowercase"),
            (format!("@sha256:{HEX}"), "it has no repository"),
            ("/a".into(), "its repository has an empty part"),
            ("a//b".into(), "its repository has an empty part"),
            ("gcr.io/".into(), "it has no repository"),
            (
                "a/../b".into(),
                "the part \"..\" must begin and end with a letter or digit",
            ),
            ("a/.b".into(), "the part \".b\" must begin"),
            ("-a".into(), "the part \"-a\" must begin"),
            ("a___b".into(), "the part \"a___b\" has \"___\" between letters"),
            ("a..b".into(), "the part \"a..b\" has \"..\" between letters"),
            ("a%2fb".into(), "its repository holds the character '%'"),
            ("a?x".into(), "its repository holds the character '?'"),
            ("a:80/b@x".into(), "invalid digest format"),
            ("host:x/b".into(), "its registry \"host:x\" has no valid port"),
            (
                "host:99999/b".into(),
                "its registry \"host:99999\" has no valid port",
            ),
            ("-host.x/b".into(), "its registry \"-host.x\" is no host name"),
            ("a..b/c".into(), "its registry \"a..b\" is no host name"),
            ("user:pw@host.x/b".into(), "invalid digest format"),
            ("[::1/b".into(), "its registry \"[::1\" "),
            ("[x]:1/b".into(), "its registry \"[x]:1\" is no host name"),
            (
                format!("a/{}", "x".repeat(254)),
                "its repository has more than 255 characters",
            ),
            ("x".repeat(2000), "it has 2000 bytes"),
            (format!("{}.x/b", "h".repeat(300)), "its registry "),
        ];
        for (text, expected) in rows {
            let message = match text.parse::<Reference>() {
                Ok(reference) => format!("accepted as {reference}"),
                Err(error) => error.to_string(),
            };
            let shown: String = text.chars().take(128).collect();
            let expected = format!("invalid image name {shown:?}: {expected}");
            assert!(message.starts_with(&expected), "{message}\n{expected}");
        }
    }
}
