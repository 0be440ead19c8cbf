//! Root with the owner's empty authorization against a counter as the vault leaves it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows the tests here, but not their helpers, as tests"
)]

mod common;

use std::process::Command;

use common::Swtpm;
use common::loot::Attacker;
use symbolon_protocol::policy::PolicyDigest;
use symbolon_protocol::release::{INDEX_ATTRIBUTES, INDEX_WRITTEN};
use symbolon_tpm::esys::{
    Authorization, Context, EsysError, NvAuthority, NvPublic, Object, PublicArea, SessionKind,
    SessionUse, attributes, response,
};
use symbolon_vault::conformance::{Bench, PINS, Setup};
use symbolon_vault::{PinOutcome, VaultError};

const OWNERS: &[u8] = b"known to the attacker";
const NV_AUTHORIZATION: u32 = 0x149;

/// The attack: take the index away, put an equal one with a known authValue in its place, and use
/// that to fulfil the policy of the key that hangs on it.
fn replace_index(
    context: &Context,
    index: Object,
    initialise: Option<&[u8]>,
    mut load: impl FnMut() -> Result<Object, EsysError>,
) -> Result<(), EsysError> {
    let (mut public, name) = context.nv_read_public(&index)?;
    public.attributes &= !INDEX_WRITTEN;
    context.nv_undefine(Authorization::Password, index)?;
    let replacement = context.nv_define(Authorization::Password, OWNERS, &public)?;
    if let Some(contents) = initialise {
        context.nv_write(
            NvAuthority::Owner,
            Authorization::Password,
            &replacement,
            contents,
            0,
        )?;
        assert_eq!(context.nv_read_public(&replacement)?.1, name);
    } else {
        assert_ne!(context.nv_read_public(&replacement)?.1, name);
    }
    let _authorized = replacement.authorize(OWNERS)?;
    let policy = context.start_session(SessionKind::Policy, None, None, SessionUse::LAST)?;
    context.policy_command_code(&policy, 0x159)?;
    context.policy_secret(&policy, &replacement, Authorization::Password)?;
    let key = load()?;
    context
        .rsa_decrypt(
            &key,
            Authorization::Session(&policy),
            Authorization::None,
            &[1; 256],
        )
        .map(|_| ())
}

#[test]
fn a_naive_counter_falls_to_it() {
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    // A vault makes the storage key.
    drop(Setup::new(swtpm_bench(&swtpm)));
    let context = Context::connect(&swtpm.tcti()).unwrap();
    const OWNER_WRITE: u32 = 0x2;
    const POLICY_WRITE: u32 = 0x8;
    let contents = [0, 0, 0, 0, 0, 0, 0, 3];
    let index = context
        .nv_define(
            Authorization::Password,
            b"the user's",
            &NvPublic {
                handle: 0x0180_0001,
                attributes: INDEX_ATTRIBUTES & !POLICY_WRITE | OWNER_WRITE,
                policy: Vec::new(),
                size: 8,
            },
        )
        .unwrap();
    context
        .nv_write(
            NvAuthority::Owner,
            Authorization::Password,
            &index,
            &contents,
            0,
        )
        .unwrap();
    let name = context
        .nv_read_public(&index)
        .unwrap()
        .1
        .try_into()
        .unwrap();
    let policy = *PolicyDigest::start()
        .command_code(0x159)
        .secret(&name)
        .octets();
    let storage_key = context.open(0x8100_0001).unwrap();
    let template = PublicArea::rsa(
        attributes::FIXED_TPM
            | attributes::FIXED_PARENT
            | attributes::SENSITIVE_DATA_ORIGIN
            | attributes::DECRYPT
            | attributes::ADMIN_WITH_POLICY
            | attributes::NO_DA,
        2048,
        &policy,
    );
    let (private, public) = context.create(&storage_key, &template).unwrap();
    replace_index(&context, index, Some(&contents), || {
        context.load(&storage_key, &private, &public)
    })
    .unwrap();
}

