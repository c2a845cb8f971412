//! The files by which a container finds others.

use crate::job::File;
use crate::job::Secret;

/// More of the machine's own files is not shown.
const MOST: usize = 64 << 10;

/// `hosts`, `hostname` and `resolv.conf` of a container with a host name. Names are looked up as the machine does it.
pub(super) fn files(hostname: &str) -> Vec<File> {
    let resolv = std::fs::read("/etc/resolv.conf")
        .ok()
        .filter(|text| text.len() <= MOST);
    let own = std::fs::read_to_string("/etc/hosts")
        .ok()
        .filter(|text| text.len() <= MOST);
    let file = |path: &str, content: Vec<u8>| File {
        path: path.into(),
        content: Secret::new(content),
        mode: 0o644,
    };
    vec![
        file(
            "hosts",
            hosts(own.as_deref().unwrap_or_default(), hostname).into_bytes(),
        ),
        file("hostname", format!("{hostname}\n").into_bytes()),
        file("resolv.conf", resolv.unwrap_or_default()),
    ]
}

/// The machine's names of hosts, and the container's own.
fn hosts(machine: &str, hostname: &str) -> String {
    let mut text = String::from("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    let others = machine.lines().filter(|line| {
        let mut words = line
            .split('#')
            .next()
            .unwrap_or_default()
            .split_ascii_whitespace();
        let address = words.next().unwrap_or_default();
        !address.is_empty() && !address.starts_with("127.") && address != "::1"
    });
    for line in others {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str("127.0.1.1\t");
    text.push_str(hostname);
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::hosts;

    #[test]
    fn a_container_knows_the_machines_hosts_and_itself() {
        let machine = "127.0.0.1 localhost laptop\n::1 localhost\n# comment\n10.0.0.7 registry.corp # here\n\n127.0.1.1 laptop\n";
        insta::assert_snapshot!(hosts(machine, "run-pod"), @r"
        127.0.0.1	localhost
        ::1	localhost ip6-localhost ip6-loopback
        10.0.0.7 registry.corp # here
        127.0.1.1	run-pod
        ");
    }
}
