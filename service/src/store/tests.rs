use futures_util::TryStreamExt;

use super::*;

async fn fresh() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("t.db").display());
    let store = Store::open(&url).await.unwrap();
    (folder, store)
}

async fn insert(store: &Store, value: &'static str, fail: bool) -> Result<(), StoreError> {
    store
        .write(move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO nonce (value, document_number, expires_at) VALUES ($1, 'd', 1)",
                )
                .bind(value)
                .execute(&mut *connection)
                .await?;
                match fail {
                    true => Err(StoreError::Damaged("on purpose".into())),
                    false => Ok(()),
                }
            })
        })
        .await
}

async fn count(store: &Store) -> i64 {
    sqlx::query("SELECT COUNT(*) AS n FROM nonce")
        .fetch_one(&mut *store.reader().await.unwrap())
        .await
        .unwrap()
        .number("n")
        .unwrap()
}

#[tokio::test]
async fn a_failing_write_takes_nothing_from_those_that_share_its_commit() {
    let (_folder, store) = fresh().await;
    let (first, second, third, fourth) = tokio::join!(
        insert(&store, "a", false),
        insert(&store, "b", true),
        insert(&store, "c", false),
        // A constraint that the database itself refuses.
        insert(&store, "a", false),
    );
    assert!(first.is_ok() && third.is_ok());
    assert!(matches!(second, Err(StoreError::Damaged(_))));
    assert!(matches!(fourth, Err(StoreError::Unavailable(_))));
    assert_eq!(count(&store).await, 2);
    insert(&store, "d", true).await.unwrap_err();
    insert(&store, "e", false).await.unwrap();
    assert_eq!(count(&store).await, 3);
}

#[tokio::test]
async fn a_full_disk_is_an_error_that_keeps_nothing_half_done_and_passes() {
    let (_folder, store) = fresh().await;
    set_quota(&store, 1).await;
    let mut refused = None;
    for number in 0..10_000_i64 {
        let result = store
            .write(move |connection| {
                Box::pin(async move {
                    for part in 0..2_i64 {
                        sqlx::query("INSERT INTO nonce (value, document_number, expires_at) VALUES ($1, $2, 1)")
                            .bind(format!("{number}-{part}"))
                            .bind("x".repeat(900))
                            .execute(&mut *connection)
                            .await?;
                    }
                    Ok(())
                })
            })
            .await;
        if result.is_err() {
            refused = Some(number);
            break;
        }
    }
    let refused = refused.expect("the quota was never reached");
    assert_eq!(count(&store).await, 2 * refused);
    set_quota(&store, 1_000_000).await;
    insert(&store, "after", false).await.unwrap();
}

/// SQLite's own quota stands for a full disk; the smallest one is the present size.
async fn set_quota(store: &Store, pages: i64) {
    store
        .write(move |connection| {
            Box::pin(async move {
                sqlx::query(sqlx::AssertSqlSafe(format!(
                    "PRAGMA max_page_count = {pages}"
                )))
                .execute(&mut *connection)
                .await?;
                Ok(())
            })
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn closing_finishes_what_was_handed_over() {
    let (folder, store) = fresh().await;
    let (written, ()) = tokio::join!(insert(&store, "a", false), store.close());
    written.unwrap();
    insert(&store, "b", false).await.unwrap_err();
    let url = format!("sqlite://{}", folder.path().join("t.db").display());
    assert_eq!(count(&Store::open(&url).await.unwrap()).await, 1);
}

#[tokio::test]
async fn a_read_that_is_given_up_leaves_its_connection_for_the_next() {
    let (_folder, store) = fresh().await;
    insert(&store, "a", false).await.unwrap();
    // More often than there are connections.
    for _ in 0..10 {
        let mut reader = store.reader().await.unwrap();
        let mut rows = sqlx::query(
            "WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted) \
             SELECT n FROM counted",
        )
        .fetch(&mut *reader);
        rows.try_next().await.unwrap().unwrap();
    }
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn reads_wait_for_their_turn_and_none_begins_after_the_end() {
    let (_folder, store) = fresh().await;
    insert(&store, "a", false).await.unwrap();
    let counts = futures_util::future::join_all((0..50).map(|_| count(&store))).await;
    assert!(counts.iter().all(|count| *count == 1));
    store.close().await;
    assert!(store.reader().await.is_err());
    store.close().await;
}
