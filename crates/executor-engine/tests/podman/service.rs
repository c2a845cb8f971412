//! A Podman of our own: storage, runtime directory, socket and an image, all below one directory.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use windlass_executor_engine::Detected;
use windlass_executor_engine::Engine;
use windlass_executor_engine::socket::Surroundings;

/// Start of the service, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// Storage driver, and OCI runtime with how it takes to cgroups: what works depends on the machine, most of all on whether it
/// is itself a container.
const WAYS: [(&str, &str, &str); 4] = [
    ("overlay", "runc", "enabled"),
    ("overlay", "crun", "disabled"),
    ("vfs", "runc", "enabled"),
    ("vfs", "crun", "disabled"),
];

/// The image that the tests run.
const IMAGE: &str = "localhost/busybox:latest";

static SERVICE: Mutex<Option<Result<Service, String>>> = Mutex::new(None);

/// A running service.
struct Service {
    directory: tempfile::TempDir,
    driver: &'static str,
    limits: bool,
    child: Child,
    found: Detected,
}

/// Socket of a Docker that the tests are to use in place of a Podman of their own. Only by hand: an engine that is not ours
/// is nothing a test should find by itself.
const GIVEN: &str = "WINDLASS_TEST_DOCKER";

/// The service's place, for whoever wants to speak to it.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) found: Detected,
    /// `podman` with everything that makes it speak of the same storage.
    pub(crate) podman: Vec<String>,
    pub(crate) config: PathBuf,
    /// Limits of memory hold.
    pub(crate) limits: bool,
}

/// Starts the service, or says why that is not possible here.
pub(crate) fn address() -> Result<Address, String> {
    if let Some(socket) = std::env::var_os(GIVEN) {
        static LOADED: OnceLock<Result<Address, String>> = OnceLock::new();
        return LOADED.get_or_init(|| given(Path::new(&socket))).clone();
    }
    let mut service = SERVICE.lock().unwrap_or_else(PoisonError::into_inner);
    let service = service.get_or_insert_with(Service::start).as_ref();
    service.map(Service::address).map_err(Clone::clone)
}

/// Puts the image into an engine that runs already.
fn given(socket: &Path) -> Result<Address, String> {
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    let address = Address {
        found: find(socket)?,
        podman: vec![
            "docker".into(),
            "--host".into(),
            format!("unix://{}", socket.display()),
        ],
        config: PathBuf::new(),
        limits: true,
    };
    let image = image(place.path(), busybox()?).map_err(|error| error.to_string())?;
    let import = [
        "import",
        "--change",
        "CMD [\"sh\"]",
        "--change",
        "ENV FROM_IMAGE=yes",
        &image,
        IMAGE,
    ];
    address.run(&import)?;
    address.run(&["tag", IMAGE, "busybox:latest"])?;
    Ok(address)
}

fn busybox() -> Result<&'static str, String> {
    let places = ["/bin/busybox", "/usr/bin/busybox"];
    let found = places.into_iter().find(|path| Path::new(path).exists());
    found.ok_or_else(|| "busybox is not installed (Debian package busybox-static)".to_owned())
}

