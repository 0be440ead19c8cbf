//! Making an account: the code is redeemed, the hardware makes two keys, the service its own two,
//! and what both agree on is stored before the account goes live.
//!
//! * here: the way of one enrolment.
//! * `pending`: what is written down on the way, so that a crash leaves nothing in the hardware
//!   and an answer that got lost costs nothing.
//! * `examination`: what the service sent, held against what the device made.

mod examination;
mod pending;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use symbolon_protocol::device::enrolment::{
    BeginEnrolment, ComposedKey, EnrolmentBegun, KeysRegistered, RegisterKeys,
};
use symbolon_protocol::freshness::FreshnessToken;
use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_protocol::pin_rules::{self, PinRefusal};
use symbolon_protocol::release::PolicyReference;
use symbolon_vault::{NewIdentity, Pin, SealedIdentity, ShareEnrolment, VaultError};
use zeroize::Zeroizing;

use crate::account::Core;
use crate::accounts::{Deed, FileError, Group, Standing, Store, StoredAccount, StoredKey, copy_of};
use crate::bus::fault::{Fault, FaultKind};
use crate::clock::now;
use crate::identity::{client_config, self_signed};
use crate::link::{Link, LinkError};
use crate::locked::locked;
use crate::services::Service;

pub(crate) use pending::{DeviceKeyNote, Folder, NoteName, Noted, Pending, StoredShare};

/// The waits between attempts to register keys that took long to make.
const WAITS: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// What a person gives for an enrolment.
pub(crate) struct Application {
    pub(crate) owner: u32,
    pub(crate) group: Option<Group>,
    pub(crate) code: Zeroizing<String>,
    pub(crate) device_name: String,
    pub(crate) pin1: Pin,
    pub(crate) pin2: Pin,
}

impl Application {
    /// Applies the rules for new PINs. Before the person is known, their birth date is not.
    fn judge_pins(&self, begun: Option<&EnrolmentBegun>) -> Result<(), Fault> {
        let birth_date = begun.and_then(|begun| begun.person.birth_date());
        let pin1 = self.pin1.digits();
        let judged = [
            ("PIN1", KeyPurpose::Authentication, pin1, None),
            ("PIN2", KeyPurpose::Signing, self.pin2.digits(), Some(pin1)),
        ];
        for (name, purpose, digits, pin1) in judged {
            pin_rules::judge(purpose, digits, birth_date, pin1)
                .map_err(|refusal| pin_refused(name, refusal))?;
        }
        Ok(())
    }
}

/// A PIN that may not be set, in words.
pub(crate) fn pin_refused(name: &str, refusal: PinRefusal) -> Fault {
    Fault::with_remedy(
        FaultKind::PinRefused,
        format!("{name} cannot be this: {refusal}"),
        "choose another",
    )
}

/// Redeems the code and has the hardware make both keys: all that needs the person. [`finish`]
/// does the rest.
pub(crate) async fn begin(
    core: &Arc<Core>,
    folder: &Folder,
    service: &Service,
    application: Application,
) -> Result<Pending, Fault> {
    application.judge_pins(None)?;
    let note = NoteName::draw();
    let identity = make_identity(core, folder, note).await?;
    let sealed = identity.sealed.clone();
    let pending = match redeem(core, service, note, identity, &application).await {
        Ok(pending) => pending,
        Err(fault) => {
            if destroy_identity(core, sealed).await {
                folder.remove(note).await;
            }
            return Err(fault);
        }
    };
    make_shares(core, folder, pending, &application).await
}

/// Makes the device key. What it will leave in the hardware is written down before it is there; the
/// note of the enrolment takes that one's place.
async fn make_identity(
    core: &Arc<Core>,
    folder: &Folder,
    note: NoteName,
) -> Result<NewIdentity, Fault> {
    let noted = Arc::new(Mutex::new(None));
    let (last, notes) = (noted.clone(), folder.clone());
    let made = core
        .vault
        .call(move |vault| {
            vault.create_identity(&mut |remains| {
                let device_key = DeviceKeyNote::new(note, remains);
                notes.write_device_key_now(&device_key).map_err(not_noted)?;
                *locked(&last) = Some(device_key);
                Ok(())
            })
        })
        .await;
    let noted = locked(&noted).take();
    if let (Err(_), Some(device_key)) = (&made, noted) {
        clear_device_key(core, folder, device_key).await;
    }
    Ok(made?)
}

