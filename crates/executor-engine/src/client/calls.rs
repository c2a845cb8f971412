//! The calls that are used, and what is read of their answers.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::Method;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use super::Client;
use super::Error;
use super::Hijacked;
use super::http::Ask;
use super::http::Body;

/// What an engine knows of an image.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ImageInspect {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) repo_digests: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) config: Option<ImageConfig>,
}

/// How an image wants to be run.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ImageConfig {
    pub(crate) env: Option<Vec<String>>,
    pub(crate) entrypoint: Option<Vec<String>>,
    pub(crate) cmd: Option<Vec<String>>,
    pub(crate) user: Option<String>,
}

/// How a container is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct State {
    pub(crate) running: bool,
    pub(crate) exit_code: i32,
    #[serde(default, rename = "OOMKilled")]
    pub(crate) out_of_memory: bool,
}

/// What an engine knows of a container.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ContainerInspect {
    pub(crate) state: State,
    #[serde(default)]
    pub(crate) network_settings: NetworkSettings,
}

/// Where a container is reached.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct NetworkSettings {
    #[serde(rename = "IPAddress")]
    pub(crate) ip_address: String,
    pub(crate) networks: Option<BTreeMap<String, Network>>,
    pub(crate) ports: Option<BTreeMap<String, Option<Vec<Binding>>>>,
}

/// A container's place in one network.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Network {
    #[serde(rename = "IPAddress")]
    pub(crate) ip_address: String,
}

/// A port of this machine that leads to one of a container.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Binding {
    pub(crate) host_port: String,
}

/// What lies at a path of a container.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct PathStat {
    /// Bits of Go's `os.FileMode`.
    mode: u32,
}

