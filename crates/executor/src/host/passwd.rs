//! Users and groups as an image names them: `/etc/passwd` and `/etc/group`, read as data.

/// Who a process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// User id.
    pub(super) user: u32,
    /// Group id.
    pub(super) group: u32,
    /// Groups that list the user as a member.
    pub(super) groups: Vec<u32>,
    /// Home directory; `/` for a user that nobody knows.
    pub(super) home: String,
}

/// An entry of `/etc/passwd`.
struct Entry<'a> {
    name: &'a str,
    user: u32,
    group: u32,
    home: &'a str,
}

/// Finds out who `user`, in the form of an image's `USER`, is: `name`, `uid`, `name:group` or `uid:gid`. Empty is root.
///
/// # Errors
/// A sentence that names what is unknown.
pub(super) fn identify(user: &str, passwd: &str, group: &str) -> Result<Identity, String> {
    let (name, own_group) = match user.split_once(':') {
        Some((name, own_group)) => (name, Some(own_group)),
        None => (user, None),
    };
    let name = if name.is_empty() { "0" } else { name };
    let number: Option<u32> = name.parse().ok();
    let mut entries = passwd.lines().filter_map(entry);
    let found = entries.find(|entry| Some(entry.user) == number || entry.name == name);
    let (id, primary, home, login) = match (&found, number) {
        (Some(entry), _) => (entry.user, entry.group, entry.home, entry.name),
        (None, Some(number)) => (number, 0, "/", ""),
        (None, None) => return Err(format!("the image's /etc/passwd has no user {name:?}")),
    };
    let groups = group.lines().filter_map(membership);
    let chosen = match own_group.filter(|group| !group.is_empty()) {
        None => primary,
        Some(wanted) => match wanted.parse() {
            Ok(number) => number,
            Err(_) => groups
                .clone()
                .find(|(name, ..)| *name == wanted)
                .map(|(_, id, _)| id)
                .ok_or_else(|| format!("the image's /etc/group has no group {wanted:?}"))?,
        },
    };
    let member = |members: &str| !login.is_empty() && members.split(',').any(|member| member == login);
    let mut others: Vec<u32> = groups
        .filter(|(_, id, members)| *id != chosen && member(members))
        .map(|(_, id, _)| id)
        .collect();
    others.sort_unstable();
    others.dedup();
    Ok(Identity {
        user: id,
        group: chosen,
        groups: others,
        home: if home.starts_with('/') { home } else { "/" }.to_owned(),
    })
}

fn entry(line: &str) -> Option<Entry<'_>> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let user = fields.nth(1)?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    Some(Entry {
        name,
        user,
        group,
        home: fields.nth(1).unwrap_or_default(),
    })
}

/// Name, id and members of a group.
fn membership(line: &str) -> Option<(&str, u32, &str)> {
    let mut fields = line.split(':');
    let name = fields.next()?;
    let id = fields.nth(1)?.parse().ok()?;
    Some((name, id, fields.next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::identify;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\nbroken\nbuild:x:1000:100:Build:/home/build:/bin/sh\n\
                          nohome:x:7:7::relative:/bin/sh\nhuge:x:99999999999:1::/:\n12:x:44:45::/named:/bin/sh\n";
    const GROUP: &str =
        "root:x:0:\nusers:x:100:build\ndocker:x:999:other,build\nwheel:x:10:build\nbad:x:x:build\n";

    #[test]
    fn users_are_what_the_image_says() {
        let rows = [
            ("", "0:0 [] /root"),
            ("root", "0:0 [] /root"),
            ("build", "1000:100 [10, 999] /home/build"),
            ("1000", "1000:100 [10, 999] /home/build"),
            ("build:docker", "1000:999 [10, 100] /home/build"),
            ("build:5", "1000:5 [10, 100, 999] /home/build"),
            ("1234", "1234:0 [] /"),
            ("1234:users", "1234:100 [] /"),
            ("nohome", "7:7 [] /"),
            ("12", "44:45 [] /named"),
            (":5", "0:5 [] /root"),
            ("nobody", "the image's /etc/passwd has no user \"nobody\""),
            ("huge", "the image's /etc/passwd has no user \"huge\""),
            ("build:none", "the image's /etc/group has no group \"none\""),
        ];
        for (user, then) in rows {
            let identity = identify(user, PASSWD, GROUP);
            let text = identity.map_or_else(
                |error| error,
                |who| format!("{}:{} {:?} {}", who.user, who.group, who.groups, who.home),
            );
            assert_eq!(text, then, "{user}");
        }
    }

    #[test]
    fn an_image_without_users_has_root() {
        let who = identify("", "", "").unwrap();
        assert_eq!((who.user, who.group, who.home.as_str()), (0, 0, "/"));
    }
}
