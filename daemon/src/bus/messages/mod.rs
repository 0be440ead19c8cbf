//! What the daemon answers on D-Bus: JSON, one type per reply.
//!
//! Fields are only ever added. Times are Unix seconds. Every text that came from outside (relying
//! party names, interaction texts, people's names) has been through
//! `symbolon_protocol::display_text`, so it is plain, bounded and free of controls.

mod history;

use serde::{Deserialize, Serialize};
use symbolon_protocol::identifiers::{
    CertificateLevel, DocumentNumber, KeyPurpose, SemanticsIdentifier,
};
use symbolon_protocol::interaction::InteractionType;
use uuid::Uuid;

pub use history::{History, HistoryEntry, HistoryEvent, HistoryRecord};

/// `ListAccounts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Accounts {
    /// The accounts that the caller may see: their own, their groups', all of them for root; by
    /// document number.
    pub accounts: Vec<Account>,
    /// Why accounts of the caller's groups are left out, if polkit could not be asked about them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<String>,
    /// Account files that cannot be used, for their owner's and root's eyes.
    pub damaged: Vec<DamagedAccount>,
}

/// One account on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Which account.
    pub document_number: DocumentNumber,
    /// Whose it is.
    pub person: SemanticsIdentifier,
    /// Their given name.
    pub given_name: String,
    /// Their surname.
    pub surname: String,
    /// The certificates' level.
    pub level: CertificateLevel,
    /// The service's name in the daemon's configuration.
    pub service: String,
    /// What the person calls this device.
    pub device_name: String,
    /// The user who enrolled it here, and whose it is if it is no group's.
    pub owner: u32,
    /// The name of the Unix group whose account it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// When it was enrolled.
    pub enrolled_at: i64,
    /// How the authentication PIN stands, as last known.
    pub pin1: PinStanding,
    /// How the signing PIN stands, as last known.
    pub pin2: PinStanding,
    /// The connection to the service.
    pub connection: Connection,
}

/// A user of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The user's number.
    pub uid: u32,
    /// The user's name at that time, where the machine's list of users had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl std::fmt::Display for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} ({})", self.uid),
            None => write!(f, "{}", self.uid),
        }
    }
}

/// An account file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DamagedAccount {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub detail: String,
}

/// How a PIN stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "state",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum PinStanding {
    /// It is judged.
    Open {
        /// Tries before the next lock; absent where the hardware may not be asked.
        tries_left: Option<u32>,
    },
    /// The account is locked, by this PIN or the other; a right PIN would not be judged.
    Locked {
        /// By which PIN.
        by: KeyPurpose,
        /// Until when, by this machine's clock; absent while the service could not be asked.
        until: Option<i64>,
        /// The same from now, in seconds.
        remaining_seconds: Option<u32>,
    },
    /// The account is closed for good.
    Closed {},
}

/// How an account's connection to its service stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "state",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Connection {
    /// Transactions are pushed.
    Connected {
        /// Since when.
        since: i64,
        /// Whether by long polls, because something in between holds streams back.
        long_poll: bool,
    },
    /// The first attempt is under way.
    Connecting {},
    /// The last attempt failed; another will be made by itself.
    Disconnected {
        /// Why.
        detail: String,
    },
    /// The service knows the account no longer; nothing is tried.
    Ended {
        /// Why.
        detail: String,
    },
}

/// `ListPending`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingList {
    /// What waits for the caller, oldest first.
    pub transactions: Vec<PendingTransaction>,
    /// Why accounts of the caller's groups are left out, if polkit could not be asked about them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<String>,
    /// Accounts whose service could not be asked; what was pushed from them is listed all the same.
    pub not_asked: Vec<NotAsked>,
}

/// An account whose service could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotAsked {
    /// Which account.
    pub document_number: DocumentNumber,
    /// Why.
    pub detail: String,
}

/// One transaction, as a person is to see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingTransaction {
    /// Names it in `BeginApproval`, `Approve`, `Consent` and `Refuse`.
    pub id: Uuid,
    /// Which account is asked.
    pub document_number: DocumentNumber,
    /// Which PIN: `authentication` is PIN1, `signing` PIN2. Absent where nothing is signed: the
    /// relying party wants to know the signing certificate, and `Consent` answers it.
    pub purpose: Option<KeyPurpose>,
    /// Who asks.
    pub relying_party_name: String,
    /// The party behind a broker, if there is one.
    pub brokered_relying_party_name: Option<String>,
    /// Whether it came unasked. What the person took up themselves, by a link, is shown first.
    #[serde(default)]
    pub pushed: bool,
    /// How it is to be shown: `displayTextAndPIN` on one screen with the PIN,
    /// `confirmationMessage` on a screen of its own before the PIN,
    /// `confirmationMessageAndVerificationCodeChoice` on one with the codes of `codeChoice`;
    /// `verificationCodeChoice` as `displayTextAndPIN`, after a screen with those codes. Absent
    /// where nothing is signed.
    pub interaction: Option<InteractionType>,
    /// The relying party's text; empty where nothing is signed.
    pub text: String,
    /// Four digits that the relying party shows as well; absent in linked flows, and as long as
    /// they are to be chosen.
    pub verification_code: Option<String>,
    /// As long as the code is to be chosen: three, of which the relying party shows one.
    /// `ChooseCode` comes before `Approve` then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_choice: Option<Vec<String>>,
    /// Whether it is a login of version 2 of the relying-party API: neither name nor text is part of
    /// what is signed.
    #[serde(default)]
    pub is_bare_login: bool,
    /// What is signed, for those who compare it, where that is a digest of the relying party's: in
    /// every signature and in a bare login. Absent as long as it would tell the code.
    pub digest: Option<Digest>,
    /// For a signature that was announced by a certificate choice: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linked_session: Option<Uuid>,
    /// Where several colleagues must approve: how many, and who did. `Agree` is for all but the
    /// last, who types the PIN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals: Option<Approvals>,
    /// When the relying party asked.
    pub created_at: i64,
    /// Until when an answer is of use, by this machine's clock.
    pub expires_at: i64,
    /// The same from this reply on, in seconds.
    pub expires_in_seconds: u32,
}

