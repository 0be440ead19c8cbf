//! A tap on the wire to a TPM: records every command and answer, and breaks the wire on demand.
//!
//! It stands before both ports of a swtpm. The command port carries whole TPM commands, each
//! answered before the next (TPM 2.0 Part 1 section 18: tag, size, code), so it can be cut between
//! any two of them; the control port is passed on unread.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::swtpm::free_pair_of_ports;

/// Octets before a command's or answer's parameters: tag, size, code.
const HEADER: usize = 10;

/// Command codes that tests wait for (TPM 2.0 Part 2 section 6.5.2).
pub mod command {
    /// TPM2_NV_UndefineSpace.
    pub const NV_UNDEFINE_SPACE: u32 = 0x122;
    /// TPM2_NV_DefineSpace.
    pub const NV_DEFINE_SPACE: u32 = 0x12a;
    /// TPM2_NV_Write.
    pub const NV_WRITE: u32 = 0x137;
    /// TPM2_NV_ChangeAuth.
    pub const NV_CHANGE_AUTH: u32 = 0x13b;
    /// TPM2_PolicySecret: the PIN is judged here.
    pub const POLICY_SECRET: u32 = 0x151;
    /// TPM2_Create.
    pub const CREATE: u32 = 0x153;
    /// TPM2_Load.
    pub const LOAD: u32 = 0x157;
    /// TPM2_RSA_Decrypt: the share is made here.
    pub const RSA_DECRYPT: u32 = 0x159;
    /// TPM2_Sign.
    pub const SIGN: u32 = 0x15d;
    /// TPM2_StartAuthSession.
    pub const START_AUTH_SESSION: u32 = 0x176;
    /// TPM2_ReadPublic.
    pub const READ_PUBLIC: u32 = 0x173;
    /// TPM2_GetCapability.
    pub const GET_CAPABILITY: u32 = 0x17a;
    /// TPM2_NV_Certify.
    pub const NV_CERTIFY: u32 = 0x184;
}

/// One command and what the TPM said to it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The command as it went over the wire.
    pub command: Vec<u8>,
    /// The answer as it came back.
    pub response: Vec<u8>,
}

impl Exchange {
    /// The command code.
    pub fn code(&self) -> u32 {
        code_of(&self.command)
    }

    /// The response code; 0 for success.
    pub fn response_code(&self) -> u32 {
        code_of(&self.response)
    }
}

/// Where on the wire an interceptor is asked.
pub enum Moment<'a> {
    /// A command arrived and has not reached the TPM.
    Command {
        /// Its command code.
        code: u32,
    },
    /// The TPM has answered, and nobody has seen the answer.
    Response {
        /// Command and answer.
        exchange: &'a Exchange,
    },
}

impl Moment<'_> {
    /// Whether this is the arrival of the answer to such a command.
    pub fn is_response_to(&self, wanted: u32) -> bool {
        matches!(self, Self::Response { exchange } if exchange.code() == wanted)
    }

    /// Whether such a command is about to be sent.
    pub fn is_command(&self, wanted: u32) -> bool {
        matches!(self, Self::Command { code } if *code == wanted)
    }
}

/// What becomes of what is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is passed on.
    Pass,
    /// It is swallowed, and the connection ends.
    Cut,
}