/// Waits until somebody answers at a socket.
fn find(socket: &Path) -> Result<Detected, String> {
    let surroundings = Surroundings {
        docker_host: Some(format!("unix://{}", socket.display())),
        ..Surroundings::default()
    };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let begun = Instant::now();
    loop {
        match runtime.block_on(Engine::detect(&surroundings)) {
            Ok(found) => return Ok(found),
            Err(error) if begun.elapsed() > PATIENCE => return Err(error.to_string()),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Ends the service, if it was started.
pub(crate) fn stop() {
    let service = SERVICE.lock().unwrap_or_else(PoisonError::into_inner).take();
    drop(service);
}

impl Service {
    fn start() -> Result<Self, String> {
        if !Path::new("/proc/self").exists() || !is_root() {
            return Err("the tests' Podman is run by root".into());
        }
        let busybox = busybox()?;
        if Command::new("podman").arg("--version").output().is_err() {
            return Err("podman is not installed (Debian packages podman, runc and catatonit)".into());
        }
        let mut reasons = Vec::new();
        for (driver, runtime, cgroups) in WAYS {
            match Self::start_as(busybox, driver, runtime, cgroups) {
                Ok(service) => return Ok(service),
                Err(why) => reasons.push(format!("{driver} with {runtime}: {why}")),
            }
        }
        Err(format!("podman does not work here: {}", reasons.join("; ")))
    }

    fn start_as(busybox: &str, driver: &'static str, runtime: &str, cgroups: &str) -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let place = directory.path();
        configure(place, runtime, cgroups).map_err(|error| error.to_string())?;
        let words = podman(place, driver);
        let image = image(place, busybox).map_err(|error| error.to_string())?;
        let import = [
            "import",
            "--change",
            "CMD [\"sh\"]",
            "--change",
            "ENV FROM_IMAGE=yes",
            &image,
            IMAGE,
        ];
        succeeded(run(&words, place, &import))?;
        let tried = succeeded(run(
            &words,
            place,
            &["run", "--rm", "--network=none", IMAGE, "true"],
        ));
        if let Err(why) = tried {
            unmount(place);
            return Err(why);
        }
        let socket = place.join("podman.sock");
        let listen = format!("unix://{}", socket.display());
        let (program, arguments) = words.split_first().ok_or("no program")?;
        let child = Command::new(program)
            .args(arguments)
            .args(["system", "service", "--time=0", &listen])
            .env("CONTAINERS_CONF", place.join("containers.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(place.join("log")).map_err(|error| error.to_string())?)
            .spawn()
            .map_err(|error| error.to_string())?;
        let found = find(&socket)?;
        Ok(Self {
            directory,
            driver,
            limits: cgroups == "enabled",
            child,
            found,
        })
    }

    fn address(&self) -> Address {
        Address {
            found: self.found.clone(),
            podman: podman(self.directory.path(), self.driver),
            config: self.directory.path().join("containers.conf"),
            limits: self.limits,
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let words = podman(self.directory.path(), self.driver);
        let _ = run(
            &words,
            self.directory.path(),
            &["rm", "--force", "--all", "--time=0"],
        );
        let _ = self.child.kill();
        let _ = self.child.wait();
        end_stragglers(self.directory.path());
        unmount(self.directory.path());
    }
}

impl Address {
    /// Runs `podman` on the service's storage and returns what it prints.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let (program, first) = self.podman.split_first().ok_or("no program")?;
        let mut command = Command::new(program);
        command
            .args(first)
            .args(arguments)
            .env("CONTAINERS_CONF", &self.config);
        succeeded(command.output())
    }
}

fn podman(place: &Path, driver: &str) -> Vec<String> {
    let path = |name: &str| place.join(name).to_string_lossy().into_owned();
    let words = [
        "podman",
        "--root",
        &path("storage"),
        "--runroot",
        &path("run"),
        "--tmpdir",
        &path("tmp"),
        "--storage-driver",
        driver,
    ];
    words.map(str::to_owned).into()
}

fn run(words: &[String], place: &Path, arguments: &[&str]) -> io::Result<Output> {
    let (program, first) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command.args(first).args(arguments);
    command
        .env("CONTAINERS_CONF", place.join("containers.conf"))
        .output()
}

fn succeeded(output: io::Result<Output>) -> Result<String, String> {
    let output = output.map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

/// Podman's helpers stay for minutes after a command that was run in a container. They name the place in their arguments.
fn end_stragglers(place: &Path) {
    let place = place.to_string_lossy().into_owned();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes {
        let name = process.file_name().to_string_lossy().into_owned();
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let is_ours = String::from_utf8_lossy(&line).contains(&place);
        if is_ours && name.parse::<u32>().is_ok() {
            let _ = Command::new("kill")
                .args(["-KILL", &name])
                .stderr(Stdio::null())
                .status();
        }
    }
}

/// Podman keeps its storage mounted for as long as somebody might want it.
fn unmount(place: &Path) {
    for below in ["storage/overlay", "storage"] {
        let path = place.join(below);
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(path)
            .stderr(Stdio::null())
            .status();
    }
}

/// Writes the settings that make Podman work on machines where it cannot raise limits or use every cgroup.
fn configure(place: &Path, runtime: &str, cgroups: &str) -> io::Result<()> {
    let init = ["/usr/bin/catatonit", "/usr/libexec/podman/catatonit"];
    let init = init.iter().find(|path| Path::new(path).exists());
    let config = format!(
        "[containers]\ncgroups = \"{cgroups}\"\nlog_driver = \"k8s-file\"\n\
         default_ulimits = [\"nofile=1024:1024\", \"nproc=4096:4096\"]\n\
         [engine]\ncgroup_manager = \"cgroupfs\"\nruntime = \"{runtime}\"\nevents_logger = \"file\"\ninit_path = \"{}\"\n",
        init.unwrap_or(&"/none")
    );
    fs::write(place.join("containers.conf"), config)
}

/// An image of busybox, as an archive of its root file system.
fn image(place: &Path, busybox: &str) -> io::Result<String> {
    let path = place.join("image.tar");
    let mut archive = tar::Builder::new(fs::File::create(&path)?);
    let mut header = tar::Header::new_gnu();
    header.set_mtime(0);
    for (name, mode) in [
        ("bin/", 0o755),
        ("etc/", 0o755),
        ("root/", 0o700),
        ("tmp/", 0o1777),
        ("var/", 0o755),
        ("usr/", 0o755),
    ] {
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(mode);
        header.set_size(0);
        archive.append_data(&mut header, name, io::empty())?;
    }
    let mut file = |name: &str, mode: u32, content: &[u8]| {
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, name, content)
    };
    file("bin/busybox", 0o755, &fs::read(busybox)?)?;
    file(
        "etc/passwd",
        0o644,
        b"root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n",
    )?;
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(0o755);
    header.set_size(0);
    for name in ["workspace/", "workspace/of-image/"] {
        archive.append_data(&mut header, name, io::empty())?;
    }
    let listed = Command::new(busybox).arg("--list").output()?;
    let names = String::from_utf8_lossy(&listed.stdout).into_owned();
    for name in names
        .lines()
        .filter(|name| !name.is_empty() && *name != "busybox")
    {
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        archive.append_link(&mut header, format!("bin/{name}"), "busybox")?;
    }
    archive.finish()?;
    Ok(path.to_string_lossy().into_owned())
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
