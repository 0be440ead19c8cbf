//! A salted session's keys and nonces, from command to command (TPM 2.0 Part 1 sections 17.6, 17.7).

use zeroize::Zeroizing;

use super::cryptography::{self, Key, SIZE, decrypt, encrypt, hash, is_hmac, kdf_a};
use super::octets::{Acknowledgment, Authorization};

/// The session outlives the command.
pub(super) const CONTINUES: u8 = 0x01;
/// It encrypts the command's first parameter.
pub(super) const ENCRYPTS_COMMAND: u8 = 0x20;
/// It encrypts the response's first parameter.
pub(super) const ENCRYPTS_RESPONSE: u8 = 0x40;

/// What both ends of a session know.
pub(super) struct HmacSession {
    handle: u32,
    key: Key,
    nonce_tpm: Vec<u8>,
    nonce_caller: [u8; SIZE],
}

impl HmacSession {
    /// After StartAuthSession: the session's key follows from the salt and the first nonces.
    pub(super) fn new(
        handle: u32,
        salt: &Key,
        nonce_caller: [u8; SIZE],
        nonce_tpm: Vec<u8>,
    ) -> Self {
        Self {
            handle,
            key: kdf_a(&**salt, b"ATH\0", &nonce_tpm, &nonce_caller),
            nonce_tpm,
            nonce_caller,
        }
    }

    /// Authorizes a command with `parameter_hash`. `nonce` is a fresh one; `auth_value` is of the
    /// entity that this session speaks for, empty if it speaks for none.
    pub(super) fn authorize(
        &mut self,
        nonce: [u8; SIZE],
        parameter_hash: &[u8; SIZE],
        auth_value: &[u8],
        attributes: u8,
    ) -> Authorization {
        self.nonce_caller = nonce;
        let hmac = cryptography::hmac(
            &self.hmac_key(auth_value),
            &[
                parameter_hash,
                &self.nonce_caller,
                &self.nonce_tpm,
                &[attributes],
            ],
        );
        Authorization {
            session: self.handle,
            nonce: self.nonce_caller.to_vec(),
            attributes,
            hmac: hmac.to_vec(),
        }
    }

    /// Encrypts the first parameter of a command that will be authorized with `nonce`.
    pub(super) fn encrypt(&self, nonce: &[u8; SIZE], parameter: &mut [u8]) {
        encrypt(&*self.key, nonce, &self.nonce_tpm, parameter);
    }

    /// Takes the TPM's new nonce, if the response is the TPM's own.
    pub(super) fn accept(
        &mut self,
        acknowledgment: &Acknowledgment,
        command_code: u32,
        parameters: &[u8],
        auth_value: &[u8],
    ) -> bool {
        let success = [0; 4];
        let response_hash = hash(&[&success, &command_code.to_be_bytes(), parameters]);
        let genuine = is_hmac(
            &self.hmac_key(auth_value),
            &[
                &response_hash,
                &acknowledgment.nonce,
                &self.nonce_caller,
                &[acknowledgment.attributes],
            ],
            &acknowledgment.hmac,
        );
        if genuine {
            self.nonce_tpm.clone_from(&acknowledgment.nonce);
        }
        genuine
    }

    /// Decrypts the first parameter of a response that was accepted.
    pub(super) fn decrypt(&self, parameter: &mut [u8]) {
        decrypt(&*self.key, &self.nonce_tpm, &self.nonce_caller, parameter);
    }

    fn hmac_key(&self, auth_value: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut key = Zeroizing::new(Vec::with_capacity(SIZE + auth_value.len()));
        key.extend_from_slice(&*self.key);
        key.extend_from_slice(auth_value);
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> HmacSession {
        HmacSession::new(1, &Zeroizing::new([7; SIZE]), [1; SIZE], vec![2; SIZE])
    }

    /// What the TPM answers, computed at its end of the session.
    fn answer(session: &HmacSession, parameters: &[u8], nonce: u8) -> Acknowledgment {
        let nonce = vec![nonce; SIZE];
        let hashed = hash(&[&[0; 4], &9u32.to_be_bytes(), parameters]);
        let hmac = cryptography::hmac(
            &session.hmac_key(b"pin"),
            &[&hashed, &nonce, &session.nonce_caller, &[CONTINUES]],
        );
        Acknowledgment {
            nonce,
            attributes: CONTINUES,
            hmac: hmac.to_vec(),
        }
    }

    #[test]
    fn only_the_tpms_own_answer_is_accepted() {
        let mut session = session();
        let genuine = answer(&session, b"answer", 3);
        assert!(!session.accept(&genuine, 9, b"other", b"pin"));
        assert!(!session.accept(&genuine, 8, b"answer", b"pin"));
        assert!(!session.accept(&genuine, 9, b"answer", b"nip"));
        assert_eq!(session.nonce_tpm, [2; SIZE]);
        assert!(session.accept(&genuine, 9, b"answer", b"pin"));
        assert_eq!(session.nonce_tpm, [3; SIZE]);

        // An old answer does not fit a new command.
        session.authorize([4; SIZE], &[0; SIZE], b"pin", CONTINUES);
        assert!(!session.accept(&genuine, 9, b"answer", b"pin"));
    }

    #[test]
    fn what_is_hidden_in_a_command_differs_from_nonce_to_nonce() {
        let session = session();
        let hide = |nonce: u8| {
            let mut parameter = *b"a message";
            session.encrypt(&[nonce; SIZE], &mut parameter);
            parameter
        };
        assert_ne!(hide(1), *b"a message");
        assert_ne!(hide(1), hide(2));
        assert_eq!(hide(1), hide(1));
    }
}