#[test]
fn a_counter_put_in_its_place_opens_nothing() {
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    let mut setup = Setup::new(swtpm_bench(&swtpm));
    setup.enter_wrong(3);
    setup.vault = setup.bench.vault();
    let attacker = Attacker::new(&swtpm.tcti(), &setup.first.share.sealed);
    let Attacker {
        context,
        loot,
        index,
    } = attacker;
    let refused = replace_index(&context, index, None, || unreachable!()).unwrap_err();
    assert!(refused.is(response::AUTH_UNAVAILABLE), "{refused}");
    let index = context.open(loot.index).unwrap();
    let attacker = Attacker {
        context,
        loot,
        index,
    };
    assert_initialisation_is_refused(&attacker, &setup);
    drop(attacker);
    let message = setup.first.message();
    let sealed = &setup.first.share.sealed;
    let pin = symbolon_vault::Pin::parse(PINS[0].as_bytes()).unwrap();
    let signed = setup.vault.sign(sealed, pin, &message);
    assert!(matches!(signed, Err(VaultError::Lost { .. })), "{signed:?}");
    assert!(matches!(
        setup.vault.pin_count(sealed),
        Err(VaultError::Lost { .. })
    ));
}

/// Neither the owner, nor its own authValue, nor the service, nor another `P` can write it first.
fn assert_initialisation_is_refused<B: Bench>(attacker: &Attacker, setup: &Setup<B>) {
    let context = &attacker.context;
    let contents = [0, 0, 0, 0, 0, 0, 0, 3];
    let write = |authority, authorization| {
        context
            .nv_write(authority, authorization, &attacker.index, &contents, 0)
            .unwrap_err()
    };
    assert!(write(NvAuthority::Owner, Authorization::Password).is(NV_AUTHORIZATION));
    {
        let _authorized = attacker.index.authorize(OWNERS).unwrap();
        let refused = write(NvAuthority::Index, Authorization::Password);
        assert!(refused.is(response::AUTH_UNAVAILABLE), "{refused}");
    }
    let released = attacker
        .fulfil_release(6, |nonce| setup.authority.release(&setup.first, nonce, 6))
        .unwrap();
    let refused = attacker.write_limit(&released, 6).unwrap_err();
    assert!(refused.is(response::POLICY_FAIL), "{refused}");
    assert!(
        attacker
            .guess(PINS[0])
            .unwrap_err()
            .is(response::AUTH_UNAVAILABLE)
    );
}

#[test]
fn a_counter_cannot_be_defined_as_written() {
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    let setup = Setup::new(swtpm_bench(&swtpm));
    let sealed = setup.first.share.sealed;
    drop(setup.vault);
    let Attacker {
        context,
        loot,
        index,
    } = Attacker::new(&swtpm.tcti(), &sealed);
    context.nv_undefine(Authorization::Password, index).unwrap();
    let defined = context.nv_define(
        Authorization::Password,
        OWNERS,
        &NvPublic {
            handle: loot.index,
            attributes: INDEX_ATTRIBUTES | INDEX_WRITTEN,
            policy: loot.index_policy.to_vec(),
            size: 8,
        },
    );
    assert!(defined.is_err());
}

#[test]
fn nothing_that_the_owner_can_do_changes_a_locked_counter() {
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    let mut setup = Setup::new(swtpm_bench(&swtpm));
    setup.enter_wrong(3);
    setup.vault = setup.bench.vault();
    let attacker = Attacker::new(&swtpm.tcti(), &setup.first.share.sealed);
    for contents in [&[0; 8][..], &[0, 0, 0, 9], &[]] {
        for offset in [0, 4] {
            let refused = attacker.context.nv_write(
                NvAuthority::Owner,
                Authorization::Password,
                &attacker.index,
                contents,
                offset,
            );
            assert!(refused.is_err());
        }
    }
    assert_eq!(attacker.count(), (3, 3));
    let index = format!("{:#x}", attacker.loot.index);
    drop(attacker);
    for command in [
        &["tpm2_nvincrement", "-C", "o"][..],
        &["tpm2_nvsetbits", "-C", "o", "-i", "1"],
        &["tpm2_nvextend", "-C", "o", "-i", "/dev/null"],
        &["tpm2_nvwritelock", "-C", "o"],
        &["tpm2_nvreadlock", "-C", "o"],
        &["tpm2_dictionarylockout", "--clear-lockout"],
    ] {
        let mut command = command.to_vec();
        if command[0].starts_with("tpm2_nv") {
            command.push(&index);
        }
        if tpm2_tool(&swtpm, &command).is_none() {
            return;
        }
    }
    setup.assert_count(3, 3);
    assert_eq!(setup.try_pin(PINS[0]), PinOutcome::Locked);
}

