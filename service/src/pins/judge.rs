//! Judging a proof: the count is committed before the proof is looked at, so that no end of ours
//! gives a guess away.

use sha2::{Digest, Sha256};
use sqlx::AnyConnection;
use symbolon_protocol::device::pin::{Judgement, PinVerdict, ProvePin, ProvenAct, message_digest};
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::encoding::EncodedMessage;
use symbolon_protocol::identifiers::{DocumentNumber, KeyPurpose};
use symbolon_protocol::lockout::{LIMITS, PinCount};
use symbolon_protocol::pin_proof;

use super::policy::{Admission, admit};
use super::stored::Book;
use crate::accounts::{Account, DeviceFingerprint};
use crate::audit::{self, Action};
use crate::clock::Timestamp;
use crate::lock;
use crate::refusal::Refusal;
use crate::service::{Service, require_released};
use crate::sessions::Session;
use crate::store::StoreError;

/// Judges a PIN by its proof. `body` is the request as it came.
pub async fn prove(
    service: &Service,
    device: &DeviceFingerprint,
    proof: ProvePin,
    body: &[u8],
) -> Result<PinVerdict, Refusal> {
    let account = service.account_of(device).await?;
    require_released(&account, Timestamp::now())?;
    require_well_formed(&proof.act)?;
    let request_hash = hex::encode(Sha256::digest(body));
    let entry = Entry {
        account: account.clone(),
        proof,
        request_hash,
    };
    let counting = entry.clone();
    let counted = service
        .store
        .write(move |connection| Box::pin(async move { counting.count(connection).await }))
        .await?;
    let book = match counted {
        Counted::Open(book) => book,
        Counted::Judged(verdict) => return Ok(verdict),
        Counted::Refused(refusal, ended) => {
            service.announce(&account, &ended);
            return Err(refusal);
        }
    };
    let right = pin_proof::is_right(&account.document_number, &entry.proof, &book.proof_key);
    let (verdict, ended) = service
        .store
        .write(move |connection| Box::pin(async move { entry.judge(connection, right).await }))
        .await?;
    if verdict.ledger.count.is_locked() {
        service.announce(&account, &ended);
    }
    Ok(verdict)
}

/// Refuses a share of a message for which no right PIN was proven.
pub async fn require_proven(
    service: &Service,
    document_number: &DocumentNumber,
    purpose: KeyPurpose,
    message: &EncodedMessage,
) -> Result<(), Refusal> {
    let mut connection = service.store.reader().await?;
    let book = Book::load(&mut connection, document_number, purpose).await?;
    let allowed = book.and_then(|book| book.message_digest);
    if allowed == Some(hex::encode(message_digest(message))) {
        return Ok(());
    }
    Err(Refusal::new(
        ProblemCode::PinNotProven,
        "no right PIN was proven for this message",
    ))
}

fn require_well_formed(act: &ProvenAct) -> Result<(), Refusal> {
    let well_formed = match act {
        ProvenAct::Sign { message_digest } => message_digest.as_slice().len() == 32,
        ProvenAct::ChangePin { new_proof_key } => is_proof_key(new_proof_key.as_slice()),
    };
    match well_formed {
        true => Ok(()),
        false => Err(Refusal::new(
            ProblemCode::Malformed,
            "the proof is for nothing that a PIN is good for",
        )),
    }
}

/// Whether it is an uncompressed P-256 point.
pub(crate) fn is_proof_key(octets: &[u8]) -> bool {
    octets.len() == 65 && p256::PublicKey::from_sec1_bytes(octets).is_ok()
}

/// An entry on its way to its verdict.
#[derive(Clone)]
struct Entry {
    account: Account,
    proof: ProvePin,
    request_hash: String,
}

enum Counted {
    /// Counted; the proof may be looked at.
    Open(Book),
    Judged(PinVerdict),
    Refused(Refusal, Vec<Session>),
}

impl Entry {
    async fn book(&self, connection: &mut AnyConnection) -> Result<Option<Book>, StoreError> {
        Book::load(
            connection,
            &self.account.document_number,
            self.proof.purpose,
        )
        .await
    }

    async fn save(&self, connection: &mut AnyConnection, book: &Book) -> Result<(), StoreError> {
        book.save(
            connection,
            &self.account.document_number,
            self.proof.purpose,
        )
        .await
    }

