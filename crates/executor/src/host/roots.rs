//! Root file systems of containers: what a provider of images gives to the launcher.

use std::any::Any;
use std::fmt::Debug;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::job::Job;
use crate::job::Process;
use crate::observation::StartFailure;

/// An image as a container is made of it.
#[derive(Clone)]
pub struct Root {
    /// What is recorded as the image's id.
    pub image_id: String,
    /// Unpacked layers below [`Roots::directory`], lowest first, in the form an overlay takes. Never empty.
    pub layers: Vec<PathBuf>,
    /// First words of the command line, for a process that gives no command.
    pub entrypoint: Vec<String>,
    /// Words after the entrypoint, for a process that gives neither command nor arguments.
    pub cmd: Vec<String>,
    /// `NAME=value`; the process's own variables win.
    pub env: Vec<String>,
    /// `user`, `uid`, `user:group` or `uid:gid`; empty is root.
    pub user: String,
    /// Directory to start in; empty is the root.
    pub working_dir: String,
    /// Keeps the layers where they are.
    pub hold: Arc<dyn Any + Send + Sync>,
}

impl Debug for Root {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Root({})", self.image_id)
    }
}

/// Provides images.
pub trait Roots: Debug + Send + Sync {
    /// The directory that all layers lie in.
    fn directory(&self) -> &Path;

    /// Has the image of a process of a job on this machine.
    ///
    /// # Errors
    /// [`ImagePull`](crate::observation::StartFailureKind::ImagePull) with what was tried and a way out.
    fn root<'a>(
        &'a self,
        job: &'a Job,
        process: &'a Process,
    ) -> BoxFuture<'a, Result<Arc<Root>, StartFailure>>;
}
