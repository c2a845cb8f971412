//! How git is told to reach a repository, and nothing but that.

use super::error::Error;
use super::location::Location;
use super::location::Transport;
use crate::http::Target;
use crate::policy::Policy;
use crate::policy::ResolveError;

/// How git is told to reach a place.
pub(super) struct Route {
    pub(super) url: String,
    pub(super) environment: Vec<(String, String)>,
    pub(super) config: Vec<(String, String)>,
}

impl Route {
    /// Resolves and judges the host, and pins the connection to what was judged.
    pub(super) async fn to(location: &Location, policy: &Policy) -> Result<Self, Error> {
        let mut route = Self {
            url: location.written.clone(),
            environment: Vec::new(),
            config: Vec::new(),
        };
        route.set("GIT_ALLOW_PROTOCOL", location.protocol().to_owned());
        match &location.transport {
            Transport::Http(target) => route.http(target, location, policy).await?,
            Transport::Git { host, port, path } => {
                if let Some(addresses) = judged(location, host, *port, policy).await? {
                    route.set("GIT_OVERRIDE_VIRTUAL_HOST", format!("{host}:{port}"));
                    let address = addresses.first().map_or_else(String::new, ToString::to_string);
                    route.url = format!("git://{address}:{port}{path}");
                }
            }
            Transport::Ssh { host, port } => {
                let addresses = judged(location, host, port.unwrap_or(22), policy).await?;
                let pin = addresses
                    .as_deref()
                    .and_then(<[String]>::first)
                    .map(String::as_str);
                route.set("GIT_SSH_COMMAND", ssh_command(host, *port, pin, policy));
            }
            Transport::Local(path) => {
                let absolute = std::path::absolute(path).map_err(|source| Error::Directory {
                    path: path.clone(),
                    source,
                })?;
                route.url = absolute.to_string_lossy().into_owned();
            }
        }
        Ok(route)
    }

    async fn http(&mut self, target: &Target, location: &Location, policy: &Policy) -> Result<(), Error> {
        self.url = target.url.to_string();
        let host = target.url.host_str().unwrap_or_default();
        let port = target.url.port_or_known_default().unwrap_or(443);
        if let Some(addresses) = judged(location, host, port, policy).await? {
            self.config.push((
                "http.curloptResolve".into(),
                format!("{host}:{port}:{}", addresses.join(",")),
            ));
        }
        if let Some(credentials) = &target.credentials {
            let key = format!("http.{}/.extraHeader", target.url.origin().ascii_serialization());
            self.config
                .push((key, format!("Authorization: {}", credentials.authorization())));
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: String) {
        self.environment.push((name.to_owned(), value));
    }
}

/// The addresses that may be connected to, with brackets where they need them; none if any may.
async fn judged(
    location: &Location,
    host: &str,
    port: u16,
    policy: &Policy,
) -> Result<Option<Vec<String>>, Error> {
    if policy.is_open_for(host) {
        return Ok(None);
    }
    let url = location.shown();
    let addresses = policy.resolve(host, port).await.map_err(|error| match error {
        ResolveError::Denied(denied) => Error::Denied {
            url: url.clone(),
            denied,
        },
        ResolveError::Lookup { source, .. } => Error::Resolve {
            url: url.clone(),
            source,
        },
        ResolveError::Empty { .. } => Error::Resolve {
            url: url.clone(),
            source: std::io::ErrorKind::NotFound.into(),
        },
    })?;
    let mut texts: Vec<String> = addresses
        .iter()
        .map(|address| {
            if address.is_ipv6() {
                format!("[{}]", address.ip())
            } else {
                address.ip().to_string()
            }
        })
        .collect();
    texts.dedup();
    Ok(Some(texts))
}

/// The ssh command line. Every word that comes from a URL was checked to be made of harmless characters.
pub(super) fn ssh_command(host: &str, port: Option<u16>, pin: Option<&str>, policy: &Policy) -> String {
    let mut command = "ssh -o BatchMode=yes".to_owned();
    if !policy.trust_environment {
        command.push_str(
            " -F none -o StrictHostKeyChecking=yes -o ProxyCommand=none -o ClearAllForwardings=yes",
        );
    }
    if let Some(address) = pin {
        let address = address.trim_start_matches('[').trim_end_matches(']');
        let alias = port
            .filter(|port| *port != 22)
            .map_or_else(|| host.to_owned(), |port| format!("[{host}]:{port}"));
        for part in [" -o HostName=", address, " -o 'HostKeyAlias=", &alias, "'"] {
            command.push_str(part);
        }
    }
    command
}
