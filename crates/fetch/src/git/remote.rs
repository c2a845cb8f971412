//! Brings one commit of a repository here.

use std::path::Path;
use std::path::PathBuf;

use super::error::Error;
use super::location::Location;
use super::location::Transport;
use super::program::Finished;
use super::program::Program;
use super::request::check_revision;
use super::request::is_abbreviated_hash;
use super::request::is_full_hash;
use crate::credentials::Credentials;
use crate::http;
use crate::http::Target;
use crate::limits::Limits;
use crate::policy::Policy;
use crate::policy::ResolveError;

/// What `git ls-remote` and the server call the smart protocol's first request.
const DISCOVERY: &str = "/info/refs?service=git-upload-pack";

/// One commit, with all its files, in a bare repository that goes away when this is dropped.
pub(super) struct Snapshot {
    pub(super) program: Program,
    pub(super) repository: PathBuf,
    /// The full hash.
    pub(super) commit: String,
    pub(super) location: Location,
}

/// How git is told to reach a place.
pub(super) struct Route {
    pub(super) url: String,
    pub(super) environment: Vec<(String, String)>,
    pub(super) config: Vec<(String, String)>,
}

/// Why a fetch did not work, as far as it matters for what to do next.
enum Failure {
    /// The name is none of the server's references.
    NoSuchReference,
    /// The server does not hand out this commit by its hash.
    Unadvertised,
    /// The server redirects.
    Redirected,
    Other(Error),
}

impl Snapshot {
    /// Fetches the commit that `revision` means, without its history.
    pub(super) async fn fetch(
        url: &str,
        revision: &str,
        credentials: Option<&Credentials>,
        limits: Limits,
        policy: &Policy,
    ) -> Result<Self, Error> {
        check_revision(revision)?;
        let location = Location::parse(url, credentials, policy)?;
        let route = Route::to(&location, policy).await?;
        let pinned = location.host().is_some_and(|host| !policy.is_open_for(host));
        let mut program = Program::prepare(policy, limits, pinned).await?;
        program.reach(&route.environment, &route.config);
        let repository = program.repository("commit")?;
        let mut fetch = Fetch {
            program,
            location,
            route,
            repository,
        };
        let name = fetch.revision(revision, policy).await?;
        let commit = fetch.commit(&name, revision).await?;
        Ok(Self {
            program: fetch.program,
            repository: fetch.repository,
            commit,
            location: fetch.location,
        })
    }
}

struct Fetch {
    program: Program,
    location: Location,
    route: Route,
    repository: PathBuf,
}

impl Fetch {
    /// Fetches a revision and gives back the name that it has in the local repository.
    async fn revision(&mut self, revision: &str, policy: &Policy) -> Result<String, Error> {
        let mut outcome = self.shallow(revision).await?;
        if matches!(outcome, Err(Failure::Redirected)) {
            self.follow_redirect(policy).await?;
            outcome = self.shallow(revision).await?;
        }
        match outcome {
            Ok(()) => Ok("FETCH_HEAD".to_owned()),
            Err(Failure::NoSuchReference) if is_abbreviated_hash(revision) => {
                let full = self.expand(revision).await?;
                self.by_hash(&full, revision).await
            }
            Err(Failure::Unadvertised) if is_full_hash(revision) => self.everything(revision).await,
            Err(failure) => Err(self.error(failure, revision)),
        }
    }

    async fn by_hash(&self, full: &str, revision: &str) -> Result<String, Error> {
        match self.shallow(full).await? {
            Ok(()) => Ok("FETCH_HEAD".to_owned()),
            Err(Failure::Unadvertised) => self.everything(full).await,
            Err(failure) => Err(self.error(failure, revision)),
        }
    }

    /// Fetches one name or hash at depth 1.
    async fn shallow(&self, name: &str) -> Result<Result<(), Failure>, Error> {
        self.run(&self.repository, &["--depth=1", "--no-tags"], &[name])
            .await
    }

    /// Fetches all history, for servers that hand out only what a reference names.
    async fn everything(&self, hash: &str) -> Result<String, Error> {
        let names = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
        match self.run(&self.repository, &[], &names).await? {
            Ok(()) => Ok(hash.to_owned()),
            Err(failure) => Err(self.error(failure, hash)),
        }
    }

    /// Finds the full hash of an abbreviated one, in a copy of the history that has no files if the server
    /// can leave them out.
    async fn expand(&self, abbreviated: &str) -> Result<String, Error> {
        let history = self.program.repository("history")?;
        let names = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
        if let Err(failure) = self.run(&history, &["--filter=tree:0"], &names).await? {
            return Err(self.error(failure, abbreviated));
        }
        self.parse(&history, abbreviated, abbreviated).await
    }

    /// The full hash of the fetched commit; a tag object is followed to its commit.
    async fn commit(&self, name: &str, revision: &str) -> Result<String, Error> {
        self.parse(&self.repository, name, revision).await
    }