#[test]
fn clearing_the_tpm_destroys_and_opens_nothing() {
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    let mut setup = Setup::new(swtpm_bench(&swtpm));
    setup.vault = setup.bench.vault();
    match tpm2_tool(&swtpm, &["tpm2_clear", "-c", "l"]) {
        Some(cleared) => assert!(cleared),
        None => return,
    }
    let message = setup.first.message();
    let pin = symbolon_vault::Pin::parse(PINS[0].as_bytes()).unwrap();
    let signed = setup.vault.sign(&setup.first.share.sealed, pin, &message);
    assert!(matches!(signed, Err(VaultError::Lost { .. })), "{signed:?}");
}

/// The TPM's own dictionary-attack lockout is about other things: it neither stops us nor is
/// raised by us.
#[test]
fn the_tpms_own_lockout_does_not_matter() {
    const AUTH_READ_AND_WRITE: u32 = 0x0004_0004;
    const LOCKOUT: u32 = 0x921;
    let Some(swtpm) = Swtpm::start() else {
        return;
    };
    let mut setup = Setup::new(swtpm_bench(&swtpm));
    setup.enter_wrong(2);
    setup.vault = setup.bench.vault();
    let context = Context::connect(&swtpm.tcti()).unwrap();
    let protected = context
        .nv_define(
            Authorization::Password,
            b"the user's",
            &NvPublic {
                handle: 0x0180_0001,
                attributes: AUTH_READ_AND_WRITE,
                policy: Vec::new(),
                size: 8,
            },
        )
        .unwrap();
    let authorized = protected.authorize(OWNERS).unwrap();
    let guess = || {
        context
            .nv_write(
                NvAuthority::Index,
                Authorization::Password,
                &protected,
                &[0; 8],
                0,
            )
            .unwrap_err()
    };
    // Our two wrong PINs have not counted: as many more are judged as this TPM allows.
    for _ in 0..3 {
        assert!(guess().is_wrong_authorization());
    }
    assert!(guess().is(LOCKOUT));
    drop(authorized);
    drop(protected);
    drop(context);
    assert_eq!(setup.try_pin(PINS[0]), PinOutcome::Accepted(()));
    setup.enter_wrong(3);
    assert_eq!(setup.try_pin(PINS[0]), PinOutcome::Locked);
    assert_eq!(setup.release(6).limit, 6);
    assert_eq!(setup.try_pin(PINS[0]), PinOutcome::Accepted(()));
}

/// The share's bench, for tests that go on using the software TPM themselves.
fn swtpm_bench(swtpm: &Swtpm) -> common::Borrowed {
    common::Borrowed(swtpm.tcti())
}

/// Whether the command succeeded; `None`, and a word about it, where tpm2-tools is missing.
fn tpm2_tool(swtpm: &Swtpm, command: &[&str]) -> Option<bool> {
    match tpm2(swtpm, command).output() {
        Ok(output) => Some(output.status.success()),
        Err(error) => {
            common::skip("tpm2-tools", &error);
            None
        }
    }
}

fn tpm2(swtpm: &Swtpm, command: &[&str]) -> Command {
    let mut tool = Command::new(command[0]);
    tool.args(&command[1..])
        .env("TPM2TOOLS_TCTI", swtpm.tcti())
        .current_dir(swtpm.folder());
    tool
}
