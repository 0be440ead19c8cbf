use num_bigint::BigUint;
use proptest::prelude::*;
use ring::signature as ring_signature;

use super::*;
use crate::encoding::{EncodedMessage, HashAlgorithm, SignatureAlgorithm};
use crate::test_keys::{Share, device_share, rsa_prime_above, service_share};

const MESSAGE: &[u8] = b"what the person saw";

#[test]
fn another_library_accepts_the_combined_signature() {
    let (device, service) = (device_share(), service_share());
    let key = SplitKey::new(device.modulus.clone(), service.modulus.clone()).unwrap();
    assert_eq!(key.modulus().bits(), 4096);
    let public = ring_signature::RsaPublicKeyComponents {
        n: key.modulus().to_octets(),
        e: vec![1, 0, 1],
    };
    use HashAlgorithm::{Sha256, Sha384, Sha512};
    use SignatureAlgorithm::{Pkcs1, Pss};
    let cases = [
        (Pss(Sha256), &ring_signature::RSA_PSS_2048_8192_SHA256),
        (Pss(Sha384), &ring_signature::RSA_PSS_2048_8192_SHA384),
        (Pss(Sha512), &ring_signature::RSA_PSS_2048_8192_SHA512),
        (Pkcs1(Sha256), &ring_signature::RSA_PKCS1_2048_8192_SHA256),
        (Pkcs1(Sha384), &ring_signature::RSA_PKCS1_2048_8192_SHA384),
        (Pkcs1(Sha512), &ring_signature::RSA_PKCS1_2048_8192_SHA512),
    ];
    for (algorithm, parameters) in cases {
        let message = encode(algorithm, key.modulus());
        let (s1, s2) = (device.half(&message), service.half(&message));
        let signature = key.combine(&s1, &s2).unwrap();
        assert_eq!(signature.as_slice().len(), 512);
        public
            .verify(parameters, MESSAGE, signature.as_slice())
            .unwrap_or_else(|_| panic!("{algorithm:?}"));
        assert!(
            public
                .verify(parameters, b"something else", signature.as_slice())
                .is_err()
        );
    }
}

#[test]
fn a_faulty_half_never_becomes_a_signature() {
    let (device, service) = (device_share(), service_share());
    let key = SplitKey::new(device.modulus.clone(), service.modulus.clone()).unwrap();
    let message = encode(
        SignatureAlgorithm::Pss(HashAlgorithm::Sha256),
        key.modulus(),
    );
    let (s1, s2) = (device.sign(&message), service.sign(&message));
    let nothing = PartialSignature::from_octets(Vec::new());
    let bad = [0, 100, 255].map(|position| flip(&s1, position));
    for bad in bad.iter().chain([&s2, &nothing]) {
        assert_eq!(bad.verified(&message, key.device_modulus()), None);
    }
    let bad = [0, 100, 255].map(|position| flip(&s2, position));
    for bad in bad.iter().chain([&s1, &nothing]) {
        assert_eq!(bad.verified(&message, key.service_modulus()), None);
    }
    assert!(
        key.combine(&device.half(&message), &service.half(&message))
            .is_ok()
    );
}

#[test]
fn a_half_is_right_for_one_message_and_one_key_alone() {
    let (device, service) = (device_share(), service_share());
    let key = SplitKey::new(device.modulus.clone(), service.modulus.clone()).unwrap();
    let pss = SignatureAlgorithm::Pss(HashAlgorithm::Sha256);
    let (message, other) = (encode(pss, key.modulus()), encode(pss, key.modulus()));
    let half = device.sign(&message);
    assert_eq!(half.verified(&other, key.device_modulus()), None);
    let (half, others) = (device.half(&message), service.half(&message));
    let of_another = service.half(&other);
    assert_eq!(key.combine(&half, &of_another), Err(CombineFault));
    for (first, second) in [(&half, &half), (&others, &others), (&others, &half)] {
        assert_eq!(key.combine(first, second), Err(CombineFault));
    }
    let exchanged = SplitKey::new(service.modulus.clone(), device.modulus.clone()).unwrap();
    assert_eq!(exchanged.combine(&half, &others), Err(CombineFault));
    assert!(exchanged.combine(&others, &half).is_ok());
}

#[test]
fn a_half_has_one_spelling() {
    let device = device_share();
    let message = encode(
        SignatureAlgorithm::Pss(HashAlgorithm::Sha256),
        &device.modulus,
    );
    let half = device.sign(&message);
    assert!(half.verify(&message, &device.modulus));

    let longer = [&[0], half.as_slice()].concat();
    assert!(!PartialSignature::from_octets(longer).verify(&message, &device.modulus));
    let plus_modulus = BigUint::from_bytes_be(half.as_slice()) + device.modulus.value();
    let octets = plus_modulus.to_bytes_be();
    assert!(!PartialSignature::from_octets(octets).verify(&message, &device.modulus));
    assert!(!PartialSignature::from_octets(Vec::new()).verify(&message, &device.modulus));
}

#[test]
fn the_device_takes_only_a_signature_that_verifies() {
    let (device, service) = (device_share(), service_share());
    let key = SplitKey::new(device.modulus.clone(), service.modulus.clone()).unwrap();
    let message = encode(
        SignatureAlgorithm::Pkcs1(HashAlgorithm::Sha512),
        key.modulus(),
    );
    let signature = key
        .combine(&device.half(&message), &service.half(&message))
        .unwrap();
    let octets = signature.clone().into_octets();
    let taken = Signature::verified(octets.clone(), &message, key.modulus());
    assert_eq!(taken, Ok(signature.clone()));
    assert!(signature.verify(&message, key.modulus()));

    let other = encode(
        SignatureAlgorithm::Pkcs1(HashAlgorithm::Sha384),
        key.modulus(),
    );
    assert!(!signature.verify(&other, key.modulus()));
    assert_eq!(
        Signature::verified(octets[1..].to_vec(), &message, key.modulus()),
        Err(CombineFault)
    );
}

