//! What the service's token can do by itself: unwrap a share, one raw RSA operation, destroy.
//!
//! The loop is what a C program would do: the module's own functions, called through pointers, with
//! nothing made anew from turn to turn ([`crate::c_calls`]).

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use rustix::process::getpid;
use symbolon_tests::token::{PIN, Token};

use crate::c_calls::CCalls;
use crate::idle;
use crate::report::middle;

/// Octets of a share's modulus.
const OCTETS: usize = 256;

/// A token with a share on it, and what was measured of it.
pub(crate) struct BareToken {
    module: Pkcs11,
    wrapping: ObjectHandle,
    wrapped: Vec<u8>,
    share: ObjectHandle,
    session: Session,
    /// Unwrap, sign, destroy: per second, by all threads together.
    pub(crate) whole_per_second: f64,
    /// Unwrap, sign, destroy: processor time of one.
    pub(crate) processor_time: Duration,
}

/// Measures a token of its own in `folder`. SoftHSM2 reads its configuration's place from the
/// environment once in a process, so this can be done once.
pub(crate) fn measure(folder: &Path, threads: usize, limit: Duration) -> BareToken {
    let token = Token::create(folder);
    let module = open(&token);
    let session = log_in(&module);
    let wrapping = make_wrapping_key(&session);
    let (share, wrapped) = make_share(&session, wrapping);
    let mut bare = BareToken {
        module,
        wrapping,
        wrapped,
        share,
        session,
        whole_per_second: 0.0,
        processor_time: Duration::ZERO,
    };
    let before = idle::processor_time(getpid());
    bare.whole_per_second = bare.per_second(threads, limit);
    let used = idle::processor_time(getpid()) - before;
    let done = (bare.whole_per_second * limit.as_secs_f64()).max(1.0);
    bare.processor_time = used.div_f64(done);
    bare
}

impl BareToken {
    /// One raw RSA operation with a key that is there already.
    pub(crate) fn operate(&self) {
        sign(&self.session, self.share);
    }

    /// Unwrap, sign, destroy, again and again: how many a second, by so many threads together.
    pub(crate) fn per_second(&self, threads: usize, limit: Duration) -> f64 {
        let (module, wrapping, wrapped) = (&self.module, self.wrapping, &self.wrapped);
        let one = || {
            let session = open_session(module);
            let calls = CCalls::of(&Token::module());
            let mut wrapped = wrapped.clone();
            let begun = Instant::now();
            let mut done: usize = 0;
            while begun.elapsed() < limit {
                calls.unwrap_sign_destroy(&session, wrapping, &mut wrapped);
                done += 1;
            }
            done
        };
        let done: usize = thread::scope(|scope| {
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
            running
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        done as f64 / limit.as_secs_f64()
    }
}

/// The middle of so many runs.
pub(crate) fn median(runs: usize, mut run: impl FnMut()) -> Duration {
    let times = (0..runs).map(|_| {
        let begun = Instant::now();
        run();
        begun.elapsed()
    });
    middle(times.collect())
}

#[allow(
    unsafe_code,
    reason = "the environment is how SoftHSM2 is told its configuration; no other thread runs yet"
)]
fn open(token: &Token) -> Pkcs11 {
    // SAFETY: called before this program starts any other thread.
    unsafe { std::env::set_var("SOFTHSM2_CONF", token.configuration()) };
    let module = Pkcs11::new(Token::module()).unwrap();
    module
        .initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))
        .unwrap();
    module
}

fn open_session(module: &Pkcs11) -> Session {
    let slot = module.get_slots_with_initialized_token().unwrap()[0];
    module.open_rw_session(slot).unwrap()
}

fn log_in(module: &Pkcs11) -> Session {
    let session = open_session(module);
    session
        .login(UserType::User, Some(&AuthPin::from(PIN)))
        .unwrap();
    session
}

fn make_wrapping_key(session: &Session) -> ObjectHandle {
    let template = [
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Wrap(true),
        Attribute::Unwrap(true),
        Attribute::ValueLen(32.into()),
    ];
    session
        .generate_key(&Mechanism::AesKeyGen, &template)
        .unwrap()
}

fn make_share(session: &Session, wrapping: ObjectHandle) -> (ObjectHandle, Vec<u8>) {
    let public = [
        Attribute::Token(false),
        Attribute::ModulusBits((8 * OCTETS as u64).into()),
        Attribute::PublicExponent(vec![1, 0, 1]),
    ];
    let private = [
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(true),
        Attribute::Sign(true),
    ];
    let (_, share) = session
        .generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private)
        .unwrap();
    let wrapped = session
        .wrap_key(&Mechanism::AesKeyWrapPad, wrapping, share)
        .unwrap();
    (share, wrapped)
}

fn sign(session: &Session, share: ObjectHandle) {
    // A number below any 2048-bit modulus.
    let mut message = [0x5a; OCTETS];
    message[0] = 0;
    let share = session.sign(&Mechanism::RsaX509, share, &message).unwrap();
    assert_eq!(share.len(), OCTETS);
}
