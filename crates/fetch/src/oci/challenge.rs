//! What a registry says when it wants to know who asks (`WWW-Authenticate`). Pure.

use reqwest::header::HeaderMap;
use reqwest::header::WWW_AUTHENTICATE;
use url::Url;

use super::registries::Endpoint;
use super::registries::is_loopback;

/// Bytes of a header that are read; real ones have some hundred.
const MAX_HEADER: usize = 8192;

/// A way in which a registry lets itself be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User and password with each request.
    Basic,
    /// A token from a token service.
    Bearer {
        realm: String,
        service: Option<String>,
        scope: Option<String>,
    },
}

/// The challenges that are understood, tokens first, since registries that offer both prefer them.
pub(super) fn read(headers: &HeaderMap) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter(|value| value.len() <= MAX_HEADER)
        .filter_map(|value| value.to_str().ok())
        .flat_map(parse)
        .collect();
    challenges.sort_by_key(|challenge| matches!(challenge, Challenge::Basic));
    challenges.dedup();
    challenges.truncate(4);
    challenges
}

/// Reads one header: schemes, each with parameters, all separated by commas.
fn parse(text: &str) -> Vec<Challenge> {
    let mut found: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for item in items(text) {
        // `Bearer realm="x"` begins a challenge; `service="y"` continues one.
        let (head, value) = match item.split_once('=') {
            Some((head, value)) => (head.trim(), Some(value.trim())),
            None => (item.trim(), None),
        };
        let name = match head.rsplit_once([' ', '\t']) {
            Some((scheme, name)) => {
                found.push((scheme.trim().to_ascii_lowercase(), Vec::new()));
                name
            }
            None => head,
        };
        match (value, found.last_mut()) {
            (Some(value), Some((_, params))) => params.push((name.to_ascii_lowercase(), unquoted(value))),
            (None, _) if !name.is_empty() => found.push((name.to_ascii_lowercase(), Vec::new())),
            _ => {}
        }
    }
    let challenge = |(scheme, params): (String, Vec<(String, String)>)| {
        let param = |name: &str| {
            let found = params.iter().find(|(key, _)| key == name);
            found
                .map(|(_, value)| value.clone())
                .filter(|value| !value.is_empty())
        };
        match scheme.as_str() {
            "basic" => Some(Challenge::Basic),
            "bearer" => Some(Challenge::Bearer {
                realm: param("realm")?,
                service: param("service"),
                scope: param("scope"),
            }),
            _ => None,
        }
    };
    found.into_iter().filter_map(challenge).collect()
}

/// The parts between commas that are not inside quotes.
fn items(text: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                items.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(&text[start..]);
    items
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else {
        return value.to_owned();
    };
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            other => text.push(other),
        }
    }
    text
}

/// The URL of a token service, or why a login is not sent there: it must be reached by HTTPS, except by a registry
/// that is itself reached by plain HTTP and names its own host or this machine.
pub(super) fn service_url(
    endpoint: &Endpoint,
    realm: &str,
    service: Option<&str>,
    scope: Option<&str>,
) -> Result<Url, &'static str> {
    let mut url = Url::parse(realm).map_err(|_| "it is no URL")?;
    let same_host = url.host_str() == endpoint.base.host_str();
    match url.scheme() {
        "https" => {}
        "http" if endpoint.is_plain() && (same_host || is_loopback(&url)) => {}
        "http" => return Err("it is not reached by HTTPS"),
        _ => return Err("it is neither http nor https"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a user or password");
    }
    url.set_fragment(None);
    for (name, value) in [("service", service), ("scope", scope)] {
        if let Some(value) = value {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;
    use reqwest::header::WWW_AUTHENTICATE;

    use super::Challenge;
    use super::read;
    use super::service_url;
    use crate::oci::registries::Registries;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
        }
    }

    #[test]
    fn challenges_are_read_as_servers_write_them() {
        let hub = bearer(
            "https://auth.docker.io/token",
            Some("registry.docker.io"),
            Some("repository:library/alpine:pull,push"),
        );
        let rows: &[(&[&str], &[Challenge])] = &[
            (
                &[
                    r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull,push""#,
                ],
                &[hub],
            ),
            (&[r#"Basic realm="Registry""#], &[Challenge::Basic]),
            (&["basic"], &[Challenge::Basic]),
            (
                &[r#"bearer REALM="https://a.test" , service=plain"#],
                &[bearer("https://a.test", Some("plain"), None)],
            ),
            (
                &[r#"Basic realm="x", Bearer realm="https://a.test""#],
                &[bearer("https://a.test", None, None), Challenge::Basic],
            ),
            (
                &[r#"Basic realm="x""#, r#"Bearer realm="https://a.test""#],
                &[bearer("https://a.test", None, None), Challenge::Basic],
            ),
            (
                &[r#"Negotiate, Bearer realm="https://a.test/\"q\"""#],
                &[bearer("https://a.test/\"q\"", None, None)],
            ),
            (&["Bearer"], &[]),
            (&[r#"Bearer realm="""#], &[]),
            (&["Digest realm=x, nonce=y"], &[]),
            (&["", ",,,", "=", "\"", "Bearer realm=\""], &[]),
            (&[], &[]),
        ];
        for (texts, expected) in rows {
            let mut headers = HeaderMap::new();
            for text in *texts {
                headers.append(WWW_AUTHENTICATE, text.parse().unwrap());
            }
            assert_eq!(read(&headers), *expected, "{texts:?}");
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn a_login_goes_only_to_services_that_nobody_can_listen_to() {
        let registries = Registries {
            insecure: vec!["plain.test".to_owned()],
            ..Registries::default()
        };
        let rows = [
            (
                "host.test/a",
                "https://auth.test/t",
                Ok("https://auth.test/t?service=s&scope=c"),
            ),
            (
                "host.test/a",
                "https://auth.test/t?x=1#f",
                Ok("https://auth.test/t?x=1&service=s&scope=c"),
            ),
            (
                "host.test/a",
                "http://auth.test/t",
                Err("it is not reached by HTTPS"),
            ),
            (
                "host.test/a",
                "http://host.test/t",
                Err("it is not reached by HTTPS"),
            ),
            (
                "host.test/a",
                "http://localhost/t",
                Err("it is not reached by HTTPS"),
            ),
            (
                "plain.test/a",
                "http://plain.test:81/t",
                Ok("http://plain.test:81/t?service=s&scope=c"),
            ),
            (
                "plain.test/a",
                "http://localhost/t",
                Ok("http://localhost/t?service=s&scope=c"),
            ),
            (
                "plain.test/a",
                "http://other.test/t",
                Err("it is not reached by HTTPS"),
            ),
            (
                "localhost:5000/a",
                "http://127.0.0.1:1/t",
                Ok("http://127.0.0.1:1/t?service=s&scope=c"),
            ),
            (
                "localhost:5000/a",
                "https://auth.test/t",
                Ok("https://auth.test/t?service=s&scope=c"),
            ),
            (
                "host.test/a",
                "https://u:p@auth.test/t",
                Err("it holds a user or password"),
            ),
            (
                "host.test/a",
                "file:///etc/passwd",
                Err("it is neither http nor https"),
            ),
            ("host.test/a", "token", Err("it is no URL")),
        ];
        for (image, realm, expected) in rows {
            let endpoint = registries.origin(&image.parse().unwrap()).unwrap();
            let outcome = service_url(&endpoint, realm, Some("s"), Some("c"));
            let outcome = outcome.as_ref().map(url::Url::as_str).map_err(|reason| *reason);
            assert_eq!(outcome, expected, "{image} {realm}");
        }
    }
}
