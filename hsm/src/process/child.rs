//! The process in which a module runs: this program once more, which does nothing else then.

use std::cell::RefCell;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::process::exit;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, getpid, kill_process, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};
use serde::{Deserialize, Serialize};

use super::act::{Errand, Reply};
use super::socket::{Secret, Socket};
use crate::address::TokenAddress;
use crate::error::HsmError;
use crate::pin::TokenPin;
use crate::token::{Access, Token};
use crate::worker::Worker;

/// The argument by which the program knows that it is to be a module's process.
pub(super) const ARGUMENT: &str = "token_process";

/// How long the last calls may take when the other side has gone.
const LONGEST_END: Duration = Duration::from_secs(1);

/// What the process is told beside what its workers are.
#[derive(Serialize, Deserialize)]
pub(super) enum Told {
    /// Which token it is for. Comes first, and once.
    Token(TokenAddress),
    /// A worker's connection comes along, and what that worker may do.
    Worker(Access),
}

/// Must be called first by every program that uses a token, before it has any other thread: a
/// PKCS#11 module runs in a process of its own, and that is this program, started once more with
/// one argument. Returns if this process is not one.
pub fn become_the_modules_process_if_asked() {
    if std::env::args_os()
        .nth(1)
        .is_none_or(|argument| argument != ARGUMENT)
    {
        return;
    }
    if let Err(error) = serve() {
        let _ = writeln!(
            io::stderr(),
            "`{ARGUMENT}` is for this program's own use: {error}"
        );
        exit(2);
    }
}

fn serve() -> io::Result<()> {
    keep_to_ourselves()?;
    // The module must not find the connection in the place of its standard input.
    let control = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    let mut control = Socket::new(control);
    let Some(Told::Token(address)) = control.receive()? else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let house = Arc::new(House::new(address));
    while let Some((Told::Worker(access), Some(connection))) = control.receive_with()? {
        house.enter();
        let house = Arc::clone(&house);
        std::thread::Builder::new().spawn(move || {
            work(&house, connection, access);
            house.leave();
        })?;
    }
    // The other side is gone. With nobody inside the module its own end is an orderly one; else
    // what it would tidy up is still in use.
    match house.is_empty_soon() {
        true => exit(0),
        false => Ok(kill_process(getpid(), Signal::KILL)?),
    }
}

/// No core dumps, no debugger of the same user, and no life after the one that wants us.
fn keep_to_ourselves() -> io::Result<()> {
    // Else `ps` shows the last part of `/proc/self/exe`.
    rustix::thread::set_name(c"token-process")?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Where this is not allowed, the first line suffices.
    let _ = setrlimit(Resource::Core, none);
    Ok(())
}

/// Does what one worker's connection asks, until it is closed.
fn work(house: &House, connection: OwnedFd, access: Access) {
    let parent = Parent(RefCell::new(Socket::new(connection)));
    let mut worker = Worker::new(house, &parent, access);
    while let Ok(Some(errand)) = parent.next() {
        if errand.run(&mut worker, &parent).is_err() {
            return;
        }
    }
}

/// The one token of this process, opened when it is first needed.
pub(crate) struct House {
    address: TokenAddress,
    token: Mutex<Option<Arc<Token>>>,
    inside: Mutex<usize>,
    left: Condvar,
}

impl House {
    fn new(address: TokenAddress) -> Self {
        Self {
            address,
            token: Mutex::new(None),
            inside: Mutex::new(0),
            left: Condvar::new(),
        }
    }

    pub(crate) fn token(&self) -> Result<Arc<Token>, HsmError> {
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = &*token {
            return Ok(Arc::clone(open));
        }
        let open = Arc::new(Token::open(self.address.clone())?);
        Ok(Arc::clone(token.insert(open)))
    }

    fn enter(&self) {
        *self.inside.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    fn leave(&self) {
        *self.inside.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.left.notify_all();
    }

    fn is_empty_soon(&self) -> bool {
        let inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .left
            .wait_timeout_while(inside, LONGEST_END, |inside| *inside > 0);
        *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
    }
}

/// A worker's way back to the program that wants something of the token.
pub(crate) struct Parent(RefCell<Socket>);

impl Parent {
    /// The PIN. It is asked for at each login, so that this process does not keep it.
    pub(crate) fn pin(&self) -> Result<TokenPin, HsmError> {
        self.send(&Reply::<()>::PinWanted).map_err(lost)?;
        let pin: Option<Result<Secret, HsmError>> = self.0.borrow_mut().receive().map_err(lost)?;
        TokenPin::from_octets(
            pin.ok_or_else(|| lost(io::ErrorKind::UnexpectedEof.into()))??
                .0,
        )
    }

    /// Tells that something was lost. That it cannot be told will be seen when it is answered.
    pub(crate) fn opens_anew(&self, why: &HsmError) {
        let _ = self.send(&Reply::<()>::OpensAnew(why.to_string()));
    }

    pub(crate) fn answer<T: Serialize>(&self, result: Result<T, HsmError>) -> io::Result<()> {
        match self.send(&Reply::Done(result)) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let error = HsmError::fault("the answer", error);
                self.send(&Reply::<()>::Done(Err(error)))
            }
            sent => sent,
        }
    }

    fn next(&self) -> io::Result<Option<Errand>> {
        self.0.borrow_mut().receive()
    }

    fn send<T: Serialize>(&self, reply: &Reply<T>) -> io::Result<()> {
        self.0.borrow_mut().send(reply)
    }
}

fn lost(error: io::Error) -> HsmError {
    HsmError::fault("asking for the PIN", error)
}
