//! Which network a container is in, and how its ports are reached.
//!
//! Steps and sidecars share the network of the first sidecar that still runs; a step without sidecars is alone. Where this
//! machine has a route to containers (Linux, an engine run by root) a port is reached at the container's address. Elsewhere
//! (macOS, an engine run by an ordinary user) the ports that probes name are published on loopback.

use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::client::Client;
use crate::client::NetworkSettings;

/// How long a published port is watched after it accepted: what publishes it accepts for containers where nobody listens
/// too, and hangs up when it learns better.
const SUSPICION: Duration = Duration::from_millis(250);

/// Connects to a port of a container.
pub(crate) async fn connect(
    client: &Client,
    container: &str,
    port: u16,
    on_this_machine: bool,
) -> io::Result<TcpStream> {
    if on_this_machine {
        return TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
    }
    let settings = client.container(container).await?.network_settings;
    if let Some(published) = published(&settings, port) {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, published)).await?;
        return trusted(stream).await;
    }
    let address = address(&settings).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::AddrNotAvailable,
            format!("container {container} has no address on its network"),
        )
    })?;
    TcpStream::connect((address, port)).await
}

/// The port of this machine that leads to a port of a container.
fn published(settings: &NetworkSettings, port: u16) -> Option<u16> {
    let ports = settings.ports.as_ref()?;
    let bindings = ports.get(&format!("{port}/tcp"))?.as_ref()?;
    bindings.iter().find_map(|binding| binding.host_port.parse().ok())
}

fn address(settings: &NetworkSettings) -> Option<IpAddr> {
    let networks = settings.networks.iter().flatten();
    let all = networks.map(|(_, network)| network.ip_address.as_str());
    std::iter::once(settings.ip_address.as_str())
        .chain(all)
        .find_map(|address| address.parse().ok())
}

/// A connection that was not hung up at once.
async fn trusted(stream: TcpStream) -> io::Result<TcpStream> {
    let mut byte = [0];
    match tokio::time::timeout(SUSPICION, stream.peek(&mut byte)).await {
        Ok(Ok(0)) => Err(io::ErrorKind::ConnectionRefused.into()),
        Ok(Err(error)) => Err(error),
        // It speaks first, or waits to be spoken to.
        Ok(Ok(_)) | Err(_) => Ok(stream),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::net::TcpStream;

    use super::address;
    use super::published;
    use super::trusted;
    use crate::client::NetworkSettings;

    fn settings(json: &str) -> NetworkSettings {
        serde_json::from_str(json).expect("settings")
    }

    #[test]
    fn addresses_and_ports_are_found_where_engines_put_them() {
        let own = settings(r#"{"IPAddress": "172.17.0.2", "Ports": {"80/tcp": null}}"#);
        assert_eq!(
            address(&own).map(|address| address.to_string()).as_deref(),
            Some("172.17.0.2")
        );
        assert_eq!(published(&own, 80), None);
        let named = settings(
            r#"{"IPAddress": "", "Networks": {"n": {"IPAddress": "10.89.0.5"}},
                "Ports": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "49153"}]}}"#,
        );
        assert_eq!(
            address(&named).map(|address| address.to_string()).as_deref(),
            Some("10.89.0.5")
        );
        assert_eq!(
            (published(&named, 80), published(&named, 81)),
            (Some(49153), None)
        );
        assert_eq!(address(&settings("{}")), None);
    }

    #[tokio::test]
    async fn a_port_that_hangs_up_at_once_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let place = listener.local_addr().expect("bound");
        let (stream, accepted) = tokio::join!(TcpStream::connect(place), listener.accept());
        drop(accepted);
        let refused = trusted(stream.expect("connects"))
            .await
            .map_err(|error| error.kind());
        assert_eq!(refused.err(), Some(std::io::ErrorKind::ConnectionRefused));
        let (stream, accepted) = tokio::join!(TcpStream::connect(place), listener.accept());
        assert!(trusted(stream.expect("connects")).await.is_ok());
        drop(accepted);
    }
}
