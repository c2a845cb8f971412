//! Which places may be reached.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;

/// Decides which hosts and paths a fetch may reach.
///
/// The default is what a server needs that fetches on behalf of others: public addresses only, nothing of
/// this machine. [`Policy::trusting`] is for a user who runs their own files on their own machine.
///
/// # Guarantees
/// Addresses are judged after name resolution and the connection goes to an address that was judged, so a
/// name that resolves differently a moment later gains nothing. Every redirect is judged like the first URL.
///
/// # Caveats
/// When [`trust_environment`](Self::trust_environment) lets a proxy be used, the proxy resolves names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Whether git may read `file://` URLs and paths of this machine. Default no.
    pub allow_local: bool,
    /// Whether loopback, private, link-local and other non-public addresses may be reached. Default no.
    pub allow_private_networks: bool,
    /// Whether the proxy variables, certificate variables, ssh agent and ssh configuration of this process
    /// are used. Default no.
    pub trust_environment: bool,
    /// Host names or addresses, without port, that may be reached whatever address they have. Default none.
    pub allowed_hosts: Vec<String>,
}

/// An address that the [`Policy`] does not let be reached.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{host} is at {address}, which is not a public address; if it is meant, allow private networks or this host"
)]
pub struct Denied {
    /// The host as written in the URL.
    pub host: String,
    /// The address it has.
    pub address: IpAddr,
}

/// A host name that led to no address which may be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResolveError {
    #[error("no address found for host {host}")]
    Lookup { host: String, source: std::io::Error },
    #[error("no address found for host {host}")]
    Empty { host: String },
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Policy {
    /// Everything is allowed: a user's own files, network and environment.
    pub fn trusting() -> Self {
        Self {
            allow_local: true,
            allow_private_networks: true,
            trust_environment: true,
            allowed_hosts: Vec::new(),
        }
    }

    /// Whether any address of `host` may be reached, so that it need not be resolved before it is used.
    pub(crate) fn is_open_for(&self, host: &str) -> bool {
        let host = bare(host);
        self.allow_private_networks
            || self
                .allowed_hosts
                .iter()
                .any(|allowed| bare(allowed).eq_ignore_ascii_case(host))
    }

    /// Judges one address of a host.
    pub fn check(&self, host: &str, address: IpAddr) -> Result<(), Denied> {
        if self.is_open_for(host) || is_public(address) {
            return Ok(());
        }
        Err(Denied {
            host: host.to_owned(),
            address,
        })
    }

    /// Resolves a host to those of its addresses that may be reached; never to an empty list.
    pub(crate) async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, ResolveError> {
        let found = tokio::net::lookup_host((bare(host), port))
            .await
            .map_err(|source| ResolveError::Lookup {
                host: host.to_owned(),
                source,
            })?;
        let mut allowed = Vec::new();
        let mut denied = None;
        for address in found {
            match self.check(host, address.ip()) {
                Ok(()) => allowed.push(address),
                Err(refusal) => denied = Some(refusal),
            }
        }
        match denied {
            _ if !allowed.is_empty() => Ok(allowed),
            Some(refusal) => Err(refusal.into()),
            None => Err(ResolveError::Empty {
                host: host.to_owned(),
            }),
        }
    }
}

/// The host without the brackets of an IPv6 address and without the dot of a rooted name.
fn bare(host: &str) -> &str {
    let host = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host)
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

// The ranges are those that the IANA special-purpose registries mark as not globally reachable.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(embedded) = embedded_v4(address) {
        return is_public_v4(embedded);
    }
    // Only 2000::/3 is handed out for global unicast; of it, some blocks are reserved for other uses.
    let [a, b, ..] = address.segments();
    let global_unicast = (a & 0xe000) == 0x2000;
    let special = match a {
        0x2001 => b < 0x0200 || b == 0x0db8,
        0x3fff => b < 0x1000,
        _ => false,
    };
    global_unicast && !special
}

/// The IPv4 address that packets to this address end up at: mapped, NAT64 or 6to4.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = address.segments();
    let join = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        Ipv4Addr::new(a, b, c, d)
    };
    match (s0, s1, s2, s3, s4, s5) {
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => Some(join(s6, s7)),
        (0x2002, high, low, ..) => Some(join(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Policy;

    #[test]
    fn only_public_addresses_are_reached_by_default() {
        let rows = [
            ("93.184.216.34", true),
            ("8.8.8.8", true),
            ("172.32.0.1", true),
            ("100.128.0.1", true),
            ("2606:2800:220:1::1", true),
            ("::ffff:8.8.8.8", true),
            ("64:ff9b::808:808", true),
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("10.0.0.1", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("192.0.0.8", false),
            ("198.18.0.1", false),
            ("203.0.113.7", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::127.0.0.1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:169.254.169.254", false),
            ("64:ff9b::7f00:1", false),
            ("64:ff9b:1::7f00:1", false),
            ("2002:7f00:1::", false),
            ("2001:0:1::1", false),
            ("2001:db8::1", false),
            ("fc00::1", false),
            ("fd12::1", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
            ("100::1", false),
        ];
        let policy = Policy::default();
        for (address, public) in rows {
            let outcome = policy.check("host.test", address.parse().unwrap());
            assert_eq!(outcome.is_ok(), public, "{address}");
        }
    }

    #[test]
    fn an_allowed_host_opens_its_own_address_only() {
        let policy = Policy {
            allowed_hosts: vec!["Git.Internal".into(), "::1".into()],
            ..Policy::default()
        };
        let rows = [
            ("git.internal", "10.0.0.1", true),
            ("git.internal.", "10.0.0.1", true),
            ("[::1]", "::1", true),
            ("xgit.internal", "10.0.0.1", false),
            ("git.internal.evil.test", "10.0.0.1", false),
        ];
        for (host, address, allowed) in rows {
            assert_eq!(
                policy.check(host, address.parse().unwrap()).is_ok(),
                allowed,
                "{host}"
            );
        }
    }
}
