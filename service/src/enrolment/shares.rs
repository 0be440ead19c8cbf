//! The service's shares: taken from the pool, or made when the pool has none that fits.

use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::split_key::{Modulus, SplitKey};

use crate::accounts::modulus_hash;
use crate::clock::Timestamp;
use crate::keys::{KeysError, ServiceKeys, ServiceShare};
use crate::refusal::Refusal;
use crate::service::Service;
use crate::store::{Columns, Store, StoreError};

/// The length of every account's modulus. Products of two 2048-bit moduli have 4095 or 4096 bits;
/// policies read the latter.
const MODULUS_BITS: usize = 4096;

/// How many shares of the pool are looked at.
const LOOKED_AT: i64 = 64;

/// How many shares are made for one key before it is given back: a key that still has no partner
/// then lies so low that it is better made anew (each try succeeds with one half on average).
const MADE_AT_MOST: usize = 24;

/// A service share that fits a device's, and the key that they are together.
pub(super) async fn find(
    service: &Service,
    device: &Modulus,
) -> Result<(SplitKey, ServiceShare), Refusal> {
    if let Some(found) = take_from_pool(&service.store, device.clone()).await? {
        return Ok(found);
    }
    for _ in 0..MADE_AT_MOST {
        let share = service.keys.generate_share().await?;
        match joined(device, &share)? {
            Some(split_key) => return Ok((split_key, share)),
            None => store_share(&service.store, share).await?,
        }
    }
    Err(Refusal::new(
        ProblemCode::KeyRefused,
        "no share of the service makes 4096 bits with this key; make another key",
    ))
}

/// Why the pool was not filled; what was made until then is in it.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// The HSM.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes shares ahead of need.
pub async fn fill_pool(store: &Store, keys: &ServiceKeys, count: u32) -> Result<(), PoolError> {
    for _ in 0..count {
        store_share(store, keys.generate_share().await?).await?;
    }
    Ok(())
}

/// How many shares wait in the pool.
pub async fn pool_size(store: &Store) -> Result<i64, StoreError> {
    sqlx::query("SELECT COUNT(*) AS number FROM service_share_pool")
        .fetch_one(&mut *store.reader().await?)
        .await?
        .number("number")
}

/// The key that both make, if it has the right length and they share no factor.
fn joined(device: &Modulus, share: &ServiceShare) -> Result<Option<SplitKey>, StoreError> {
    let service = Modulus::from_octets(&share.modulus)
        .map_err(|error| StoreError::Damaged(error.to_string()))?;
    let fitting_length = device
        .multiply(&service)
        .is_ok_and(|modulus| modulus.bits() == MODULUS_BITS);
    match fitting_length {
        true => Ok(SplitKey::new(device.clone(), service).ok()),
        false => Ok(None),
    }
}

/// Takes the oldest share that fits, for good: if what follows fails, the share is lost and
/// nothing else.
async fn take_from_pool(
    store: &Store,
    device: Modulus,
) -> Result<Option<(SplitKey, ServiceShare)>, StoreError> {
    store
        .write(move |connection| {
            Box::pin(async move {
                let rows = sqlx::query(
                    "SELECT modulus_hash, modulus, wrapped FROM service_share_pool \
                     ORDER BY created_at LIMIT $1",
                )
                .bind(LOOKED_AT)
                .fetch_all(&mut *connection)
                .await?;
                for row in &rows {
                    let share = ServiceShare {
                        modulus: row.octets("modulus")?,
                        wrapped: row.octets("wrapped")?,
                    };
                    if let Some(split_key) = joined(&device, &share)? {
                        sqlx::query("DELETE FROM service_share_pool WHERE modulus_hash = $1")
                            .bind(row.text("modulus_hash")?)
                            .execute(&mut *connection)
                            .await?;
                        return Ok(Some((split_key, share)));
                    }
                }
                Ok(None)
            })
        })
        .await
}

async fn store_share(store: &Store, share: ServiceShare) -> Result<(), StoreError> {
    store
        .write(move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO service_share_pool (modulus_hash, modulus, wrapped, created_at) \
                     VALUES ($1, $2, $3, $4)",
                )
                .bind(modulus_hash(&share.modulus))
                .bind(share.modulus)
                .bind(share.wrapped)
                .bind(Timestamp::now().milliseconds())
                .execute(connection)
                .await?;
                Ok(())
            })
        })
        .await
}
