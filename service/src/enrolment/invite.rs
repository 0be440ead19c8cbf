//! One-time codes for identified persons.

use std::time::Duration;

use sha2::{Digest, Sha256};
use symbolon_protocol::identifiers::{BirthDate, CertificateLevel, SemanticsIdentifier};
use zeroize::Zeroizing;

use crate::audit::{Action, Entry, Operator};
use crate::clock::Timestamp;
use crate::random;
use crate::store::{Store, StoreError};

/// How long a code can be redeemed.
const VALID_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The longest name that a certificate takes, in characters.
const LONGEST_NAME: usize = 200;

/// Crockford's Base32: no letter that a person takes for a digit.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Whom a clerk identified.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// The person.
    pub person: SemanticsIdentifier,
    /// As it will stand in the certificates.
    pub given_name: String,
    /// As it will stand in the certificates.
    pub surname: String,
    /// The level of the certificates.
    pub level: CertificateLevel,
    /// The birth date, where the person's identifier does not tell it.
    pub birth_date: Option<BirthDate>,
}

/// A code that can be redeemed.
pub struct Invited {
    /// 80 random bits in four groups of four characters. The store keeps only its digest.
    pub code: Zeroizing<String>,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Why no code was issued.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    /// A name cannot stand in a certificate.
    #[error("the {0} is empty or longer than 200 characters")]
    Name(&'static str),
    /// The store is out of order.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Issues a code.
pub async fn invite(store: &Store, invitation: Invitation) -> Result<Invited, InviteError> {
    for (what, name) in [
        ("given name", &invitation.given_name),
        ("surname", &invitation.surname),
    ] {
        if name.trim().is_empty() || name.chars().count() > LONGEST_NAME {
            return Err(InviteError::Name(what));
        }
    }
    let code = draw_code();
    let code_hash = hash_of(&code);
    let now = Timestamp::now();
    let expires_at = now.plus(VALID_FOR);
    store
        .write(move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "INSERT INTO enrolment_code (code_hash, person, given_name, surname, level, \
                     created_at, expires_at, birth_date) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                )
                .bind(code_hash)
                .bind(invitation.person.to_string())
                .bind(invitation.given_name)
                .bind(invitation.surname)
                .bind(invitation.level.as_str())
                .bind(now.milliseconds())
                .bind(expires_at.milliseconds())
                .bind(invitation.birth_date.map(|date| date.to_string()))
                .execute(&mut *connection)
                .await?;
                Entry::new(Action::Invited, invitation.person.to_string())
                    .by(Operator::of_this_process())
                    .note(now)
            })
        })
        .await?;
    Ok(Invited { code, expires_at })
}

/// Under what a code is looked up. Case, spaces and hyphens are the person's affair, and so are
/// the letters that Crockford's alphabet reads as digits.
pub(super) fn hash_of(code: &str) -> String {
    let mut digest = Sha256::new().chain_update("symbolon enrolment code\0");
    for character in code.chars() {
        let character = match character.to_ascii_uppercase() {
            '-' | ' ' => continue,
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        digest.update(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    hex::encode(digest.finalize())
}

fn draw_code() -> Zeroizing<String> {
    let octets = Zeroizing::new(random::octets::<16>());
    let mut code = Zeroizing::new(String::with_capacity(19));
    for (position, octet) in octets.iter().enumerate() {
        if position > 0 && position % 4 == 0 {
            code.push('-');
        }
        code.push(char::from(ALPHABET[usize::from(octet % 32)]));
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = draw_code();
        assert_eq!(code.len(), 19);
        assert_eq!(
            hash_of(&code),
            hash_of(&code.to_lowercase().replace('-', " "))
        );
        assert_eq!(hash_of("10AB"), hash_of("loab"));
        assert_ne!(hash_of(&code), hash_of(&draw_code()));
    }
}