    async fn parse(&self, repository: &Path, name: &str, revision: &str) -> Result<String, Error> {
        let expression = format!("{name}^{{commit}}");
        let arguments = [
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &expression,
        ];
        let finished = self.program.run(repository, &arguments, &[], 256).await?;
        let hash = String::from_utf8_lossy(&finished.output).trim().to_owned();
        if finished.success && is_full_hash(&hash) {
            return Ok(hash);
        }
        Err(self.error(Failure::NoSuchReference, revision))
    }

    async fn run(
        &self,
        repository: &Path,
        options: &[&str],
        names: &[&str],
    ) -> Result<Result<(), Failure>, Error> {
        let mut arguments = vec![
            "fetch",
            "--quiet",
            "--no-recurse-submodules",
            "--no-auto-maintenance",
        ];
        arguments.extend(options);
        arguments.extend(["--end-of-options", &self.route.url]);
        arguments.extend(names);
        let finished = self.program.run(repository, &arguments, &[], 64 << 10).await?;
        if finished.success {
            return Ok(Ok(()));
        }
        Ok(Err(classify(&finished, &self.location, self.program.limits())))
    }

    /// Asks where the repository went, with a client that judges every hop, and goes there from now on.
    async fn follow_redirect(&mut self, policy: &Policy) -> Result<(), Error> {
        let shown = self.location.shown();
        let redirect = |source| Error::Redirect {
            url: shown.clone(),
            source: Box::new(source),
        };
        let Transport::Http(target) = &self.location.transport else {
            return Ok(());
        };
        let base = target.url.as_str().trim_end_matches('/');
        let question =
            Target::parse(&format!("{base}{DISCOVERY}"), target.credentials.as_ref()).map_err(redirect)?;
        let client = http::Client::new(policy.clone()).map_err(redirect)?;
        let answer = client
            .locate(&question, self.program.limits())
            .await
            .map_err(redirect)?;
        let Some(moved) = answer.as_str().strip_suffix(DISCOVERY) else {
            return Err(Error::RepositoryNotFound { url: shown.clone() });
        };
        let mut moved_target = Target::parse(moved, None).map_err(redirect)?;
        if moved_target.url.origin() == target.url.origin() {
            moved_target.credentials.clone_from(&target.credentials);
        }
        // The place on record stays the one that was asked for.
        self.location.transport = Transport::Http(Box::new(moved_target));
        self.route = Route::to(&self.location, policy).await?;
        self.program.reach(&self.route.environment, &self.route.config);
        Ok(())
    }

    fn error(&self, failure: Failure, revision: &str) -> Error {
        let url = self.location.shown();
        match failure {
            Failure::NoSuchReference | Failure::Unadvertised => Error::RevisionNotFound {
                url,
                revision: revision.to_owned(),
            },
            Failure::Redirected => Error::RepositoryNotFound { url },
            Failure::Other(error) => error,
        }
    }
}

/// Reads what the program said. Its words are stable under the C locale, and all but the last are only used
/// to say the same more helpfully or to try another way.
fn classify(finished: &Finished, location: &Location, limits: Limits) -> Failure {
    let said = finished.complaint.as_str();
    let url = location.shown();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["File too large", "File size limit"]) {
        return Failure::Other(Error::TooLarge {
            what: "the download",
            url,
            limit: limits.max_transfer,
        });
    }
    if has(&["Out of memory", "out of memory"]) {
        return Failure::Other(Error::TooLarge {
            what: "the memory for the download",
            url,
            limit: limits.max_memory,
        });
    }
    if has(&["couldn't find remote ref"]) {
        return Failure::NoSuchReference;
    }
    if has(&["not our ref", "unadvertised object", "no such remote ref"]) {
        return Failure::Unadvertised;
    }
    if has(&["returned error: 30", "unable to update url base"]) {
        return Failure::Redirected;
    }
    if has(&[
        "could not read Username",
        "could not read Password",
        "Authentication failed",
        "returned error: 403",
    ]) || has(&["Permission denied (", "returned error: 401"])
    {
        return Failure::Other(Error::AuthenticationRequired { url });
    }
    if has(&[
        "' not found",
        "does not appear to be a git repository",
        "Repository not found",
        "not exported",
    ]) {
        return Failure::Other(Error::RepositoryNotFound { url });
    }
    Failure::Other(Error::Failed {
        url,
        message: one_line(said),
    })
}

/// The program's words on one line, so that they fit into a condition's message.
pub(super) fn one_line(said: &str) -> String {
    let words: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let text = words.join("; ");
    if text.is_empty() {
        "it gave no reason".to_owned()
    } else {
        text.chars().take(1024).collect()
    }
}

impl Location {
    /// The host that is connected to, if any.
    fn host(&self) -> Option<&str> {
        match &self.transport {
            Transport::Http(target) => target.url.host_str(),
            Transport::Git { host, .. } | Transport::Ssh { host, .. } => Some(host),
            Transport::Local(_) => None,
        }
    }
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
        command.push_str(&format!(" -o HostName={address} -o 'HostKeyAlias={alias}'"));
    }
    command
}
