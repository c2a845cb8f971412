//! `windlass image` as its users meet it: the real binary, a real archive, a store on disk.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::process::Output;

use serde_json::Value;
use serde_json::json;
use windlass_executor_oci::Digest;

/// Runs the binary on a store of the test's own.
fn windlass(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_windlass"))
        .arg("image")
        .args(arguments)
        .current_dir(directory)
        .env("WINDLASS_IMAGES", directory.join("store"))
        .output()
        .expect("the binary runs")
}

/// What it printed, if it succeeded.
fn out(directory: &Path, arguments: &[&str]) -> String {
    let output = windlass(directory, arguments);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {err}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn tar(directory: &Path, archive: &str, files: &[&str]) {
    let status = Command::new("tar")
        .arg("cf")
        .arg(archive)
        .args(files)
        .current_dir(directory)
        .status();
    assert!(status.expect("tar runs").success());
}

/// An archive as `docker save` writes it.
fn docker_archive(directory: &Path) {
    fs::write(directory.join("motd"), "hello").expect("a file");
    tar(directory, "layer.tar", &["motd"]);
    let layer = Digest::of(&fs::read(directory.join("layer.tar")).expect("a layer"));
    let config = json!({
        "architecture": match std::env::consts::ARCH { "x86_64" => "amd64", "aarch64" => "arm64", other => other },
        "os": "linux",
        "config": {"Entrypoint": ["/bin/cat", "/motd"]},
        "rootfs": {"type": "layers", "diff_ids": [layer]},
    });
    let manifest =
        json!([{"Config": "config.json", "RepoTags": ["example.com/app:1"], "Layers": ["layer.tar"]}]);
    fs::write(directory.join("config.json"), config.to_string()).expect("a file");
    fs::write(directory.join("manifest.json"), manifest.to_string()).expect("a file");
    tar(
        directory,
        "app.tar",
        &["manifest.json", "config.json", "layer.tar"],
    );
}

#[test]
fn an_image_is_loaded_saved_removed_and_loaded_again() {
    let place = tempfile::tempdir().expect("a directory");
    let directory = place.path();
    docker_archive(directory);
    let loaded = out(directory, &["load", "app.tar"]);
    let digest = loaded.split("  ").nth(1).expect("a digest").to_owned();
    assert_eq!(loaded, format!("example.com/app:1  {digest}  1 layer, 10.2 kB\n"));
    let listed: Value = serde_json::from_str(&out(directory, &["list", "-o", "json"])).expect("JSON");
    assert_eq!(listed[0]["digest"], digest.as_str());
    assert_eq!(listed[0]["config"]["Entrypoint"], json!(["/bin/cat", "/motd"]));
    out(directory, &["save", "example.com/app:1", "--to", "saved.tar"]);
    out(directory, &["save", "example.com/app:1", "--to", "layout/"]);
    let removed: Value =
        serde_json::from_str(&out(directory, &["remove", "example.com/app:1", "-o", "json"])).expect("JSON");
    assert_eq!((&removed["layers"], &removed["blobs"]), (&json!(1), &json!(3)));
    let list = windlass(directory, &["list"]);
    assert!(list.stdout.is_empty() && list.status.success());
    for saved in ["saved.tar", "layout"] {
        assert_eq!(out(directory, &["load", saved]), loaded);
        out(directory, &["prune", "--all"]);
    }
}

#[test]
fn what_cannot_be_done_says_why() {
    let place = tempfile::tempdir().expect("a directory");
    let directory = place.path();
    fs::write(directory.join("text"), "not an archive".repeat(100)).expect("a file");
    let rows: [(&[&str], i32, &str); 4] = [
        (
            &["load", "text"],
            4,
            "error: text is neither an OCI layout nor a docker archive: it has no index.json and no manifest.json at its top\n",
        ),
        (&["load", "none"], 3, "error: none does not exist\n"),
        (
            &["remove", "app"],
            3,
            "error: no image `app` in the store\n  hint: `windlass image list` shows what is there\n",
        ),
        (
            &["load", "--platform", "linux", "text"],
            4,
            "error: `linux` is no platform; write linux/amd64 or linux/arm/v7\n",
        ),
    ];
    for (arguments, code, message) in rows {
        let output = windlass(directory, arguments);
        let said = (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        );
        assert_eq!(said, (Some(code), message.to_owned()), "{arguments:?}");
    }
    fs::write(directory.join("store/version"), "windlass images 99\n").expect("a file");
    let output = windlass(directory, &["list"]);
    let said = String::from_utf8_lossy(&output.stderr).replace(directory.to_str().expect("UTF-8"), "DIR");
    assert_eq!(
        said,
        "error: the image store DIR/store has the format \"windlass images 99\", and this version reads \"windlass images 1\"; choose another directory or remove it\n"
    );
}
