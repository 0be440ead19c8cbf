//! How soon a service is ready whose store holds many wrapped shares, beside one that holds none.

use std::time::{Duration, Instant};

use sqlx::Executor;
use symbolon_tests::folder::Folder;
use symbolon_tests::service::{Options, Service, ServiceFolder};

use crate::report::middle;

/// Wrapped shares in the full store.
const SHARES: u32 = 100_000;
/// Starts of each, over which the middle is taken.
const STARTS: usize = 7;

/// From starting the process until it says that it is ready.
pub(crate) struct Ready {
    pub(crate) empty: Duration,
    pub(crate) full: Duration,
}

/// Starts both turn by turn, so that a machine that slows down slows both.
pub(crate) fn measure() -> Ready {
    let folder = Folder::new("bench-restart");
    let options = Options::default();
    let prepared = |name: &str| {
        let path = folder.sub(name);
        ServiceFolder::prepared(&path, &folder.logs(), &options);
        path
    };
    let (empty, full) = (prepared("empty"), prepared("full"));
    fill(&ServiceFolder::open(&full, &folder.logs(), &options));
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        for (path, times) in [(&empty, &mut without), (&full, &mut with)] {
            let data = ServiceFolder::open(path, &folder.logs(), &options);
            let begun = Instant::now();
            let mut service = Service::start(data, None);
            times.push(begun.elapsed());
            service.process().stop();
        }
    }
    Ready {
        empty: middle(without),
        full: middle(with),
    }
}

/// Rows as large as real ones. Nobody unwraps them, for they are never taken.
fn fill(data: &ServiceFolder) {
    let insert = format!(
        "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {SHARES}) \
         INSERT INTO service_share_pool (modulus_hash, modulus, wrapped, created_at) \
         SELECT 'load ' || n, randomblob(256), randomblob(1224), 0 FROM number"
    );
    data.in_store(async |store| {
        store.execute(sqlx::AssertSqlSafe(insert)).await.unwrap();
    });
}
