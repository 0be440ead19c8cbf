//! What the TPM can do by itself: `TPM2_RSA_Decrypt` with a key that is loaded already.

use tss_esapi::attributes::ObjectAttributesBuilder;
use tss_esapi::handles::KeyHandle;
use tss_esapi::interface_types::algorithm::{HashingAlgorithm, PublicAlgorithm};
use tss_esapi::interface_types::key_bits::RsaKeyBits;
use tss_esapi::interface_types::resource_handles::Hierarchy;
use tss_esapi::interface_types::session_handles::AuthSession;
use tss_esapi::structures::{
    Data, Public, PublicBuilder, PublicKeyRsa, PublicRsaParametersBuilder, RsaDecryptionScheme,
    RsaExponent, RsaScheme,
};
use tss_esapi::tcti_ldr::TctiNameConf;
use tss_esapi::utils::create_restricted_decryption_rsa_public;
use tss_esapi::{Context, structures::SymmetricDefinitionObject};

/// A TPM with a key that is loaded.
pub(crate) struct BareTpm {
    context: Context,
    key: KeyHandle,
    message: PublicKeyRsa,
}

impl BareTpm {
    /// On the TPM at `tcti`, which nobody else may use meanwhile.
    pub(crate) fn open(tcti: &str) -> Self {
        let tcti: TctiNameConf = tcti.parse().unwrap();
        let mut context = Context::new(tcti).unwrap();
        context.set_sessions((Some(AuthSession::Password), None, None));
        let primary = context
            .create_primary(Hierarchy::Null, storage_key(), None, None, None, None)
            .unwrap();
        let made = context
            .create(primary.key_handle, plain_key(), None, None, None, None)
            .unwrap();
        let key = context
            .load(primary.key_handle, made.out_private, made.out_public)
            .unwrap();
        Self {
            context,
            key,
            message: PublicKeyRsa::try_from(vec![0x21; 256]).unwrap(),
        }
    }

    /// One `TPM2_RSA_Decrypt`.
    pub(crate) fn operate(&mut self) {
        let (scheme, label) = (RsaDecryptionScheme::Null, Data::default());
        self.context
            .rsa_decrypt(self.key, self.message.clone(), scheme, label)
            .unwrap();
    }
}

fn storage_key() -> Public {
    create_restricted_decryption_rsa_public(
        SymmetricDefinitionObject::AES_128_CFB,
        RsaKeyBits::Rsa2048,
        RsaExponent::default(),
    )
    .unwrap()
}

fn plain_key() -> Public {
    let attributes = ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_sensitive_data_origin(true)
        .with_user_with_auth(true)
        .with_decrypt(true)
        .with_no_da(true)
        .build()
        .unwrap();
    let parameters = PublicRsaParametersBuilder::new()
        .with_scheme(RsaScheme::Null)
        .with_key_bits(RsaKeyBits::Rsa2048)
        .with_exponent(RsaExponent::default())
        .with_is_decryption_key(true)
        .build()
        .unwrap();
    PublicBuilder::new()
        .with_public_algorithm(PublicAlgorithm::Rsa)
        .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
        .with_object_attributes(attributes)
        .with_rsa_parameters(parameters)
        .with_rsa_unique_identifier(PublicKeyRsa::default())
        .build()
        .unwrap()
}
