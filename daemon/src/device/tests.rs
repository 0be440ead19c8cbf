//! What a start makes of an enrolment that a crash interrupted.

use std::time::{Duration, Instant};

use symbolon_protocol::bytes::Octets;
use symbolon_protocol::device::enrolment::EnrolmentBegun;
use symbolon_protocol::freshness::FreshnessToken;
use symbolon_protocol::identifiers::{CertificateLevel, KeyPurpose};
use symbolon_protocol::release::PolicyReference;
use symbolon_vault::{Pin, ShareEnrolment};
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::accounts::{Standing, StoredKey, copy_of};
use crate::enrolment::{NoteName, Pending, StoredShare};
use crate::test_transactions::account;
use crate::test_vault::TestVault;

struct Stage {
    folder: TempDir,
    vault: TestVault,
    handle: VaultHandle,
}

impl Stage {
    fn set() -> Self {
        let vault = TestVault::default();
        Self {
            folder: tempfile::tempdir().unwrap(),
            handle: VaultHandle::start(Box::new(vault.clone())).unwrap(),
            vault,
        }
    }

    async fn share(&self, purpose: KeyPurpose) -> StoredShare {
        let enrolment = ShareEnrolment {
            reference: PolicyReference {
                document_number: account(),
                purpose,
            },
            release_key: Octets(vec![4; 65]),
            purpose,
        };
        let made = self
            .handle
            .call(move |vault| {
                vault.enrol(&enrolment, &Pin::parse(b"15931").unwrap(), &mut |_| Ok(()))
            })
            .await
            .unwrap();
        StoredShare {
            sealed: made.sealed,
            public: made.public,
        }
    }

    async fn interrupted(&self) -> Pending {
        let identity = self
            .handle
            .call(|vault| vault.create_identity(&mut |_| Ok(())))
            .await
            .unwrap();
        Pending {
            note: NoteName::draw(),
            service: "test".to_owned(),
            owner: 1000,
            group: None,
            device_name: "laptop".to_owned(),
            identity: identity.sealed,
            device_key: identity.device_key,
            device_certificate: Octets(Vec::new()),
            hardware: identity.hardware,
            begun: EnrolmentBegun {
                enrolment: Uuid::new_v4(),
                document_number: account(),
                person: account().person(),
                given_name: "Mari".to_owned(),
                surname: "Maasikas".to_owned(),
                level: CertificateLevel::Qualified,
                release_key: Octets(vec![4; 65]),
            },
            authentication: None,
            signing: None,
            remains: None,
        }
    }

    /// Starts the device and waits until no note is left.
    async fn start(&self) -> Arc<Device> {
        let (announcer, _) = Announcer::new();
        let device = Device::start(
            self.folder.path(),
            Vec::new(),
            self.handle.clone(),
            announcer,
        )
        .unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        let notes = self.folder.path().join("enrolments");
        while std::fs::read_dir(&notes).unwrap().count() > 0 {
            assert!(Instant::now() < deadline, "the note is still there");
            tokio::task::yield_now().await;
        }
        device
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_made_enrolment_leaves_nothing_in_the_hardware() {
    let stage = Stage::set();
    let folder = Folder::open(stage.folder.path()).unwrap();
    let mut pending = stage.interrupted().await;
    pending.authentication = Some(stage.share(KeyPurpose::Authentication).await);
    folder.write(&pending).await.unwrap();
    assert_eq!(stage.vault.inside().shares.len(), 1);

    let device = stage.start().await;

    assert!(stage.vault.inside().shares.is_empty());
    assert!(stage.vault.inside().identities.is_empty());
    assert!(device.all().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_that_was_being_made_leaves_nothing_in_the_hardware() {
    let stage = Stage::set();
    let folder = Folder::open(stage.folder.path()).unwrap();
    let mut pending = stage.interrupted().await;
    stage.share(KeyPurpose::Authentication).await;
    pending.remains = Some(TestVault::remains_of(0));
    folder.write(&pending).await.unwrap();
    assert_eq!(stage.vault.inside().shares.len(), 1);

    stage.start().await;

    assert!(stage.vault.inside().shares.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_note_of_a_stored_account_goes_and_its_keys_stay() {
    let stage = Stage::set();
    let folder = Folder::open(stage.folder.path()).unwrap();
    let mut pending = stage.interrupted().await;
    let authentication = stage.share(KeyPurpose::Authentication).await;
    let signing = stage.share(KeyPurpose::Signing).await;
    let key = |share: &StoredShare| StoredKey {
        share: copy_of(&share.sealed),
        share_modulus: share.public.modulus.clone(),
        modulus: share.public.modulus.clone(),
        certificate: Octets(Vec::new()),
    };
    let deed = Deed {
        document_number: account(),
        person: account().person(),
        given_name: "Mari".to_owned(),
        surname: "Maasikas".to_owned(),
        level: CertificateLevel::Qualified,
        service: "test".to_owned(),
        device_name: "laptop".to_owned(),
        owner: 1000,
        group: None,
        enrolled_at: 0,
        identity: pending.identity.clone(),
        device_key: pending.device_key.clone(),
        device_certificate: Octets(Vec::new()),
        authentication: key(&authentication),
        signing: key(&signing),
    };
    let standing = Standing {
        to_activate: Some(pending.begun.enrolment),
        freshness_token: FreshnessToken::draw().unwrap(),
        lock: None,
        closed: false,
        closure: None,
    };
    let store = Store::open(stage.folder.path()).unwrap();
    let sealed = Store::sealed(&deed, &standing).unwrap();
    store.write(&account(), sealed).await.unwrap();
    pending.authentication = Some(authentication);
    pending.signing = Some(signing);
    folder.write(&pending).await.unwrap();

    let device = stage.start().await;

    assert_eq!(stage.vault.inside().shares.len(), 2);
    for (uid, seen) in [(1000, 1), (0, 1), (1001, 0)] {
        let caller = Caller {
            uid,
            name: None,
            groups: vec![uid],
            subject: None,
        };
        assert_eq!(device.seen_by(&caller).await.accounts.len(), seen, "{uid}");
    }
}