#[test]
fn a_key_comes_back_from_the_store() {
    let (device, service) = (device_share().modulus, service_share().modulus);
    let key = SplitKey::new(device.clone(), service.clone()).unwrap();
    let (composite, inverse) = (key.modulus().clone(), key.inverse_octets());
    assert_eq!(inverse.len(), 256);
    let restored = SplitKey::restore(device.clone(), composite.clone(), &inverse).unwrap();
    assert_eq!(restored, key);
    assert_eq!(restored.service_modulus(), &service);

    let damaged = &inverse[..255];
    assert_eq!(
        SplitKey::restore(device.clone(), composite, damaged),
        Err(SplitKeyError::Inconsistent)
    );
    assert_eq!(
        SplitKey::restore(device, service, &inverse),
        Err(SplitKeyError::Inconsistent)
    );
}

#[test]
fn a_modulus_is_no_key_with_itself() {
    let modulus = device_share().modulus;
    assert_eq!(
        SplitKey::new(modulus.clone(), modulus.clone()),
        Err(SplitKeyError::CommonFactor)
    );
    assert!(!modulus.divides(&modulus));
    assert!(modulus.divides(&modulus.multiply(&service_share().modulus).unwrap()));
    assert!(!modulus.divides(&service_share().modulus));
}

#[test]
fn reads_moduli_and_only_those() {
    assert_eq!(Modulus::from_octets(&[]), Err(ModulusError::Even));
    assert_eq!(Modulus::from_octets(&[4]), Err(ModulusError::Even));
    assert_eq!(
        Modulus::from_octets(&[1]),
        Err(ModulusError::Length { bits: 1 })
    );
    assert_eq!(
        Modulus::from_octets(&[0xff; 2049]),
        Err(ModulusError::Length { bits: 16392 })
    );
    let modulus = Modulus::from_octets(&[0, 0, 1, 0x0d]).unwrap();
    assert_eq!((modulus.bits(), modulus.octets()), (9, 2));
    assert_eq!(modulus.to_octets(), [1, 0x0d]);
    let json = serde_json::to_string(&modulus).unwrap();
    assert_eq!(json, "\"AQ0=\"");
    assert_eq!(serde_json::from_str::<Modulus>(&json).unwrap(), modulus);
    assert!(serde_json::from_str::<Modulus>("\"AQw=\"").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Primes of every length, so that no modulus has a round number of bits but by chance, either
    /// share is the larger, and the shortest barely holds the encoding.
    #[test]
    fn shares_of_any_lengths_combine(
        lengths in prop::array::uniform4(131u64..180),
        seeds in prop::array::uniform4(any::<[u8; 23]>()),
        salt: [u8; 32],
    ) {
        let primes: Vec<BigUint> = lengths.iter().zip(&seeds).map(|(bits, seed)| {
            let mut start = BigUint::from_bytes_be(seed) >> (184 - bits);
            start.set_bit(bits - 1, true);
            rsa_prime_above(&start)
        }).collect();
        let distinct: std::collections::BTreeSet<_> = primes.iter().collect();
        prop_assume!(distinct.len() == 4);

        let device = Share::of_primes(&primes[0], &primes[1]);
        let service = Share::of_primes(&primes[2], &primes[3]);
        let key = SplitKey::new(device.modulus.clone(), service.modulus.clone()).unwrap();
        let message = EncodedMessage::encode(
            SignatureAlgorithm::Pss(HashAlgorithm::Sha256),
            &HashAlgorithm::Sha256.digest(MESSAGE),
            &salt,
            key.modulus(),
        );
        prop_assume!(message.is_ok());
        let message = message.unwrap();
        let signature = key.combine(&device.half(&message), &service.half(&message)).unwrap();
        prop_assert_eq!(signature.as_slice().len(), key.modulus().octets());
        let restored = SplitKey::restore(
            device.modulus.clone(), key.modulus().clone(), &key.inverse_octets(),
        );
        prop_assert_eq!(restored, Ok(key));
    }

    #[test]
    fn the_public_operation_is_the_power(base: [u8; 40], modulus: [u8; 33]) {
        let modulus = Modulus::from_octets(&modulus);
        prop_assume!(modulus.is_ok());
        let modulus = modulus.unwrap();
        // The second one meets what the first one kept.
        for base in [&base[..], &base[1..]].map(BigUint::from_bytes_be) {
            prop_assert_eq!(
                modulus.raise_to_public_exponent(&base),
                base.modpow(&BigUint::from(PUBLIC_EXPONENT), modulus.value())
            );
        }
    }
}

fn encode(algorithm: SignatureAlgorithm, modulus: &Modulus) -> EncodedMessage {
    let digest = algorithm.hash().digest(MESSAGE);
    EncodedMessage::encode(algorithm, &digest, &algorithm.draw_salt().unwrap(), modulus).unwrap()
}

fn flip(half: &PartialSignature, position: usize) -> PartialSignature {
    let mut octets = half.as_slice().to_vec();
    octets[position] ^= 1;
    PartialSignature::from_octets(octets)
}
