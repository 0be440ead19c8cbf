use std::path::Path;

use futures_util::TryStreamExt;

use super::*;

/// An empty store, in a folder that goes when it is dropped.
pub(crate) async fn fresh() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = open_in(folder.path()).await;
    (folder, store)
}

/// The store in a folder; a new one, if there is none.
pub(crate) async fn open_in(folder: &Path) -> Store {
    let url = format!("sqlite://{}?mode=rwc", folder.join("t.db").display());
    Store::open(&url).await.unwrap()
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

const NONCE: &str = "INSERT INTO nonce (value, document_number, expires_at) VALUES ($1, $2, 1)";

#[tokio::test]
async fn statements_that_go_together_each_tell_what_became_of_them() {
    let (_folder, store) = fresh().await;
    let done = store
        .write(|connection| {
            Box::pin(async move {
                let mut batch = Batch::default();
                batch.add(NONCE).bind("a").bind("d");
                batch.add(NONCE).bind("b").bind("d");
                batch
                    .add("UPDATE nonce SET expires_at = $2 WHERE document_number = $1")
                    .bind("d")
                    .bind(7_i64);
                batch
                    .add("SELECT value FROM nonce WHERE expires_at = $1 ORDER BY value")
                    .bind(7_i64);
                batch
                    .add("DELETE FROM nonce WHERE value = $1 RETURNING value")
                    .bind("none such");
                batch.run_as::<5>(connection).await
            })
        })
        .await
        .unwrap();
    let changed: Vec<_> = done[..3].iter().map(|done| done.changed).collect();
    assert_eq!(changed, [1, 1, 2]);
    let values = done[3].rows.iter().map(|row| row.text("value").unwrap());
    assert_eq!(values.collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((done[4].changed, done[4].rows.len()), (0, 0));
    assert_eq!(count(&store).await, 2);
}

#[tokio::test]
async fn nothing_is_kept_of_statements_of_which_one_errs() {
    let (_folder, store) = fresh().await;
    let twice = async |value: &'static str| {
        let writing = store.write(move |connection| {
            Box::pin(async move {
                let mut batch = Batch::default();
                for _ in 0..2 {
                    batch.add(NONCE).bind(value).bind("d");
                }
                batch.run(connection).await.map(drop)
            })
        });
        writing.await
    };
    let (failed, written) = tokio::join!(twice("a"), insert(&store, "b", false));
    assert!(matches!(failed, Err(StoreError::Unavailable(_))));
    written.unwrap();
    assert_eq!(count(&store).await, 1);
    twice("c").await.unwrap_err();
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn whoever_announces_a_write_and_never_comes_holds_up_nobody_for_long() {
    let (_folder, store) = fresh().await;
    let never_come = [store.announce(), store.announce(), store.announce()];
    let comes = store.announce();
    let mut opening = Batch::default();
    opening.add(NONCE).bind("a").bind("d");
    let write = comes.write_from(opening, |_, _| Box::pin(async { Ok(()) }));
    let (announced, other) = tokio::join!(write, insert(&store, "b", false));
    announced.unwrap();
    other.unwrap();
    assert_eq!(count(&store).await, 2);
    drop(never_come);
}

/// A write that begins with the insertion of `value`, which errs where it is there already; `then`
/// is what else it runs.
async fn insert_first(
    store: &Store,
    value: &'static str,
    then: Result<&'static str, ()>,
) -> Result<(), StoreError> {
    let mut opening = Batch::default();
    opening.add(NONCE).bind(value).bind("d");
    store
        .write_from(opening, move |connection, opened| {
            Box::pin(async move {
                let [inserted] = each_of(opened)?;
                assert_eq!(inserted.changed, 1);
                let then = then.map_err(|()| StoreError::Damaged("on purpose".into()))?;
                sqlx::query(then).execute(connection).await?;
                Ok(())
            })
        })
        .await
}

#[tokio::test]
async fn what_a_failing_write_began_with_is_taken_back_and_nothing_of_the_others() {
    const NOTHING: Result<&str, ()> = Ok("SELECT 1");
    let (_folder, store) = fresh().await;
    let (first, second, third, fourth, fifth) = tokio::join!(
        insert_first(&store, "a", NOTHING),
        insert_first(&store, "b", Err(())),
        insert_first(&store, "c", NOTHING),
        // Its beginning is refused.
        insert_first(&store, "a", NOTHING),
        insert_first(&store, "d", NOTHING),
    );
    assert!(first.is_ok() && third.is_ok() && fifth.is_ok());
    assert!(matches!(second, Err(StoreError::Damaged(_))));
    assert!(matches!(fourth, Err(StoreError::Unavailable(_))));
    assert_eq!(count(&store).await, 3);

    // Each with a commit of its own.
    insert_first(&store, "e", Err(())).await.unwrap_err();
    insert_first(&store, "a", NOTHING).await.unwrap_err();
    insert_first(&store, "f", NOTHING).await.unwrap();
    assert_eq!(count(&store).await, 4);
}

#[tokio::test]
async fn nobody_is_told_of_success_where_the_database_gave_up_the_whole_commit() {
    let (_folder, store) = fresh().await;
    let (first, second, third) = tokio::join!(
        insert_first(&store, "a", Ok("SELECT 1")),
        // As SQLite does by itself where the disk is full.
        insert_first(&store, "b", Ok("ROLLBACK")),
        insert_first(&store, "c", Ok("SELECT 1")),
    );
    assert!(first.is_err() && second.is_err() && third.is_err());
    assert_eq!(count(&store).await, 0);
    insert_first(&store, "d", Ok("SELECT 1")).await.unwrap();
    assert_eq!(count(&store).await, 1);
}
