//! The attestations were made by swtpm (TPM 2.0 library 1.64) through tpm2-tools 5.4.
use super::*;
use crate::policy::PolicyDigest;
use crate::release::index_name;

/// A restricted P-256 key of that TPM.
const KEY: &str = "\
    046b080328ba801a6777676ec9cdf6973f40999ccb08dcd94efab284fcae1d4d87df5f9f7d5d695fb9ba\
    f3e1511c136b85b193c800d643d427c8ca7a4f8808994d";
/// `NV_Certify` of a PIN_FAIL index with two failures, over the nonce 00 01 .. 1f.
const ATTESTATION: &str = "\
    ff54434780140022000b3915bae3f7db4c05980daec6900f9f8447f63c6563f46472d7faa25be1de4d4a\
    0020000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f000000000000063e\
    85a50e036a48de9f01216ea6e848572c0a0022000bb516f85c88de6f070d2f63d9c23cdb1cd268eaa350\
    10587b8a6ec5272cb2bb97000000080000000200000003";
const SIGNATURE: &str = "\
    68378e05504adfec604b82cd332bf311a91080289cd4e2a0844d796b154d65a37da8565b3fd485c2c0a8\
    818aa914a0f406d9ad136f43197c9adec006c7896da8";
/// `NV_Certify` of the limit alone: four octets at offset 4.
const OF_LIMIT_ALONE: &str = "\
    ff54434780140022000b3915bae3f7db4c05980daec6900f9f8447f63c6563f46472d7faa25be1de4d4a\
    0020000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0000000000000685\
    85a50e036a48de9f01216ea6e848572c0a0022000bb516f85c88de6f070d2f63d9c23cdb1cd268eaa350\
    10587b8a6ec5272cb2bb970004000400000003";
const OF_LIMIT_ALONE_SIGNATURE: &str = "\
    396546c451f0705a13bcde5ec33541ae6909bddb4c69d7befaab0099846bb6000f78ff5e49f60d4f41db\
    241ad9bb2b7268c6ea4be7d9bdca2aa0d525d0f53582";
/// `GetTime` over the same nonce.
const OF_TIME: &str = "\
    ff54434780190022000b3915bae3f7db4c05980daec6900f9f8447f63c6563f46472d7faa25be1de4d4a\
    0020000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0000000000000667\
    85a50e036a48de9f01216ea6e848572c0a00000000000006670000000000000667000000010000000001\
    2019102300163636";
const OF_TIME_SIGNATURE: &str = "\
    a8183a65c1ca95bbb59cbfd8650a943e339e3a3a120f38fbd906affb36a227755f545094498fa27ad7fb\
    4549fed33de485b233c04a1c51619dd9d817d4993a8e";

fn reading(attestation: &str, signature: &str) -> CertifiedReading {
    CertifiedReading {
        attestation: hex::decode(attestation).unwrap().into(),
        signature: hex::decode(signature).unwrap().into(),
    }
}

fn key() -> [u8; 65] {
    hex::decode(KEY).unwrap().try_into().unwrap()
}

fn nonce() -> Vec<u8> {
    (0..32).collect()
}

fn name() -> [u8; 34] {
    index_name(
        0x0180_1001,
        PolicyDigest::start().command_code(0x0137).octets(),
    )
}

fn read(reading: &CertifiedReading) -> Result<PinCount, ReadingError> {
    read_certified_count(reading, &key(), &nonce(), &name())
}

#[test]
fn reads_what_a_tpm_certified() {
    assert_eq!(
        read(&reading(ATTESTATION, SIGNATURE)),
        Ok(PinCount {
            failures: 2,
            limit: 3
        })
    );
}

#[test]
fn a_replay_and_another_index_are_refused() {
    let reading = reading(ATTESTATION, SIGNATURE);
    for nonce in [&nonce()[..31], &[7; 32], &[]] {
        assert_eq!(
            read_certified_count(&reading, &key(), nonce, &name()),
            Err(ReadingError::Nonce)
        );
    }
    let other = index_name(0x0180_1002, &[0; 32]);
    for name in [&other[..], &name()[..33], &[]] {
        assert_eq!(
            read_certified_count(&reading, &key(), &nonce(), name),
            Err(ReadingError::OtherIndex)
        );
    }
}

#[test]
fn no_octet_can_be_changed() {
    let genuine = reading(ATTESTATION, SIGNATURE);
    for position in 0..genuine.attestation.0.len() {
        let mut changed = genuine.clone();
        changed.attestation.0[position] ^= 0x01;
        assert_eq!(read(&changed), Err(ReadingError::Signature));
    }
    for position in 0..64 {
        let mut changed = genuine.clone();
        changed.signature.0[position] ^= 0x01;
        assert_eq!(read(&changed), Err(ReadingError::Signature));
    }
    let mut longer = genuine.clone();
    longer.signature.0.push(0);
    assert_eq!(read(&longer), Err(ReadingError::Signature));
}

#[test]
fn keys_that_are_not_the_registered_one_are_refused() {
    let genuine = reading(ATTESTATION, SIGNATURE);
    let mut off_the_curve = key();
    off_the_curve[64] ^= 1;
    assert_eq!(
        read_certified_count(&genuine, &off_the_curve, &nonce(), &name()),
        Err(ReadingError::AttestationKey)
    );
    let other = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let other = other.verifying_key().to_encoded_point(false);
    let other: [u8; 65] = other.as_bytes().try_into().unwrap();
    assert_eq!(
        read_certified_count(&genuine, &other, &nonce(), &name()),
        Err(ReadingError::Signature)
    );
}

#[test]
fn other_attestations_of_the_same_key_are_refused() {
    assert_eq!(
        read(&reading(OF_TIME, OF_TIME_SIGNATURE)),
        Err(ReadingError::NotNvCertify)
    );
    assert_eq!(
        read(&reading(OF_LIMIT_ALONE, OF_LIMIT_ALONE_SIGNATURE)),
        Err(ReadingError::Contents)
    );
}

/// What a key signs that is not restricted to the TPM's own words.
#[test]
fn cut_lengthened_and_foreign_octets_are_refused_though_signed() {
    use p256::ecdsa::signature::Signer;
    let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let point = key.verifying_key().to_encoded_point(false);
    let point: [u8; 65] = point.as_bytes().try_into().unwrap();
    let refusal_of = |octets: &[u8]| {
        let signature: Signature = key.sign(octets);
        let reading = CertifiedReading {
            attestation: octets.into(),
            signature: signature.to_bytes().to_vec().into(),
        };
        read_certified_count(&reading, &point, &nonce(), &name())
    };
    let genuine = hex::decode(ATTESTATION).unwrap();
    assert!(refusal_of(&genuine).is_ok());
    for length in 0..genuine.len() {
        assert_eq!(refusal_of(&genuine[..length]), Err(ReadingError::Malformed));
    }
    let longer = [&genuine[..], &[0]].concat();
    assert_eq!(refusal_of(&longer), Err(ReadingError::Malformed));
    let mut foreign = genuine.clone();
    foreign[0] = 0;
    assert_eq!(refusal_of(&foreign), Err(ReadingError::NotFromTpm));
    // The offset lies before the length and the eight octets at the end.
    let mut elsewhere = genuine.clone();
    elsewhere[genuine.len() - 11] = 1;
    assert_eq!(refusal_of(&elsewhere), Err(ReadingError::Contents));
}
