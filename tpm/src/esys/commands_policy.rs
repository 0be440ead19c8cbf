//! Assertions in policy sessions (TPM 2.0 Part 3 section 23).
#![allow(unsafe_code)] // calls into tpm2-tss; see `context`

use std::ptr::null_mut;

use tss_esapi::constants::tss::TPM2_EO_UNSIGNED_LT;
use tss_esapi::tss2_esys::{
    Esys_PolicyAuthorize, Esys_PolicyCommandCode, Esys_PolicyCounterTimer, Esys_PolicyCpHash,
    Esys_PolicySecret, Esys_PolicySigned, TPM2B_DIGEST, TPM2B_NAME, TPM2B_NONCE,
};

use super::commands_key::Verified;
use super::commands_session::NO_SESSIONS;
use super::context::Context;
use super::error::EsysError;
use super::handle::{Authorization, Object, Session};
use super::structures::{signature_from_octets, sized};

/// What a signature for `PolicySigned` was made over, besides the session's nonce.
pub struct SignedAssertion<'a> {
    /// Seconds after the session's start; never negative, which would make a ticket.
    pub expiration_seconds: i32,
    /// The parameters of the one command that it allows.
    pub cp_hash: &'a [u8],
    /// The policyRef.
    pub reference: &'a [u8],
    /// `r` and `s`.
    pub signature: &'a [u8; 64],
}

impl Context {
    /// `PolicySigned`, bound to the session by its nonce.
    pub fn policy_signed(
        &self,
        session: &Session,
        key: &Object,
        assertion: &SignedAssertion<'_>,
    ) -> Result<(), EsysError> {
        const COMMAND: &str = "PolicySigned";
        let bad = |error: super::structures::StructureError| error.during(COMMAND);
        let nonce = sized!(TPM2B_NONCE, buffer, &session.nonce()?).map_err(bad)?;
        let cp_hash = sized!(TPM2B_DIGEST, buffer, assertion.cp_hash).map_err(bad)?;
        let reference = sized!(TPM2B_NONCE, buffer, assertion.reference).map_err(bad)?;
        let signature = signature_from_octets(assertion.signature);
        self.call(COMMAND, &NO_SESSIONS, |esys, none| {
            // SAFETY: the context is locked and alive; null out pointers are not filled.
            unsafe {
                Esys_PolicySigned(
                    esys,
                    key.handle(),
                    session.handle(),
                    none[0],
                    none[1],
                    none[2],
                    &nonce,
                    &cp_hash,
                    &reference,
                    assertion.expiration_seconds,
                    &signature,
                    null_mut(),
                    null_mut(),
                )
            }
        })
    }

    /// `PolicySecret`: proves the authValue of `entity` by `authorization`. No ticket is asked for.
    pub fn policy_secret(
        &self,
        session: &Session,
        entity: &Object,
        authorization: Authorization<'_>,
    ) -> Result<(), EsysError> {
        self.call("PolicySecret", &[authorization], |esys, sessions| {
            // SAFETY: the context is locked and alive; null out pointers are not filled.
            unsafe {
                Esys_PolicySecret(
                    esys,
                    entity.handle(),
                    session.handle(),
                    sessions[0],
                    sessions[1],
                    sessions[2],
                    &TPM2B_NONCE::default(),
                    &TPM2B_DIGEST::default(),
                    &TPM2B_NONCE::default(),
                    0,
                    null_mut(),
                    null_mut(),
                )
            }
        })
    }

    /// `PolicyAuthorize`: replaces the session's digest if it is `approved`.
    pub fn policy_authorize(
        &self,
        session: &Session,
        approved: &[u8; 32],
        reference: &[u8],
        key_name: &[u8],
        ticket: &Verified,
    ) -> Result<(), EsysError> {
        const COMMAND: &str = "PolicyAuthorize";
        let bad = |error: super::structures::StructureError| error.during(COMMAND);
        let approved = sized!(TPM2B_DIGEST, buffer, approved).map_err(bad)?;
        let reference = sized!(TPM2B_NONCE, buffer, reference).map_err(bad)?;
        let key_name = sized!(TPM2B_NAME, name, key_name).map_err(bad)?;
        self.call(COMMAND, &NO_SESSIONS, |esys, none| {
            // SAFETY: the context is locked and alive, the pointers valid.
            unsafe {
                Esys_PolicyAuthorize(
                    esys,
                    session.handle(),
                    none[0],
                    none[1],
                    none[2],
                    &approved,
                    &reference,
                    &key_name,
                    &ticket.0,
                )
            }
        })
    }

    /// `PolicyCpHash`: only a command with these parameters.
    pub fn policy_cp_hash(&self, session: &Session, cp_hash: &[u8; 32]) -> Result<(), EsysError> {
        const COMMAND: &str = "PolicyCpHash";
        let cp_hash =
            sized!(TPM2B_DIGEST, buffer, cp_hash).map_err(|error| error.during(COMMAND))?;
        self.call(COMMAND, &NO_SESSIONS, |esys, none| {
            // SAFETY: the context is locked and alive, the pointer valid.
            unsafe {
                Esys_PolicyCpHash(esys, session.handle(), none[0], none[1], none[2], &cp_hash)
            }
        })
    }

    /// `PolicyCommandCode`: only this command.
    pub fn policy_command_code(&self, session: &Session, command: u32) -> Result<(), EsysError> {
        self.call("PolicyCommandCode", &NO_SESSIONS, |esys, none| {
            // SAFETY: the context is locked and alive.
            unsafe {
                Esys_PolicyCommandCode(esys, session.handle(), none[0], none[1], none[2], command)
            }
        })
    }

    /// `PolicyCounterTimer`: only while the TPM's clock is below `limit` milliseconds.
    pub fn policy_clock_below(&self, session: &Session, limit: u64) -> Result<(), EsysError> {
        const COMMAND: &str = "PolicyCounterTimer";
        /// Where the clock lies in `TPMS_TIME_INFO`.
        const CLOCK_OFFSET: u16 = 8;
        let limit = sized!(TPM2B_DIGEST, buffer, &limit.to_be_bytes())
            .map_err(|error| error.during(COMMAND))?;
        self.call(COMMAND, &NO_SESSIONS, |esys, none| {
            // SAFETY: the context is locked and alive, the pointer valid.
            unsafe {
                Esys_PolicyCounterTimer(
                    esys,
                    session.handle(),
                    none[0],
                    none[1],
                    none[2],
                    &limit,
                    CLOCK_OFFSET,
                    TPM2_EO_UNSIGNED_LT,
                )
            }
        })
    }
}
