//! What the TPM says about itself.
#![allow(unsafe_code)] // calls into tpm2-tss; see `context`

use tss_esapi::constants::tss::{TPM2_CAP_COMMANDS, TPM2_CAP_HANDLES, TPM2_CAP_TPM_PROPERTIES};
use tss_esapi::tss2_esys::{
    Esys_GetCapability, Esys_ReadClock, TPMS_CAPABILITY_DATA, TPMS_TIME_INFO, TPMU_CAPABILITIES,
};

use super::commands_session::NO_SESSIONS;
use super::context::{Context, Returned};
use super::error::EsysError;

impl Context {
    /// `ReadClock`: the TPM's clock in milliseconds. It never goes back, not even at a reset.
    pub fn clock(&self) -> Result<u64, EsysError> {
        const COMMAND: &str = "ReadClock";
        let mut time = Returned::<TPMS_TIME_INFO>::empty();
        self.call(COMMAND, &NO_SESSIONS, |esys, none| {
            // SAFETY: the context is locked and alive, the out pointer valid.
            unsafe { Esys_ReadClock(esys, none[0], none[1], none[2], time.slot()) }
        })?;
        Ok(time.get(COMMAND)?.clockInfo.clock)
    }

    /// The TPM's fixed properties from `first` on, as `(property, value)`.
    pub fn properties(&self, first: u32) -> Result<Vec<(u32, u32)>, EsysError> {
        let (data, _) = self.capability(TPM2_CAP_TPM_PROPERTIES, first)?;
        // SAFETY: properties were asked for and `capability` checked that they came.
        let list = unsafe { data.tpmProperties };
        Ok(list
            .tpmProperty
            .iter()
            .take(list.count as usize)
            .map(|entry| (entry.property, entry.value))
            .collect())
    }

    /// The codes of all commands that the TPM implements.
    pub fn command_codes(&self) -> Result<Vec<u32>, EsysError> {
        const COMMAND_INDEX: u32 = 0xffff;
        let mut codes: Vec<u32> = Vec::new();
        let mut more = true;
        while more {
            let first = codes.last().map_or(0, |last| last + 1);
            let (data, left) = self.capability(TPM2_CAP_COMMANDS, first)?;
            // SAFETY: commands were asked for and `capability` checked that they came.
            let list = unsafe { data.command };
            let page = list.commandAttributes.iter().take(list.count as usize);
            codes.extend(page.map(|attributes| attributes & COMMAND_INDEX));
            more = left && list.count > 0;
        }
        Ok(codes)
    }

    /// The handles in use from `first` on, as many as fit into one answer, and whether there are
    /// more.
    pub fn handles(&self, first: u32) -> Result<(Vec<u32>, bool), EsysError> {
        let (data, more) = self.capability(TPM2_CAP_HANDLES, first)?;
        // SAFETY: handles were asked for and `capability` checked that they came.
        let list = unsafe { data.handles };
        let handles = list.handle.iter().take(list.count as usize);
        Ok((handles.copied().collect(), more))
    }

    fn capability(&self, kind: u32, first: u32) -> Result<(TPMU_CAPABILITIES, bool), EsysError> {
        const COMMAND: &str = "GetCapability";
        const AS_MANY_AS_FIT: u32 = 127;
        let mut more = 0;
        let mut data = Returned::<TPMS_CAPABILITY_DATA>::empty();
        self.call(COMMAND, &NO_SESSIONS, |esys, none| {
            // SAFETY: the context is locked and alive, the out pointers valid.
            unsafe {
                Esys_GetCapability(
                    esys,
                    none[0],
                    none[1],
                    none[2],
                    kind,
                    first,
                    AS_MANY_AS_FIT,
                    &mut more,
                    data.slot(),
                )
            }
        })?;
        let data = data.get(COMMAND)?;
        if data.capability != kind {
            return Err(super::commands_key::unexpected(COMMAND));
        }
        Ok((data.data, more != 0))
    }
}
