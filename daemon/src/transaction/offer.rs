//! What of a transaction is shown, and which transactions are refused unseen.

use symbolon_protocol::device::transaction::{Content, RefusalReason, SigningTerms, Transaction};
use symbolon_protocol::display_text::DisplayText;
use symbolon_protocol::encoding::{HashAlgorithm, SignatureAlgorithm};
use symbolon_protocol::identifiers::{DocumentNumber, KeyPurpose};
use symbolon_protocol::interaction::{InteractionType, Interactions};
use symbolon_protocol::split_key::Modulus;
use symbolon_protocol::transaction::{rebuild_message, verification_code};
use symbolon_protocol::verification_code::VerificationCode;
use uuid::Uuid;

use super::CodeChoice;
use crate::bus::messages::{Digest, HistoryEntry, HistoryEvent, PendingTransaction};

/// What this device can show.
const SUPPORTED: [InteractionType; 4] = [
    InteractionType::DisplayTextAndPin,
    InteractionType::VerificationCodeChoice,
    InteractionType::ConfirmationMessage,
    InteractionType::ConfirmationMessageAndVerificationCodeChoice,
];

/// A transaction that may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The transaction.
    pub transaction: Transaction,
    /// What is shown before a PIN is typed; none where the person is only to agree. Whatever uses
    /// a key takes this, so it cannot be reached without.
    pub signing: Option<Signing>,
}

/// How a transaction that is to be signed is shown, and with which key it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    /// Which key, and so which PIN.
    pub purpose: KeyPurpose,
    /// How it is signed.
    pub algorithm: SignatureAlgorithm,
    /// The interaction that is shown.
    pub interaction: InteractionType,
    /// The codes to choose from, where the interaction is such a choice.
    pub choice: Option<CodeChoice>,
    text: DisplayText,
    code: Option<VerificationCode>,
}

/// A transaction that the device refuses by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refused {
    /// What the service is told.
    pub reason: RefusalReason,
    /// Why, in words.
    pub detail: String,
}

/// Judges a transaction for `account`, whose keys are `moduli`: the message is rebuilt once for
/// nothing, so that what cannot be signed is refused before anybody types a PIN.
pub fn examine(
    transaction: Transaction,
    account: &DocumentNumber,
    modulus_of: impl Fn(KeyPurpose) -> Option<Modulus>,
) -> Result<Offer, Refused> {
    if transaction.document_number != *account {
        return Err(contradiction("it names another account"));
    }
    let signing = match (transaction.purpose(), transaction.content.terms()) {
        (Some(purpose), Some(terms)) => {
            Some(examine_signing(&transaction, purpose, terms, modulus_of)?)
        }
        _ => None,
    };
    Ok(Offer {
        transaction,
        signing,
    })
}

fn examine_signing(
    transaction: &Transaction,
    purpose: KeyPurpose,
    terms: &SigningTerms,
    modulus_of: impl Fn(KeyPurpose) -> Option<Modulus>,
) -> Result<Signing, Refused> {
    let interactions =
        Interactions::parse(&terms.interactions, transaction.flow()).map_err(contradiction)?;
    let Some(interaction) = interactions.first_supported(&SUPPORTED) else {
        return Err(Refused {
            reason: RefusalReason::NoSupportedInteraction,
            detail: "this device can show none of the interactions that were offered".to_owned(),
        });
    };
    let modulus = modulus_of(purpose)
        .ok_or_else(|| contradiction("this account's own key cannot be read"))?;
    let salt = vec![0; terms.signature_algorithm.salt_length()];
    let user_challenge = transaction.takes_user_challenge().then(|| "A".repeat(43));
    rebuild_message(
        transaction,
        interaction.kind,
        user_challenge.as_deref(),
        &salt,
        &modulus,
    )
    .map_err(contradiction)?;
    let code = verification_code(transaction).map_err(contradiction)?;
    Ok(Signing {
        purpose,
        algorithm: terms.signature_algorithm,
        interaction: interaction.kind,
        choice: choice_of(interaction.kind, code.as_ref())?,
        text: DisplayText::message(&interaction.text),
        code,
    })
}

fn choice_of(
    interaction: InteractionType,
    code: Option<&VerificationCode>,
) -> Result<Option<CodeChoice>, Refused> {
    if !interaction.is_code_choice() {
        return Ok(None);
    }
    let code = code.ok_or_else(|| contradiction("there is no code to choose"))?;
    CodeChoice::draw(code.clone())
        .map(Some)
        .map_err(contradiction)
}

fn contradiction(detail: impl std::fmt::Display) -> Refused {
    Refused {
        reason: RefusalReason::ProtocolFailure,
        detail: detail.to_string(),
    }
}

