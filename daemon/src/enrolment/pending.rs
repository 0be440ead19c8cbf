//! An enrolment on its way, as it is written down: one note, from before the device key is made
//! until the account is stored.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use symbolon_protocol::bytes::Octets;
use symbolon_protocol::device::enrolment::{DeviceKey, EnrolmentBegun, Hardware, RegisterKeys};
use symbolon_protocol::identifiers::KeyPurpose;
use symbolon_vault::{Remains, SealedIdentity, SealedShare};
use uuid::Uuid;

use crate::accounts::{
    DamagedFile, FileError, Group, copy_of, make_private_folder, off_the_runtime, read_sealed,
    remove, seal, write_atomically,
};
use crate::link::{LinkError, body_of};

/// The name of a note in its folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct NoteName(Uuid);

impl NoteName {
    /// One that no other note has.
    pub(crate) fn draw() -> Self {
        Self(Uuid::new_v4())
    }
}

/// What a note says.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Noted {
    /// The code was redeemed.
    Pending(Box<Pending>),
    /// A device key is being made, or was made and the code is being redeemed.
    DeviceKey(DeviceKeyNote),
}

/// What a device key leaves in the hardware if nothing comes of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeviceKeyNote {
    #[serde(skip)]
    pub(super) note: NoteName,
    pub(super) device_key_remains: Remains,
}

impl DeviceKeyNote {
    pub(super) fn new(note: NoteName, remains: Remains) -> Self {
        Self {
            note,
            device_key_remains: remains,
        }
    }
}

/// An enrolment whose code was redeemed and whose account is not stored yet.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pending {
    /// The name of its note.
    #[serde(skip)]
    pub(crate) note: NoteName,
    pub(crate) service: String,
    pub(crate) owner: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<Group>,
    pub(crate) device_name: String,
    pub(crate) identity: SealedIdentity,
    pub(crate) device_key: Octets,
    pub(crate) device_certificate: Octets,
    pub(crate) hardware: Hardware,
    pub(crate) begun: EnrolmentBegun,
    /// Absent until it is made.
    pub(crate) authentication: Option<StoredShare>,
    /// Absent until it is made.
    pub(crate) signing: Option<StoredShare>,
    /// What the share that is being made leaves in the hardware if it is never finished.
    #[serde(default)]
    pub(crate) remains: Option<Remains>,
}

/// A share that the hardware made.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredShare {
    pub(crate) sealed: SealedShare,
    pub(crate) public: DeviceKey,
}

impl StoredShare {
    fn copy(&self) -> Self {
        Self {
            sealed: copy_of(&self.sealed),
            public: self.public.clone(),
        }
    }
}

impl Pending {
    /// A second copy, for the thread that makes the next share.
    pub(super) fn copy(&self) -> Self {
        Self {
            note: self.note,
            service: self.service.clone(),
            owner: self.owner,
            group: self.group.clone(),
            device_name: self.device_name.clone(),
            identity: self.identity.clone(),
            device_key: self.device_key.clone(),
            device_certificate: self.device_certificate.clone(),
            hardware: self.hardware.clone(),
            begun: self.begun.clone(),
            authentication: self.authentication.as_ref().map(StoredShare::copy),
            signing: self.signing.as_ref().map(StoredShare::copy),
            remains: self.remains.clone(),
        }
    }

    /// Takes a share that is finished.
    pub(super) fn add(&mut self, purpose: KeyPurpose, share: StoredShare) {
        match purpose {
            KeyPurpose::Authentication => self.authentication = Some(share),
            KeyPurpose::Signing => self.signing = Some(share),
        }
        self.remains = None;
    }

    /// Whether there is nothing left to make: it can be finished without the person.
    pub(crate) fn is_made(&self) -> bool {
        self.authentication.is_some() && self.signing.is_some()
    }

    /// The body of the registration: the same octets at every repetition, because all that
    /// enters it is written down.
    pub(super) fn registration(&self) -> Result<Bytes, LinkError> {
        let (Some(authentication), Some(signing)) = (&self.authentication, &self.signing) else {
            return Err(LinkError::Misbehaved("a key share is missing".to_owned()));
        };
        body_of(&RegisterKeys {
            authentication: authentication.public.clone(),
            signing: signing.public.clone(),
            hardware: self.hardware.clone(),
        })
    }
}

/// The folder of enrolments on their way. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Folder(Arc<Path>);

impl Folder {
    /// Opens the folder `enrolments` in the state directory, and makes it if it is not there.
    pub(crate) fn open(state_directory: &Path) -> Result<Self, FileError> {
        let folder = state_directory.join("enrolments");
        make_private_folder(&folder)?;
        Ok(Self(folder.into()))
    }

    pub(crate) async fn write(&self, pending: &Pending) -> Result<(), FileError> {
        let octets = seal(pending)?;
        let path = self.path(pending.note);
        off_the_runtime(move || write_atomically(&path, &octets)).await
    }

    /// The same for a thread that may block.
    pub(super) fn write_now(&self, pending: &Pending) -> Result<(), FileError> {
        write_atomically(&self.path(pending.note), &seal(pending)?)
    }

    /// Notes a device key that is about to be made. Blocks.
    pub(super) fn write_device_key_now(&self, note: &DeviceKeyNote) -> Result<(), FileError> {
        write_atomically(&self.path(note.note), &seal(note)?)
    }

    pub(super) async fn remove(&self, note: NoteName) {
        let path = self.path(note);
        if let Err(error) = off_the_runtime(move || remove(&path)).await {
            tracing::warn!(%error, "the note of an enrolment that is over was not removed");
        }
    }

    /// Reads all notes; what cannot be read is told and left as it is.
    pub(crate) fn read_all(&self) -> Result<(Vec<Noted>, Vec<DamagedFile>), FileError> {
        let mut notes = Vec::new();
        let mut damaged = Vec::new();
        for entry in std::fs::read_dir(&self.0)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match read(&path) {
                Ok(noted) => notes.push(noted),
                Err(error) => damaged.push(DamagedFile {
                    detail: error.to_string(),
                    path,
                }),
            }
        }
        Ok((notes, damaged))
    }

    fn path(&self, note: NoteName) -> PathBuf {
        self.0.join(format!("{}.json", note.0))
    }
}

fn read(path: &Path) -> Result<Noted, FileError> {
    let name = path.file_stem().and_then(OsStr::to_str);
    let name = name.and_then(|name| name.parse().ok()).map(NoteName);
    let name = name.ok_or_else(|| FileError::Damaged("its name is none of ours".to_owned()))?;
    let mut noted = read_sealed(path)?;
    match &mut noted {
        Noted::Pending(pending) => pending.note = name,
        Noted::DeviceKey(device_key) => device_key.note = name,
    }
    Ok(noted)
}
