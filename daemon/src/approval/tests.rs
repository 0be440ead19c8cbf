//! Approvals against a service that answers by script, over real TLS with the vault's key.

use std::path::PathBuf;
use std::sync::Arc;

use num_bigint::BigUint;
use symbolon_protocol::bytes::Octets;
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_protocol::device::transaction::{
    Confirm, Confirmed, Content, Pending, Prepare, Transaction,
};
use symbolon_protocol::freshness::FreshnessToken;
use symbolon_protocol::identifiers::{CertificateLevel, KeyPurpose};
use symbolon_protocol::release::PolicyReference;
use symbolon_protocol::split_key::{Modulus, PartialSignature, SplitKey};
use symbolon_protocol::transaction::rebuild_message;
use symbolon_vault::{Pin, ShareEnrolment};
use tempfile::TempDir;

use crate::account::{Account, Core};
use crate::accounts::{
    Deed, Standing, Store, StoredAccount, StoredKey, Underway, seal, write_atomically,
};
use crate::announcer::Announcer;
use crate::bus::fault::FaultKind;
use crate::bus::messages::{CodeChosen, HistoryEvent, User, Verdict};
use crate::identity::{client_config, self_signed};
use crate::link::Link;
use crate::test_keys::KEYS;
use crate::test_service::{Answer, TestService};
use crate::test_transactions::{account, authentication, certificate_choice, signature};
use crate::test_vault::TestVault;
use crate::transaction::{Event, RefusedAs};
use crate::vault_thread::VaultHandle;

const INTERACTIONS: &str = r#"[{"type":"displayTextAndPIN","displayText60":"Log in?"}]"#;

struct Stage {
    folder: TempDir,
    vault: TestVault,
    service: TestService,
    core: Arc<Core>,
    account: Arc<Account>,
}

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Answered,
    /// The service acts, and its answer is lost.
    AnswerLost,
    Refused(ProblemCode),
}

impl Stage {
    /// An account whose service treats confirmations by turns as `fates` say, the last for ever.
    async fn set(transaction: &Transaction, fates: Vec<Fate>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let vault = TestVault::default();
        let service = TestService::start(script(transaction.clone(), fates)).await;
        let (announcer, _) = Announcer::new();
        let core = Arc::new(Core {
            vault: VaultHandle::start(Box::new(vault.clone())).unwrap(),
            store: Store::open(folder.path()).unwrap(),
            announcer,
            releasing: tokio::sync::Mutex::new(()),
        });
        let stored = enrolled(&core).await;
        let octets = Store::sealed(&stored.deed, &stored.standing).unwrap();
        let number = &stored.deed.document_number;
        core.store.write(number, octets).await.unwrap();
        let account = started(stored, &core, &service);
        account.sync().await.unwrap();
        Self {
            folder,
            vault,
            service,
            core,
            account,
        }
    }

    /// The account as the next start of the daemon finds it.
    fn restarted(&self) -> Arc<Account> {
        let (mut stored, damaged) = self.core.store.read_all().unwrap();
        assert!(damaged.is_empty());
        started(stored.remove(0), &self.core, &self.service)
    }

    /// As far as a daemon comes that is killed before it sends the share.
    async fn up_to_the_share(&self, transaction: &Transaction) -> Underway {
        let id = transaction.id;
        let entry = self.account.waiting(id).await.unwrap();
        let signing = entry.offer.signing.clone().unwrap();
        let by = somebody();
        assert!(self.account.step(id, Event::PinGiven));
        let judging = self.account.judge(&entry, &signing, pin(b"1593"), &by);
        let super::Judged::Right(underway) = judging.await.unwrap() else {
            panic!("the PIN is right");
        };
        *underway
    }

    /// A file of the account.
    fn file(&self, ending: &str) -> PathBuf {
        let name = format!("accounts/{}.{ending}", account());
        self.folder.path().join(name)
    }

