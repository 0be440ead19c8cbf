//! A PKCS#11 module for tests. It hands every call on to the module that
//! `OBSTINATE_FORWARDS_TO` names, unless the file that `OBSTINATE_COMMANDS` names says otherwise.
//! Commands, one a line:
//!
//! * `hang FUNCTION`: calls of it do not return until the command is gone.
//! * `hang-once FUNCTION`: its next call alone never returns. The file is removed.
//! * `hang-after NUMBER FUNCTION …`: so many calls of these functions, together, come back; the next
//!   one notes its function in a file beside the commands, ending in `.hanging`, and does not.
//! * `fail FUNCTION CODE`: calls of it return the code, a decimal number, and do nothing.
//! * `stumble FUNCTION CODE`: the same for its next call alone. The file is removed.
//! * `drop FUNCTION`: its next call first ends all sessions and with them the login. The file is
//!   removed.
//! * `forget FUNCTION`: before its next call the module forgets that it was started, and all
//!   sessions. The file is removed.
//! * `crash FUNCTION`: calls of it end the process by a memory fault.
//! * `crash-once FUNCTION`: the same for its next call alone. The file is removed.
//! * `leave FUNCTION`: calls of it end the process as a program ends that has nothing left to do.
//! * `remove`: there is no token, and every session of it is gone.
//! * `count`: the token has a counter in hardware.
//! * `never-ask`: the token makes no keys for each use of which it would ask for its PIN.
//!
//! Some functions obey (see [`C_GetFunctionList`]); the rest are the other module's.
#![allow(
    unsafe_code,
    reason = "a PKCS#11 module is a table of C functions; tests alone load this one"
)]
#![allow(
    non_snake_case,
    clippy::too_many_arguments,
    reason = "PKCS#11 gives the names and the parameters"
)]

mod extras;

use std::os::raw::c_void;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_BBOOL, CK_BYTE, CK_FLAGS, CK_FUNCTION_LIST, CK_MECHANISM, CK_NOTIFY,
    CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE, CK_SLOT_ID, CK_TRUE, CK_ULONG, CK_USER_TYPE,
    CK_UTF8CHAR, CKR_DEVICE_REMOVED, CKR_FUNCTION_NOT_SUPPORTED, CKR_GENERAL_ERROR, CKR_OK,
};

use extras::{
    C_FindObjects, C_FindObjectsFinal, C_FindObjectsInit, C_GenerateKeyPair, C_GetAttributeValue,
};

/// The other module: kept loaded, and its functions.
static REAL: OnceLock<Option<(cryptoki_sys::Pkcs11, CK_FUNCTION_LIST)>> = OnceLock::new();

/// Our own functions.
static OURS: OnceLock<CK_FUNCTION_LIST> = OnceLock::new();

/// How many calls came back since there was a `hang-after`.
static COME_BACK: AtomicUsize = AtomicUsize::new(0);

/// How often a call that hangs looks whether it still should.
const LOOK: Duration = Duration::from_millis(2);

/// The entry point of PKCS#11: our functions where they obey commands, else the other module's.
///
/// # Safety
///
/// `list` must point to room for a pointer (PKCS#11 2.40 section 5.4).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetFunctionList(list: *mut *mut CK_FUNCTION_LIST) -> CK_RV {
    let Some(real) = real() else {
        return CKR_GENERAL_ERROR;
    };
    let ours = OURS.get_or_init(|| CK_FUNCTION_LIST {
        C_GetFunctionList: Some(C_GetFunctionList),
        C_GetSlotList: Some(C_GetSlotList),
        C_OpenSession: Some(C_OpenSession),
        C_Login: Some(C_Login),
        C_FindObjectsInit: Some(C_FindObjectsInit),
        C_FindObjects: Some(C_FindObjects),
        C_FindObjectsFinal: Some(C_FindObjectsFinal),
        C_SignInit: Some(C_SignInit),
        C_Sign: Some(C_Sign),
        C_CreateObject: Some(C_CreateObject),
        C_DestroyObject: Some(C_DestroyObject),
        C_GetAttributeValue: Some(C_GetAttributeValue),
        C_GenerateKey: Some(C_GenerateKey),
        C_GenerateKeyPair: Some(C_GenerateKeyPair),
        C_UnwrapKey: Some(C_UnwrapKey),
        ..*real
    });
    // SAFETY: the caller's promise. Nobody writes through the pointer: PKCS#11 calls it read-only.
    unsafe { *list = std::ptr::from_ref(ours).cast_mut() };
    CKR_OK
}

