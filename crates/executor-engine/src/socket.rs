//! Where an engine's socket may be: a pure decision from the environment.

use std::path::Path;
use std::path::PathBuf;

/// Why no place can be named.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// `DOCKER_HOST` names something other than a unix socket.
    #[error(
        "DOCKER_HOST is {0:?}, and the engine executor speaks over unix sockets only: set it to unix:///path/to/socket, \
         or forward the remote socket with `ssh -nNT -L /tmp/engine.sock:/var/run/docker.sock HOST`"
    )]
    NotASocket(String),
    /// `DOCKER_HOST` names a path that is not absolute.
    #[error("DOCKER_HOST is {0:?}, and needs an absolute path: unix:///path/to/socket")]
    NotAbsolute(String),
}

/// What the decision depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// `DOCKER_HOST`; an empty value counts as none.
    pub docker_host: Option<String>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
}

impl Surroundings {
    /// Those of this process.
    pub fn from_env() -> Self {
        let path = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            docker_host: std::env::var("DOCKER_HOST").ok(),
            runtime_dir: path("XDG_RUNTIME_DIR").map(PathBuf::from),
            home: path("HOME").map(PathBuf::from),
        }
    }

    /// Sockets to try, the likeliest first. `DOCKER_HOST` leaves no choice.
    ///
    /// # Errors
    /// When `DOCKER_HOST` names something that cannot be spoken to.
    pub fn candidates(&self) -> Result<Vec<PathBuf>, Error> {
        let host = self.docker_host.as_deref().map(str::trim);
        if let Some(host) = host.filter(|host| !host.is_empty()) {
            let path = host
                .strip_prefix("unix://")
                .ok_or_else(|| Error::NotASocket(without_login(host)))?;
            if !Path::new(path).is_absolute() {
                return Err(Error::NotAbsolute(host.to_owned()));
            }
            return Ok(vec![path.into()]);
        }
        let below = |base: &Option<PathBuf>, rest: &str| base.as_ref().map(|base| base.join(rest));
        let places = [
            Some("/var/run/docker.sock".into()),
            below(&self.runtime_dir, "podman/podman.sock"),
            Some("/run/podman/podman.sock".into()),
            below(&self.home, ".docker/run/docker.sock"),
        ];
        Ok(places.into_iter().flatten().collect())
    }
}

/// The address without the user and password that it may hold.
fn without_login(host: &str) -> String {
    match (host.split_once("://"), host.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, address))) => format!("{scheme}://{address}"),
        _ => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::Error;
    use super::Surroundings;

    fn given(docker_host: Option<&str>) -> Surroundings {
        Surroundings {
            docker_host: docker_host.map(str::to_owned),
            runtime_dir: Some("/run/user/1000".into()),
            home: Some("/home/ada".into()),
        }
    }

    #[test]
    fn the_environment_decides_alone_when_it_speaks() {
        type Row = (Option<&'static str>, Result<&'static [&'static str], Error>);
        let usual: &[&str] = &[
            "/var/run/docker.sock",
            "/run/user/1000/podman/podman.sock",
            "/run/podman/podman.sock",
            "/home/ada/.docker/run/docker.sock",
        ];
        let rows: [Row; 7] = [
            (None, Ok(usual)),
            (Some(" "), Ok(usual)),
            (Some("unix:///run/x.sock"), Ok(&["/run/x.sock"])),
            (
                Some("unix://x.sock"),
                Err(Error::NotAbsolute("unix://x.sock".into())),
            ),
            (
                Some("tcp://10.0.0.1:2375"),
                Err(Error::NotASocket("tcp://10.0.0.1:2375".into())),
            ),
            (
                Some("ssh://ada:secret@host"),
                Err(Error::NotASocket("ssh://host".into())),
            ),
            (Some("/run/x.sock"), Err(Error::NotASocket("/run/x.sock".into()))),
        ];
        for (host, then) in rows {
            let then = then.map(|paths| paths.iter().map(PathBuf::from).collect::<Vec<_>>());
            assert_eq!(given(host).candidates(), then, "{host:?}");
        }
    }

    #[test]
    fn unset_directories_name_no_places() {
        let places = Surroundings::default().candidates();
        let wanted = ["/var/run/docker.sock", "/run/podman/podman.sock"];
        assert_eq!(places, Ok(wanted.iter().map(PathBuf::from).collect()));
    }
}