/// `Agree`, and how far a transaction has come that several colleagues must approve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approvals {
    /// How many must approve, who types the PIN among them.
    pub needed: u8,
    /// Who agreed, in order. Each counts once.
    pub given: Vec<User>,
}

/// `TakeCallback`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallbackTaken {
    /// Where to lead the browser that opened the link. Absent if none waits, or the transaction
    /// was neither approved, agreed to nor refused. Proves to the relying party who came back: not for logs.
    pub url: Option<String>,
}

/// What a signature is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Digest {
    /// E.g. `SHA-512`.
    pub hash: String,
    /// Lower-case hexadecimal.
    pub value: String,
}

/// `BeginApproval`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalBegun {
    /// What is to be approved, freshly counted down.
    pub transaction: PendingTransaction,
    /// How its PIN stands; anything but `open` means that no PIN needs to be asked for. Where
    /// nothing is signed: how the signing PIN stands, for a locked account can agree to nothing.
    pub pin: PinStanding,
    /// How many colleagues must still agree before the caller's PIN is taken. Until then the
    /// caller can `Agree`.
    #[serde(default)]
    pub others_missing: u8,
}

/// `Consent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsentTaken {
    /// How long the relying party may take to ask for the signature that it announced; absent
    /// where it announced none. `AwaitLinked` waits for it.
    pub linked_within_seconds: Option<u32>,
}

/// `AwaitLinked`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Linked {
    /// The signature that was announced, as soon as it is asked for; absent if it was not in time,
    /// or none was announced.
    pub transaction: Option<Uuid>,
}

/// `ChooseCode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "outcome",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum CodeChosen {
    /// The relying party shows this code; `Approve` may follow.
    Right {},
    /// It shows another one: the transaction is over, and the relying party is told why.
    Wrong {},
}

/// `Approve` and `ChangePin`: what came of the PIN. Faults are D-Bus errors instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "outcome",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Verdict {
    /// The PIN was right, and what it was given for is done.
    Accepted {},
    /// The PIN was wrong and the try was counted; nothing was done.
    WrongPin {
        /// Tries before the lock; absent where the hardware may not be asked.
        tries_left: Option<u32>,
    },
    /// The account is locked, by this try or earlier; nothing was done.
    Locked {
        /// By which PIN.
        by: KeyPurpose,
        /// Until when, by this machine's clock; absent while the service could not be asked.
        until: Option<i64>,
        /// The same from now, in seconds.
        remaining_seconds: Option<u32>,
    },
    /// That was the last try of all: the account is closed, its certificates are revoked.
    Closed {},
}

/// `Enrol`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Enrolled {
    /// The new account.
    pub document_number: DocumentNumber,
    /// Whose it is.
    pub person: SemanticsIdentifier,
    /// Their given name.
    pub given_name: String,
    /// Their surname.
    pub surname: String,
    /// The certificates' level.
    pub level: CertificateLevel,
    /// What holds the key shares.
    pub hardware: String,
}

/// `Status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// The configured services.
    pub services: Vec<ServiceStatus>,
    /// The caller's accounts.
    pub accounts: Vec<Account>,
    /// How many programs of the caller's user are told about transactions.
    pub subscribers: u32,
}

/// A configured service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
    /// Its name, as `Enrol` takes it.
    pub name: String,
    /// Where its device API is.
    pub url: String,
}

/// `Doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// Whether nothing is worse than [`Severity::Notice`].
    pub healthy: bool,
    /// What was examined, in the order of examination.
    pub findings: Vec<DoctorFinding>,
}

/// One examined thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DoctorFinding {
    /// What was examined, e.g. `TPM`, `Service demo`, `Account PNOEE-…`.
    pub subject: String,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub what: String,
    /// What to do about it, where something can be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// As it should be.
    Good,
    /// Worth knowing.
    Notice,
    /// Something does not work, or not as well as it should.
    Warning,
    /// Nothing can be approved until this is mended.
    Problem,
}
