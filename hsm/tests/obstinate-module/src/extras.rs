//! What a token has beyond the usual, or lacks: a counter in hardware, and keys for each use of which
//! it asks for its PIN.

use std::sync::atomic::{AtomicBool, Ordering};

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_ATTRIBUTE_TYPE, CK_MECHANISM, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE,
    CK_TRUE, CK_ULONG, CKA_ALWAYS_AUTHENTICATE, CKA_CLASS, CKA_HW_FEATURE_TYPE,
    CKH_MONOTONIC_COUNTER, CKO_HW_FEATURE, CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID,
    CKR_FUNCTION_NOT_SUPPORTED, CKR_OK,
};

use super::{is_commanded, obey, real};

/// A number that no other module gives to an object.
const COUNTER: CK_OBJECT_HANDLE = 0x000c_0117;

/// Whether features are being searched, and the counter was not yet told. One thread does that.
static SEARCHING: AtomicBool = AtomicBool::new(false);
static UNTOLD: AtomicBool = AtomicBool::new(false);

pub(crate) unsafe extern "C" fn C_FindObjectsInit(
    session: CK_SESSION_HANDLE,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> CK_RV {
    if let Some(code) = obey("C_FindObjectsInit") {
        return code;
    }
    // SAFETY: the caller's promise of so many attributes.
    if is_commanded("count")
        && unsafe { number(template, count, CKA_CLASS) } == Some(CKO_HW_FEATURE)
    {
        SEARCHING.store(true, Ordering::SeqCst);
        UNTOLD.store(true, Ordering::SeqCst);
        return CKR_OK;
    }
    match real().and_then(|real| real.C_FindObjectsInit) {
        // SAFETY: the caller's arguments, unchanged.
        Some(forward) => unsafe { forward(session, template, count) },
        None => CKR_FUNCTION_NOT_SUPPORTED,
    }
}

pub(crate) unsafe extern "C" fn C_FindObjects(
    session: CK_SESSION_HANDLE,
    objects: *mut CK_OBJECT_HANDLE,
    most: CK_ULONG,
    count: *mut CK_ULONG,
) -> CK_RV {
    if SEARCHING.load(Ordering::SeqCst) {
        let found = UNTOLD.swap(false, Ordering::SeqCst);
        // SAFETY: the caller's promise of room for `most`, which is one at least.
        unsafe {
            *objects = COUNTER;
            *count = found.into();
        }
        return CKR_OK;
    }
    match real().and_then(|real| real.C_FindObjects) {
        // SAFETY: the caller's arguments, unchanged.
        Some(forward) => unsafe { forward(session, objects, most, count) },
        None => CKR_FUNCTION_NOT_SUPPORTED,
    }
}

pub(crate) unsafe extern "C" fn C_FindObjectsFinal(session: CK_SESSION_HANDLE) -> CK_RV {
    if SEARCHING.swap(false, Ordering::SeqCst) {
        return CKR_OK;
    }
    match real().and_then(|real| real.C_FindObjectsFinal) {
        // SAFETY: the caller's argument, unchanged.
        Some(forward) => unsafe { forward(session) },
        None => CKR_FUNCTION_NOT_SUPPORTED,
    }
}

pub(crate) unsafe extern "C" fn C_GetAttributeValue(
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> CK_RV {
    if let Some(code) = obey("C_GetAttributeValue") {
        return code;
    }
    if object == COUNTER {
        // SAFETY: the caller's promise of at least one attribute.
        let asked = unsafe { &mut *template };
        if asked.type_ != CKA_HW_FEATURE_TYPE {
            return CKR_ATTRIBUTE_TYPE_INVALID;
        }
        // SAFETY: the caller's promise of room for what this attribute is.
        unsafe { *asked.pValue.cast() = CKH_MONOTONIC_COUNTER };
        return CKR_OK;
    }
    match real().and_then(|real| real.C_GetAttributeValue) {
        // SAFETY: the caller's arguments, unchanged.
        Some(forward) => unsafe { forward(session, object, template, count) },
        None => CKR_FUNCTION_NOT_SUPPORTED,
    }
}

pub(crate) unsafe extern "C" fn C_GenerateKeyPair(
    session: CK_SESSION_HANDLE,
    mechanism: *mut CK_MECHANISM,
    public_template: *mut CK_ATTRIBUTE,
    public_count: CK_ULONG,
    private_template: *mut CK_ATTRIBUTE,
    private_count: CK_ULONG,
    public: *mut CK_OBJECT_HANDLE,
    private: *mut CK_OBJECT_HANDLE,
) -> CK_RV {
    if let Some(code) = obey("C_GenerateKeyPair") {
        return code;
    }
    // SAFETY: the caller's promise of so many attributes.
    if is_commanded("never-ask") && unsafe { is_asking(private_template, private_count) } {
        return CKR_ATTRIBUTE_VALUE_INVALID;
    }
    match real().and_then(|real| real.C_GenerateKeyPair) {
        // SAFETY: the caller's arguments, unchanged.
        Some(forward) => unsafe {
            forward(
                session,
                mechanism,
                public_template,
                public_count,
                private_template,
                private_count,
                public,
                private,
            )
        },
        None => CKR_FUNCTION_NOT_SUPPORTED,
    }
}

/// # Safety
///
/// `template` points to `count` attributes, each to as many octets as it says.
unsafe fn is_asking(template: *const CK_ATTRIBUTE, count: CK_ULONG) -> bool {
    // SAFETY: the caller's promise.
    let asking = unsafe { value(template, count, CKA_ALWAYS_AUTHENTICATE) };
    asking == Some(&[CK_TRUE])
}

/// # Safety
///
/// As for [`is_asking`].
unsafe fn number(
    template: *const CK_ATTRIBUTE,
    count: CK_ULONG,
    kind: CK_ATTRIBUTE_TYPE,
) -> Option<CK_ULONG> {
    // SAFETY: the caller's promise.
    let octets = unsafe { value(template, count, kind) }?;
    octets.try_into().ok().map(CK_ULONG::from_ne_bytes)
}

/// # Safety
///
/// As for [`is_asking`].
unsafe fn value<'a>(
    template: *const CK_ATTRIBUTE,
    count: CK_ULONG,
    kind: CK_ATTRIBUTE_TYPE,
) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise, of the template and of what it points to.
    unsafe {
        let template = std::slice::from_raw_parts(template, usize::try_from(count).ok()?);
        let found = template.iter().find(|attribute| attribute.type_ == kind)?;
        let length = usize::try_from(found.ulValueLen).ok()?;
        Some(std::slice::from_raw_parts(found.pValue.cast(), length))
    }
}
