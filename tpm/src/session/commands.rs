//! The six commands of an approval (TPM 2.0 Part 3 sections 11.1, 12.2, 14.3, 23.4, 23.11, 28.4).

use symbolon_protocol::random::random_octets;
use zeroize::{Zeroize, Zeroizing};

use super::cryptography::{SIZE, draw_salt, hash};
use super::hmac_session::{CONTINUES, ENCRYPTS_COMMAND, ENCRYPTS_RESPONSE, HmacSession};
use super::octets::{self, Authorization, Reader, Response, sized};
use crate::esys::{Context, EsysError, malformed_response};

const LOAD: u32 = 0x157;
const RSA_DECRYPT: u32 = 0x159;
const POLICY_SECRET: u32 = 0x151;
const FLUSH_CONTEXT: u32 = 0x165;
const POLICY_COMMAND_CODE: u32 = 0x16c;
const START_AUTH_SESSION: u32 = 0x176;

const NULL_HANDLE: u32 = 0x4000_0007;
const PASSWORD: u32 = 0x4000_0009;

const ALG_AES: u16 = 0x0006;
const ALG_SHA256: u16 = 0x000b;
const ALG_NULL: u16 = 0x0010;
const ALG_CFB: u16 = 0x0043;

/// `TPM_SE`.
const HMAC: u8 = 0;
const POLICY: u8 = 1;

/// Something in the TPM that is flushed when this is dropped, unless the TPM ended it itself.
struct Slot {
    context: Context,
    handle: Option<u32>,
}

impl Slot {
    fn new(context: &Context, handle: u32) -> Self {
        Self {
            context: context.clone(),
            handle: Some(handle),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Some(handle) = self.handle else { return };
        if self.context.is_broken() {
            return;
        }
        // A failure leaves nothing to be done: the resource manager cleans up when the connection
        // closes.
        let parameters = handle.to_be_bytes();
        let _ = run(
            &self.context,
            "FlushContext",
            &octets::command(FLUSH_CONTEXT, &[], &[], &parameters),
            false,
        );
    }
}

/// A key in one of the TPM's few slots.
pub(crate) struct LoadedKey {
    slot: Slot,
    name: Vec<u8>,
}

impl LoadedKey {
    /// `Load` below a parent with an empty authValue. `private` is wrapped, `public` a marshalled
    /// `TPM2B_PUBLIC` whose Name is `name`.
    pub(crate) fn load(
        context: &Context,
        parent: u32,
        private: &[u8],
        public: &[u8],
        name: Vec<u8>,
    ) -> Result<Self, EsysError> {
        let empty = Authorization {
            session: PASSWORD,
            nonce: Vec::new(),
            attributes: CONTINUES,
            hmac: Vec::new(),
        };
        let parameters = [sized(private), public.to_vec()].concat();
        let command = octets::command(LOAD, &[parent], &[empty], &parameters);
        let response = run(context, "Load", &command, true)?;
        let handle = response.handle.ok_or(malformed_response("Load"))?;
        Ok(Self {
            slot: Slot::new(context, handle),
            name,
        })
    }
}

/// A session that fulfils a policy and hides nothing.
pub(crate) struct PolicySession {
    slot: Slot,
}

impl PolicySession {
    /// `StartAuthSession`.
    pub(crate) fn start(context: &Context) -> Result<Self, EsysError> {
        let nonce = fresh_nonce()?;
        let (handle, _) = start(context, NULL_HANDLE, &nonce, &[], POLICY)?;
        Ok(Self {
            slot: Slot::new(context, handle),
        })
    }

    /// `PolicyCommandCode`.
    pub(crate) fn allow_only(&self, command_code: u32) -> Result<(), EsysError> {
        let handle = self.handle();
        let command = octets::command(
            POLICY_COMMAND_CODE,
            &[handle],
            &[],
            &command_code.to_be_bytes(),
        );
        run(&self.slot.context, "PolicyCommandCode", &command, false).map(drop)
    }

    fn handle(&self) -> u32 {
        self.slot.handle.unwrap_or(NULL_HANDLE)
    }
}

/// A session whose key nobody on the bus can know: it proves a PIN, and hides what is signed.
pub(crate) struct SecretSession {
    slot: Slot,
    session: HmacSession,
}

impl SecretSession {
    /// `StartAuthSession`, salted to the storage key at `parent`, whose point the caller has
    /// checked.
    pub(crate) fn start(
        context: &Context,
        parent: u32,
        point: &[u8; 65],
    ) -> Result<Self, EsysError> {
        const COMMAND: &str = "StartAuthSession";
        let salt = draw_salt(point, &mut p256::elliptic_curve::rand_core::OsRng)
            .ok_or(malformed_response("ReadPublic"))?;
        let encrypted = salt.point.map(|coordinate| sized(&coordinate)).concat();
        let nonce_caller = fresh_nonce()?;
        let (handle, nonce_tpm) = start(context, parent, &nonce_caller, &encrypted, HMAC)?;
        if nonce_tpm.len() < SIZE / 2 {
            return Err(malformed_response(COMMAND));
        }
        Ok(Self {
            slot: Slot::new(context, handle),
            session: HmacSession::new(handle, &salt.value, nonce_caller, nonce_tpm),
        })
    }

