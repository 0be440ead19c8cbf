//! The same relying party with a client of version 2.

use sha2::{Digest, Sha256};

use super::*;

/// A relying party that asks in version 2.
pub struct V2 {
    party: RelyingParty,
}

/// What a relying party of version 2 asks for; its path begins so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// A login, over a hash of random octets.
    Login,
    /// A signature, over a document's hash.
    Signature,
}

/// A login or a signature under way.
pub struct UnderWay {
    /// The session.
    pub session: String,
    /// What the relying party shows to the person, computed by itself.
    pub verification_code: String,
    data: Vec<u8>,
    bits: u16,
}

/// Whose signature it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The account.
    pub document_number: String,
    /// The certificate, DER.
    pub certificate: Vec<u8>,
}

impl RelyingParty {
    /// The same relying party with a client of version 2.
    pub fn v2(&self) -> V2 {
        V2 {
            party: Self {
                base: self.base.replace("/v3/", "/v2/"),
                uuid: self.uuid.clone(),
                name: self.name.clone(),
                agent: self.agent.clone(),
            },
        }
    }
}

impl V2 {
    /// A request's body over the hash of `data` with SHA-2 of this many bits.
    pub fn body(&self, data: &[u8], bits: u16, interactions: &Value) -> Value {
        let hash = openssl::digest(&format!("sha{bits}"), data);
        json!({
            "relyingPartyUUID": self.party.uuid,
            "relyingPartyName": self.party.name,
            "hash": STANDARD.encode(hash),
            "hashType": format!("SHA{bits}"),
            "allowedInteractionsOrder": interactions,
        })
    }

    /// Sends any body to any path below `/v2/`.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.party.post(path, body)
    }

    /// Asks, with SHA-2 of this many bits.
    pub fn ask(&self, wish: Wish, target: &Target, bits: u16, interactions: &Value) -> UnderWay {
        let (path, data) = match wish {
            Wish::Login => ("authentication", random::<64>().to_vec()),
            Wish::Signature => ("signature", b"I owe you nothing.".to_vec()),
        };
        let body = self.body(&data, bits, interactions);
        let answer = self.post(&format!("{path}/{}", target.path()), &body);
        let answer = answer.must_be(200);
        let hash = STANDARD.decode(text_at(&body, "hash")).unwrap();
        UnderWay {
            session: text_at(&answer, "sessionID"),
            verification_code: verification_code(&hash),
            data,
            bits,
        }
    }

    /// Asks which certificate somebody will sign with, and returns the session.
    pub fn choose_certificate(&self, target: &Target) -> String {
        let body = json!({
            "relyingPartyUUID": self.party.uuid,
            "relyingPartyName": self.party.name,
        });
        let answer = self.post(&format!("certificatechoice/{}", target.path()), &body);
        text_at(&answer.must_be(200), "sessionID")
    }

    /// Polls until the session is complete, and returns its last status.
    pub fn wait(&self, session: &str, limit: Duration) -> Value {
        self.party.wait(session, limit)
    }
}

impl UnderWay {
    /// Checks a complete session: the signature over what was hashed, and the chain.
    pub fn verify(&self, status: &Value, trust: &Trust) -> Result<Signer, String> {
        let end = &status["result"]["endResult"];
        if status["state"] != "COMPLETE" || end != "OK" {
            return Err(format!("the session ended with {end}"));
        }
        let algorithm = Algorithm::Pkcs1(self.bits);
        let named = text_at(&status["signature"], "algorithm");
        if named != format!("sha{}WithRSAEncryption", self.bits) {
            return Err(format!("another algorithm: {named}"));
        }
        let octets = |value: &Value, name: &str| {
            STANDARD
                .decode(text_at(value, name))
                .map_err(|error| error.to_string())
        };
        let signature = octets(&status["signature"], "value")?;
        let certificate = octets(&status["cert"], "value")?;
        openssl::verify_signature(&certificate, algorithm, &self.data, &signature)?;
        openssl::verify_chain(trust, &certificate)?;
        Ok(Signer {
            document_number: text_at(&status["result"], "documentNumber"),
            certificate,
        })
    }
}

/// The verification code of a hash: the last two octets of its SHA-256, modulo 10 000.
fn verification_code(hash: &[u8]) -> String {
    let hash = Sha256::digest(hash);
    let last = u16::from_be_bytes([hash[30], hash[31]]);
    format!("{:04}", last % 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_code_that_the_documentation_computes() {
        // The documentation's own example, and 64 counted octets.
        let example = "GYS+yoah6emAcVDNIajwSs6UB/M95XrDxMzXBUkwQJ9YFDipXXzGpPc7raWcuc2+TEoRc7WvIZ/7dU/iRXenYg==";
        let hash = STANDARD.decode(example).unwrap();
        assert_eq!(verification_code(&hash), "7180");
        assert_eq!(verification_code(&(0..64).collect::<Vec<u8>>()), "4360");
    }
}