impl PathStat {
    /// A directory, and no link to one.
    pub(crate) fn is_directory(self) -> bool {
        const DIRECTORY: u32 = 1 << 31;
        const LINK: u32 = 1 << 27;
        self.mode & DIRECTORY != 0 && self.mode & LINK == 0
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    id: String,
}

impl Client {
    /// Describes an image, or says that the engine does not have it.
    pub(crate) async fn image(&self, name: &str) -> Result<Option<ImageInspect>, Error> {
        let ask = Ask::new(
            format!("inspect image {name}"),
            Method::GET,
            format!("/images/{}/json", escape(name)),
        );
        match self.json(ask).await {
            Ok(image) => Ok(Some(image)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Has an image pulled; progress and failure come in the answer's body.
    pub(crate) async fn pull(&self, query: &str, login: Option<String>) -> Result<Incoming, Error> {
        let ask = Ask::new("pull", Method::POST, format!("/images/create?{query}"));
        let ask = match login {
            Some(login) => ask.header("x-registry-auth", login),
            None => ask,
        };
        self.stream(ask).await
    }

    /// Makes a volume and says where the engine keeps it.
    pub(crate) async fn create_volume(&self, name: &str, labels: &Value) -> Result<String, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Volume {
            mountpoint: String,
        }
        let body = json!({"Name": name, "Labels": labels});
        let ask = Ask::new(format!("create volume {name}"), Method::POST, "/volumes/create");
        let volume: Volume = self.json(ask.json(&body)).await?;
        Ok(volume.mountpoint)
    }

    /// Removes a volume; one that is gone is fine.
    pub(crate) async fn remove_volume(&self, name: &str) -> Result<(), Error> {
        let path = format!("/volumes/{name}?force=1");
        gone(
            self.done(Ask::new(format!("remove volume {name}"), Method::DELETE, path))
                .await,
        )
    }

    /// Makes a container and says its id.
    pub(crate) async fn create(&self, name: &str, body: &Value) -> Result<String, Error> {
        let path = format!("/containers/create?name={name}");
        let ask = Ask::new(format!("create container {name}"), Method::POST, path);
        let created: Created = self.json(ask.json(body)).await?;
        Ok(created.id)
    }

    /// Starts a container.
    pub(crate) async fn start(&self, name: &str) -> Result<(), Error> {
        let path = format!("/containers/{name}/start");
        self.done(Ask::new(format!("start container {name}"), Method::POST, path))
            .await
    }

    /// Takes both outputs of a container; to be called before it starts, so that nothing is missed.
    pub(crate) async fn attach(&self, name: &str) -> Result<Hijacked, Error> {
        let path = format!("/containers/{name}/attach?stream=1&stdout=1&stderr=1");
        self.hijack(Ask::new(
            format!("attach to container {name}"),
            Method::POST,
            path,
        ))
        .await
    }

    /// Describes a container.
    pub(crate) async fn container(&self, name: &str) -> Result<ContainerInspect, Error> {
        let path = format!("/containers/{name}/json");
        self.json(Ask::new(format!("inspect container {name}"), Method::GET, path))
            .await
    }

    /// Waits for a container, however long it runs.
    pub(crate) async fn wait(&self, name: &str) -> Result<(), Error> {
        let path = format!("/containers/{name}/wait");
        let ask = Ask::new(format!("wait for container {name}"), Method::POST, path);
        let mut body = self.stream(ask).await?;
        while let Some(frame) = http_body_util::BodyExt::frame(&mut body).await {
            frame.map_err(|source| Error::Talk {
                call: format!("wait for container {name}"),
                source,
            })?;
        }
        Ok(())
    }

    /// Sends a signal; a container that does not run any more is fine.
    pub(crate) async fn kill(&self, name: &str, signal: i32) -> Result<(), Error> {
        let path = format!("/containers/{name}/kill?signal={signal}");
        let ask = Ask::new(format!("signal container {name}"), Method::POST, path);
        match self.done(ask).await {
            Err(error) if matches!(error.status(), Some(404 | 409)) => Ok(()),
            sent => sent,
        }
    }

    /// Kills and removes a container with its nameless volumes; one that is gone is fine.
    pub(crate) async fn remove(&self, name: &str) -> Result<(), Error> {
        let path = format!("/containers/{name}?force=1&v=1");
        gone(
            self.done(Ask::new(format!("remove container {name}"), Method::DELETE, path))
                .await,
        )
    }

    /// Puts the content of an archive below a directory of a container.
    pub(crate) async fn put(&self, name: &str, directory: &str, archive: Body) -> Result<(), Error> {
        let path = format!("/containers/{name}/archive?path={}", escape(directory));
        let call = format!("put files into {directory} of container {name}");
        self.done(Ask::new(call, Method::PUT, path).tar(archive)).await
    }

    /// Takes a file or a tree out of a container, as the beginning of an archive; says whether it is whole. `None` when
    /// there is nothing.
    pub(crate) async fn get(
        &self,
        name: &str,
        from: &str,
        limit: usize,
    ) -> Result<Option<(Bytes, bool)>, Error> {
        let path = format!("/containers/{name}/archive?path={}", escape(from));
        let ask = Ask::new(format!("get {from} of container {name}"), Method::GET, path);
        match self.prefix(ask, limit).await {
            Ok(archive) => Ok(Some(archive)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Looks at a path of a container without following a link at its end. `None` when there is nothing.
    pub(crate) async fn stat(&self, name: &str, at: &str) -> Result<Option<PathStat>, Error> {
        let path = format!("/containers/{name}/archive?path={}", escape(at));
        let call = format!("look at {at} of container {name}");
        let garbage = |why: String| Error::Garbage {
            call: call.clone(),
            why,
        };
        let ask = Ask::new(call.clone(), Method::HEAD, path);
        let header = match self.head(ask, "x-docker-container-path-stat").await {
            Ok(header) => header.ok_or_else(|| garbage("no description".into()))?,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error),
        };
        let bytes = STANDARD
            .decode(header)
            .map_err(|error| garbage(error.to_string()))?;
        super::http::parse(call.clone(), &bytes).map(Some)
    }

    /// Prepares a command in a running container and says its id.
    pub(crate) async fn exec(&self, name: &str, body: &Value) -> Result<String, Error> {
        let path = format!("/containers/{name}/exec");
        let ask = Ask::new(
            format!("prepare a command in container {name}"),
            Method::POST,
            path,
        );
        let created: Created = self.json(ask.json(body)).await?;
        Ok(created.id)
    }

    /// Starts a prepared command; the stream ends with it.
    pub(crate) async fn exec_start(&self, id: &str) -> Result<Hijacked, Error> {
        let ask = Ask::new("start a command", Method::POST, format!("/exec/{id}/start"));
        self.hijack(ask.json(&json!({"Detach": false, "Tty": false})))
            .await
    }

    /// Whether a command still runs, and its exit code otherwise.
    pub(crate) async fn exec_state(&self, id: &str) -> Result<(bool, Option<i32>), Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Exec {
            running: bool,
            exit_code: Option<i32>,
        }
        let ask = Ask::new("inspect a command", Method::GET, format!("/exec/{id}/json"));
        let exec: Exec = self.json(ask).await?;
        Ok((exec.running, exec.exit_code))
    }

    /// Whether the engine runs as an ordinary user.
    pub(crate) async fn is_rootless(&self) -> Result<bool, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Info {
            #[serde(default)]
            security_options: Option<Vec<String>>,
        }
        let info: Info = self.json(Ask::new("ask for facts", Method::GET, "/info")).await?;
        let options = info.security_options.unwrap_or_default();
        Ok(options.iter().any(|option| option.contains("rootless")))
    }
}

/// Removing what is gone already is no failure; neither is removing what is being removed.
fn gone(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(error) if error.is_missing() => Ok(()),
        other => other,
    }
}

/// Percent-encodes all but what is plain in a path and in a query.
pub(crate) fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"/:@._-~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}
