//! An image of busybox, made from the machine's own.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use windlass_executor::host::Root;
use windlass_executor::host::Roots;
use windlass_executor::job::Job;
use windlass_executor::job::Process;
use windlass_executor::observation::StartFailure;
use windlass_executor::observation::StartFailureKind;

/// One image for every name but `missing`.
#[derive(Debug)]
pub(crate) struct Busybox {
    directory: PathBuf,
    root: Arc<Root>,
}

impl Busybox {
    /// Makes the image below a directory.
    pub(crate) fn make(directory: &Path) -> io::Result<Arc<Self>> {
        let layer = directory.join("layer");
        for name in ["bin", "etc", "root", "home/build", "tmp"] {
            fs::create_dir_all(layer.join(name))?;
        }
        fs::set_permissions(layer.join("tmp"), PermissionsExt::from_mode(0o1777))?;
        fs::write(
            layer.join("etc/passwd"),
            "root:x:0:0:root:/root:/bin/sh\nbuild:x:1000:100::/home/build:/bin/sh\n",
        )?;
        fs::write(layer.join("etc/group"), "root:x:0:\nwheel:x:10:build\n")?;
        fs::copy("/bin/busybox", layer.join("bin/busybox"))?;
        let tools = Command::new("/bin/busybox").arg("--list").output()?;
        for tool in String::from_utf8_lossy(&tools.stdout).lines() {
            let _ = symlink("busybox", layer.join("bin").join(tool));
        }
        let above = directory.join("above");
        fs::create_dir_all(above.join("etc"))?;
        fs::write(above.join("etc/above"), "above\n")?;
        let root = Root {
            image_id: "sha256:b0b".to_owned(),
            layers: vec!["layer".into(), "above".into()],
            entrypoint: vec!["echo".to_owned(), "entry".to_owned()],
            cmd: vec!["cmd".to_owned()],
            env: vec!["FROM=image".to_owned(), "KEPT=image".to_owned()],
            user: String::new(),
            working_dir: String::new(),
            hold: Arc::new(()),
        };
        Ok(Arc::new(Self {
            directory: directory.to_owned(),
            root: Arc::new(root),
        }))
    }
}

impl Roots for Busybox {
    fn directory(&self) -> &Path {
        &self.directory
    }

    fn root<'a>(
        &'a self,
        _: &'a Job,
        process: &'a Process,
    ) -> BoxFuture<'a, Result<Arc<Root>, StartFailure>> {
        let root = match process.image.split_once('@') {
            _ if process.image == "missing" => Err(StartFailure {
                kind: StartFailureKind::ImagePull,
                message: "no such image".to_owned(),
            }),
            // `busybox@user` stands for an image with that user.
            Some((_, user)) => Ok(Arc::new(Root {
                user: user.to_owned(),
                ..Root::clone(&self.root)
            })),
            None => Ok(Arc::clone(&self.root)),
        };
        async move { root }.boxed()
    }
}
