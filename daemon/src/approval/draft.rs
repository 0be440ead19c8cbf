//! From what was shown to the share on the disk.

use std::sync::Arc;

use symbolon_protocol::acsp::UserChallengeVerifier;
use symbolon_protocol::bytes::Octets;
use symbolon_protocol::device::transaction::{Confirm, Prepare};
use symbolon_protocol::encoding::EncodedMessage;
use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_protocol::interaction::InteractionType;
use symbolon_protocol::split_key::{Modulus, PartialSignature};
use symbolon_protocol::transaction::rebuild_message;
use symbolon_vault::SealedShare;
use uuid::Uuid;

use crate::account::Account;
use crate::accounts::Underway;
use crate::bus::fault::{Fault, FaultKind};
use crate::bus::messages::User;
use crate::transaction::{Entry, Event, Signing};

/// A confirmation that lacks its share, from the moment in which its approval begins.
pub(super) struct Draft {
    transaction: Uuid,
    purpose: KeyPurpose,
    message: EncodedMessage,
    salt: Vec<u8>,
    /// For a login.
    user_challenge: Option<String>,
    interaction: InteractionType,
    /// What the share is checked with.
    share_modulus: Modulus,
}

/// A draft, and for a login what proves that this device drew its challenge.
pub(crate) struct Drafted {
    pub(super) draft: Arc<Draft>,
    pub(super) verifier: Option<UserChallengeVerifier>,
    /// Whether the service was told.
    pub(super) told: bool,
}

impl Drafted {
    /// Draws what the device draws and rebuilds the message.
    pub(super) fn new(account: &Account, entry: &Entry, signing: &Signing) -> Result<Self, Fault> {
        let transaction = &entry.offer.transaction;
        let modulus = account.modulus(signing.purpose)?;
        let salt = signing.algorithm.draw_salt().map_err(failed)?;
        let verifier = match transaction.takes_user_challenge() {
            true => Some(UserChallengeVerifier::draw().map_err(failed)?),
            false => None,
        };
        let user_challenge = verifier.as_ref().map(UserChallengeVerifier::challenge);
        let message = rebuild_message(
            transaction,
            signing.interaction,
            user_challenge.as_deref(),
            &salt,
            &modulus,
        )
        .map_err(failed)?;
        let draft = Arc::new(Draft {
            transaction: transaction.id,
            purpose: signing.purpose,
            message,
            salt,
            user_challenge,
            interaction: signing.interaction,
            share_modulus: account.share_modulus(signing.purpose)?,
        });
        Ok(Self {
            draft,
            verifier,
            told: false,
        })
    }

    /// Of which transaction.
    pub(crate) fn transaction(&self) -> Uuid {
        self.draft.transaction
    }
}

impl Draft {
    /// What is to be signed.
    pub(super) fn message(&self) -> &EncodedMessage {
        &self.message
    }

    /// What the service needs to make its half.
    pub(super) fn prepare(&self) -> Prepare {
        Prepare {
            salt: Octets(self.salt.clone()),
            interaction: self.interaction,
            user_challenge: self.user_challenge.clone(),
        }
    }

    /// A wrong share must not leave the machine: it could tell of the key (fault attacks).
    fn check(&self, share: &PartialSignature) -> Result<(), Fault> {
        if share.verify(&self.message, &self.share_modulus) {
            return Ok(());
        }
        Err(Fault::with_remedy(
            FaultKind::Failed,
            "the hardware made a share that is not right; it was not sent",
            "try again; if it happens again, delete the account and enrol on other hardware",
        ))
    }
}

/// A draft, and who approves it as what.
pub(super) struct Approving {
    pub(super) account: Arc<Account>,
    pub(super) entry: Entry,
    pub(super) by: User,
    pub(super) draft: Arc<Draft>,
}

impl Approving {
    /// By which key share.
    pub(super) fn share(&self) -> &SealedShare {
        &self.account.deed.key(self.draft.purpose).share
    }

    /// Checks the share and puts the confirmation on the disk, without another thread between: to
    /// be called on the vault's. When it returns, the confirmation may be sent.
    pub(super) fn keep(&self, share: &PartialSignature) -> Result<Underway, Fault> {
        self.draft.check(share)?;
        let account = &self.account;
        let id = self.entry.offer.transaction.id;
        if !account.step(id, Event::ShareMade) {
            return Err(account.why_not(id));
        }
        let underway = Underway {
            transaction: self.entry.offer.transaction.clone(),
            body: serde_json::to_string(&self.confirm(share)).map_err(failed)?,
            by: Some(self.by.clone()),
            agreed: self.entry.agreements.given().to_vec(),
        };
        if let Err(error) = account.keep_underway(underway.clone()) {
            account.step(id, Event::ShareNotStored);
            return Err(error.into());
        }
        Ok(underway)
    }

    fn confirm(&self, share: &PartialSignature) -> Confirm {
        let draft = &self.draft;
        Confirm {
            share: Octets::from(share.as_slice()),
            salt: Octets(draft.salt.clone()),
            interaction: draft.interaction,
            user_challenge: draft.user_challenge.clone(),
            freshness_token: self.account.standing().freshness_token.as_str().to_owned(),
        }
    }
}

fn failed(error: impl std::fmt::Display) -> Fault {
    Fault::new(FaultKind::Failed, error.to_string())
}