    async fn history(&self) -> Vec<HistoryEvent> {
        let entries = self.core.store.history(&account(), 10).await.unwrap();
        entries.into_iter().map(|entry| entry.event).collect()
    }

    fn is_anything_under_way(&self) -> bool {
        let underway = self.core.store.read_underway(&account());
        underway.unwrap().is_some()
    }
}

fn somebody() -> User {
    User {
        uid: 1000,
        name: Some("mari".to_owned()),
    }
}

fn started(stored: StoredAccount, core: &Arc<Core>, service: &TestService) -> Arc<Account> {
    let tls = client_config(
        &core.vault,
        &stored.deed.identity,
        stored.deed.device_key.as_slice(),
        stored.deed.device_certificate.0.clone(),
        service.roots.clone(),
    )
    .unwrap();
    let link = Link::new(service.target(tls));
    Arc::new(Account::new(stored, core.clone(), link))
}

async fn enrolled(core: &Core) -> StoredAccount {
    let identity = core
        .vault
        .call(|vault| vault.create_identity(&mut |_| Ok(())))
        .await
        .unwrap();
    let certificate = self_signed(&core.vault, &identity.sealed, &identity.device_key.0)
        .await
        .unwrap();
    let deed = Deed {
        document_number: account(),
        person: account().person(),
        given_name: "Mari".to_owned(),
        surname: "Maasikas".to_owned(),
        level: CertificateLevel::Qualified,
        service: "test".to_owned(),
        device_name: "test".to_owned(),
        owner: 1000,
        group: None,
        enrolled_at: 0,
        identity: identity.sealed,
        device_key: identity.device_key,
        device_certificate: certificate.into(),
        authentication: share(core, KeyPurpose::Authentication, b"1593").await,
        signing: share(core, KeyPurpose::Signing, b"26481").await,
    };
    let standing = Standing {
        to_activate: None,
        freshness_token: FreshnessToken::draw().unwrap(),
        lock: None,
        closed: false,
        closure: None,
    };
    StoredAccount { deed, standing }
}

async fn share(core: &Core, purpose: KeyPurpose, digits: &[u8]) -> StoredKey {
    let pin = Pin::parse(digits).unwrap();
    let enrolment = ShareEnrolment {
        reference: PolicyReference {
            document_number: account(),
            purpose,
        },
        release_key: Octets(vec![4; 65]),
        purpose,
    };
    let made = core
        .vault
        .call(move |vault| vault.enrol(&enrolment, &pin, &mut |_| Ok(())))
        .await
        .unwrap();
    let own = Modulus::from_octets(made.public.modulus.as_slice()).unwrap();
    StoredKey {
        share: made.sealed,
        share_modulus: made.public.modulus,
        modulus: Octets(own.multiply(&service_modulus()).unwrap().to_octets()),
        certificate: Octets(Vec::new()),
    }
}

fn number(hex: &str) -> BigUint {
    BigUint::parse_bytes(hex.as_bytes(), 16).unwrap()
}

fn service_modulus() -> Modulus {
    Modulus::from_octets(&number(KEYS[2].0).to_bytes_be()).unwrap()
}

