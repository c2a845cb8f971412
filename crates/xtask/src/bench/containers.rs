//! Containers beside `crun run`, `podman run`, and `skopeo copy` with `umoci unpack`.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use super::measure::median;
use super::measure::timed;
use crate::process;

/// Containers in one run of ours and of crun's.
const CONTAINERS: usize = 100;

/// Containers of podman, which takes its time.
const FEW: usize = 5;

/// Makes the image, measures, prints ratios. What is not installed is left out, and said.
pub(super) fn compare(windlass: &Path, folder: &Path, rounds: usize) -> Result<()> {
    let folder = folder.join("containers");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    println!("\ncontainers on a cached image (busybox, /bin/true):");
    if !process::on_path("busybox") || !process::on_path("umoci") {
        println!("  not measured: Debian packages busybox-static and umoci make the image");
        return Ok(());
    }
    let layout = image(&folder)?;
    let store = folder.join("store");
    run(Command::new(windlass)
        .args(["image", "load", "--name", "busybox"])
        .arg("--store")
        .arg(&store)
        .arg(&layout))?;
    steps(windlass, &folder, &store, rounds)?;
    pulls(windlass, &folder, rounds)
}

/// A layout with busybox as its only content, and its files unpacked at `root`.
fn image(folder: &Path) -> Result<PathBuf> {
    let layout = folder.join("layout");
    let at = |tag: &str| format!("{}:{tag}", layout.display());
    run(Command::new("umoci").arg("init").arg("--layout").arg(&layout))?;
    run(Command::new("umoci").args(["new", "--image", &at("busybox")]))?;
    let bundle = folder.join("bundle");
    run(Command::new("umoci")
        .args(["unpack", "--image", &at("busybox")])
        .arg(&bundle))?;
    let root = bundle.join("rootfs");
    for name in ["bin", "etc", "proc", "sys", "dev", "tmp"] {
        fs::create_dir_all(root.join(name))?;
    }
    fs::copy("/bin/busybox", root.join("bin/busybox"))?;
    for name in ["sh", "true", "echo"] {
        std::os::unix::fs::symlink("busybox", root.join("bin").join(name))?;
    }
    fs::write(root.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n")?;
    run(Command::new("umoci")
        .args(["repack", "--image", &at("busybox")])
        .arg(&bundle))?;
    run(Command::new("umoci").args(["config", "--image", &at("busybox"), "--config.cmd", "/bin/sh"]))?;
    Ok(layout)
}

fn steps(windlass: &Path, folder: &Path, store: &Path, rounds: usize) -> Result<()> {
    let chain = pipeline(folder, "chain", true)?;
    let wide = pipeline(folder, "wide", false)?;
    let ours = |file: &Path| {
        let mut command = Command::new(windlass);
        command
            .args(["run", "--executor", "container", "--store"])
            .arg(store)
            .arg(file);
        timed(&mut command)
    };
    let (mut chains, mut wides, mut cruns, mut podmen) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let crun = crun(folder)?;
    let podman = podman(folder)?;
    for _ in 0..rounds.max(1) {
        chains.push(ours(&chain)?);
        wides.push(ours(&wide)?);
        if let Some(script) = &crun {
            // The rival refuses a machine with both kinds of control groups unless it sees only one.
            cruns.push(timed(
                Command::new("unshare").args(["--mount", "sh"]).arg(script),
            )?);
        }
        if let Some(script) = &podman {
            podmen.push(timed(Command::new("sh").arg(script))?);
        }
    }
    let count = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let each = median(chains) / count(CONTAINERS) * 1e3;
    let wide = median(wides);
    println!("  windlass, one after another  {each:>8.2} ms a container");
    println!("  windlass, {} at once        {wide:>8.3} s", 2 * CONTAINERS);
    report("crun run", cruns, CONTAINERS, each);
    report("podman run", podmen, FEW, each);
    Ok(())
}

fn report(name: &str, seconds: Vec<f64>, containers: usize, ours: f64) {
    if seconds.is_empty() {
        println!("  {name:<28} not measured: not installed, or refused here");
        return;
    }
    let theirs = median(seconds) / f64::from(u32::try_from(containers).unwrap_or(u32::MAX)) * 1e3;
    println!(
        "  {name:<28} {theirs:>8.2} ms a container; windlass takes {:.3} times that",
        ours / theirs
    );
}

/// A pipeline of tasks with one step each, in a row or side by side.
fn pipeline(folder: &Path, name: &str, in_a_row: bool) -> Result<PathBuf> {
    let mut text = format!(
        "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata:\n  name: {name}\nspec:\n  pipelineSpec:\n    tasks:\n"
    );
    let tasks = if in_a_row { CONTAINERS } else { 2 * CONTAINERS };
    for number in 0..tasks {
        writeln!(text, "      - name: t{number}")?;
        if in_a_row && number > 0 {
            writeln!(text, "        runAfter: [t{}]", number - 1)?;
        }
        text.push_str(
            "        taskSpec:\n          steps:\n            - name: s\n              image: busybox\n",
        );
        text.push_str("              command: [/bin/true]\n");
    }
    let file = folder.join(format!("{name}.yaml"));
    fs::write(&file, text)?;
    Ok(file)
}

/// A script that runs all containers by crun; `None` where crun cannot run one.
fn crun(folder: &Path) -> Result<Option<PathBuf>> {
    if !process::on_path("crun") {
        return Ok(None);
    }
    let bundle = folder.join("crun");
    fs::create_dir_all(&bundle)?;
    run(Command::new("cp")
        .arg("-a")
        .arg(folder.join("bundle/rootfs"))
        .arg(&bundle))?;
    run(Command::new("crun").arg("spec").current_dir(&bundle))?;
    let file = bundle.join("config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&file)?)?;
    if let Some(process) = config
        .get_mut("process")
        .and_then(serde_json::Value::as_object_mut)
    {
        process.insert("terminal".to_owned(), false.into());
        process.insert("args".to_owned(), serde_json::json!(["/bin/true"]));
    }
    let namespaces = config
        .pointer_mut("/linux/namespaces")
        .and_then(serde_json::Value::as_array_mut);
    if let Some(namespaces) = namespaces {
        namespaces.retain(|namespace| namespace.get("type") != Some(&"network".into()));
    }
    fs::write(&file, serde_json::to_vec(&config)?)?;
    let one = |count: usize| {
        format!(
            "umount /sys/fs/cgroup/unified 2>/dev/null\ncd {}\ni=0\nwhile [ $i -lt {count} ]; do crun --root {} run c$i || \
             exit 1; i=$((i+1)); done\n",
            bundle.display(),
            folder.join("crun-state").display()
        )
    };
    let script = folder.join("crun.sh");
    fs::write(&script, one(1))?;
    if timed(Command::new("unshare").args(["--mount", "sh"]).arg(&script)).is_err() {
        return Ok(None);
    }
    fs::write(&script, one(CONTAINERS))?;
    Ok(Some(script))
}

/// A script that runs a few containers by podman, with a store of its own; `None` where it cannot run one.
fn podman(folder: &Path) -> Result<Option<PathBuf>> {
    if !process::on_path("podman") {
        return Ok(None);
    }
    let tar = folder.join("root.tar");
    run(Command::new("tar")
        .arg("-C")
        .arg(folder.join("bundle/rootfs"))
        .arg("-cf")
        .arg(&tar)
        .arg("."))?;
    let podman = format!(
        "podman --root {0}/podman --runroot {0}/podman-run --cgroup-manager=cgroupfs --runtime=runc",
        folder.display()
    );
    let script = folder.join("podman.sh");
    fs::write(&script, format!("{podman} import {} busybox\n", tar.display()))?;
    if timed(Command::new("sh").arg(&script)).is_err() {
        return Ok(None);
    }
    let one = format!(
        "{podman} run --rm --network=host --ulimit nofile=1024:1024 --ulimit nproc=4096:4096 busybox /bin/true || exit 1\n"
    );
    fs::write(&script, &one)?;
    if timed(Command::new("sh").arg(&script)).is_err() {
        return Ok(None);
    }
    fs::write(&script, one.repeat(FEW))?;
    Ok(Some(script))
}

/// Pulling and unpacking an image of some hundred megabytes from a registry on loopback.
fn pulls(windlass: &Path, folder: &Path, rounds: usize) -> Result<()> {
    println!("\npull and unpack (200 MB in four layers, registry on loopback):");
    if !["docker-registry", "skopeo", "umoci"]
        .iter()
        .all(|name| process::on_path(name))
    {
        println!("  not measured: Debian packages docker-registry, skopeo and umoci are not all installed");
        return Ok(());
    }
    let layout = large(folder)?;
    let registry = Registry::start(folder)?;
    let place = format!("127.0.0.1:{}/large", registry.port);
    let docker = format!("docker://{place}:1");
    run(Command::new("skopeo")
        .args(["copy", "--dest-tls-verify=false"])
        .arg(format!("oci:{}:large", layout.display()))
        .arg(&docker))?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds.clamp(1, 3) {
        let store = folder.join("pulled");
        let _ = fs::remove_dir_all(&store);
        let mut pull = Command::new(windlass);
        pull.args(["image", "pull", "--store"])
            .arg(&store)
            .arg(format!("{place}:1"));
        ours.push(timed(&mut pull)?);
        let copied = folder.join("copied");
        let unpacked = folder.join("unpacked");
        let _ = fs::remove_dir_all(&copied);
        let _ = fs::remove_dir_all(&unpacked);
        let mut copy = Command::new("skopeo");
        copy.args(["copy", "--src-tls-verify=false", &docker])
            .arg(format!("oci:{}:large", copied.display()));
        let mut unpack = Command::new("umoci");
        unpack
            .args(["unpack", "--image"])
            .arg(format!("{}:large", copied.display()))
            .arg(&unpacked);
        theirs.push(timed(&mut copy)? + timed(&mut unpack)?);
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!("  windlass image pull          {ours:>8.2} s");
    println!(
        "  skopeo copy + umoci unpack   {theirs:>8.2} s; windlass takes {:.2} times that",
        ours / theirs
    );
    Ok(())
}

/// A layout with four layers of this machine's own programs and libraries.
fn large(folder: &Path) -> Result<PathBuf> {
    let layout = folder.join("large");
    let at = format!("{}:large", layout.display());
    run(Command::new("umoci").arg("init").arg("--layout").arg(&layout))?;
    run(Command::new("umoci").args(["new", "--image", &at]))?;
    let mut files = Vec::new();
    collect(Path::new("/usr/lib"), &mut files)?;
    let mut files = files.into_iter();
    for layer in 0..4_u32 {
        let bundle = folder.join(format!("large-{layer}"));
        run(Command::new("umoci")
            .args(["unpack", "--image", &at])
            .arg(&bundle))?;
        let mut bytes = 0;
        for (number, file) in files.by_ref().enumerate() {
            let target = bundle.join(format!("rootfs/layer-{layer}/{}/{number}", number % 64));
            fs::create_dir_all(target.parent().context("a file has a directory")?)?;
            bytes += fs::copy(&file, &target)?;
            if bytes > 50 << 20 {
                break;
            }
        }
        run(Command::new("umoci")
            .args(["repack", "--image", &at])
            .arg(&bundle))?;
        let _ = fs::remove_dir_all(&bundle);
    }
    Ok(layout)
}

/// Regular files of at most 4 MB, in the order of their names.
fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let mut entries: Vec<_> = fs::read_dir(directory)?.flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), files)?;
        } else if kind.is_file() && entry.metadata()?.len() < 4 << 20 {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// A registry that ends with this value.
struct Registry {
    process: Child,
    port: u16,
}

impl Registry {
    fn start(folder: &Path) -> Result<Self> {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))?
            .local_addr()?
            .port();
        let file = folder.join("registry.yml");
        let mut config = fs::File::create(&file)?;
        writeln!(
            config,
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}",
            folder.join("registry").display()
        )?;
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("start docker-registry")?;
        let registry = Self { process, port };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(
                started.elapsed() < Duration::from_secs(10),
                "docker-registry does not listen"
            );
            std::thread::yield_now();
        }
        Ok(registry)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn run(command: &mut Command) -> Result<()> {
    let output = command
        .output()
        .with_context(|| format!("run {}", command.get_program().display()))?;
    ensure!(
        output.status.success(),
        "{command:?} ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
