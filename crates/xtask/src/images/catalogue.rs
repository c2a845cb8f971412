//! Which images there are, what each consists of, and how it starts.

/// A part that images share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    /// Busybox with a link for each of its applets, and nothing else: what `alpine` and `busybox` are like.
    Busybox,
    /// A static bash in `/usr/local/bin`, and the entry point that takes an unknown first word for a flag of it.
    Bash,
    /// A small Debian: bash, dash as `sh`, coreutils, procps, perl.
    Debian,
    /// Python 3, over `Debian`.
    Python,
    /// Node.js, over `Debian`.
    Node,
    /// git and OpenSSH, client and server, over `Debian`.
    Git,
    /// A program that does nothing, at the place where upstream's image `nop` has it; over `Busybox`.
    Nop,
}

/// Every layer, in the order in which they are made.
pub(crate) const LAYERS: &[Layer] = &[
    Layer::Busybox,
    Layer::Bash,
    Layer::Debian,
    Layer::Python,
    Layer::Node,
    Layer::Git,
    Layer::Nop,
];

/// One image under all its names.
pub(crate) struct Image {
    /// `repository:tag`, as the registry calls it: the name without its own registry.
    pub(crate) names: &'static [&'static str],
    /// From the lowest up.
    pub(crate) layers: &'static [Layer],
    pub(crate) entrypoint: &'static [&'static str],
    pub(crate) command: &'static [&'static str],
    /// Empty means root.
    pub(crate) user: &'static str,
    /// Empty means `/`.
    pub(crate) directory: &'static str,
    /// Beside `PATH`, which all have.
    pub(crate) environment: &'static [&'static str],
}

/// What an image is that says nothing of itself.
const PLAIN: Image = Image {
    names: &[],
    layers: &[],
    entrypoint: &[],
    command: &[],
    user: "",
    directory: "",
    environment: &[],
};

/// Every image. The first name of a repository decides what a reference by digest to it stands for.
pub(crate) const IMAGES: &[Image] = &[
    Image {
        names: &["alpine:latest", "library/alpine:latest", "library/alpine:3"],
        layers: &[Layer::Busybox],
        command: &["/bin/sh"],
        ..PLAIN
    },
    Image {
        names: &[
            "busybox:latest",
            "library/busybox:latest",
            "chainguard/busybox:latest",
        ],
        layers: &[Layer::Busybox],
        command: &["sh"],
        ..PLAIN
    },
    Image {
        names: &["bash:latest", "bash:5.1.4", "library/bash:latest"],
        layers: &[Layer::Busybox, Layer::Bash],
        entrypoint: &["docker-entrypoint.sh"],
        command: &["bash"],
        environment: &["_BASH_VERSION=5"],
        ..PLAIN
    },
    Image {
        names: &["ubuntu:latest", "library/ubuntu:latest", "library/debian:latest"],
        layers: &[Layer::Debian],
        command: &["/bin/bash"],
        ..PLAIN
    },
    Image {
        names: &["perl:latest", "library/perl:latest"],
        layers: &[Layer::Debian],
        command: &["perl", "-de0"],
        directory: "/usr/src/app",
        ..PLAIN
    },
    Image {
        names: &["python:latest", "python:3.12.4", "library/python:latest"],
        layers: &[Layer::Debian, Layer::Python],
        command: &["python3"],
        environment: &["LANG=C.UTF-8"],
        ..PLAIN
    },
    Image {
        names: &["node:latest", "library/node:latest"],
        layers: &[Layer::Debian, Layer::Node],
        command: &["node"],
        ..PLAIN
    },
    Image {
        names: &["node:lts-alpine3.20"],
        layers: &[Layer::Debian, Layer::Node, Layer::Busybox],
        command: &["node"],
        ..PLAIN
    },
    Image {
        names: &["alpine/git:latest", "alpine/git:v2.26.2"],
        layers: &[Layer::Debian, Layer::Git, Layer::Busybox],
        entrypoint: &["git"],
        command: &["--help"],
        directory: "/git",
        ..PLAIN
    },
    Image {
        names: &["tektoncd/plumbing/alpine-git-nonroot:latest"],
        layers: &[Layer::Debian, Layer::Git, Layer::Busybox],
        entrypoint: &["git"],
        command: &["--help"],
        user: "nonroot",
        directory: "/home/nonroot",
        ..PLAIN
    },
    Image {
        names: &["tektoncd/pipeline/nop-8eac7c133edad5df719dc37b36b62482:latest"],
        layers: &[Layer::Busybox, Layer::Nop],
        entrypoint: &["/ko-app/nop"],
        user: "65532",
        ..PLAIN
    },
    // For our own cases: an image that says everything of itself.
    Image {
        names: &["cases/outspoken:latest"],
        layers: &[Layer::Busybox],
        entrypoint: &["/bin/echo", "entry"],
        command: &["command"],
        user: "1000:1000",
        directory: "/home/nonroot",
        environment: &["GREETING=from the image", "COLOUR=blue"],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::IMAGES;
    use super::LAYERS;

    #[test]
    fn every_name_is_given_once_and_every_layer_is_made() {
        let names: Vec<&str> = IMAGES.iter().flat_map(|image| image.names).copied().collect();
        let distinct: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(distinct.len(), names.len());
        assert!(names.iter().all(|name| name.contains(':')));
        assert!(
            IMAGES
                .iter()
                .flat_map(|image| image.layers)
                .all(|layer| LAYERS.contains(layer))
        );
    }
}
