//! A wire between daemon and service that can be cut.
//!
//! What it carries is TLS, so it sees octets and their direction, not requests. That is enough: a
//! test makes the daemon deaf, watches the relying party's side for the effect of the request, and
//! then cuts, so that the answer is lost for certain and the effect is there for certain.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the wire does with octets and new connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Passes everything on.
    Open,
    /// Passes on what the daemon sends, and swallows what the service answers.
    Deaf,
    /// Ends every connection.
    Cut,
}

struct State {
    mode: Mode,
    connections: Vec<TcpStream>,
    /// How many connections there have been.
    opened: usize,
    /// The first so many of them bring no answers any more, and do not end either.
    lost: usize,
}

impl State {
    fn pass(&self, number: usize) -> Pass {
        match self.mode {
            Mode::Cut => Pass::Never,
            Mode::Open if number >= self.lost => Pass::On,
            Mode::Open | Mode::Deaf => Pass::Swallowed,
        }
    }
}

struct Shared {
    state: Mutex<State>,
    closing: AtomicBool,
}

/// A running wire.
pub struct TcpCut {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl TcpCut {
    /// A wire to the server at `upstream`.
    pub fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                mode: Mode::Open,
                connections: Vec::new(),
                opened: 0,
                lost: 0,
            }),
            closing: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if serving.closing.load(Ordering::SeqCst) {
                    return;
                }
                if serving.state.lock().unwrap().mode == Mode::Cut {
                    continue;
                }
                drop(connect(client, upstream, &serving));
            }
        });
        Self { address, shared }
    }

    /// Where the daemon connects to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What cuts and mends it, for whoever does so at a moment of their own.
    pub fn switch(&self) -> Switch {
        Switch(Arc::clone(&self.shared))
    }

    /// [`Switch::cut`].
    pub fn cut(&self) {
        self.switch().cut();
    }

    /// [`Switch::mend`].
    pub fn mend(&self) {
        self.switch().mend();
    }

    /// [`Switch::deafen`].
    pub fn deafen(&self) {
        self.switch().deafen();
    }

    /// What is connected brings nothing any more and does not end, as after a change of network;
    /// who connects anew is served.
    pub fn lose_connections(&self) {
        let mut state = self.shared.state.lock().unwrap();
        state.lost = state.opened;
    }
}

/// A wire's switch.
pub struct Switch(Arc<Shared>);

impl Switch {
    /// Cuts the wire until it is mended.
    pub fn cut(&self) {
        let mut state = self.0.state.lock().unwrap();
        state.mode = Mode::Cut;
        end_all(&mut state);
    }

    /// Mends it.
    pub fn mend(&self) {
        self.0.state.lock().unwrap().mode = Mode::Open;
    }

    /// From now on the daemon is heard, and hears nothing.
    pub fn deafen(&self) {
        self.0.state.lock().unwrap().mode = Mode::Deaf;
    }
}

impl Drop for TcpCut {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        end_all(&mut self.shared.state.lock().unwrap());
        TcpStream::connect(self.address).ok();
    }
}

fn end_all(state: &mut State) {
    for connection in state.connections.drain(..) {
        connection.shutdown(Shutdown::Both).ok();
    }
}

fn connect(client: TcpStream, upstream: SocketAddr, shared: &Arc<Shared>) -> io::Result<()> {
    let Ok(server) = TcpStream::connect(upstream) else {
        return client.shutdown(Shutdown::Both);
    };
    let number = {
        let mut state = shared.state.lock().unwrap();
        for end in [&client, &server] {
            end.set_nodelay(true)?;
            state.connections.push(end.try_clone()?);
        }
        state.opened += 1;
        state.opened - 1
    };
    let (from_daemon, to_service) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || pump(from_daemon, to_service, || Pass::On));
    let down = Arc::clone(shared);
    thread::spawn(move || {
        pump(server, client, || down.state.lock().unwrap().pass(number));
    });
    Ok(())
}

enum Pass {
    On,
    Swallowed,
    Never,
}

/// Moves octets as `pass` says, which is asked after each read and before the write.
fn pump(mut from: TcpStream, mut to: TcpStream, pass: impl Fn() -> Pass) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(octets) = from.read(&mut buffer) {
        let written = match pass() {
            Pass::On if octets > 0 => to.write_all(&buffer[..octets]),
            Pass::Swallowed if octets > 0 => Ok(()),
            _ => break,
        };
        if written.is_err() {
            break;
        }
    }
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// A server that says every octet back.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for client in listener.incoming().take(2).flatten() {
                thread::spawn(move || io::copy(&mut &client, &mut &client).ok());
            }
        });
        address
    }

    #[test]
    fn hears_without_answering_then_ends_then_works_again() {
        let wire = TcpCut::start(echo());
        let mut client = TcpStream::connect(wire.address()).unwrap();
        let mut octet = [0];
        client.write_all(b"a").unwrap();
        client.read_exact(&mut octet).unwrap();
        assert_eq!(&octet, b"a");

        wire.deafen();
        client.write_all(b"b").unwrap();
        client
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        assert!(client.read(&mut octet).is_err(), "swallowed");
        wire.cut();
        client.set_read_timeout(None).unwrap();
        assert_eq!(client.read(&mut octet).unwrap_or(0), 0, "ended");

        wire.mend();
        let mut client = TcpStream::connect(wire.address()).unwrap();
        client.write_all(b"c").unwrap();
        client.read_exact(&mut octet).unwrap();
        assert_eq!(&octet, b"c");
    }
}
