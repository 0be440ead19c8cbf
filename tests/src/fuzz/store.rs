//! What must hold in a store, whatever was asked.

use sqlx::Row;

use crate::service::ServiceFolder;

/// Each must find nothing.
const IMPOSSIBLE: [(&str, &str); 6] = [
    (
        "a finished session without a result, or a result of one that runs",
        "SELECT id FROM session WHERE (state = 'complete') <> (result IS NOT NULL) \
         OR (state = 'complete') <> (completed_at IS NOT NULL)",
    ),
    (
        "a session of nobody",
        "SELECT id FROM session WHERE relying_party NOT IN (SELECT uuid FROM relying_party)",
    ),
    (
        "something told to a device about a session that never was",
        "SELECT d.session FROM delivery d LEFT JOIN session s ON s.id = d.session \
         WHERE d.session IS NOT NULL AND s.id IS NULL",
    ),
    (
        "a device that acknowledged what it was not told",
        "SELECT document_number FROM account WHERE acknowledged_cursor > event_cursor",
    ),
    (
        "an account that was closed, or a certificate that was revoked",
        "SELECT document_number FROM account WHERE state <> 'open' \
         UNION ALL SELECT serial FROM certificate WHERE revoked_at IS NOT NULL",
    ),
    (
        "a link to a session that never was",
        "SELECT session FROM device_link WHERE session NOT IN (SELECT id FROM session)",
    ),
];

/// # Panics
/// If it is not.
pub(super) fn must_be_consistent(data: &ServiceFolder) {
    data.must(&["audit", "verify"]);
    data.in_store(async |store| {
        for (what, statement) in IMPOSSIBLE {
            let found = sqlx::query(statement).fetch_all(&mut *store).await.unwrap();
            let first = found.first().map(|row| row.get::<String, _>(0));
            assert_eq!(first, None, "{what}");
        }
        let whole = sqlx::query("PRAGMA integrity_check")
            .fetch_one(&mut *store)
            .await
            .unwrap();
        assert_eq!(whole.get::<String, _>(0), "ok");
        let sessions = sqlx::query("SELECT COUNT(*) FROM session WHERE state = 'complete'")
            .fetch_one(&mut *store)
            .await
            .unwrap();
        assert!(sessions.get::<i64, _>(0) > 0, "some requests were valid");
    });
}
