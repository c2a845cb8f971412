//! What is known of images without pulling them: enough to run common ones with the machine's own tools.

/// An image whose programs the machine can stand in for.
struct Known {
    /// Last part of the repository.
    name: &'static str,
    /// Its `sh` is busybox's.
    ash: bool,
    /// What runs when a step gives neither command nor script.
    command: &'static [&'static str],
}

/// Entrypoints (or commands, where there is no entrypoint) as the images declare them.
const KNOWN: [Known; 10] = [
    Known {
        name: "alpine",
        ash: true,
        command: &["/bin/sh"],
    },
    Known {
        name: "busybox",
        ash: true,
        command: &["sh"],
    },
    Known {
        name: "bash",
        ash: true,
        command: &["bash"],
    },
    Known {
        name: "ubuntu",
        ash: false,
        command: &["/bin/bash"],
    },
    Known {
        name: "debian",
        ash: false,
        command: &["bash"],
    },
    Known {
        name: "fedora",
        ash: false,
        command: &["/bin/bash"],
    },
    Known {
        name: "git",
        ash: true,
        command: &["git"],
    },
    Known {
        name: "git-clone",
        ash: true,
        command: &[],
    },
    Known {
        name: "git-init",
        ash: true,
        command: &[],
    },
    Known {
        name: "curl",
        ash: true,
        command: &["curl"],
    },
];

/// Whether `sh` of an image behaves as busybox's ash: the image is listed, or its tag names a distribution that is.
pub(super) fn has_ash(image: &str) -> bool {
    let (name, tag) = name_and_tag(image);
    let by_tag = tag
        .split('-')
        .any(|part| part.starts_with("alpine") || part.starts_with("busybox"));
    by_tag || known(name).is_some_and(|known| known.ash)
}

/// What an image runs by itself; `None` when that is not known.
pub(super) fn default_command(image: &str, args: &[String]) -> Option<&'static [&'static str]> {
    let (name, _) = name_and_tag(image);
    let known = known(name)?;
    if known.name == "bash" && args.first().is_some_and(|first| !first.starts_with('-')) {
        // The image's entrypoint runs its arguments as a command unless they start with an option.
        return Some(&[]);
    }
    (!known.command.is_empty()).then_some(known.command)
}

fn known(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name)
}

/// Last part of the repository, and the tag or an empty text.
fn name_and_tag(image: &str) -> (&str, &str) {
    let without_digest = image.split_once('@').map_or(image, |(before, _)| before);
    let last = without_digest.rsplit('/').next().unwrap_or_default();
    last.split_once(':').unwrap_or((last, ""))
}

#[cfg(test)]
mod tests {
    use super::default_command;
    use super::has_ash;

    #[test]
    fn shells_follow_the_image() {
        let rows = [
            ("alpine", true),
            ("docker.io/library/alpine:3.20@sha256:0a4e", true),
            ("localhost:5000/busybox", true),
            ("bash:latest", true),
            ("python:3.12-alpine3.20", true),
            ("alpine/git", true),
            ("ubuntu", false),
            ("mirror.example/alpine/ubuntu:24.04", false),
            ("", false),
        ];
        for (image, ash) in rows {
            assert_eq!(has_ash(image), ash, "{image}");
        }
    }

    #[test]
    fn entrypoints_of_common_images_are_known() {
        type Row = (
            &'static str,
            &'static [&'static str],
            Option<&'static [&'static str]>,
        );
        let rows: [Row; 5] = [
            ("busybox", &["-c", "echo"], Some(&["sh"])),
            ("bash:5", &["-c", "echo"], Some(&["bash"])),
            ("bash:5", &["echo"], Some(&[])),
            ("ubuntu", &[], Some(&["/bin/bash"])),
            ("example.com/tool", &[], None),
        ];
        for (image, args, command) in rows {
            let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
            assert_eq!(default_command(image, &args), command, "{image}");
        }
    }
}
