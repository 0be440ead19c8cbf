//! Sits between a vault and its software TPM: writes everything down, and can interfere.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::{Swtpm, tcti, two_free_ports};

/// A command and what the TPM answered.
#[derive(Clone)]
pub struct Exchange {
    pub command: Vec<u8>,
    pub response: Vec<u8>,
}

impl Exchange {
    /// The command code.
    pub fn code(&self) -> u32 {
        number(&self.command)
    }

    /// The response code.
    pub fn answer(&self) -> u32 {
        number(&self.response)
    }
}

/// What the proxy does with a command, besides passing it on.
pub type Interference = Box<dyn FnMut(Moment<'_>) -> Vec<Vec<u8>> + Send>;

/// When.
pub enum Moment<'a> {
    /// A command came. What is returned is sent to the TPM before it.
    Before(&'a [u8]),
    /// The TPM got the whole command.
    Sent(&'a [u8]),
    /// The TPM has answered; the vault has not seen it yet.
    Answered(&'a Exchange),
}

#[derive(Default)]
struct State {
    exchanges: Vec<Exchange>,
    interference: Option<Interference>,
}

/// A running proxy. Its threads end with the connections and the test.
pub struct Proxy {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    pub fn start(swtpm: &Swtpm) -> Self {
        let target = swtpm.port();
        let (port, commands, control) = loop {
            let port = two_free_ports();
            if let (Ok(commands), Ok(control)) = (
                TcpListener::bind(("127.0.0.1", port)),
                TcpListener::bind(("127.0.0.1", port + 1)),
            ) {
                break (port, commands, control);
            }
        };
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in commands.incoming().flatten() {
                if let Ok(tpm) = TcpStream::connect(("127.0.0.1", target)) {
                    let _ = forward_commands(client, tpm, &shared);
                }
            }
        });
        std::thread::spawn(move || {
            for client in control.incoming().flatten() {
                if let Ok(tpm) = TcpStream::connect(("127.0.0.1", target + 1)) {
                    forward_octets(client, tpm);
                }
            }
        });
        Self { port, state }
    }

    /// How a vault gets through it.
    pub fn tcti(&self) -> String {
        tcti(self.port)
    }

    /// What was written down since the last time.
    pub fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.state.lock().unwrap().exchanges)
    }

    /// Interferes from now on.
    pub fn interfere(&self, interference: impl FnMut(Moment<'_>) -> Vec<Vec<u8>> + Send + 'static) {
        self.state.lock().unwrap().interference = Some(Box::new(interference));
    }

    /// Passes everything on again.
    pub fn leave_alone(&self) {
        self.state.lock().unwrap().interference = None;
    }
}

fn forward_commands(
    mut client: TcpStream,
    mut tpm: TcpStream,
    state: &Mutex<State>,
) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    tpm.set_nodelay(true)?;
    loop {
        let command = read_message(&mut client)?;
        for extra in interfere(state, Moment::Before(&command)) {
            tpm.write_all(&extra)?;
            read_message(&mut tpm)?;
        }
        tpm.write_all(&command)?;
        interfere(state, Moment::Sent(&command));
        let response = read_message(&mut tpm)?;
        let exchange = Exchange { command, response };
        state.lock().unwrap().exchanges.push(exchange.clone());
        interfere(state, Moment::Answered(&exchange));
        client.write_all(&exchange.response)?;
    }
}

fn interfere(state: &Mutex<State>, moment: Moment<'_>) -> Vec<Vec<u8>> {
    let mut state = state.lock().unwrap();
    state
        .interference
        .as_mut()
        .map_or_else(Vec::new, |interference| interference(moment))
}

/// Commands and responses begin alike: tag, size of the whole, code.
fn read_message(from: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut message = vec![0; 10];
    from.read_exact(&mut message)?;
    let size = u32::from_be_bytes(message[2..6].try_into().unwrap()) as usize;
    message.resize(size.max(10), 0);
    from.read_exact(&mut message[10..])?;
    Ok(message)
}

fn number(message: &[u8]) -> u32 {
    u32::from_be_bytes(message[6..10].try_into().unwrap())
}

fn forward_octets(client: TcpStream, tpm: TcpStream) {
    let (mut from_client, mut to_client) = (client.try_clone().unwrap(), client);
    let (mut from_tpm, mut to_tpm) = (tpm.try_clone().unwrap(), tpm);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_tpm);
        let _ = to_tpm.shutdown(std::net::Shutdown::Both);
    });
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_tpm, &mut to_client);
        let _ = to_client.shutdown(std::net::Shutdown::Both);
    });
}