/// A service with one transaction, which completes what it is sent.
fn script(
    transaction: Transaction,
    fates: Vec<Fate>,
) -> impl FnMut(&str, &[u8]) -> Answer + Send + 'static {
    let mut confirmations = 0;
    let mut stored: Option<(Vec<u8>, String)> = None;
    let json = |value: String| Answer::Json(value);
    move |path, body| match path.rsplit('/').next().unwrap() {
        "transactions" => json(
            serde_json::to_string(&Pending {
                transactions: vec![transaction.clone()],
            })
            .unwrap(),
        ),
        "account" => json(format!(
            r#"{{"documentNumber":"{}","level":"QUALIFIED","lock":{{"state":"open"}},"closed":null,"expiresAt":0}}"#,
            account()
        )),
        "challenge" => json(r#"{"nonce":"AAAA"}"#.to_owned()),
        "lock" => json(
            r#"{"state":"locked","purpose":"authentication","until":0,"remainingSeconds":10800}"#
                .to_owned(),
        ),
        "consent" => json(r#"{"linkedWithinSeconds":60}"#.to_owned()),
        "confirm" => {
            let fate = fates[confirmations.min(fates.len() - 1)];
            confirmations += 1;
            if let Fate::Refused(code) = fate {
                return Answer::Problem(code);
            }
            let reply = match &stored {
                Some((first, reply)) => {
                    assert_eq!(first, body, "a repetition must be identical");
                    reply.clone()
                }
                None => completed(&transaction, body),
            };
            stored = Some((body.to_vec(), reply.clone()));
            match fate {
                Fate::AnswerLost => Answer::Cut,
                _ => json(reply),
            }
        }
        "refuse" => json("{}".to_owned()),
        _ => Answer::Problem(ProblemCode::NotFound),
    }
}

/// The service's half.
fn completed(transaction: &Transaction, body: &[u8]) -> String {
    let request: Confirm = serde_json::from_slice(body).unwrap();
    let device = Modulus::from_octets(&number(KEYS[0].0).to_bytes_be()).unwrap();
    let key = SplitKey::new(device, service_modulus()).unwrap();
    let message = rebuild_message(
        transaction,
        request.interaction,
        request.user_challenge.as_deref(),
        request.salt.as_slice(),
        key.modulus(),
    )
    .unwrap();
    let base = BigUint::from_bytes_be(&message.reduced(&service_modulus()));
    let power = base
        .modpow(&number(KEYS[2].1), &number(KEYS[2].0))
        .to_bytes_be();
    let mut half = vec![0; service_modulus().octets() - power.len()];
    half.extend(power);
    let share = PartialSignature::from_octets(request.share.0);
    let share = share.verified(&message, key.device_modulus()).unwrap();
    let half = PartialSignature::from_octets(half);
    let half = half.verified(&message, key.service_modulus()).unwrap();
    let signature = key.combine(&share, &half).unwrap();
    serde_json::to_string(&Confirmed {
        signature: signature.as_slice().into(),
        freshness_token: FreshnessToken::draw().unwrap().as_str().to_owned(),
    })
    .unwrap()
}

fn pin(digits: &[u8]) -> Pin {
    Pin::parse(digits).unwrap()
}

fn token(account: &Account) -> String {
    account.standing().freshness_token.as_str().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_pin_brings_a_signature_and_the_next_token() {
    let transaction = authentication(INTERACTIONS);
    let stage = Stage::set(&transaction, vec![Fate::Answered]).await;
    let first = token(&stage.account);

    let begun = stage
        .account
        .begin_approval(transaction.id, 1000)
        .await
        .unwrap();
    assert_eq!(begun.transaction.text, "Log in?");
    let verdict = stage
        .account
        .approve(transaction.id, pin(b"1593"), &somebody())
        .await;

    assert_eq!(verdict, Ok(Verdict::Accepted {}));
    assert_ne!(token(&stage.account), first);
    assert_eq!(token(&stage.restarted()), token(&stage.account));
    assert!(!stage.is_anything_under_way());
    assert_eq!(stage.history().await, [HistoryEvent::Approved]);
    let again = stage
        .account
        .approve(transaction.id, pin(b"1593"), &somebody())
        .await;
    assert_eq!(again.unwrap_err().kind, FaultKind::AnsweredElsewhere);
    assert_eq!(stage.vault.inside().judged, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_asked_for_again_with_the_same_octets() {
    let transaction = authentication(INTERACTIONS);
    let stage = Stage::set(&transaction, vec![Fate::AnswerLost, Fate::Answered]).await;

    let verdict = stage
        .account
        .approve(transaction.id, pin(b"1593"), &somebody())
        .await;

    assert_eq!(verdict, Ok(Verdict::Accepted {}));
    let bodies = stage.service.bodies("/confirm");
    assert!(bodies.len() >= 2);
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    assert_eq!(stage.vault.inside().judged, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_needs_no_pin_and_a_pin_is_no_consent() {
    let choice = certificate_choice();
    let stage = Stage::set(&choice, vec![Fate::Answered]).await;
    let before = token(&stage.account);
    let wrong_way = stage
        .account
        .approve(choice.id, pin(b"26481"), &somebody())
        .await;
    assert_eq!(wrong_way.unwrap_err().kind, FaultKind::InvalidArgument);
    assert_eq!(stage.vault.inside().judged, 0);

    let taken = stage.account.consent(choice.id, &somebody()).await.unwrap();
    assert_eq!(taken.linked_within_seconds, Some(60));
    assert_eq!(stage.service.bodies("/consent"), [b"{}".to_vec()]);
    assert!(stage.service.bodies("/confirm").is_empty());
    assert_eq!(token(&stage.account), before);
    assert_eq!(stage.history().await, [HistoryEvent::Consented]);

    let again = stage.account.consent(choice.id, &somebody()).await;
    assert_eq!(again.unwrap_err().kind, FaultKind::AnsweredElsewhere);

    let login = authentication(INTERACTIONS);
    let stage = Stage::set(&login, vec![Fate::Answered]).await;
    let wrong_way = stage.account.consent(login.id, &somebody()).await;
    assert_eq!(wrong_way.unwrap_err().kind, FaultKind::InvalidArgument);
    assert!(stage.service.bodies("/consent").is_empty());
    stage
        .account
        .approve(login.id, pin(b"1593"), &somebody())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_agreed_waits_for_the_signature_that_was_announced() {
    let choice = certificate_choice();
    let stage = Stage::set(&choice, vec![Fate::Answered]).await;
    let account = &stage.account;
    assert_eq!(account.await_linked(choice.id).await, None, "not announced");

    let mut linked = signature(INTERACTIONS);
    if let Content::Signature { linked_session, .. } = &mut linked.content {
        *linked_session = Some(choice.id);
    }
    let linked_id = linked.id;
    account.consent(choice.id, &somebody()).await.unwrap();
    let waiting = account.await_linked(choice.id);
    let (signature, ()) = tokio::join!(waiting, account.take(linked));
    assert_eq!(signature, Some(linked_id));

    account.expect_linked(linked_id, 0);
    assert_eq!(account.await_linked(linked_id).await, None, "too late");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_a_crash_interrupted_is_finished_by_the_next_start() {
    let transaction = authentication(INTERACTIONS);
    let stage = Stage::set(&transaction, vec![Fate::Answered]).await;
    let underway = stage.up_to_the_share(&transaction).await;
    let presented = underway.request().unwrap().freshness_token;
    assert!(stage.service.bodies("/confirm").is_empty());

    let restarted = stage.restarted();
    restarted.resume_underway().await;

    assert_eq!(stage.service.bodies("/confirm").len(), 1);
    assert_ne!(token(&restarted), presented);
    assert!(!stage.is_anything_under_way());
    assert_eq!(stage.history().await, [HistoryEvent::Approved]);
    assert_eq!(stage.vault.inside().judged, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_an_older_version_kept_is_finished_too() {
    let transaction = authentication(INTERACTIONS);
    let stage = Stage::set(&transaction, vec![Fate::Answered]).await;
    let underway = stage.up_to_the_share(&transaction).await;
    std::fs::remove_file(stage.file("confirm.slot")).unwrap();
    let old = stage.file("confirm.json");
    write_atomically(&old, &seal(&underway).unwrap()).unwrap();

    let restarted = stage.restarted();
    restarted.resume_underway().await;

    let sent = stage.service.bodies("/confirm");
    assert_eq!(sent, [underway.body.into_bytes()]);
    assert!(!stage.is_anything_under_way());
    assert!(!old.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_without_room_is_met_before_the_pin() {
    let transaction = authentication(INTERACTIONS);
    let stage = Stage::set(&transaction, vec![Fate::Answered]).await;
    // A directory in the way of every new file.
    let in_the_way = stage.file("confirm.new");
    std::fs::create_dir(&in_the_way).unwrap();
    let somebody = somebody();
    let approve = || {
        let pin = pin(b"1593");
        stage.account.approve(transaction.id, pin, &somebody)
    };

    assert_eq!(approve().await.unwrap_err().kind, FaultKind::StorageFailed);
    assert_eq!(stage.vault.inside().judged, 0);
    assert!(stage.service.bodies("/confirm").is_empty());

    // Once there is room, no new file is needed for the share.
    std::fs::remove_dir(&in_the_way).unwrap();
    stage.account.make_room().await.unwrap();
    std::fs::create_dir(&in_the_way).unwrap();
    assert_eq!(approve().await, Ok(Verdict::Accepted {}));
    assert!(!stage.is_anything_under_way());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_found_no_room_is_on_the_disk_before_what_brings_it_again_is_forgotten() {
    let transaction = authentication(INTERACTIONS);
    let stage = Stage::set(&transaction, vec![Fate::Answered]).await;
    let before = token(&stage.account);
    // A directory in the way of the account's new file.
    let in_the_way = stage.file("new");
    std::fs::create_dir(&in_the_way).unwrap();
    let approved = stage
        .account
        .approve(transaction.id, pin(b"1593"), &somebody())
        .await;
    assert_eq!(approved, Ok(Verdict::Accepted {}));
    assert_ne!(token(&stage.account), before);

    // At the next connection, or the next PIN, there is still no room; then comes a crash.
    let fault = stage.account.finish_earlier().await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::StorageFailed);
    assert_eq!(token(&stage.restarted()), before);
    assert!(stage.is_anything_under_way());

    std::fs::remove_dir(&in_the_way).unwrap();
    stage.account.finish_earlier().await.unwrap();
    assert_eq!(token(&stage.restarted()), token(&stage.account));
    assert!(!stage.is_anything_under_way());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_share_is_neither_sent_nor_kept() {
    let transaction = authentication(INTERACTIONS);
    let stage = Stage::set(&transaction, vec![Fate::Answered]).await;
    stage.vault.inside().glitches = true;
    let somebody = somebody();
    let approve = || {
        let pin = pin(b"1593");
        stage.account.approve(transaction.id, pin, &somebody)
    };

    assert_eq!(approve().await.unwrap_err().kind, FaultKind::Failed);
    assert!(stage.service.bodies("/confirm").is_empty());
    assert!(!stage.is_anything_under_way());

    assert_eq!(approve().await, Ok(Verdict::Accepted {}));
}

/// What the service was told ahead, once it was told anything.
async fn told(stage: &Stage) -> Vec<Prepare> {
    loop {
        let bodies = stage.service.bodies("/prepare");
        if !bodies.is_empty() {
            let read = |body: &Vec<u8>| serde_json::from_slice(body).unwrap();
            return bodies.iter().map(read).collect();
        }
        tokio::task::yield_now().await;
    }
}

fn was_told(confirm: &[u8], told: &Prepare) -> bool {
    let confirm: Confirm = serde_json::from_slice(confirm).unwrap();
    told.salt == confirm.salt
        && told.interaction == confirm.interaction
        && told.user_challenge == confirm.user_challenge
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_is_told_when_an_approval_begins_what_the_hardware_signs() {
    let transaction = authentication(INTERACTIONS);
    let stage = Stage::set(&transaction, vec![Fate::Answered]).await;
    let (account, id) = (&stage.account, transaction.id);
    account.begin_approval(id, 1000).await.unwrap();
    told(&stage).await;
    // Neither asking again nor a wrong PIN signs anything: what was told serves the next try.
    account.begin_approval(id, 1000).await.unwrap();
    let wrong = account.approve(id, pin(b"0000"), &somebody()).await;
    assert!(matches!(wrong, Ok(Verdict::WrongPin { .. })));
    let approved = account.approve(id, pin(b"1593"), &somebody()).await;
    assert_eq!(approved, Ok(Verdict::Accepted {}));

    let told = told(&stage).await;
    assert_eq!(told.len(), 1);
    assert!(was_told(&stage.service.bodies("/confirm")[0], &told[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_did_not_begin_tells_the_service_beside_the_hardware() {
    let transaction = authentication(INTERACTIONS);
    let stage = Stage::set(&transaction, vec![Fate::Answered]).await;
    let approved = stage
        .account
        .approve(transaction.id, pin(b"1593"), &somebody())
        .await;
    approved.unwrap();
    let told = told(&stage).await;
    assert!(was_told(&stage.service.bodies("/confirm")[0], &told[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_whose_answer_was_stored_is_never_sent_again() {
    let transaction = authentication(INTERACTIONS);
    let stage = Stage::set(&transaction, vec![Fate::Answered]).await;
    stage.up_to_the_share(&transaction).await;
    // The next token was stored; then the power went before the file was removed.
    let next = FreshnessToken::draw().unwrap();
    let expected = next.as_str().to_owned();
    stage
        .account
        .change(|standing| standing.freshness_token = next)
        .await
        .unwrap();

    let restarted = stage.restarted();
    restarted.resume_underway().await;

    assert!(stage.service.bodies("/confirm").is_empty());
    assert_eq!(token(&restarted), expected);
    assert!(!stage.is_anything_under_way());
}

#[tokio::test(flavor = "multi_thread")]
async fn three_wrong_pins_lock_and_the_lock_is_reported_with_its_time() {
    let transaction = authentication(INTERACTIONS);
    let stage = Stage::set(&transaction, vec![Fate::Answered]).await;
    for left in [2, 1] {
        let verdict = stage
            .account
            .approve(transaction.id, pin(b"0000"), &somebody())
            .await;
        assert_eq!(
            verdict,
            Ok(Verdict::WrongPin {
                tries_left: Some(left)
            })
        );
    }

    let verdict = stage
        .account
        .approve(transaction.id, pin(b"0000"), &somebody())
        .await;

    let Ok(Verdict::Locked {
        by: KeyPurpose::Authentication,
        remaining_seconds: Some(remaining),
        ..
    }) = verdict
    else {
        panic!("{verdict:?}");
    };
    assert!((10_790..=10_800).contains(&remaining));
    assert_eq!(stage.service.bodies("/lock").len(), 1);
    assert!(stage.service.bodies("/confirm").is_empty());
    // The other PIN is stopped too, and nothing more is judged.
    let begun = stage
        .account
        .begin_approval(transaction.id, 1000)
        .await
        .unwrap();
    assert!(matches!(
        begun.pin,
        crate::bus::messages::PinStanding::Locked { .. }
    ));
    assert_eq!(stage.vault.inside().judged, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_hardware_is_no_guess_and_leaves_the_transaction_open() {
    let transaction = authentication(INTERACTIONS);
    let stage = Stage::set(&transaction, vec![Fate::Answered]).await;
    stage.account.read_counts().await;
    stage.vault.inside().faults = 1;

    let fault = stage
        .account
        .approve(transaction.id, pin(b"1593"), &somebody())
        .await;

    assert_eq!(fault.unwrap_err().kind, FaultKind::HardwareUnavailable);
    assert_eq!(stage.vault.inside().judged, 0);
    let verdict = stage
        .account
        .approve(transaction.id, pin(b"1593"), &somebody())
        .await;
    assert_eq!(verdict, Ok(Verdict::Accepted {}));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_service_refuses_is_told_by_its_reason() {
    let cases = [
        (ProblemCode::AlreadyAnswered, FaultKind::AnsweredElsewhere),
        (ProblemCode::Expired, FaultKind::Expired),
        (ProblemCode::Locked, FaultKind::Locked),
        (ProblemCode::AccountClosed, FaultKind::AccountClosed),
        (ProblemCode::StaleToken, FaultKind::ServiceRefused),
    ];
    for (code, kind) in cases {
        let transaction = authentication(INTERACTIONS);
        let stage = Stage::set(&transaction, vec![Fate::Refused(code)]).await;

        let fault = stage
            .account
            .approve(transaction.id, pin(b"1593"), &somebody())
            .await;

        assert_eq!(fault.unwrap_err().kind, kind, "{code:?}");
        assert!(!stage.is_anything_under_way(), "{code:?}");
        let closed = code == ProblemCode::AccountClosed;
        assert_eq!(stage.account.is_closed(), closed, "{code:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_the_interaction_that_was_shown() {
    let transaction = authentication(INTERACTIONS);
    let stage = Stage::set(&transaction, vec![Fate::Answered]).await;

    let by = somebody();
    let refused = stage
        .account
        .refuse(transaction.id, RefusedAs::Unwanted, &by);
    refused.await.unwrap();

    let bodies = stage.service.bodies("/refuse");
    let refusal: serde_json::Value = serde_json::from_slice(&bodies[0]).unwrap();
    assert_eq!(refusal["reason"], "user");
    assert_eq!(refusal["interaction"], "displayTextAndPIN");
    assert_eq!(stage.history().await, [HistoryEvent::Refused]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_pin_reaches_the_vault_before_the_right_code_and_a_wrong_one_ends_it() {
    let transaction = authentication(
        r#"[{"type":"confirmationMessageAndVerificationCodeChoice","displayText200":"Log in?"}]"#,
    );
    let id = transaction.id;
    let right = symbolon_protocol::transaction::verification_code(&transaction)
        .unwrap()
        .unwrap();
    let stage = Stage::set(&transaction, vec![Fate::Answered]).await;
    let pin = || Pin::parse(b"1593").unwrap();

    let fault = stage
        .account
        .approve(id, pin(), &somebody())
        .await
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::InvalidArgument);
    let fault = stage
        .account
        .choose_code(id, "none", &somebody())
        .await
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::InvalidArgument);
    assert!(stage.service.bodies("/confirm").is_empty());
    assert!(stage.history().await.is_empty());

    let codes = stage.account.pending().remove(0).code_choice.unwrap();
    let wrong = codes.iter().find(|code| **code != right.as_str());
    let chosen = stage
        .account
        .choose_code(id, wrong.unwrap(), &somebody())
        .await;
    assert_eq!(chosen.unwrap(), CodeChosen::Wrong {});
    let bodies = stage.service.bodies("/refuse");
    let refusal: serde_json::Value = serde_json::from_slice(&bodies[0]).unwrap();
    assert_eq!(refusal["reason"], "wrongVerificationCode");
    let fault = stage
        .account
        .approve(id, pin(), &somebody())
        .await
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::Expired);
    assert_eq!(stage.history().await, [HistoryEvent::WrongCode]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_started_is_refused_as_such() {
    let transaction = authentication(INTERACTIONS);
    let stage = Stage::set(&transaction, vec![Fate::Answered]).await;

    let by = somebody();
    let refused = stage
        .account
        .refuse(transaction.id, RefusedAs::NotMine, &by);
    refused.await.unwrap();

    let bodies = stage.service.bodies("/refuse");
    let refusal: serde_json::Value = serde_json::from_slice(&bodies[0]).unwrap();
    assert_eq!(refusal["reason"], "notStarted");
    assert_eq!(stage.history().await, [HistoryEvent::Disowned]);
}
