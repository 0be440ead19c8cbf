//! What cryptoki has no word for, by the module's own C functions:
//!
//! * AES key wrap with padding (RFC 5649) under the name that PKCS#11 3.0 gave it,
//!   `CKM_AES_KEY_WRAP_KWP`. The older `CKM_AES_KEY_WRAP_PAD` goes the same way.
//! * A signature for which the token is given its PIN between beginning and end.
//! * Whether a feature of the hardware is a counter.
#![allow(unsafe_code, reason = "cryptoki has no safe function for any of these")]

use std::path::Path;
use std::ptr::null_mut;

use cryptoki::context::Function;
use cryptoki::error::{Error, Rv};
use cryptoki::object::{Attribute, ObjectHandle};
use cryptoki::session::Session;
use cryptoki_sys::{
    CK_ATTRIBUTE, CK_FUNCTION_LIST, CK_HW_FEATURE_TYPE, CK_MECHANISM, CK_MECHANISM_INFO,
    CK_MECHANISM_TYPE, CK_RV, CK_ULONG, CKA_HW_FEATURE_TYPE, CKF_UNWRAP, CKF_WRAP,
    CKH_MONOTONIC_COUNTER, CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD, CKR_FUNCTION_NOT_SUPPORTED,
    CKR_MECHANISM_INVALID,
};

use crate::error::HsmError;

/// More octets than a wrapped key of ours takes; RSA-2048 takes some 1 300.
const LONGEST_WRAPPED: usize = 4096;

/// By which name a token offers AES key wrap with padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyWrap {
    /// `CKM_AES_KEY_WRAP_PAD`.
    Pad,
    /// `CKM_AES_KEY_WRAP_KWP`.
    Kwp,
}

impl KeyWrap {
    /// The older name first: what was wrapped by a token that had no other stays of use when it
    /// learns the newer one.
    pub(crate) const ALL: [Self; 2] = [Self::Pad, Self::Kwp];

    fn mechanism(self) -> CK_MECHANISM_TYPE {
        match self {
            Self::Pad => CKM_AES_KEY_WRAP_PAD,
            Self::Kwp => CKM_AES_KEY_WRAP_KWP,
        }
    }
}

/// A module's functions. The module stays loaded and started as long as this is used.
pub(crate) struct Calls {
    functions: CK_FUNCTION_LIST,
    /// Kept loaded.
    _module: cryptoki_sys::Pkcs11,
}

impl Calls {
    /// Those of a module that cryptoki has loaded as well: it is the same one.
    pub(crate) fn of(module: &Path) -> Result<Self, HsmError> {
        let missing = |reason: String| HsmError::ModuleMissing {
            path: module.to_owned(),
            reason,
        };
        // SAFETY: what runs when it is loaded has run already.
        let loaded = unsafe { cryptoki_sys::Pkcs11::new(module) };
        let loaded = loaded.map_err(|error| missing(error.to_string()))?;
        let Ok(get) = loaded.C_GetFunctionList.as_ref() else {
            return Err(missing("it has no C_GetFunctionList".to_owned()));
        };
        let mut list = null_mut();
        // SAFETY: PKCS#11 2.40 section 5.4: the module fills in a pointer to its own table.
        checked(unsafe { get(&raw mut list) }, Function::GetFunctionList)?;
        if list.is_null() {
            return Err(missing("it has no functions".to_owned()));
        }
        Ok(Self {
            // SAFETY: not null, and of the module, which stays loaded.
            functions: unsafe { *list },
            _module: loaded,
        })
    }

    /// Whether the token in a slot wraps and unwraps so.
    pub(crate) fn offers(&self, slot: u64, wrap: KeyWrap) -> Result<bool, HsmError> {
        let mut info = CK_MECHANISM_INFO::default();
        let code = match self.functions.C_GetMechanismInfo {
            // SAFETY: `info` is room for what is asked.
            Some(call) => unsafe { call(slot as CK_ULONG, wrap.mechanism(), &raw mut info) },
            None => CKR_FUNCTION_NOT_SUPPORTED,
        };
        if code == CKR_MECHANISM_INVALID {
            return Ok(false);
        }
        checked(code, Function::GetMechanismInfo)?;
        let both = CKF_WRAP | CKF_UNWRAP;
        Ok(info.flags & both == both)
    }