type Interceptor = Box<dyn FnMut(&Moment<'_>) -> Verdict + Send>;

#[derive(Default)]
struct Shared {
    recording: Mutex<Vec<Exchange>>,
    interceptor: Mutex<Option<Interceptor>>,
    closing: AtomicBool,
}

/// A running tap.
pub struct TpmProxy {
    port: u16,
    shared: Arc<Shared>,
}

impl TpmProxy {
    /// Stands before the swtpm whose command port is `upstream`.
    pub fn start(upstream: u16) -> Self {
        let (port, data, control) = (0..100)
            .find_map(|_| {
                let port = free_pair_of_ports();
                let data = TcpListener::bind(("127.0.0.1", port)).ok()?;
                let control = TcpListener::bind(("127.0.0.1", port + 1)).ok()?;
                Some((port, data, control))
            })
            .expect("two neighbouring ports");
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            accept(&data, &Arc::clone(&serving), move |client| {
                let serving = Arc::clone(&serving);
                thread::spawn(move || drop(relay_commands(client, upstream, &serving)));
            });
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            accept(&control, &serving, move |client| {
                thread::spawn(move || drop(relay_octets(client, upstream + 1)));
            });
        });
        Self { port, shared }
    }

    /// Its command port; the control port is the next one.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Everything that went over the wire since the last [`TpmProxy::forget`].
    pub fn recording(&self) -> Vec<Exchange> {
        self.shared.recording.lock().unwrap().clone()
    }

    /// Starts the recording anew.
    pub fn forget(&self) {
        self.shared.recording.lock().unwrap().clear();
    }

    /// Asks `interceptor` at every moment from now on. It may block (hold the wire), and may kill
    /// whom it likes.
    pub fn intercept(&self, interceptor: impl FnMut(&Moment<'_>) -> Verdict + Send + 'static) {
        *self.shared.interceptor.lock().unwrap() = Some(Box::new(interceptor));
    }

    /// Runs `action` at the first moment that `at` chooses, which is then cut; all else passes.
    pub fn cut_once(
        &self,
        at: impl Fn(&Moment<'_>) -> bool + Send + 'static,
        mut action: impl FnMut() + Send + 'static,
    ) {
        let mut done = false;
        self.intercept(move |moment| {
            if done || !at(moment) {
                return Verdict::Pass;
            }
            done = true;
            action();
            Verdict::Cut
        });
    }

    /// Passes everything on again.
    pub fn pass_all(&self) {
        *self.shared.interceptor.lock().unwrap() = None;
    }
}

impl Drop for TpmProxy {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        for port in [self.port, self.port + 1] {
            // Wakes the thread that accepts.
            TcpStream::connect(("127.0.0.1", port)).ok();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, mut serve: impl FnMut(TcpStream)) {
    for client in listener.incoming() {
        if shared.closing.load(Ordering::SeqCst) {
            return;
        }
        if let Ok(client) = client {
            serve(client);
        }
    }
}

fn relay_commands(mut client: TcpStream, upstream: u16, shared: &Shared) -> io::Result<()> {
    let mut tpm = TcpStream::connect(("127.0.0.1", upstream))?;
    client.set_nodelay(true)?;
    tpm.set_nodelay(true)?;
    loop {
        let command = read_message(&mut client)?;
        let code = code_of(&command);
        if ask(shared, &Moment::Command { code }) == Verdict::Cut {
            return client.shutdown(Shutdown::Both);
        }
        tpm.write_all(&command)?;
        let response = read_message(&mut tpm)?;
        let exchange = Exchange { command, response };
        shared.recording.lock().unwrap().push(exchange.clone());
        let moment = Moment::Response {
            exchange: &exchange,
        };
        if ask(shared, &moment) == Verdict::Cut {
            return client.shutdown(Shutdown::Both);
        }
        client.write_all(&exchange.response)?;
    }
}

fn ask(shared: &Shared, moment: &Moment<'_>) -> Verdict {
    match shared.interceptor.lock().unwrap().as_mut() {
        Some(interceptor) => interceptor(moment),
        None => Verdict::Pass,
    }
}

pub(crate) fn read_message(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut message = vec![0; HEADER];
    from.read_exact(&mut message)?;
    let size = u32::from_be_bytes([message[2], message[3], message[4], message[5]]) as usize;
    message.resize(size.clamp(HEADER, 65_536), 0);
    from.read_exact(&mut message[HEADER..])?;
    Ok(message)
}

fn code_of(message: &[u8]) -> u32 {
    message
        .get(6..HEADER)
        .and_then(|code| code.try_into().ok())
        .map_or(0, u32::from_be_bytes)
}

/// Passes octets on in both directions until either side ends.
pub(crate) fn relay_octets(client: TcpStream, upstream: u16) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", upstream))?;
    let (mut up_from, mut up_to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        io::copy(&mut up_from, &mut up_to).ok();
        up_to.shutdown(Shutdown::Both).ok();
    });
    let (mut down_from, mut down_to) = (server, client);
    io::copy(&mut down_from, &mut down_to).ok();
    down_to.shutdown(Shutdown::Both)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Folder;
    use crate::requirements;
    use crate::swtpm::Swtpm;

    /// TPM2_GetRandom of eight octets.
    const GET_RANDOM: [u8; 12] = [0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 8];

    fn ask_for_random(port: u16) -> io::Result<Vec<u8>> {
        let mut tpm = TcpStream::connect(("127.0.0.1", port))?;
        tpm.write_all(&GET_RANDOM)?;
        read_message(&mut tpm)
    }

    #[test]
    fn records_what_passes_and_cuts_what_it_is_told_to() {
        if !requirements::met() {
            return;
        }
        let folder = Folder::new("tpm-proxy");
        let mut swtpm = Swtpm::start(&folder.path().join("tpm"), &folder.logs());
        let proxy = TpmProxy::start(swtpm.port());

        let answer = ask_for_random(proxy.port()).unwrap();
        let recorded = proxy.recording();
        assert_eq!(recorded.len(), 1);
        assert_eq!(recorded[0].command, GET_RANDOM);
        assert_eq!(recorded[0].response, answer);
        assert_eq!(
            (recorded[0].code(), recorded[0].response_code()),
            (0x17b, 0)
        );

        let pid = swtpm.pid();
        proxy.cut_once(
            |moment| moment.is_response_to(0x17b),
            move || {
                rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            },
        );
        assert!(ask_for_random(proxy.port()).is_err());
        assert_eq!(proxy.recording().len(), 2, "the TPM had answered");

        swtpm.restart();
        assert_eq!(
            ask_for_random(proxy.port()).unwrap().len(),
            10 + 2 + 8,
            "it is cut once only"
        );
    }
}
