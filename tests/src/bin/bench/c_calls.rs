//! The three acts of the service's token as a C program calls them.
#![allow(
    unsafe_code,
    reason = "to measure what calling the module costs by itself, its C functions are called"
)]

use std::path::Path;
use std::ptr::{from_mut, null_mut};

use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use cryptoki_sys::{
    CK_ATTRIBUTE, CK_ATTRIBUTE_TYPE, CK_BBOOL, CK_FALSE, CK_FUNCTION_LIST, CK_MECHANISM,
    CK_MECHANISM_TYPE, CK_OBJECT_HANDLE, CK_TRUE, CK_ULONG, CKA_CLASS, CKA_DECRYPT,
    CKA_EXTRACTABLE, CKA_KEY_TYPE, CKA_PRIVATE, CKA_SENSITIVE, CKA_SIGN, CKA_TOKEN, CKA_UNWRAP,
    CKK_RSA, CKM_AES_KEY_WRAP_PAD, CKM_RSA_X_509, CKO_PRIVATE_KEY, CKR_OK,
};

/// Octets of a share's modulus.
const OCTETS: usize = 256;

/// A module that runs already, and its functions.
pub(crate) struct CCalls {
    functions: CK_FUNCTION_LIST,
    /// Kept loaded.
    _module: cryptoki_sys::Pkcs11,
}

impl CCalls {
    pub(crate) fn of(module: &Path) -> Self {
        // SAFETY: a PKCS#11 module, which this program has loaded before.
        let module = unsafe { cryptoki_sys::Pkcs11::new(module) }.unwrap();
        let get = module.C_GetFunctionList.as_ref().unwrap();
        let mut list = null_mut();
        // SAFETY: PKCS#11 2.40 section 5.4: the module fills in a pointer to its own table.
        let functions = unsafe {
            assert_eq!(get(&raw mut list), CKR_OK);
            *list
        };
        Self {
            functions,
            _module: module,
        }
    }

    /// Unwraps a share as the service does, has it sign once, and destroys it.
    pub(crate) fn unwrap_sign_destroy(
        &self,
        session: &Session,
        wrapping: ObjectHandle,
        wrapped: &mut [u8],
    ) {
        let (mut class, mut kind) = (CKO_PRIVATE_KEY, CKK_RSA);
        let (mut yes, mut no) = (CK_TRUE, CK_FALSE);
        let mut template = [
            number(CKA_CLASS, &mut class),
            number(CKA_KEY_TYPE, &mut kind),
            switch(CKA_TOKEN, &mut no),
            switch(CKA_PRIVATE, &mut yes),
            switch(CKA_SENSITIVE, &mut yes),
            switch(CKA_EXTRACTABLE, &mut no),
            switch(CKA_SIGN, &mut yes),
            switch(CKA_DECRYPT, &mut no),
            switch(CKA_UNWRAP, &mut no),
        ];
        let mut key_wrap = mechanism(CKM_AES_KEY_WRAP_PAD);
        let mut raw_rsa = mechanism(CKM_RSA_X_509);
        let mut share: CK_OBJECT_HANDLE = 0;
        // A number below any 2048-bit modulus.
        let mut message = [0x5a; OCTETS];
        message[0] = 0;
        let mut signature = [0; OCTETS];
        let mut length: CK_ULONG = OCTETS as CK_ULONG;
        let session = session.handle();
        // SAFETY: every pointer is to something of the length that stands beside it and that
        // outlives the call; modules do not write to what is only read.
        let codes = unsafe {
            [
                self.functions.C_UnwrapKey.unwrap()(
                    session,
                    &raw mut key_wrap,
                    wrapping.handle(),
                    wrapped.as_mut_ptr(),
                    wrapped.len() as CK_ULONG,
                    template.as_mut_ptr(),
                    template.len() as CK_ULONG,
                    &raw mut share,
                ),
                self.functions.C_SignInit.unwrap()(session, &raw mut raw_rsa, share),
                self.functions.C_Sign.unwrap()(
                    session,
                    message.as_mut_ptr(),
                    message.len() as CK_ULONG,
                    signature.as_mut_ptr(),
                    &raw mut length,
                ),
                self.functions.C_DestroyObject.unwrap()(session, share),
            ]
        };
        assert_eq!(codes, [CKR_OK; 4]);
    }
}

fn mechanism(mechanism: CK_MECHANISM_TYPE) -> CK_MECHANISM {
    CK_MECHANISM {
        mechanism,
        pParameter: null_mut(),
        ulParameterLen: 0,
    }
}

fn number(kind: CK_ATTRIBUTE_TYPE, value: &mut CK_ULONG) -> CK_ATTRIBUTE {
    CK_ATTRIBUTE {
        type_: kind,
        pValue: from_mut(value).cast(),
        ulValueLen: size_of::<CK_ULONG>() as CK_ULONG,
    }
}

fn switch(kind: CK_ATTRIBUTE_TYPE, value: &mut CK_BBOOL) -> CK_ATTRIBUTE {
    CK_ATTRIBUTE {
        type_: kind,
        pValue: from_mut(value).cast(),
        ulValueLen: size_of::<CK_BBOOL>() as CK_ULONG,
    }
}