unsafe extern "C" fn C_GetSlotList(
    with_token: CK_BBOOL,
    slots: *mut CK_SLOT_ID,
    count: *mut CK_ULONG,
) -> CK_RV {
    match obey("C_GetSlotList") {
        Some(CKR_DEVICE_REMOVED) => {
            // SAFETY: the caller's promise that `count` points to a number.
            unsafe { *count = 0 };
            CKR_OK
        }
        Some(code) => code,
        None => match real().and_then(|real| real.C_GetSlotList) {
            // SAFETY: the caller's arguments, unchanged.
            Some(forward) => unsafe { forward(with_token, slots, count) },
            None => CKR_FUNCTION_NOT_SUPPORTED,
        },
    }
}

macro_rules! obedient {
    ($($name:ident($($argument:ident: $type:ty),*);)*) => {$(
        unsafe extern "C" fn $name($($argument: $type),*) -> CK_RV {
            if let Some(code) = obey(stringify!($name)) {
                return code;
            }
            match real().and_then(|real| real.$name) {
                // SAFETY: the caller's arguments, unchanged.
                Some(forward) => unsafe { forward($($argument),*) },
                None => CKR_FUNCTION_NOT_SUPPORTED,
            }
        }
    )*};
}

obedient! {
    C_OpenSession(
        slot: CK_SLOT_ID, flags: CK_FLAGS, application: *mut c_void, notify: CK_NOTIFY,
        session: *mut CK_SESSION_HANDLE
    );
    C_Login(
        session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: *mut CK_UTF8CHAR, length: CK_ULONG
    );
    C_SignInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE);
    C_Sign(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_length: CK_ULONG,
        signature: *mut CK_BYTE, signature_length: *mut CK_ULONG
    );
    C_CreateObject(
        session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG,
        object: *mut CK_OBJECT_HANDLE
    );
    C_DestroyObject(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE);
    C_GenerateKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, template: *mut CK_ATTRIBUTE,
        count: CK_ULONG, key: *mut CK_OBJECT_HANDLE
    );
    C_UnwrapKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, wrapping_key: CK_OBJECT_HANDLE,
        wrapped: *mut CK_BYTE, wrapped_length: CK_ULONG, template: *mut CK_ATTRIBUTE,
        count: CK_ULONG, key: *mut CK_OBJECT_HANDLE
    );
}

/// Does what the commands say of this function; a code is what the call is to return.
fn obey(function: &str) -> Option<CK_RV> {
    loop {
        match command_for(function)? {
            Command::Hang => std::thread::sleep(LOOK),
            Command::HangOnce => {
                forget_commands();
                loop {
                    std::thread::park();
                }
            }
            Command::HangAfter(number) => {
                if COME_BACK.fetch_add(1, Ordering::SeqCst) < number {
                    return None;
                }
                note_hanging(function);
                while matches!(command_for(function), Some(Command::HangAfter(_))) {
                    std::thread::sleep(LOOK);
                }
            }
            Command::Fail(code) => return Some(code),
            Command::Stumble(code) => {
                forget_commands();
                return Some(code);
            }
            Command::Drop => {
                forget_commands();
                end_all_sessions();
                return None;
            }
            Command::Forget => {
                forget_commands();
                forget_start();
                return None;
            }
            Command::Crash => crash(),
            Command::CrashOnce => {
                forget_commands();
                crash();
            }
            Command::Leave => std::process::exit(0),
            Command::Remove => {
                end_all_sessions();
                return Some(CKR_DEVICE_REMOVED);
            }
        }
    }
}

enum Command {
    Hang,
    HangOnce,
    HangAfter(usize),
    Fail(CK_RV),
    Stumble(CK_RV),
    Drop,
    Forget,
    Crash,
    CrashOnce,
    Leave,
    Remove,
}

