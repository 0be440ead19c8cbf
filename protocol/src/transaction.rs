//! From a transaction's parts to the encoded message: the one way that device and service share.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::acsp::{Payload, PayloadError, is_user_challenge};
use crate::device::transaction::{Content, FlowType, SigningTerms, Transaction};
use crate::encoding::{EncodedMessage, EncodingError, SignatureAlgorithm};
use crate::interaction::{InteractionType, Interactions, InteractionsError};
use crate::split_key::Modulus;
use crate::verification_code::{self, VerificationCode};

/// Rebuilds what is to be signed from what is shown: never from a hash that somebody handed over,
/// but for the digests of which the relying party sends no more.
///
/// * `interaction`: the one that the person saw; it must be among those offered.
/// * `user_challenge`: for authentication, and for it alone; 43 characters of Base64url.
/// * `salt`: as long as the hash for PSS, empty for PKCS#1 v1.5.
/// * `modulus`: the composite one.
pub fn rebuild_message(
    transaction: &Transaction,
    interaction: InteractionType,
    user_challenge: Option<&str>,
    salt: &[u8],
    modulus: &Modulus,
) -> Result<EncodedMessage, RebuildError> {
    let terms = transaction
        .content
        .terms()
        .ok_or(RebuildError::NothingToSign)?;
    let interactions = Interactions::parse(&terms.interactions, transaction.flow())?;
    if interactions.of_kind(interaction).is_none() {
        return Err(RebuildError::InteractionNotOffered(interaction));
    }
    let digest = match (&transaction.content, user_challenge) {
        (
            Content::Authentication {
                scheme_name,
                server_random,
                rp_challenge,
                ..
            },
            Some(user_challenge),
        ) if is_user_challenge(user_challenge) => {
            let payload = Payload {
                scheme_name,
                server_random,
                rp_challenge,
                user_challenge,
                relying_party_name: &transaction.relying_party_name,
                brokered_relying_party_name: transaction.brokered_relying_party_name.as_deref(),
                interactions: interactions.as_str(),
                interaction,
                initial_callback_url: transaction.initial_callback_url.as_deref(),
                flow_type: transaction.flow_type,
            };
            let hash = terms.signature_algorithm.hash();
            hash.digest(&payload.to_octets()?)
        }
        (Content::Authentication { .. }, _)
        | (Content::Signature { .. } | Content::BareDigest { .. }, Some(_)) => {
            return Err(RebuildError::UserChallenge);
        }
        (Content::Signature { digest, .. }, None) => digest.0.clone(),
        (Content::BareDigest { digest, .. }, None) => {
            require_plain(transaction, terms)?;
            digest.0.clone()
        }
        (Content::CertificateChoice {}, _) => return Err(RebuildError::NothingToSign),
    };
    Ok(EncodedMessage::encode(
        terms.signature_algorithm,
        &digest,
        salt,
        modulus,
    )?)
}

/// With any other encoding a digest might pass for a login of version 3, and no link leads to it.
fn require_plain(transaction: &Transaction, terms: &SigningTerms) -> Result<(), RebuildError> {
    let is_plain = matches!(terms.signature_algorithm, SignatureAlgorithm::Pkcs1(_))
        && transaction.flow_type == FlowType::Notification;
    is_plain.then_some(()).ok_or(RebuildError::BareDigest)
}

/// The code that the person compares, if this flow has one: computed from the challenge of a login
/// or from a bare digest (never taken from anybody), as the service drew it for a signature.
pub fn verification_code(
    transaction: &Transaction,
) -> Result<Option<VerificationCode>, RebuildError> {
    match (&transaction.content, transaction.flow_type) {
        (Content::Authentication { rp_challenge, .. }, FlowType::Notification) => {
            let challenge = STANDARD
                .decode(rp_challenge)
                .map_err(|_| RebuildError::Challenge)?;
            Ok(Some(verification_code::for_challenge(&challenge)))
        }
        (
            Content::Signature {
                verification_code: Some(code),
                ..
            },
            FlowType::Notification,
        ) => code
            .parse()
            .map(Some)
            .map_err(|_| RebuildError::VerificationCode),
        (Content::BareDigest { digest, .. }, _) => {
            Ok(Some(verification_code::for_challenge(digest.as_slice())))
        }
        _ => Ok(None),
    }
}

/// Why a transaction contradicts itself, or an answer the transaction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RebuildError {
    /// It asks for a certificate: there is no message, and no key may be used for it.
    #[error("nothing is to be signed")]
    NothingToSign,
    /// Its interactions cannot be read.
    #[error(transparent)]
    Interactions(#[from] InteractionsError),
    /// The person cannot have seen this one.
    #[error("the interaction {0} was not offered")]
    InteractionNotOffered(InteractionType),
    /// A bare digest that is not to be signed with PKCS#1 v1.5, or was not pushed.
    #[error("a bare digest is pushed, and signed with PKCS#1 v1.5 alone")]
    BareDigest,
    /// The user challenge is absent, malformed, or given for a digest.
    #[error("a user challenge goes with a login, and has 43 characters of Base64url")]
    UserChallenge,
    /// The relying party's challenge is not Base64.
    #[error("the challenge is not Base64")]
    Challenge,
    /// The verification code does not have four digits.
    #[error("the verification code does not have four digits")]
    VerificationCode,
    /// A field cannot be part of the payload.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The digest, the salt or the modulus does not fit the algorithm.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
}

#[cfg(test)]
mod tests;
