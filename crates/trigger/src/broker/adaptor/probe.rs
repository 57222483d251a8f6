//! Sees that a broker is gone where its adaptor does not say so: NVIDIA's for AMQP falls silent and never reconnects.
//! It connects to the broker's port now and then while nothing comes, and hangs up; load balancers do the same.
//! It leaves adaptors that tell, or that reconnect by themselves, to whoever asks for a probe.

use std::{
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    time::{Duration, Instant},
};

use crate::quote::shown;

/// Between two looks while no message comes.
const INTERVAL: Duration = Duration::from_secs(5);
/// After a look that failed: one lost packet is no lost broker.
const AGAIN: Duration = Duration::from_secs(1);
/// How long a broker has to accept.
const ACCEPT: Duration = Duration::from_secs(1);
/// So many looks in a row must fail.
const FAILURES: u32 = 2;

/// For one connection.
#[derive(Debug)]
pub(super) struct Probe {
    /// Where the broker was when the connection was made; `None`: nobody knows, and it is not looked for.
    address: Option<SocketAddr>,
    next: Instant,
    failures: u32,
}

impl Probe {
    /// None that ever finds anything.
    pub(super) fn blind() -> Self {
        Self { address: None, next: Instant::now(), failures: 0 }
    }

    /// For a connection that was just made. `conn_str` is an adaptor's own matter: only if it begins with `host;port`, and
    /// somebody accepts there now, is it looked at later.
    pub(super) fn new(conn_str: &str) -> Self {
        let mut parts = conn_str.split(';');
        let host = parts.next().unwrap_or_default().trim();
        let port = parts.next().and_then(|port| port.trim().parse::<u16>().ok()).filter(|&port| port > 0);
        let addresses = port.and_then(|port| (host, port).to_socket_addrs().ok()).into_iter().flatten();
        let address = addresses.take(4).find(|address| accepts(address).is_ok());
        Self { address, next: Instant::now() + INTERVAL, failures: 0 }
    }

    /// A message came: the broker is there.
    pub(super) fn heard(&mut self) {
        self.next = Instant::now() + INTERVAL;
        self.failures = 0;
    }

    /// Looks, if it is time to; blocks for at most a second then. An error is the reason for a loss.
    pub(super) fn look(&mut self) -> Result<(), String> {
        let Some(address) = self.address.filter(|_| Instant::now() >= self.next) else { return Ok(()) };
        match accepts(&address) {
            Ok(()) => self.heard(),
            Err(error) => {
                self.failures += 1;
                self.next = Instant::now() + AGAIN;
                if self.failures >= FAILURES {
                    return Err(format!("nobody answers at {address} any more: {}", shown(&error.to_string())));
                }
            }
        }
        Ok(())
    }
}

fn accepts(address: &SocketAddr) -> std::io::Result<()> {
    TcpStream::connect_timeout(address, ACCEPT).map(drop)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn only_a_broker_that_was_there_can_be_gone() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut probe = Probe::new(&format!("127.0.0.1;{port};topic"));
        assert!(probe.address.is_some());
        drop(listener);
        // Not yet time.
        assert_eq!((probe.look(), probe.failures), (Ok(()), 0));
        let mut look = || {
            probe.next = Instant::now();
            probe.look()
        };
        assert_eq!(look(), Ok(()));
        assert!(look().unwrap_err().contains(&format!("127.0.0.1:{port}")));
        for other in [&format!("127.0.0.1;{port}"), "thread", "", ";", "a;b;c", "127.0.0.1;0"] {
            assert!(Probe::new(other).address.is_none(), "{other}");
        }
    }
}
