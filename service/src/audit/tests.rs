use symbolon_protocol::audit_chain::ChainHash;

use super::*;
use crate::store::Store;
use crate::store::tests::open_in;

const ROWS: i64 = 5;

struct Trail {
    folder: tempfile::TempDir,
    store: Store,
}

impl Trail {
    async fn open(folder: tempfile::TempDir) -> Self {
        let store = open_in(folder.path()).await;
        Self { folder, store }
    }

    /// The first row and four of a relying party's.
    async fn written() -> Self {
        let trail = Self::open(tempfile::tempdir().unwrap()).await;
        for number in 2..=ROWS {
            trail.write(&format!("row {number}"), false).await;
        }
        trail
    }

    async fn write(&self, detail: &str, fail: bool) {
        let entry = Entry::new(Action::Signed, detail).relying_party(Uuid::nil());
        let written = self.store.write(move |_| {
            Box::pin(async move {
                entry.note(Timestamp::now())?;
                match fail {
                    true => Err(StoreError::Damaged("on purpose".into())),
                    false => Ok(()),
                }
            })
        });
        assert_eq!(written.await.is_err(), fail);
    }

    async fn tamper(&self, statement: &'static str) {
        let tampered = self.store.write(move |connection| {
            Box::pin(async move {
                sqlx::query(statement).execute(connection).await?;
                Ok(())
            })
        });
        tampered.await.unwrap();
    }

    async fn reopened(self) -> Self {
        self.store.close().await;
        Self::open(self.folder).await
    }

    async fn breaks(&self, noted: Option<ChainHash>) -> Vec<String> {
        verify(&self.store, noted).await.unwrap().breaks
    }
}

#[tokio::test]
async fn rows_follow_each_other_whatever_comes_to_nothing_between_them() {
    let trail = Trail::written().await;
    let (.., ()) = tokio::join!(
        trail.write("a", false),
        trail.write("b", true),
        trail.write("c", false),
        trail.write("d", true),
    );
    trail.write("e", true).await;
    let trail = trail.reopened().await;
    trail.write("f", false).await;
    let verified = verify(&trail.store, None).await.unwrap();
    assert!(verified.breaks.is_empty(), "{verified:?}");
    assert_eq!((verified.rows, verified.head.sequence), (8, 8));
}

#[tokio::test]
async fn whatever_is_changed_behind_the_services_back_is_found() {
    for (statement, found) in [
        (
            "UPDATE audit SET detail = 'x' WHERE sequence = 3",
            "row 3 was changed, or the hash of the row before it",
        ),
        (
            "UPDATE audit SET relying_party = NULL WHERE sequence = 3",
            "row 3 was changed, or the hash of the row before it",
        ),
        (
            "UPDATE audit SET operator = '' WHERE sequence = 5",
            "row 5 was changed, or the hash of the row before it",
        ),
        (
            "UPDATE audit SET at = at + 1 WHERE sequence = 1",
            "row 1 was changed, or the hash of the row before it",
        ),
        (
            "DELETE FROM audit WHERE sequence = 4",
            "1 row is missing between row 3 and row 5",
        ),
        (
            "DELETE FROM audit WHERE sequence = 5",
            "the record should end with row 5, but its last one is row 4",
        ),
        (
            "INSERT INTO audit VALUES (6, 1, 'signed', NULL, NULL, NULL, '', \
             '0000000000000000000000000000000000000000000000000000000000000000')",
            "row 6 was changed, or the hash of the row before it",
        ),
        (
            "UPDATE audit SET hash = 'x' WHERE sequence = 5",
            "a row: the hash of a chain is written as 64 hexadecimal digits",
        ),
        (
            "DELETE FROM audit_head",
            "the note of the last row is gone or unreadable",
        ),
        (
            "INSERT INTO audit_before_chain VALUES (1, NULL, 'signed', '')",
            "the rows from before the chain are not what its first row tells of",
        ),
    ] {
        let trail = Trail::written().await;
        trail.tamper(statement).await;
        let breaks = trail.breaks(None).await;
        assert!(
            breaks.iter().any(|told| told.starts_with(found)),
            "{statement}: {breaks:?}"
        );
    }
}

#[tokio::test]
async fn a_head_noted_elsewhere_finds_a_trail_that_was_written_anew() {
    let trail = Trail::written().await;
    let noted = Some(verify(&trail.store, None).await.unwrap().head.hash);
    trail.write("later", false).await;
    assert!(trail.breaks(noted).await.is_empty());

    // As if nothing had ever happened.
    trail.tamper("DELETE FROM audit").await;
    let beginning = "UPDATE audit_head SET sequence = 0, \
        hash = '0000000000000000000000000000000000000000000000000000000000000000'";
    trail.tamper(beginning).await;
    let trail = trail.reopened().await;
    assert!(trail.breaks(None).await.is_empty());
    assert_eq!(trail.breaks(noted).await.len(), 1);
}

#[tokio::test]
async fn a_trail_from_before_the_chain_is_counted_and_digested_by_its_first_row() {
    let trail = Trail::written().await;
    for statement in [
        "DELETE FROM audit",
        "UPDATE audit_head SET sequence = 0, \
         hash = '0000000000000000000000000000000000000000000000000000000000000000'",
        "INSERT INTO audit_before_chain VALUES (1, 'd', 'signed', 'a'), (2, NULL, 'invited', '')",
    ] {
        trail.tamper(statement).await;
    }
    let trail = trail.reopened().await;
    let first = newest(&trail.store, 1, None).await.unwrap().remove(0);
    assert!(first.detail.starts_with("2 earlier rows, digest "));
    assert!(trail.breaks(None).await.is_empty());

    let trail = trail.reopened().await;
    assert_eq!(newest(&trail.store, 9, None).await.unwrap().len(), 1);
    trail
        .tamper("UPDATE audit_before_chain SET at = 3 WHERE at = 1")
        .await;
    assert_eq!(trail.breaks(None).await.len(), 1);
}
