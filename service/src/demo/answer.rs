//! What a demo device answers to a transaction: the decision alone.

use symbolon_protocol::device::transaction::{RefusalReason, Refuse, Transaction};
use symbolon_protocol::interaction::{Flow, InteractionType, Interactions};

use super::Outcome;

/// What to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// Sign, after this interaction.
    Confirm(InteractionType),
    /// Agree, where nothing is signed.
    Consent,
    /// Refuse.
    Refuse(Refuse),
    /// Say nothing.
    Nothing,
}

/// What a device with this outcome answers.
pub(super) fn to(outcome: Outcome, transaction: &Transaction) -> Answer {
    match outcome {
        Outcome::Accept => accept(transaction),
        Outcome::Refuse => refuse(RefusalReason::User, None),
        Outcome::RefuseOn(interaction) => {
            refuse(RefusalReason::User, Some(known(interaction, transaction)))
        }
        Outcome::WrongCode => refuse(RefusalReason::WrongVerificationCode, None),
        Outcome::Silent => Answer::Nothing,
    }
}

/// Version 3 of the API knows the choice of codes in one form only.
fn known(interaction: InteractionType, transaction: &Transaction) -> InteractionType {
    match interaction {
        InteractionType::VerificationCodeChoice if transaction.flow() != Flow::BareDigest => {
            InteractionType::ConfirmationMessageAndVerificationCodeChoice
        }
        other => other,
    }
}

/// A demo device can show everything, so it takes what the relying party likes best.
fn accept(transaction: &Transaction) -> Answer {
    let Some(terms) = transaction.content.terms() else {
        return Answer::Consent;
    };
    let interactions = Interactions::parse(&terms.interactions, transaction.flow());
    match interactions.ok().as_ref().map(Interactions::offered) {
        Some([first, ..]) => Answer::Confirm(first.kind),
        _ => refuse(RefusalReason::ProtocolFailure, None),
    }
}

fn refuse(reason: RefusalReason, interaction: Option<InteractionType>) -> Answer {
    Answer::Refuse(Refuse {
        reason,
        interaction,
    })
}
