//! The same tests as an ordinary user, when root runs them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use libtest_mimic::Trial;

use crate::leaks::ALONE;
use crate::place::Outcome;
use crate::place::same;
use crate::place::skip;

/// A user that owns nothing.
const ORDINARY: u32 = 12_345;

/// All tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test(
            "rootless::an_ordinary_user_is_isolated_too",
            an_ordinary_user_is_isolated_too,
        ),
        Trial::test(
            "rootless::a_machine_that_refuses_says_so",
            a_machine_that_refuses_says_so,
        ),
    ]
}

fn an_ordinary_user_is_isolated_too() -> Outcome {
    if !rustix::process::geteuid().is_root() {
        return skip("the tests run as an ordinary user already");
    }
    let place = tempfile::tempdir()?;
    fs::set_permissions(place.path(), PermissionsExt::from_mode(0o777))?;
    // The folder that cargo builds into may be closed to other users.
    let program = place.path().join("tests");
    fs::copy(std::env::current_exe()?, &program)?;
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755))?;
    for mode in ["isolated::", "contained::"] {
        let output = Command::new(&program)
            .arg(mode)
            .uid(ORDINARY)
            .gid(ORDINARY)
            .current_dir("/")
            .env("TMPDIR", place.path())
            .output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stdout).into_owned().into());
        }
    }
    Ok(())
}

/// Inside a user namespace that allows no further ones, as on a machine that forbids them.
fn a_machine_that_refuses_says_so() -> Outcome {
    let scratch = tempfile::tempdir()?;
    let script = "echo 0 >/proc/sys/user/max_user_namespaces && exec \"$@\"";
    let run = |program: &[&str]| {
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "sh", "-c", script, "sh"])
            .args(program);
        command.output()
    };
    if !run(&["true"]).is_ok_and(|output| output.status.success()) {
        return skip("unshare(1) cannot make a user namespace here");
    }
    let program = std::env::current_exe()?;
    let (program, scratch) = (program.to_string_lossy(), scratch.path().to_string_lossy());
    let output = run(&[&program, ALONE, "count", "isolated", "", &scratch])?;
    let text = String::from_utf8_lossy(&output.stderr);
    let wanted = [
        "enter a new user namespace",
        "--executor host-shared",
        "max_user_namespaces",
    ];
    let missing: Vec<&str> = wanted.into_iter().filter(|part| !text.contains(part)).collect();
    same(&(output.status.success(), missing), &(false, Vec::new())).map_err(|_| text.into_owned().into())
}