/// Has the service take the code from a device with this identity.
async fn redeem(
    core: &Arc<Core>,
    service: &Service,
    note: NoteName,
    identity: NewIdentity,
    application: &Application,
) -> Result<Pending, Fault> {
    let certificate = self_signed(
        &core.vault,
        &identity.sealed,
        identity.device_key.as_slice(),
    )
    .await
    .map_err(internal)?;
    let tls = client_config(
        &core.vault,
        &identity.sealed,
        identity.device_key.as_slice(),
        certificate.clone(),
        service.roots.clone(),
    )
    .map_err(internal)?;
    let link = Link::new(Ok((service.endpoint.clone(), tls)));
    let begun = link
        .call(
            "",
            &BeginEnrolment {
                code: application.code.to_string(),
                device_name: application.device_name.clone(),
            },
        )
        .await?;
    application.judge_pins(Some(&begun))?;
    Ok(Pending {
        note,
        service: service.name.clone(),
        owner: application.owner,
        group: application.group.clone(),
        device_name: application.device_name.clone(),
        identity: identity.sealed,
        device_key: identity.device_key,
        device_certificate: certificate.into(),
        hardware: identity.hardware,
        begun,
        authentication: None,
        signing: None,
        remains: None,
    })
}

/// Makes the two shares, writing each down before the next step.
async fn make_shares(
    core: &Arc<Core>,
    folder: &Folder,
    mut pending: Pending,
    application: &Application,
) -> Result<Pending, Fault> {
    let made = async {
        // A full disk is found out before the hardware makes what takes long.
        folder.write(&pending).await?;
        for (purpose, pin) in [
            (KeyPurpose::Authentication, &application.pin1),
            (KeyPurpose::Signing, &application.pin2),
        ] {
            let share = make_share(core, folder, &mut pending, purpose, pin).await?;
            pending.add(purpose, share);
            folder.write(&pending).await?;
        }
        Ok(())
    };
    match made.await {
        Ok(()) => Ok(pending),
        Err(fault) => {
            undo(core, folder, &pending).await;
            Err(fault)
        }
    }
}

/// Makes one share. What it will leave in the hardware is written down before it is there.
async fn make_share(
    core: &Arc<Core>,
    folder: &Folder,
    pending: &mut Pending,
    purpose: KeyPurpose,
    pin: &Pin,
) -> Result<StoredShare, Fault> {
    let enrolment = ShareEnrolment {
        reference: PolicyReference {
            document_number: pending.begun.document_number.clone(),
            purpose,
        },
        release_key: pending.begun.release_key.clone(),
        purpose,
    };
    // The vault's thread needs a PIN of its own; this copy is wiped like the first.
    let pin = Pin::parse(pin.digits())?;
    let noted = Arc::new(Mutex::new(pending.copy()));
    let (notes, folder) = (noted.clone(), folder.clone());
    let made = core
        .vault
        .call(move |vault| {
            vault.enrol(&enrolment, &pin, &mut |remains| {
                let mut pending = locked(&notes);
                pending.remains = Some(remains);
                folder.write_now(&pending).map_err(not_noted)
            })
        })
        .await;
    pending.remains = locked(&noted).remains.take();
    let made = made?;
    Ok(StoredShare {
        sealed: made.sealed,
        public: made.public,
    })
}

fn not_noted(error: FileError) -> VaultError {
    VaultError::Fault {
        detail: "what it was about to make could not be written down".to_owned(),
        source: Some(error.into()),
    }
}

/// From two shares to a stored account, which is not yet activated: that is its keeper's first
/// act. A fault other than [`FaultKind::ServiceUnreachable`] and [`FaultKind::StorageFailed`]
/// ends the enrolment and undoes it; those two leave it to be finished later.
pub(crate) async fn finish(
    core: &Arc<Core>,
    folder: &Folder,
    link: &Link,
    pending: &Pending,
) -> Result<StoredAccount, Fault> {
    let registered = match register(link, pending).await {
        Ok(registered) => registered,
        Err(error) if error.is_passing() => {
            return Err(Fault::with_remedy(
                FaultKind::ServiceUnreachable,
                format!("the keys are made, but {error}"),
                "the enrolment is finished by itself when the service can be reached; \
                 `symbolon accounts` will show the account",
            ));
        }
        Err(error) => {
            undo(core, folder, pending).await;
            return Err(error.into());
        }
    };
    let checked = examination::examine(pending, &registered).and_then(|()| {
        FreshnessToken::parse(&registered.freshness_token).map_err(|error| error.to_string())
    });
    let token = match checked {
        Ok(token) => token,
        Err(detail) => {
            undo(core, folder, pending).await;
            return Err(Fault::with_remedy(
                FaultKind::ServiceRefused,
                format!("the service's keys are not right: {detail}"),
                "nothing was kept; tell whoever runs the service",
            ));
        }
    };
    let Some(deed) = deed(pending, registered) else {
        return Err(internal("a key share is missing"));
    };
    let standing = Standing {
        to_activate: Some(pending.begun.enrolment),
        freshness_token: token,
        lock: None,
        closed: false,
        closure: None,
    };
    let sealed = Store::sealed(&deed, &standing)?;
    core.store.write(&deed.document_number, sealed).await?;
    forget(folder, pending).await;
    Ok(StoredAccount { deed, standing })
}