impl Offer {
    /// As it is shown, with the time that is left. As long as the code is to be chosen
    /// (`choosing`), nothing shows which one is right.
    pub fn shown(&self, expires_at: i64, choosing: Option<&CodeChoice>) -> PendingTransaction {
        let transaction = &self.transaction;
        let signing = self.signing.as_ref();
        let code = signing
            .and_then(|signing| signing.code.as_ref())
            .filter(|_| choosing.is_none());
        PendingTransaction {
            id: transaction.id,
            document_number: transaction.document_number.clone(),
            purpose: transaction.purpose(),
            relying_party_name: name(&transaction.relying_party_name),
            brokered_relying_party_name: transaction
                .brokered_relying_party_name
                .as_deref()
                .map(name),
            pushed: !transaction.content.is_taken_up(transaction.flow_type),
            interaction: signing.map(|signing| signing.interaction),
            text: signing
                .map(|signing| signing.text.as_str().to_owned())
                .unwrap_or_default(),
            verification_code: code.map(ToString::to_string),
            code_choice: choosing.map(CodeChoice::shown),
            is_bare_login: is_bare_login(transaction),
            digest: digest(transaction).filter(|_| choosing.is_none() || !tells_code(transaction)),
            linked_session: linked_session(transaction),
            approvals: None,
            created_at: transaction.created_at,
            expires_at,
            expires_in_seconds: crate::clock::seconds_until(expires_at),
        }
    }

    /// An entry of the history about its end; only then may it tell a code that was to be chosen.
    pub fn entry(&self, event: HistoryEvent) -> HistoryEntry {
        let signing = self.signing.as_ref();
        HistoryEntry {
            text: signing.map(|signing| signing.text.as_str().to_owned()),
            verification_code: signing
                .and_then(|signing| signing.code.as_ref())
                .map(ToString::to_string),
            digest: digest(&self.transaction),
            ..entry_of(&self.transaction, event)
        }
    }
}

/// An entry of the history about a transaction of which nothing was shown.
pub fn entry_of(transaction: &Transaction, event: HistoryEvent) -> HistoryEntry {
    HistoryEntry {
        transaction: Some(transaction.id),
        purpose: transaction.purpose(),
        relying_party_name: Some(name(&transaction.relying_party_name)),
        ..HistoryEntry::new(event)
    }
}

fn name(text: &str) -> String {
    DisplayText::name(text).as_str().to_owned()
}

fn is_bare_login(transaction: &Transaction) -> bool {
    tells_code(transaction) && transaction.purpose() == Some(KeyPurpose::Authentication)
}

/// Whether the code follows from the digest.
fn tells_code(transaction: &Transaction) -> bool {
    matches!(transaction.content, Content::BareDigest { .. })
}

fn digest(transaction: &Transaction) -> Option<Digest> {
    let (digest, terms) = match &transaction.content {
        Content::Signature { digest, terms, .. } | Content::BareDigest { digest, terms, .. } => {
            (digest, terms)
        }
        Content::Authentication { .. } | Content::CertificateChoice {} => return None,
    };
    let hash: HashAlgorithm = terms.signature_algorithm.hash();
    Some(Digest {
        hash: hash.as_str().to_owned(),
        value: digest
            .as_slice()
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect(),
    })
}

/// The certificate choice that a linked signature was announced by.
pub(crate) fn linked_session(transaction: &Transaction) -> Option<Uuid> {
    match &transaction.content {
        Content::Signature { linked_session, .. } => *linked_session,
        Content::Authentication { .. }
        | Content::BareDigest { .. }
        | Content::CertificateChoice {} => None,
    }
}

#[cfg(test)]
mod tests {
    use symbolon_protocol::device::transaction::FlowType;

    use super::*;
    use crate::test_transactions::{
        account, authentication, certificate_choice, modulus, signature,
    };
    use symbolon_protocol::bytes::Octets;

    #[test]
    fn a_login_over_a_bare_digest_shows_the_digest_and_the_code_that_follows_from_it() {
        let interactions = r#"[{"type":"displayTextAndPIN","displayText60":"a"}]"#;
        let of_digest = |purpose, signature_algorithm| {
            let digest = Octets(vec![0x5a; 32]);
            let transaction = authentication(interactions);
            let terms = SigningTerms {
                signature_algorithm,
                ..transaction.content.terms().unwrap().clone()
            };
            judge(Transaction {
                content: Content::BareDigest {
                    purpose,
                    digest,
                    terms,
                },
                ..transaction
            })
        };
        let code = symbolon_protocol::verification_code::for_challenge(&[0x5a; 32]);
        let plain = SignatureAlgorithm::Pkcs1(HashAlgorithm::Sha256);
        for purpose in KeyPurpose::ALL {
            let shown = of_digest(purpose, plain).unwrap().shown(0, None);
            assert_eq!(shown.purpose, Some(purpose));
            assert_eq!(shown.verification_code.as_deref(), Some(code.as_str()));
            assert_eq!(shown.digest.unwrap().value, "5a".repeat(32));
            assert_eq!(shown.is_bare_login, purpose == KeyPurpose::Authentication);
        }
        let as_a_login = SignatureAlgorithm::Pss(HashAlgorithm::Sha256);
        assert_eq!(
            of_digest(KeyPurpose::Authentication, as_a_login),
            Err(RefusalReason::ProtocolFailure)
        );
    }

