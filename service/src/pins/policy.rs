//! What becomes of an entry, as a pure function of the PIN's book and what the device sent.

use symbolon_protocol::device::pin::Judgement;

use super::stored::Book;

/// What becomes of an entry before its proof is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is the last one again, and was judged.
    Answered(Judgement),
    /// It is the last one again; it was counted, and then something ended us.
    Counted,
    /// One of this number was judged before, or an earlier one.
    SetBack,
    /// No PIN is judged until a release.
    Exhausted,
    /// It is counted; so many are wrong in a row if it is.
    Count { failures: u32 },
}

/// Decides about an entry. The larger of the device's and our own count rules: what the device
/// counted and never sent (it was killed) counts, and so does what it has forgotten.
pub(super) fn admit(book: &Book, entry: u32, failures: u32, request_hash: &str) -> Admission {
    let ledger = book.ledger;
    if entry == ledger.entries && book.request_hash.as_deref() == Some(request_hash) {
        return book.verdict.map_or(Admission::Counted, Admission::Answered);
    }
    if entry <= ledger.entries {
        return Admission::SetBack;
    }
    let before = ledger.count.failures.max(failures.saturating_sub(1));
    match before >= ledger.count.limit {
        true => Admission::Exhausted,
        false => Admission::Count {
            failures: before + 1,
        },
    }
}

#[cfg(test)]
mod tests {
    use symbolon_protocol::device::pin::PinLedger;
    use symbolon_protocol::lockout::PinCount;

    use super::*;

    #[test]
    fn an_entry_is_counted_once_and_the_larger_count_rules() {
        use Admission::{Answered, Count, Counted, Exhausted, SetBack};
        let book = |failures, limit, verdict| Book {
            ledger: PinLedger {
                entries: 5,
                count: PinCount { failures, limit },
            },
            proof_key: Vec::new(),
            request_hash: Some("last".to_owned()),
            verdict,
            message_digest: None,
        };
        let (right, wrong) = (Some(Judgement::Right), Some(Judgement::Wrong));
        for (book, entry, failures, hash, expected) in [
            // The next one.
            (book(0, 3, right), 6, 1, "new", Count { failures: 1 }),
            (book(2, 3, wrong), 6, 3, "new", Count { failures: 3 }),
            (book(3, 6, wrong), 6, 4, "new", Count { failures: 4 }),
            // The last one again.
            (book(0, 3, right), 5, 1, "last", Answered(Judgement::Right)),
            (book(1, 3, wrong), 5, 1, "last", Answered(Judgement::Wrong)),
            (book(1, 3, None), 5, 1, "last", Counted),
            (book(3, 3, None), 5, 3, "last", Counted),
            // Another one of the same number, an old one, the last one under another number.
            (book(0, 3, right), 5, 1, "new", SetBack),
            (book(0, 3, right), 2, 1, "new", SetBack),
            (book(0, 3, right), 0, 0, "new", SetBack),
            // Entries that never came.
            (book(0, 3, right), 8, 3, "new", Count { failures: 3 }),
            // A device that forgot.
            (book(2, 3, wrong), 6, 1, "new", Count { failures: 3 }),
            (book(2, 3, wrong), 6, 0, "new", Count { failures: 3 }),
            // At the limit, by our count or by the device's.
            (book(3, 3, wrong), 6, 1, "new", Exhausted),
            (book(0, 3, right), 9, 4, "new", Exhausted),
            (book(9, 9, wrong), 6, u32::MAX, "new", Exhausted),
        ] {
            assert_eq!(
                admit(&book, entry, failures, hash),
                expected,
                "{book:?} {entry} {failures} {hash}"
            );
        }
    }
}