    /// `PolicySecret`: proves the authValue of the index to the policy. No ticket is asked for.
    pub(crate) fn prove(
        &mut self,
        policy: &PolicySession,
        index: u32,
        index_name: &[u8],
        auth_value: &[u8],
    ) -> Result<(), EsysError> {
        const COMMAND: &str = "PolicySecret";
        // nonceTPM, cpHashA and policyRef empty, expiration zero.
        let parameters = [0; 3 * 2 + 4];
        let policy = policy.handle();
        let parameter_hash = hash(&[
            &POLICY_SECRET.to_be_bytes(),
            index_name,
            &policy.to_be_bytes(),
            &parameters,
        ]);
        // A TPM strips the zeros at the end of an authValue.
        let auth_value = without_zeros_at_the_end(auth_value);
        let authorization =
            self.session
                .authorize(fresh_nonce()?, &parameter_hash, auth_value, CONTINUES);
        let command = octets::command(
            POLICY_SECRET,
            &[index, policy],
            &[authorization],
            &parameters,
        );
        let response = run(&self.slot.context, COMMAND, &command, false)?;
        let [acknowledgment] = response.sessions.as_slice() else {
            return Err(malformed_response(COMMAND));
        };
        self.session
            .accept(
                acknowledgment,
                POLICY_SECRET,
                &response.parameters,
                auth_value,
            )
            .then_some(())
            .ok_or(malformed_response(COMMAND))
    }

    /// `RSA_Decrypt` without a scheme: the raw RSA private operation, allowed by the policy.
    /// `message` is below the modulus and exactly as long; so is the answer. Both travel
    /// encrypted, and both sessions end.
    pub(crate) fn decrypt(
        mut self,
        mut policy: PolicySession,
        key: &LoadedKey,
        message: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, EsysError> {
        const COMMAND: &str = "RSA_Decrypt";
        let nonce = fresh_nonce()?;
        let mut hidden = message.to_vec();
        self.session.encrypt(&nonce, &mut hidden);
        // No scheme, no label.
        let parameters = [sized(&hidden), ALG_NULL.to_be_bytes().to_vec(), vec![0; 2]].concat();
        let parameter_hash = hash(&[&RSA_DECRYPT.to_be_bytes(), &key.name, &parameters]);
        let secret = self.session.authorize(
            nonce,
            &parameter_hash,
            &[],
            ENCRYPTS_COMMAND | ENCRYPTS_RESPONSE,
        );
        // Neither salted nor asked for an authValue: its HMAC is empty.
        let fulfilled = Authorization {
            session: policy.handle(),
            nonce: fresh_nonce()?.to_vec(),
            attributes: 0,
            hmac: Vec::new(),
        };
        let handle = key.slot.handle.unwrap_or(NULL_HANDLE);
        let command = octets::command(RSA_DECRYPT, &[handle], &[fulfilled, secret], &parameters);
        let response = run(&self.slot.context, COMMAND, &command, false)?;
        policy.slot.handle = None;
        self.slot.handle = None;
        let [_, acknowledgment] = response.sessions.as_slice() else {
            return Err(malformed_response(COMMAND));
        };
        if !self
            .session
            .accept(acknowledgment, RSA_DECRYPT, &response.parameters, &[])
        {
            return Err(malformed_response(COMMAND));
        }
        let answer = Reader(&response.parameters)
            .sized()
            .ok_or(malformed_response(COMMAND))?;
        let mut answer = Zeroizing::new(answer.to_vec());
        self.session.decrypt(&mut answer);
        Ok(answer)
    }
}

/// `StartAuthSession`: the session and the TPM's first nonce.
fn start(
    context: &Context,
    salt_key: u32,
    nonce: &[u8; SIZE],
    encrypted_salt: &[u8],
    kind: u8,
) -> Result<(u32, Vec<u8>), EsysError> {
    const COMMAND: &str = "StartAuthSession";
    let mut parameters = [sized(nonce), sized(encrypted_salt)].concat();
    parameters.push(kind);
    for number in [ALG_AES, 128, ALG_CFB, ALG_SHA256] {
        parameters.extend(number.to_be_bytes());
    }
    let command = octets::command(
        START_AUTH_SESSION,
        &[salt_key, NULL_HANDLE],
        &[],
        &parameters,
    );
    let response = run(context, COMMAND, &command, true)?;
    let nonce = Reader(&response.parameters).sized().map(<[u8]>::to_vec);
    response
        .handle
        .zip(nonce)
        .ok_or(malformed_response(COMMAND))
}

/// Sends a command and reads its response.
fn run(
    context: &Context,
    name: &'static str,
    command: &[u8],
    has_handle: bool,
) -> Result<Response, EsysError> {
    let mut answer = context.transmit(name, command)?;
    let response = match octets::response_code(&answer) {
        Some(0) => octets::response(&answer, has_handle).ok_or(malformed_response(name)),
        Some(code) => Err(EsysError {
            command: name,
            code,
        }),
        None => Err(malformed_response(name)),
    };
    answer.zeroize();
    response
}

fn fresh_nonce() -> Result<[u8; SIZE], EsysError> {
    const ESYS_GENERAL_FAILURE: u32 = 0x0007_0001;
    random_octets(SIZE)
        .ok()
        .and_then(|octets| octets.try_into().ok())
        .ok_or(EsysError {
            command: "drawing a nonce",
            code: ESYS_GENERAL_FAILURE,
        })
}

fn without_zeros_at_the_end(value: &[u8]) -> &[u8] {
    let length = value.iter().rposition(|octet| *octet != 0);
    &value[..length.map_or(0, |last| last + 1)]
}
