//! The same tests as an ordinary user, when root runs them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use libtest_mimic::Trial;

use crate::place::Outcome;
use crate::place::skip;

/// A user that owns nothing.
const ORDINARY: u32 = 12_345;

/// All tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test(
        "rootless::an_ordinary_user_is_isolated_too",
        an_ordinary_user_is_isolated_too,
    )]
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
    let output = Command::new(&program)
        .arg("isolated::")
        .uid(ORDINARY)
        .gid(ORDINARY)
        .current_dir("/")
        .env("TMPDIR", place.path())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        Ok(())
    } else {
        Err(text.into_owned().into())
    }
}
