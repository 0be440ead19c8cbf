use super::*;
use crate::test_keys::device_share;
use num_integer::Integer;
use proptest::prelude::*;

/// Each line of the file: scheme, hash, modulus, salt, signature.
const OPENSSL: &str = include_str!("openssl.txt");

#[test]
fn encodes_what_openssl_signed() {
    let lines = OPENSSL.lines().filter(|line| !line.starts_with('#'));
    let mut seen = 0;
    for line in lines {
        let [scheme, hash, modulus, salt, signature] =
            line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let hash: HashAlgorithm = hash.parse().unwrap();
        let algorithm =
            SignatureAlgorithm::from_api(scheme, (scheme == "rsassa-pss").then_some(hash)).unwrap();
        assert_eq!(algorithm.hash(), hash);
        let modulus = crate::test_keys::number(modulus);
        let modulus = Modulus::from_octets(&modulus.to_bytes_be()).unwrap();
        let salt = hex::decode(salt.trim_matches('-')).unwrap();
        let signature = BigUint::from_bytes_be(&hex::decode(signature).unwrap());

        let encoded =
            EncodedMessage::encode(algorithm, &hash.digest(b"to be signed"), &salt, &modulus)
                .unwrap();
        assert_eq!(
            modulus.raise_to_public_exponent(&signature),
            encoded.value(),
            "{algorithm:?} {} bits",
            modulus.bits()
        );
        seen += 1;
    }
    assert_eq!(seen, 27);
}

#[test]
fn digests_are_those_of_the_named_hash() {
    // FIPS 180-4 and FIPS 202: the first octets of the digests of the empty message.
    for (hash, beginning) in [
        (HashAlgorithm::Sha256, "e3b0c442"),
        (HashAlgorithm::Sha384, "38b060a7"),
        (HashAlgorithm::Sha512, "cf83e135"),
        (HashAlgorithm::Sha3_256, "a7ffc6f8"),
        (HashAlgorithm::Sha3_384, "0c63a75b"),
        (HashAlgorithm::Sha3_512, "a69f73cc"),
    ] {
        let digest = hash.digest(b"");
        assert_eq!(hex::encode(&digest[..4]), beginning);
        assert_eq!(digest.len(), hash.length());
        assert_eq!(hash.as_str().parse(), Ok(hash));
        assert_eq!(serde_json::to_value(hash).unwrap(), hash.as_str());
    }
}

#[test]
fn names_of_the_relying_party_api_go_both_ways() {
    for hash in HashAlgorithm::ALL {
        let pss = SignatureAlgorithm::Pss(hash);
        assert_eq!(
            SignatureAlgorithm::from_api(pss.as_str(), Some(hash)),
            Ok(pss)
        );
        assert_eq!(pss.salt_length(), hash.length());
        assert_eq!(pss.draw_salt().unwrap().len(), hash.length());
    }
    for hash in [
        HashAlgorithm::Sha256,
        HashAlgorithm::Sha384,
        HashAlgorithm::Sha512,
    ] {
        let pkcs1 = SignatureAlgorithm::Pkcs1(hash);
        assert_eq!(
            SignatureAlgorithm::from_api(pkcs1.as_str(), None),
            Ok(pkcs1)
        );
        assert_eq!(pkcs1.draw_salt().unwrap(), b"");
    }
}

#[test]
fn refuses_algorithms_that_the_api_does_not_know() {
    let sha256 = Some(HashAlgorithm::Sha256);
    for (name, hash) in [
        ("rsassa-pss", None),
        ("RSASSA-PSS", sha256),
        ("sha256WithRSAEncryption", sha256),
        ("sha3-256WithRSAEncryption", None),
        ("", None),
    ] {
        assert_eq!(
            SignatureAlgorithm::from_api(name, hash),
            Err(UnknownAlgorithm)
        );
    }
    assert_eq!("sha-256".parse::<HashAlgorithm>(), Err(UnknownAlgorithm));
}

