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
use super::route::Route;
use crate::credentials::Credentials;
use crate::http;
use crate::http::Target;
use crate::limits::Limits;
use crate::policy::Policy;

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
