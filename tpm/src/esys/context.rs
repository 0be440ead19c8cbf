//! The ESYS context and its TCTI.
// The pointers of tpm2-tss: every call into it is `unsafe`, and every one goes through
// `Context::call`, which holds the lock and checks the answer.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tss_esapi::tss2_esys::{
    ESYS_CONTEXT, ESYS_TR, Esys_Finalize, Esys_Free, Esys_Initialize, TSS2_RC, TSS2_TCTI_CONTEXT,
    TSS2_TCTI_CONTEXT_COMMON_V1, Tss2_TctiLdr_Finalize, Tss2_TctiLdr_Initialize,
};

use super::error::EsysError;
use super::handle::Authorization;

const TCTI_IO_ERROR: TSS2_RC = 0x000a_000a;

/// `TSS2_TCTI_TIMEOUT_BLOCK`.
const BLOCK: i32 = -1;

/// `TPM2_MAX_RESPONSE_SIZE`: no TPM answers more.
const LONGEST_RESPONSE: usize = 4096;

/// A connection to a TPM. Clones share it; the last one closes it.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

struct Inner {
    pointers: Mutex<Pointers>,
    broken: AtomicBool,
    calls: AtomicU64,
}

struct Pointers {
    esys: *mut ESYS_CONTEXT,
    tcti: *mut TSS2_TCTI_CONTEXT,
}

// SAFETY: an ESYS context may be used from any thread, though by one at a time, which the mutex
// around `Pointers` sees to.
unsafe impl Send for Pointers {}

impl Drop for Pointers {
    fn drop(&mut self) {
        // SAFETY: both pointers came from the matching initializers and are freed once; ESYS goes
        // first because it uses the TCTI. Both functions accept null.
        unsafe {
            if !self.esys.is_null() {
                Esys_Finalize(&mut self.esys);
            }
            if !self.tcti.is_null() {
                Tss2_TctiLdr_Finalize(&mut self.tcti);
            }
        }
    }
}

impl Context {
    /// Connects; sends no command. `tcti` is e.g. `device:/dev/tpmrm0` or
    /// `swtpm:host=127.0.0.1,port=2321`.
    pub fn connect(tcti: &str) -> Result<Self, EsysError> {
        const BAD_VALUE: EsysError = EsysError {
            command: "reading the TCTI configuration",
            code: 0x000a_000b,
        };
        // Without a name the library would look for any TPM that it can find.
        if tcti.is_empty() {
            return Err(BAD_VALUE);
        }
        let name = CString::new(tcti).map_err(|_| BAD_VALUE)?;
        let mut pointers = Pointers {
            esys: null_mut(),
            tcti: null_mut(),
        };
        // SAFETY: the string ends in NUL and outlives the call; the out pointer is valid.
        let code = unsafe { Tss2_TctiLdr_Initialize(name.as_ptr(), &mut pointers.tcti) };
        check("connecting to the TPM", code)?;
        // SAFETY: the TCTI was just initialized and lives in the same struct, freed after ESYS; a
        // null ABI version means the current one.
        let code = unsafe { Esys_Initialize(&mut pointers.esys, pointers.tcti, null_mut()) };
        check("Esys_Initialize", code)?;
        Ok(Self {
            inner: Arc::new(Inner {
                pointers: Mutex::new(pointers),
                broken: AtomicBool::new(false),
                calls: AtomicU64::new(0),
            }),
        })
    }

    /// Whether the way to the TPM has failed. Nothing can be done with this context then but to
    /// drop it.
    pub fn is_broken(&self) -> bool {
        self.inner.broken.load(Ordering::Relaxed)
    }

    /// How many calls have gone through this context: at least as many as TPM commands.
    pub fn calls(&self) -> u64 {
        self.inner.calls.load(Ordering::Relaxed)
    }

