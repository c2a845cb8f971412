//! What the tests need from the distribution.

use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use crate::process;

/// One need: how to see that it is met, and the Debian package that meets it.
struct Need {
    probe: Probe,
    package: &'static str,
    purpose: &'static str,
}

enum Probe {
    Program(&'static str),
    File(&'static str),
}

const NEEDS: &[Need] = &[
    Need {
        probe: Probe::Program("git"),
        package: "git",
        purpose: "remote resolution and the git example",
    },
    Need {
        probe: Probe::Program("busybox"),
        package: "busybox-static",
        purpose: "the ash that images bring",
    },
    Need {
        probe: Probe::Program("make"),
        package: "make",
        purpose: "the build example and the benchmarks",
    },
    Need {
        probe: Probe::Program("cc"),
        package: "gcc",
        purpose: "the build example",
    },
    Need {
        probe: Probe::Program("bash"),
        package: "bash",
        purpose: "scripts that ask for it",
    },
    Need {
        probe: Probe::Program("docker-registry"),
        package: "docker-registry",
        purpose: "pulling and pushing images",
    },
    Need {
        probe: Probe::Program("openssl"),
        package: "openssl",
        purpose: "a registry with a certificate of its own",
    },
    Need {
        probe: Probe::Program("umoci"),
        package: "umoci",
        purpose: "images made by other tools",
    },
    Need {
        probe: Probe::Program("skopeo"),
        package: "skopeo",
        purpose: "images made by other tools",
    },
    Need {
        probe: Probe::Program("buildah"),
        package: "buildah",
        purpose: "images made by other tools",
    },
    Need {
        probe: Probe::Program("podman"),
        package: "podman",
        purpose: "the engine executor",
    },
    Need {
        probe: Probe::Program("runc"),
        package: "runc",
        purpose: "Podman's containers where cgroups are mixed",
    },
    Need {
        probe: Probe::Program("catatonit"),
        package: "catatonit",
        purpose: "the first process of Podman's containers",
    },
    Need {
        probe: Probe::File("/usr/lib/podman/netavark"),
        package: "netavark",
        purpose: "Podman's networks",
    },
    Need {
        probe: Probe::Program("iptables"),
        package: "iptables",
        purpose: "Podman's networks",
    },
    Need {
        probe: Probe::File("/etc/ssl/certs/ca-certificates.crt"),
        package: "ca-certificates",
        purpose: "TLS of remote resolution",
    },
];

impl Need {
    fn is_met(&self) -> bool {
        match self.probe {
            Probe::Program(name) => process::on_path(name),
            Probe::File(path) => Path::new(path).exists(),
        }
    }
}

/// Installs what is missing when run as root on a machine with apt; otherwise says exactly what is missing.
///
/// Never fails: a test whose need is not met skips itself with its reason.
pub(crate) fn provide() {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !need.is_met()).collect();
    if missing.is_empty() {
        return;
    }
    let names: Vec<&str> = missing.iter().map(|need| need.package).collect();
    for need in &missing {
        println!("missing: Debian package {} ({})", need.package, need.purpose);
    }
    if !(is_root() && process::on_path("apt-get")) {
        println!(
            "to install them: sudo apt-get install --no-install-recommends {}",
            names.join(" ")
        );
        return;
    }
    println!("installing: {}", names.join(" "));
    if !(install(&names) || (refresh() && install(&names))) {
        println!("apt-get could not install them; the tests that need them are skipped");
    }
}

fn install(names: &[&str]) -> bool {
    apt(&["install", "--yes", "--quiet", "--no-install-recommends"], names)
}

fn refresh() -> bool {
    apt(&["update", "--quiet"], &[])
}

fn apt(arguments: &[&str], names: &[&str]) -> bool {
    let mut command = Command::new("apt-get");
    command
        .args(arguments)
        .args(names)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