    fn judge(transaction: Transaction) -> Result<Offer, RefusalReason> {
        examine(transaction, &account(), |_| Some(modulus())).map_err(|refused| refused.reason)
    }

    #[test]
    fn shows_the_first_interaction_that_it_can() {
        let offer = judge(authentication(
            r#"[{"type":"confirmationMessage","displayText200":"b"},
                {"type":"displayTextAndPIN","displayText60":"c"}]"#,
        ))
        .unwrap();
        let signing = offer.signing.as_ref().unwrap();
        assert_eq!(signing.interaction, InteractionType::ConfirmationMessage);
        assert_eq!(offer.shown(0, None).text, "b");
    }

    #[test]
    fn a_choice_of_codes_needs_a_code_and_a_flow_that_was_pushed() {
        let choice =
            r#"[{"type":"confirmationMessageAndVerificationCodeChoice","displayText200":"a"}]"#;
        let offer = judge(authentication(choice)).unwrap();
        let choice_offered = offer.signing.as_ref().unwrap().choice.as_ref();
        let codes = choice_offered.unwrap().shown();
        let shown = offer.shown(0, choice_offered);
        assert_eq!(shown.verification_code, None);
        assert_eq!(shown.code_choice, Some(codes.clone()));
        let chosen = offer.shown(0, None);
        assert!(codes.contains(&chosen.verification_code.unwrap()));
        assert_eq!(chosen.code_choice, None);

        let mut linked = signature(choice);
        let Content::Signature {
            verification_code, ..
        } = &mut linked.content
        else {
            panic!("a signature");
        };
        *verification_code = None;
        let mut scanned = authentication(choice);
        scanned.flow_type = FlowType::QR;
        for transaction in [linked, scanned] {
            assert_eq!(judge(transaction), Err(RefusalReason::ProtocolFailure));
        }
    }

    #[test]
    fn a_certificate_choice_shows_who_asks_and_no_more() {
        let mut choice = certificate_choice();
        choice.relying_party_name = "Bank\u{202e}".to_owned();
        let offer = judge(choice).unwrap();
        assert_eq!(offer.signing, None);
        let shown = offer.shown(0, None);
        assert_eq!(shown.relying_party_name, "Bank");
        assert_eq!(shown.purpose, None);
        assert_eq!(shown.interaction, None);
        assert_eq!(shown.text, "");

        let mut foreign = certificate_choice();
        foreign.document_number = "PNOEE-48010010101-ZZZZ-Q".parse().unwrap();
        assert_eq!(judge(foreign), Err(RefusalReason::ProtocolFailure));
    }

    #[test]
    fn strange_text_is_shown_as_plain_text() {
        let mut transaction =
            authentication(r#"[{"type":"displayTextAndPIN","displayText60":"a\n\u202e<b>"}]"#);
        transaction.relying_party_name = "Bank\u{0} \u{202e}of X".to_owned();
        let shown = judge(transaction).unwrap().shown(0, None);
        assert_eq!(shown.text, "a <b>");
        assert_eq!(shown.relying_party_name, "Bank of X");
    }

    #[test]
    fn the_code_of_a_login_is_computed_from_its_challenge() {
        let transaction = authentication(r#"[{"type":"displayTextAndPIN","displayText60":"a"}]"#);
        let Content::Authentication { rp_challenge, .. } = &transaction.content else {
            panic!("a login");
        };
        use base64::Engine;
        let challenge = base64::engine::general_purpose::STANDARD
            .decode(rp_challenge)
            .unwrap();
        let expected = symbolon_protocol::verification_code::for_challenge(&challenge);
        let shown = judge(transaction).unwrap().shown(0, None);
        assert_eq!(shown.verification_code.as_deref(), Some(expected.as_str()));
    }

    #[test]
    fn refuses_what_contradicts_itself_or_the_account() {
        let interactions = r#"[{"type":"displayTextAndPIN","displayText60":"a"}]"#;
        let mut other_account = authentication(interactions);
        other_account.document_number = "PNOEE-48010010101-ZZZZ-Q".parse().unwrap();
        let mut short_digest = signature(interactions);
        let mut sha3_pkcs1 = signature(interactions);
        let mut no_challenge = authentication(interactions);
        if let Content::Signature { digest, .. } = &mut short_digest.content {
            *digest = Octets(vec![1; 31]);
        }
        if let Content::Signature { terms, .. } = &mut sha3_pkcs1.content {
            terms.signature_algorithm = SignatureAlgorithm::Pkcs1(HashAlgorithm::Sha3_256);
        }
        if let Content::Authentication { rp_challenge, .. } = &mut no_challenge.content {
            *rp_challenge = "***".to_owned();
        }
        for transaction in [
            other_account,
            short_digest,
            sha3_pkcs1,
            no_challenge,
            authentication("no JSON"),
        ] {
            assert_eq!(
                judge(transaction.clone()),
                Err(RefusalReason::ProtocolFailure),
                "{transaction:?}"
            );
        }
    }
}
