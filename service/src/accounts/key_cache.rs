//! Account keys in memory. They never change once registered, so what is cached is never stale;
//! whether the account may still use them is asked of the store each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use symbolon_protocol::identifiers::{DocumentNumber, KeyPurpose};

use super::AccountKey;
use crate::store::{Store, StoreError};

/// About 5 KiB each.
const LARGEST: usize = 4096;

/// A bounded cache. When it is full it begins anew, which costs each key one query.
#[derive(Default)]
pub struct KeyCache {
    keys: Mutex<HashMap<(DocumentNumber, KeyPurpose), Arc<AccountKey>>>,
}

impl KeyCache {
    /// The account's key.
    pub async fn get(
        &self,
        store: &Store,
        document_number: &DocumentNumber,
        purpose: KeyPurpose,
    ) -> Result<Arc<AccountKey>, StoreError> {
        let name = (document_number.clone(), purpose);
        if let Some(key) = self.lock().get(&name) {
            return Ok(key.clone());
        }
        let mut connection = store.reader().await?;
        let key = AccountKey::load(&mut connection, document_number, purpose)
            .await?
            .ok_or_else(|| StoreError::Damaged(format!("{document_number} has no key")))?;
        let key = Arc::new(key);
        let mut keys = self.lock();
        if keys.len() >= LARGEST {
            keys.clear();
        }
        keys.insert(name, key.clone());
        Ok(key)
    }

    fn lock(
        &self,
    ) -> std::sync::MutexGuard<'_, HashMap<(DocumentNumber, KeyPurpose), Arc<AccountKey>>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