fn command_for(function: &str) -> Option<Command> {
    let Ok(text) = std::fs::read_to_string(commands()?) else {
        COME_BACK.store(0, Ordering::SeqCst);
        return None;
    };
    text.lines().find_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["hang", named] if named == function => Some(Command::Hang),
            ["hang-once", named] if named == function => Some(Command::HangOnce),
            ["hang-after", number, ref named @ ..] if named.contains(&function) => {
                number.parse().ok().map(Command::HangAfter)
            }
            ["fail", named, code] if named == function => code.parse().ok().map(Command::Fail),
            ["stumble", named, code] if named == function => {
                code.parse().ok().map(Command::Stumble)
            }
            ["drop", named] if named == function => Some(Command::Drop),
            ["forget", named] if named == function => Some(Command::Forget),
            ["crash", named] if named == function => Some(Command::Crash),
            ["crash-once", named] if named == function => Some(Command::CrashOnce),
            ["leave", named] if named == function => Some(Command::Leave),
            ["remove"] => Some(Command::Remove),
            _ => None,
        }
    })
}

/// Whether a command that is a single word is given.
fn is_commanded(word: &str) -> bool {
    let text = commands().and_then(|path| std::fs::read_to_string(path).ok());
    text.is_some_and(|text| text.lines().any(|line| line.trim() == word))
}

fn commands() -> Option<std::ffi::OsString> {
    std::env::var_os("OBSTINATE_COMMANDS")
}

/// Whole or not at all: a test may be reading.
fn note_hanging(function: &str) {
    let Some(path) = commands().map(PathBuf::from) else {
        return;
    };
    let unfinished = path.with_extension("noting");
    if std::fs::write(&unfinished, function).is_ok() {
        let _ = std::fs::rename(unfinished, path.with_extension("hanging"));
    }
}

fn forget_commands() {
    if let Some(path) = commands() {
        let _ = std::fs::remove_file(path);
    }
}

fn forget_start() {
    if let Some(finalize) = real().and_then(|real| real.C_Finalize) {
        // SAFETY: PKCS#11 2.40 section 5.4: the argument is null.
        unsafe { finalize(std::ptr::null_mut()) };
    }
}

/// What a stray pointer in a module of C does.
fn crash() -> ! {
    // SAFETY: none: nobody has memory at this address, and that is what it is for.
    unsafe { std::ptr::without_provenance_mut::<u8>(16).write_volatile(1) };
    std::process::abort()
}

fn end_all_sessions() {
    let Some(real) = real() else { return };
    let (Some(list), Some(end)) = (real.C_GetSlotList, real.C_CloseAllSessions) else {
        return;
    };
    let mut slots: [CK_SLOT_ID; 16] = [0; 16];
    let mut count: CK_ULONG = 16;
    // SAFETY: room for as many slots as `count` says.
    if unsafe { list(CK_TRUE, slots.as_mut_ptr(), &raw mut count) } != CKR_OK {
        return;
    }
    for slot in slots.iter().take(usize::try_from(count).unwrap_or(0)) {
        // SAFETY: any number may be given; what is no slot is refused.
        unsafe { end(*slot) };
    }
}

fn real() -> Option<&'static CK_FUNCTION_LIST> {
    let loaded = REAL.get_or_init(|| {
        let path = std::env::var_os("OBSTINATE_FORWARDS_TO")?;
        // SAFETY: the test names a PKCS#11 module, whose loading runs nothing surprising.
        let module = unsafe { cryptoki_sys::Pkcs11::new(path) }.ok()?;
        let get = module.C_GetFunctionList.as_ref().ok()?;
        let mut list = std::ptr::null_mut();
        // SAFETY: PKCS#11 2.40 section 5.4: the module fills in a pointer to its own table, which
        // lives as long as the module.
        let functions = unsafe {
            if get(&raw mut list) != CKR_OK || list.is_null() {
                return None;
            }
            *list
        };
        Some((module, functions))
    });
    loaded.as_ref().map(|(_, functions)| functions)
}