    /// Wraps a key.
    pub(crate) fn wrap(
        &self,
        session: &Session,
        wrap: KeyWrap,
        under: ObjectHandle,
        key: ObjectHandle,
    ) -> Result<Vec<u8>, HsmError> {
        let mut mechanism = without_parameters(wrap.mechanism());
        let mut wrapped = vec![0; LONGEST_WRAPPED];
        let mut length = wrapped.len() as CK_ULONG;
        let code = match self.functions.C_WrapKey {
            // SAFETY: `wrapped` has as much room as `length` says; all outlives the call.
            Some(call) => unsafe {
                call(
                    session.handle(),
                    &raw mut mechanism,
                    under.handle(),
                    key.handle(),
                    wrapped.as_mut_ptr(),
                    &raw mut length,
                )
            },
            None => CKR_FUNCTION_NOT_SUPPORTED,
        };
        checked(code, Function::WrapKey)?;
        wrapped.truncate(usize::try_from(length).unwrap_or(0));
        Ok(wrapped)
    }

    /// Brings a key back.
    pub(crate) fn unwrap(
        &self,
        session: &Session,
        wrap: KeyWrap,
        under: ObjectHandle,
        wrapped: &[u8],
        template: &[Attribute],
    ) -> Result<ObjectHandle, HsmError> {
        let mut mechanism = without_parameters(wrap.mechanism());
        let mut template: Vec<CK_ATTRIBUTE> = template.iter().map(Into::into).collect();
        let mut key = 0;
        let code = match self.functions.C_UnwrapKey {
            // SAFETY: every pointer is to as much as the length beside it says, and all outlives
            // the call; modules only read what they are given to unwrap (PKCS#11 2.40 section
            // 5.13).
            Some(call) => unsafe {
                call(
                    session.handle(),
                    &raw mut mechanism,
                    under.handle(),
                    wrapped.as_ptr().cast_mut(),
                    wrapped.len() as CK_ULONG,
                    template.as_mut_ptr(),
                    template.len() as CK_ULONG,
                    &raw mut key,
                )
            },
            None => CKR_FUNCTION_NOT_SUPPORTED,
        };
        checked(code, Function::UnwrapKey)?;
        // SAFETY: the module has just given this handle out.
        Ok(unsafe { ObjectHandle::new_from_raw(key) })
    }

    /// Ends the signing operation that was begun in the session. cryptoki begins and ends one in a
    /// single step, which leaves no room for an authentication in between.
    pub(crate) fn sign_begun(
        &self,
        session: &Session,
        message: &[u8],
        longest: usize,
    ) -> Result<Vec<u8>, HsmError> {
        let mut signature = vec![0; longest];
        let mut length = signature.len() as CK_ULONG;
        let code = match self.functions.C_Sign {
            // SAFETY: every pointer is to as much as the length beside it says, and all outlives
            // the call; modules only read what they are given to sign (PKCS#11 2.40 section 5.11).
            Some(call) => unsafe {
                call(
                    session.handle(),
                    message.as_ptr().cast_mut(),
                    message.len() as CK_ULONG,
                    signature.as_mut_ptr(),
                    &raw mut length,
                )
            },
            None => CKR_FUNCTION_NOT_SUPPORTED,
        };
        checked(code, Function::Sign)?;
        signature.truncate(usize::try_from(length).unwrap_or(0));
        Ok(signature)
    }

    /// Whether an object of the class `CKO_HW_FEATURE` is a counter that only rises.
    pub(crate) fn is_monotonic_counter(
        &self,
        session: &Session,
        feature: ObjectHandle,
    ) -> Result<bool, HsmError> {
        let mut kind: CK_HW_FEATURE_TYPE = 0;
        let mut attribute = CK_ATTRIBUTE {
            type_: CKA_HW_FEATURE_TYPE,
            pValue: (&raw mut kind).cast(),
            ulValueLen: size_of_val(&kind) as CK_ULONG,
        };
        let code = match self.functions.C_GetAttributeValue {
            // SAFETY: one attribute, with room for the number that it is.
            Some(call) => unsafe {
                call(session.handle(), feature.handle(), &raw mut attribute, 1)
            },
            None => CKR_FUNCTION_NOT_SUPPORTED,
        };
        checked(code, Function::GetAttributeValue)?;
        Ok(kind == CKH_MONOTONIC_COUNTER)
    }
}

fn checked(code: CK_RV, function: Function) -> Result<(), Error> {
    Rv::from(code).into_result(function)
}

fn without_parameters(mechanism: CK_MECHANISM_TYPE) -> CK_MECHANISM {
    CK_MECHANISM {
        mechanism,
        pParameter: null_mut(),
        ulParameterLen: 0,
    }
}
