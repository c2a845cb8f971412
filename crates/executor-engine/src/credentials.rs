//! Credentials of a job, in the home directory of whoever will run in a container.

use crate::account;
use crate::archive::Entry;
use crate::archive::pack;
use crate::archive::the_file;
use crate::client::Body;
use crate::client::Error;
use crate::client::full;
use crate::image::Image;
use crate::layout::entries;
use crate::place::Place;
use crate::program::Program;

/// Largest list of users that is read.
const MAX_PASSWD: usize = 1 << 20;

/// Puts the job's credentials into a container that was made and not started.
pub(crate) async fn put(place: &Place, name: &str, image: &Image, program: &Program) -> Result<(), Error> {
    let client = &place.client;
    let garbage = |why: String| Error::Garbage {
        call: format!("put credentials into container {name}"),
        why,
    };
    let user = if program.user.is_empty() {
        &image.user
    } else {
        &program.user
    };
    let passwd = match client.get(name, "/etc/passwd", MAX_PASSWD).await? {
        Some((archive, _)) => the_file(&archive).map_err(|error| garbage(error.to_string()))?,
        None => Vec::new(),
    };
    let account = account::look_up(&String::from_utf8_lossy(&passwd), user);
    let own = program
        .environment
        .iter()
        .find_map(|variable| variable.strip_prefix("HOME="));
    let home = own
        .or_else(|| image.variable("HOME"))
        .filter(|home| home.starts_with('/'));
    let home = home.unwrap_or(&account.home);
    let files = entries(&place.layout.credentials, "credentials");
    let files = files
        .map_err(|failure| garbage(failure.message))?
        .into_iter()
        .skip(1);
    let files: Vec<_> = files
        .map(|entry| entry.owned(account.user, account.group))
        .collect();
    let archive = |entries: &[Entry]| -> Result<Body, Error> {
        pack(entries)
            .map(full)
            .map_err(|error| garbage(error.to_string()))
    };
    match client.put(name, home, archive(&files)?).await {
        // There is no such directory yet.
        Err(error) if error.is_missing() => {
            let files: Vec<_> = files.into_iter().map(|entry| entry.below(home)).collect();
            client.put(name, "/", archive(&files)?).await
        }
        put => put,
    }
}
