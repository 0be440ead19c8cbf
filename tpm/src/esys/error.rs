//! What a TPM, or the way to it, answered instead of success.

use tss_esapi::tss2_esys::TSS2_RC;

/// Response codes of a TPM (TPM 2.0 Part 2 section 6.6), without the part that names a handle,
/// parameter or session.
pub mod response {
    /// An authValue was wrong, for an entity with dictionary-attack protection.
    pub const AUTH_FAIL: u32 = 0x08e;
    /// An authValue was wrong, for an entity without it: PIN_FAIL indices and hierarchies.
    pub const BAD_AUTH: u32 = 0x0a2;
    /// This authorization may not be used at all: a PIN_FAIL index at its limit or never written.
    pub const AUTH_UNAVAILABLE: u32 = 0x12f;
    /// No such handle.
    pub const HANDLE: u32 = 0x08b;
    /// A value is out of range; also a handle that names no loaded object.
    pub const VALUE: u32 = 0x084;
    /// A wrapped blob fails its integrity check.
    pub const INTEGRITY: u32 = 0x09f;
    /// A blob's size does not fit.
    pub const SIZE: u32 = 0x095;
    /// A signature is wrong.
    pub const SIGNATURE: u32 = 0x09b;
    /// A policy was not fulfilled.
    pub const POLICY_FAIL: u32 = 0x09d;
    /// A policy's time is over.
    pub const EXPIRED: u32 = 0x0a3;
    /// There is no room for another NV index.
    pub const NV_SPACE: u32 = 0x14b;
    /// That NV index exists already.
    pub const NV_DEFINED: u32 = 0x14c;
    /// Too many loaded objects.
    pub const OBJECT_MEMORY: u32 = 0x902;
    /// Too many loaded sessions.
    pub const SESSION_MEMORY: u32 = 0x903;
    /// The TPM was not started up.
    pub const INITIALIZE: u32 = 0x100;
    /// "Not now": yielded, testing, NV rate limit, lockout, retry, NV unavailable.
    pub const NOT_NOW: [u32; 6] = [0x908, 0x90a, 0x920, 0x921, 0x922, 0x923];
}

/// A command did not succeed. Keeps the whole response code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{command} was answered with {code:#x}")]
pub struct EsysError {
    /// The command, or the library call.
    pub command: &'static str,
    /// The response code as the library returned it, layer included.
    pub code: TSS2_RC,
}

const LAYER_TPM: u32 = 0;
const LAYER_ESYS: u32 = 7;
const LAYER_SYS: u32 = 8;
const LAYER_TCTI: u32 = 10;
const LAYER_RESOURCE_MANAGER_TPM: u32 = 12;

impl EsysError {
    /// The TPM's own answer, one of [`response`]; `None` if the TPM did not answer at all.
    pub fn response(&self) -> Option<u32> {
        const FORMAT_ONE: u32 = 0x080;
        if ![LAYER_TPM, LAYER_RESOURCE_MANAGER_TPM].contains(&self.layer()) {
            return None;
        }
        let code = self.code & 0xffff;
        Some(if code & FORMAT_ONE != 0 {
            code & 0x0bf
        } else {
            code & 0xfff
        })
    }

    /// Whether the TPM said that an authValue was wrong.
    pub fn is_wrong_authorization(&self) -> bool {
        matches!(
            self.response(),
            Some(response::BAD_AUTH | response::AUTH_FAIL)
        )
    }

    /// Whether the TPM answered exactly this, one of [`response`].
    pub fn is(&self, response: u32) -> bool {
        self.response() == Some(response)
    }

    /// Whether the way to the TPM is broken. The TPM may or may not have executed the command.
    pub fn is_transport(&self) -> bool {
        const ESYS_IO: u32 = 10;
        match self.layer() {
            LAYER_TCTI => true,
            LAYER_ESYS | LAYER_SYS => self.code & 0xffff == ESYS_IO,
            _ => false,
        }
    }

    /// Whether the same may succeed a little later.
    pub fn is_temporary(&self) -> bool {
        self.response().is_some_and(|response| {
            response == response::INITIALIZE || response::NOT_NOW.contains(&response)
        })
    }

    fn layer(&self) -> u32 {
        (self.code >> 16) & 0xff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: u32) -> EsysError {
        EsysError {
            command: "test",
            code,
        }
    }

    #[test]
    fn reads_the_response_codes_of_the_scheme() {
        assert!(error(0x9a2).is_wrong_authorization());
        assert!(error(0x98e).is_wrong_authorization());
        assert!(error(0xc09a2).is_wrong_authorization());
        assert!(error(0x12f).is(response::AUTH_UNAVAILABLE));
        assert!(error(0x18b).is(response::HANDLE));
        assert!(error(0x1df).is(response::INTEGRITY));
        assert!(error(0x5db).is(response::SIGNATURE));
        assert!(error(0x9a3).is(response::EXPIRED));
        assert!(error(0x99d).is(response::POLICY_FAIL));
        assert!(error(0x14b).is(response::NV_SPACE));
    }

    #[test]
    fn tells_the_way_to_the_tpm_from_the_tpm() {
        assert!(error(0xa000a).is_transport());
        assert!(!error(0xa000a).is_wrong_authorization());
        assert!(!error(0x9a2).is_transport());
        assert_eq!(error(0x7001a).response(), None);
        for code in response::NOT_NOW {
            assert!(error(code).is_temporary());
        }
        assert!(!error(0x12f).is_temporary());
    }
}
