//! The content of a mutex, whatever happened elsewhere.

use std::sync::{Mutex, MutexGuard};

/// Waits for the content. A panic elsewhere leaves whole values behind, because each is replaced in
/// one step.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}
