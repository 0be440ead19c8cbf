//! PINs that the service judges, because the hardware cannot. The hardware has counted the entry
//! before its proof exists; see `docs/decisions/0027`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use symbolon_protocol::device::account::AccountStatus;
use symbolon_protocol::device::pin::{Judgement, PinVerdict, ProvePin};
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_protocol::split_key::PartialSignature;
use symbolon_vault::{Judge, PinOutcome};

use super::Account;
use crate::bus::fault::{Fault, FaultKind};
use crate::link::{LinkError, body_of};

/// The waits between the attempts, while the person watches. A proof is kept in memory alone: on
/// the disk, whoever finds it could try PINs against it. So there are no attempts after these.
const WAITS: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

impl Account {
    /// What has to be before a PIN is given to the hardware. Where the service judges, it must be
    /// in reach, or the entry would be counted and judged by nobody.
    pub(crate) async fn before_an_entry(self: &Arc<Self>) -> Result<(), Fault> {
        match self.core.vault.judge() {
            Judge::Hardware => {
                self.settle_lock_if_any().await;
                Ok(())
            }
            Judge::Service => {
                self.read_unknown_counts().await;
                self.settle_lock().await
            }
        }
    }

    /// Has the service judge a proof, and the hardware take the verdict. What was opened is the
    /// share of a signature, if the PIN was entered for one.
    pub(crate) async fn have_judged(
        self: &Arc<Self>,
        proof: ProvePin,
    ) -> Result<PinOutcome<Option<PartialSignature>>, Fault> {
        let purpose = proof.purpose;
        let verdict = match self.verdict_on(&proof).await {
            Ok(verdict) => verdict,
            Err(error) => {
                self.forget_count(purpose);
                return self.not_judged(error).await;
            }
        };
        let deed = self.deed.clone();
        let settled = self
            .core
            .vault
            .call(move |vault| vault.settle(&deed.key(purpose).share, &verdict))
            .await
            .inspect_err(|_| self.forget_count(purpose))?;
        self.set_count(purpose, Some(settled.count));
        match verdict.judgement {
            Judgement::Right => Ok(PinOutcome::Accepted(settled.signature)),
            Judgement::Wrong => Ok(PinOutcome::Wrong {
                tries_left: Some(settled.count.tries_left()),
            }),
            Judgement::SetBack => Err(Fault::with_remedy(
                FaultKind::Failed,
                "the PIN was not judged: the hardware's counter was behind the service's, as if \
                 an old copy of the hardware's memory had been put back",
                "the counter is right again; type the PIN once more",
            )),
        }
    }

    /// Brings the hardware's counters in line with what the service says of them.
    pub(super) async fn reconcile(&self, status: &AccountStatus) {
        let Some(pins) = status.pins else { return };
        for purpose in KeyPurpose::ALL {
            let deed = self.deed.clone();
            let ledger = *pins.of(purpose);
            let count = self
                .core
                .vault
                .call(move |vault| vault.reconcile(&deed.key(purpose).share, &ledger))
                .await;
            match count {
                Ok(count) => self.set_count(purpose, Some(count)),
                Err(error) => {
                    tracing::warn!(%error, account = %self.document_number(), "a PIN counter cannot be compared with the service's");
                }
            }
        }
    }

    async fn verdict_on(&self, proof: &ProvePin) -> Result<PinVerdict, LinkError> {
        let body: Bytes = body_of(proof)?;
        let mut waits = WAITS.into_iter();
        loop {
            let error = match self.link.call_with_body::<ProvePin>("", body.clone()).await {
                Ok(verdict) => return Ok(verdict),
                Err(error) => error,
            };
            let Some(wait) = waits.next().filter(|_| error.is_passing()) else {
                return Err(error);
            };
            tracing::warn!(%error, account = %self.document_number(), "no verdict on a PIN");
            self.link.hang_up().await;
            tokio::time::sleep(wait).await;
        }
    }

    async fn not_judged(
        self: &Arc<Self>,
        error: LinkError,
    ) -> Result<PinOutcome<Option<PartialSignature>>, Fault> {
        match error.code() {
            Some(ProblemCode::Locked) => Ok(PinOutcome::Locked),
            Some(ProblemCode::AccountClosed) => {
                self.closed_by_service(None).await;
                Err(error.into())
            }
            Some(_) if !error.is_passing() => Err(error.into()),
            _ => Err(Fault::with_remedy(
                FaultKind::ServiceUnreachable,
                format!("the service did not say whether the PIN was right: {error}"),
                "try again when the service can be reached; a right PIN clears the count",
            )),
        }
    }
}
