//! Who a user of an image is, from the image's `/etc/passwd`.

/// A user as a container runs with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) user: u64,
    pub(crate) group: u64,
    pub(crate) home: String,
}

/// Looks up `user` (a name, a number, either with `:group`; empty is root) as an engine does. A user that is not listed
/// has the root directory for its home.
pub(crate) fn look_up(passwd: &str, user: &str) -> Account {
    let (user, group) = user.split_once(':').unwrap_or((user, ""));
    let user = if user.is_empty() { "0" } else { user };
    let listed = passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, id, group, _, home, ..] = fields.as_slice() else {
            return None;
        };
        (*name == user || *id == user).then_some((id.parse().ok()?, group.parse().ok()?, *home))
    });
    let unlisted = || (user.parse().unwrap_or(0), 0, "/");
    let (id, own_group, home) = listed.unwrap_or_else(unlisted);
    Account {
        user: id,
        group: group.parse().unwrap_or(own_group),
        home: if home.starts_with('/') { home } else { "/" }.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::Account;
    use super::look_up;

    #[test]
    fn users_are_found_by_name_and_number() {
        let passwd =
            "root:x:0:0:root:/root:/bin/sh\nbroken\nnode:x:1000:1001::/home/node:/bin/sh\nodd:x:7:7::rel:\n";
        let rows = [
            ("", (0, 0, "/root")),
            ("0", (0, 0, "/root")),
            ("node", (1000, 1001, "/home/node")),
            ("1000:5", (1000, 5, "/home/node")),
            ("4711", (4711, 0, "/")),
            ("nobody", (0, 0, "/")),
            ("odd", (7, 7, "/")),
        ];
        for (user, (id, group, home)) in rows {
            let home = home.to_owned();
            assert_eq!(
                look_up(passwd, user),
                Account {
                    user: id,
                    group,
                    home
                },
                "{user}"
            );
        }
    }
}