    /// Counts the entry as if it were wrong.
    async fn count(self, connection: &mut AnyConnection) -> Result<Counted, StoreError> {
        let Some(mut book) = self.book(connection).await? else {
            let refusal = Refusal::not_found("PIN that the service judges");
            return Ok(Counted::Refused(refusal, Vec::new()));
        };
        let verdict = |judgement| {
            Counted::Judged(PinVerdict {
                judgement,
                ledger: book.ledger,
            })
        };
        let ProvePin {
            entry, failures, ..
        } = self.proof;
        match admit(&book, entry, failures, &self.request_hash) {
            Admission::Answered(judgement) => Ok(verdict(judgement)),
            Admission::Counted => Ok(Counted::Open(book)),
            Admission::SetBack => {
                self.note(Action::PinCounterSetBack)?;
                Ok(verdict(Judgement::SetBack))
            }
            Admission::Exhausted => {
                book.ledger.count.failures = book.ledger.count.limit;
                self.save(connection, &book).await?;
                let ended = self.lock(connection, book.ledger.count).await?;
                let refusal =
                    Refusal::new(ProblemCode::Locked, "the PIN was entered wrongly too often");
                Ok(Counted::Refused(refusal, ended))
            }
            Admission::Count { failures } => {
                book.ledger.entries = entry;
                book.ledger.count.failures = failures;
                book.request_hash = Some(self.request_hash.clone());
                book.verdict = None;
                book.message_digest = None;
                self.save(connection, &book).await?;
                Ok(Counted::Open(book))
            }
        }
    }

    /// Notes what the proof turned out to be, and what follows from it.
    async fn judge(
        self,
        connection: &mut AnyConnection,
        right: bool,
    ) -> Result<(PinVerdict, Vec<Session>), StoreError> {
        let mut book = self
            .book(connection)
            .await?
            .ok_or_else(|| StoreError::Damaged("a PIN's book is gone".to_owned()))?;
        // The same request may have been faster, or another one may have come since.
        let judgement = match admit(
            &book,
            self.proof.entry,
            self.proof.failures,
            &self.request_hash,
        ) {
            Admission::Counted => match right {
                true => Judgement::Right,
                false => Judgement::Wrong,
            },
            Admission::Answered(judgement) => judgement,
            _ => Judgement::SetBack,
        };
        let mut ended = Vec::new();
        if book.verdict.is_none() && judgement != Judgement::SetBack {
            book.verdict = Some(judgement);
            if judgement == Judgement::Right {
                self.open(connection, &mut book).await?;
            }
            self.save(connection, &book).await?;
            if judgement == Judgement::Wrong {
                self.note(Action::WrongPin)?;
                if book.ledger.count.is_locked() {
                    ended = self.lock(connection, book.ledger.count).await?;
                }
            }
        }
        let verdict = PinVerdict {
            judgement,
            ledger: book.ledger,
        };
        Ok((verdict, ended))
    }

    /// What a right PIN does: it clears its count, and then what it was entered for.
    async fn open(
        &self,
        connection: &mut AnyConnection,
        book: &mut Book,
    ) -> Result<(), StoreError> {
        book.ledger.count = PinCount {
            failures: 0,
            limit: LIMITS[0],
        };
        let (account, purpose) = (&self.account.document_number, self.proof.purpose);
        lock::begin_ladder_anew(connection, account, purpose).await?;
        match &self.proof.act {
            ProvenAct::Sign { message_digest } => {
                book.message_digest = Some(hex::encode(message_digest.as_slice()));
            }
            ProvenAct::ChangePin { new_proof_key } => {
                book.proof_key.clone_from(&new_proof_key.0);
                self.note(Action::PinChanged)?;
            }
        }
        Ok(())
    }

    async fn lock(
        &self,
        connection: &mut AnyConnection,
        count: PinCount,
    ) -> Result<Vec<Session>, StoreError> {
        let (_, _, ended) =
            lock::take_count(connection, &self.account, self.proof.purpose, count).await?;
        Ok(ended)
    }

    fn note(&self, action: Action) -> Result<(), StoreError> {
        audit::Entry::new(action, self.proof.purpose.as_str())
            .account(&self.account.document_number)
            .note(Timestamp::now())
    }
}