#[test]
fn refuses_what_does_not_fit_the_algorithm() {
    let modulus = device_share().modulus;
    let pss = SignatureAlgorithm::Pss(HashAlgorithm::Sha256);
    let encode = |algorithm, digest: &[u8], salt: &[u8]| {
        EncodedMessage::encode(algorithm, digest, salt, &modulus).unwrap_err()
    };
    assert_eq!(
        encode(pss, &[0; 31], &[0; 32]),
        EncodingError::DigestLength {
            expected: 32,
            found: 31
        }
    );
    assert_eq!(
        encode(pss, &[0; 32], &[]),
        EncodingError::SaltLength {
            expected: 32,
            found: 0
        }
    );
    let pkcs1 = SignatureAlgorithm::Pkcs1(HashAlgorithm::Sha256);
    assert_eq!(
        encode(pkcs1, &[0; 32], &[0; 32]),
        EncodingError::SaltLength {
            expected: 0,
            found: 32
        }
    );
    assert_eq!(
        encode(
            SignatureAlgorithm::Pkcs1(HashAlgorithm::Sha3_256),
            &[0; 32],
            &[]
        ),
        EncodingError::HashNotOffered(HashAlgorithm::Sha3_256)
    );
}

#[test]
fn the_shortest_moduli_are_those_of_the_standard() {
    // PSS: emLen >= hLen + sLen + 2 (RFC 8017 section 9.1.1 step 3), emBits one less than modBits.
    let pss = SignatureAlgorithm::Pss(HashAlgorithm::Sha256);
    assert!(EncodedMessage::encode(pss, &[1; 32], &[2; 32], &modulus_of_bits(65 * 8 + 2)).is_ok());
    assert_eq!(
        EncodedMessage::encode(pss, &[1; 32], &[2; 32], &modulus_of_bits(65 * 8 + 1)),
        Err(EncodingError::ModulusTooShort)
    );
    // PKCS#1 v1.5: emLen >= tLen + 11 (section 9.2 step 3), emLen octets of the modulus.
    let pkcs1 = SignatureAlgorithm::Pkcs1(HashAlgorithm::Sha256);
    assert!(EncodedMessage::encode(pkcs1, &[1; 32], &[], &modulus_of_bits(61 * 8 + 1)).is_ok());
    assert_eq!(
        EncodedMessage::encode(pkcs1, &[1; 32], &[], &modulus_of_bits(61 * 8)),
        Err(EncodingError::ModulusTooShort)
    );
}

proptest! {
    #[test]
    fn is_as_long_as_any_modulus_and_below_it(
        bits in 1100usize..1400,
        hash in 0usize..6,
        message: Vec<u8>,
        seed: [u8; 32],
    ) {
        let hash = HashAlgorithm::ALL[hash];
        let modulus = modulus_of_bits(bits);
        let salt = hash.digest(&seed);
        let encoded = EncodedMessage::encode(
            SignatureAlgorithm::Pss(hash), &hash.digest(&message), &salt, &modulus,
        ).unwrap();
        prop_assert_eq!(encoded.as_slice().len(), modulus.octets());
        // A modulus of this length is at least 2^(bits-1), and the encoding below that.
        prop_assert!(encoded.value().bits() < bits as u64);
        prop_assert_eq!(encoded.as_slice().last(), Some(&0xbc));
    }

    #[test]
    fn is_reduced_to_exactly_the_length_of_the_smaller_modulus(bits in 8usize..1024, seed: [u8; 32]) {
        let encoded = EncodedMessage::encode(
            SignatureAlgorithm::Pss(HashAlgorithm::Sha256), &seed, &seed, &modulus_of_bits(1024),
        ).unwrap();
        let smaller = modulus_of_bits(bits);
        let reduced = encoded.reduced(&smaller);
        prop_assert_eq!(reduced.len(), smaller.octets());
        prop_assert_eq!(
            BigUint::from_bytes_be(&reduced),
            encoded.value().mod_floor(smaller.value())
        );
    }
}

/// The smallest odd number of so many bits: the hardest to stay below.
fn modulus_of_bits(bits: usize) -> Modulus {
    let number = (BigUint::from(1u8) << (bits - 1)) + 1u8;
    Modulus::from_octets(&number.to_bytes_be()).unwrap()
}