async fn register(link: &Link, pending: &Pending) -> Result<KeysRegistered, LinkError> {
    let id = pending.begun.enrolment.to_string();
    let body: Bytes = pending.registration()?;
    let mut waits = WAITS.into_iter();
    loop {
        let error = match link.call_with_body::<RegisterKeys>(&id, body.clone()).await {
            Ok(registered) => return Ok(registered),
            Err(error) => error,
        };
        let Some(wait) = waits.next().filter(|_| error.is_passing()) else {
            return Err(error);
        };
        tracing::warn!(%error, "no answer to the registration of keys");
        link.hang_up().await;
        tokio::time::sleep(wait).await;
    }
}

/// Removes what an enrolment left in the hardware, and then the note of it.
pub(crate) async fn undo(core: &Arc<Core>, folder: &Folder, pending: &Pending) {
    if let Some(remains) = pending.remains.clone()
        && let Err(error) = core.vault.call(move |vault| vault.clear(&remains)).await
    {
        // The note stays, so that the next start tries again.
        tracing::warn!(%error, "what a broken enrolment made is still in the hardware");
        return;
    }
    for share in [&pending.authentication, &pending.signing]
        .into_iter()
        .flatten()
    {
        let sealed = copy_of(&share.sealed);
        if let Err(error) = core.vault.call(move |vault| vault.destroy(sealed)).await {
            tracing::warn!(%error, "a share of a failed enrolment is still in the hardware");
            return;
        }
    }
    if destroy_identity(core, pending.identity.clone()).await {
        forget(folder, pending).await;
    }
}

/// Removes the device key of an account that is not to be. False if it may still be there.
async fn destroy_identity(core: &Arc<Core>, identity: SealedIdentity) -> bool {
    let destroyed = core
        .vault
        .call(move |vault| vault.destroy_identity(identity))
        .await;
    if let Err(error) = &destroyed {
        tracing::warn!(%error, "the device key of a failed enrolment is still in the hardware");
    }
    destroyed.is_ok()
}

/// Removes the note of an enrolment.
pub(crate) async fn forget(folder: &Folder, pending: &Pending) {
    folder.remove(pending.note).await;
}

/// Removes a device key of which nothing came, and then the note of it.
pub(crate) async fn clear_device_key(core: &Arc<Core>, folder: &Folder, noted: DeviceKeyNote) {
    let remains = noted.device_key_remains;
    match core.vault.call(move |vault| vault.clear(&remains)).await {
        Ok(()) => folder.remove(noted.note).await,
        // The note stays, so that the next start tries again.
        Err(error) => tracing::warn!(%error, "a device key of no account is still in the hardware"),
    }
}

fn deed(pending: &Pending, registered: KeysRegistered) -> Option<Deed> {
    let begun = pending.begun.clone();
    Some(Deed {
        document_number: begun.document_number,
        person: begun.person,
        given_name: begun.given_name,
        surname: begun.surname,
        level: begun.level,
        service: pending.service.clone(),
        device_name: pending.device_name.clone(),
        owner: pending.owner,
        group: pending.group.clone(),
        enrolled_at: now(),
        identity: pending.identity.clone(),
        device_key: pending.device_key.clone(),
        device_certificate: pending.device_certificate.clone(),
        authentication: key(pending.authentication.as_ref()?, registered.authentication),
        signing: key(pending.signing.as_ref()?, registered.signing),
    })
}

fn key(share: &StoredShare, composed: ComposedKey) -> StoredKey {
    StoredKey {
        share: copy_of(&share.sealed),
        share_modulus: share.public.modulus.clone(),
        modulus: composed.modulus,
        certificate: composed.certificate,
    }
}

fn internal(error: impl std::fmt::Display) -> Fault {
    Fault::with_remedy(
        FaultKind::Failed,
        format!("the device's identity could not be made: {error}"),
        "try again; `symbolon doctor` examines the hardware",
    )
}
