//! Tokens of others, which lack something that we need: what is said of it, and that nobody enrols.
//! Run by `make test-tokens`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, and one that is left out says so"
)]

mod refusal;

// So that cargo builds the module.
use obstinate_module as _;
use symbolon_tests::folder::Folder;
use symbolon_tests::nss_token;
use symbolon_tests::tpm2_token::Tpm2Token;

#[test]
fn s160_nss_keeps_no_counter() {
    let folder = Folder::new("nss");
    let Some(token) = nss_token::create(&folder.sub("nss")) else {
        return;
    };
    refusal::expect(
        &token,
        "it keeps a counter: the token failed: CreateObject says AttributeValueInvalid",
        None,
    );
}

#[test]
fn s161_tpm2_pkcs11_computes_no_hmac() {
    let folder = Folder::new("tpm2");
    let Some(token) = Tpm2Token::create(&folder.sub("tpm2"), &folder.logs()) else {
        return;
    };
    refusal::expect(
        &token.at(),
        "computes HMAC-SHA256: the token cannot do GenerateKey",
        Some("LACK CKM_AES_KEY_WRAP_PAD or CKM_AES_KEY_WRAP_KWP: the token does not offer this"),
    );
}