    /// Sends a command that was made elsewhere, and returns the response as it came. Nothing else
    /// uses the connection in between.
    pub fn transmit(&self, command: &'static str, octets: &[u8]) -> Result<Vec<u8>, EsysError> {
        let mut response = vec![0; LONGEST_RESPONSE];
        let mut length = response.len();
        self.exchange(command, |pointers| {
            let tcti = pointers.tcti;
            // SAFETY: the connection is locked and alive, and every TCTI context begins with this
            // structure (TCG TSS 2.0 TCTI specification, section 3.1).
            let common = unsafe { &*tcti.cast::<TSS2_TCTI_CONTEXT_COMMON_V1>() };
            let (Some(transmit), Some(receive)) = (common.transmit, common.receive) else {
                return TCTI_IO_ERROR;
            };
            // SAFETY: the length is the slice's.
            let code = unsafe { transmit(tcti, octets.len() as _, octets.as_ptr()) };
            if code != 0 {
                return code;
            }
            let mut size = length as _;
            // SAFETY: the buffer is as long as said; the TCTI writes no more.
            let code = unsafe { receive(tcti, &mut size, response.as_mut_ptr(), BLOCK) };
            length = size as usize;
            code
        })?;
        response.truncate(length);
        Ok(response)
    }

    /// Calls into the library. Sessions that end with this command are marked so.
    pub(super) fn call(
        &self,
        command: &'static str,
        sessions: &[Authorization<'_>],
        function: impl FnOnce(*mut ESYS_CONTEXT, [ESYS_TR; 3]) -> TSS2_RC,
    ) -> Result<(), EsysError> {
        let mut slots = [tss_esapi::tss2_esys::ESYS_TR_NONE; 3];
        for (slot, session) in slots.iter_mut().zip(sessions) {
            *slot = session.handle();
        }
        self.exchange(command, |pointers| function(pointers.esys, slots))?;
        sessions.iter().for_each(Authorization::used);
        Ok(())
    }

    /// One use of the connection by one caller.
    fn exchange(
        &self,
        command: &'static str,
        function: impl FnOnce(&Pointers) -> TSS2_RC,
    ) -> Result<(), EsysError> {
        // The library would call what follows a broken command a bad sequence.
        if self.is_broken() {
            return Err(EsysError {
                command,
                code: TCTI_IO_ERROR,
            });
        }
        let pointers = self
            .inner
            .pointers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.inner.calls.fetch_add(1, Ordering::Relaxed);
        let result = check(command, function(&pointers));
        if result.as_ref().is_err_and(EsysError::is_transport) {
            self.inner.broken.store(true, Ordering::Relaxed);
        }
        result
    }
}

fn check(command: &'static str, code: TSS2_RC) -> Result<(), EsysError> {
    if code == 0 {
        Ok(())
    } else {
        Err(EsysError { command, code })
    }
}

/// Something that the library allocated for us.
pub(super) struct Returned<T> {
    pointer: *mut T,
}

impl<T: Copy> Returned<T> {
    pub(super) fn empty() -> Self {
        Self {
            pointer: null_mut(),
        }
    }

    /// Where the library shall put its pointer.
    pub(super) fn slot(&mut self) -> *mut *mut T {
        &mut self.pointer
    }

    /// What the library returned. To be asked only after the call succeeded.
    pub(super) fn get(&self, command: &'static str) -> Result<&T, EsysError> {
        const GENERAL_FAILURE: TSS2_RC = 0x0007_0001;
        match NonNull::new(self.pointer) {
            // SAFETY: not null, so the library allocated and filled it; it is freed on drop only.
            Some(pointer) => Ok(unsafe { pointer.as_ref() }),
            None => Err(EsysError {
                command,
                code: GENERAL_FAILURE,
            }),
        }
    }
}

impl<T> Drop for Returned<T> {
    fn drop(&mut self) {
        if let Some(pointer) = NonNull::new(self.pointer) {
            // SAFETY: the library allocated `size_of::<T>()` octets for a plain C structure, which
            // may hold a share of a signature or worse: it is overwritten before it is freed, once.
            unsafe {
                for offset in 0..size_of::<T>() {
                    pointer.as_ptr().cast::<u8>().add(offset).write_volatile(0);
                }
                Esys_Free(pointer.as_ptr().cast());
            }
        }
    }
}

/// Keeps tpm2-tss from writing to standard error on its own, which it does at every wrong PIN,
/// unless the user set `TSS2_LOG`. Call it first thing in `main`: with other threads running it
/// does nothing and returns `false`.
pub fn silence_library_log() -> bool {
    const VARIABLE: &str = "TSS2_LOG";
    if std::env::var_os(VARIABLE).is_some() {
        return true;
    }
    if std::fs::read_dir("/proc/self/task")
        .map(Iterator::count)
        .ok()
        != Some(1)
    {
        return false;
    }
    // SAFETY: this is the only thread of the process, so nobody reads the environment meanwhile.
    unsafe { std::env::set_var(VARIABLE, "all+none") };
    true
}
