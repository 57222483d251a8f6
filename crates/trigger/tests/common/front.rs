//! What Tansu lacks: TLS, and the SASL mechanism PLAIN. It stands before the broker and passes on what is allowed.
//! Only the two SASL requests are read; layouts are Kafka's (protocol guide: SaslHandshake, SaslAuthenticate).
//! It leaves everything else, the mechanism SCRAM too, to the broker.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use native_tls::{Identity, TlsAcceptor};

/// How long one side is listened to before the other has its turn.
const TURN: Duration = Duration::from_millis(2);

const SASL_HANDSHAKE: i16 = 17;
const API_VERSIONS: i16 = 18;
const SASL_AUTHENTICATE: i16 = 36;
const SASL_AUTHENTICATION_FAILED: i16 = 58;

/// Takes connections until it is dropped.
pub struct Front {
    pub port: u16,
    stop: Arc<AtomicBool>,
}

impl Front {
    /// With `server.pem` and `server.key` of `folder`, before the broker that will be at `broker`. User `door` has the
    /// password `4711`.
    pub fn start(folder: &Path, broker: u16) -> Self {
        let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
        let identity = Identity::from_pkcs8(&read("server.pem"), &read("server.key")).unwrap();
        let acceptor = TlsAcceptor::new(identity).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if asked.load(Ordering::Relaxed) {
                    break;
                }
                let acceptor = acceptor.clone();
                // Ends with either side; a handshake that fails is what some tests are about.
                thread::spawn(move || {
                    let _ = serve(&acceptor, stream, broker);
                });
            }
        });
        Self { port, stop }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes it; fails only if it has ended.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn serve(acceptor: &TlsAcceptor, stream: TcpStream, broker: u16) -> io::Result<()> {
    let mut client = acceptor.accept(stream).map_err(io::Error::other)?;
    let mut broker = TcpStream::connect((Ipv4Addr::LOCALHOST, broker))?;
    client.get_ref().set_read_timeout(Some(TURN))?;
    broker.set_read_timeout(Some(TURN))?;
    let (mut requests, mut trusted) = (Vec::new(), false);
    loop {
        if let Some(bytes) = some(&mut client)? {
            requests.extend(bytes);
        }
        while let Some(request) = frame(&mut requests) {
            match (i16::from_be_bytes([request[0], request[1]]), trusted) {
                (SASL_HANDSHAKE, false) => client.write_all(&answer(&request, b"\0\0\0\0\0\x01\0\x05PLAIN"))?,
                (SASL_AUTHENTICATE, false) => {
                    trusted = request.ends_with(b"\0door\x004711");
                    client.write_all(&answer(&request, &verdict(&request, trusted)))?;
                }
                (API_VERSIONS, _) | (_, true) => {
                    broker.write_all(&i32::try_from(request.len()).unwrap().to_be_bytes())?;
                    broker.write_all(&request)?;
                }
                _ => return Ok(()),
            }
        }
        if let Some(bytes) = some(&mut broker)? {
            client.write_all(&bytes)?;
        }
    }
}

/// What is there, if anything comes in this turn. The end is an error.
fn some(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; 65_536];
    match from.read(&mut bytes) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(count) => {
            bytes.truncate(count);
            Ok(Some(bytes))
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A whole request, if one is there.
fn frame(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = u32::from_be_bytes(bytes.first_chunk().copied()?) as usize;
    (bytes.len() >= 4 + length).then(|| bytes.drain(..4 + length).skip(4).collect())
}

/// With the request's correlation id.
fn answer(request: &[u8], body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(4 + body.len()).unwrap();
    [&length.to_be_bytes(), &request[4..8], body].concat()
}

/// Error code, a text or none, no bytes, and from version 1 on no end of the session.
fn verdict(request: &[u8], trusted: bool) -> Vec<u8> {
    let version = i16::from_be_bytes([request[2], request[3]]);
    assert!(version <= 1, "SaslAuthenticate of version {version}");
    let session = if version == 0 { &[][..] } else { &[0; 8] };
    let text = b"no such user, or another password";
    let (code, text) = if trusted {
        (0, (-1_i16).to_be_bytes().to_vec())
    } else {
        (SASL_AUTHENTICATION_FAILED, [&i16::try_from(text.len()).unwrap().to_be_bytes(), &text[..]].concat())
    };
    [&code.to_be_bytes(), &text[..], &[0; 4], session].concat()
}
