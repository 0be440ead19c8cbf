//! What breaks around us: a clear error, nothing lost, no try counted that was not judged.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use symbolon_tests::cli::code;
use symbolon_tests::eventually::{SOON, until};
use symbolon_tests::raw_tls::{self, ClientKey};
use symbolon_tests::relying_party::{Target, shown_with_pin};
use symbolon_tests::rig::{PERSON, PIN1, PIN2, Plan, Rig, USUAL};
use symbolon_tests::small_disk::SmallDisk;
use symbolon_tests::tpm_proxy::{Verdict, command};

#[test]
fn s70_the_service_is_down() {
    let Some((mut rig, document)) = Rig::enrolled() else {
        return;
    };
    rig.service.process().stop();
    let pending = rig.device.cli.json(&["pending"], &[]).value();
    assert_eq!(pending["transactions"], json!([]));
    assert_eq!(pending["notAsked"][0]["documentNumber"], document);
    let doctor = rig.device.cli.run(&["doctor"], &[]);
    assert!(
        doctor.out.to_lowercase().contains("service"),
        "doctor says what is unreachable: {doctor:?}"
    );

    rig.service.restart();
    rig.device.wait_until_connected(&document);
    rig.log_in(&document);
    rig.assert_untouched(&document);
}

#[test]
fn s71_the_tpm_is_gone_and_comes_back() {
    let Some((mut rig, document)) = Rig::enrolled() else {
        return;
    };
    let target = Target::Document(document.clone());
    let login = rig.relying_party.login(&target, USUAL, "Log in?");
    let id = rig.device.id_of(&login.verification_code);
    rig.device.swtpm.kill9();
    let said = rig.device.approve(&id, PIN1).must_be(code::HARDWARE);
    assert!(!said.err.is_empty(), "it says why");
    assert!(rig.relying_party.is_running(&login.session));

    rig.device.swtpm.restart();
    rig.device.approve(&id, PIN1).must_be(code::DONE);
    assert_eq!(rig.end_of(&login.session), "OK");
    rig.assert_untouched(&document);
}

/// With an account, and with the daemon's folder on a disk of its own, which comes first so that a
/// test that fails drops the daemon before it.
fn on_a_small_disk(mut rig: Rig) -> Option<(SmallDisk, Rig, String)> {
    std::fs::create_dir_all(rig.device.daemon.state()).unwrap();
    rig.device.daemon.stop();
    let disk = SmallDisk::mount(&rig.device.daemon.state(), 1024)?;
    rig.device.daemon.restart();
    let (rig, document) = rig.with_account();
    Some((disk, rig, document))
}

#[test]
fn s72_the_devices_disk_is_full() {
    let Some((disk, rig, document)) = Rig::start().and_then(on_a_small_disk) else {
        return;
    };

    let target = Target::Document(document.clone());
    let login = rig.relying_party.login(&target, USUAL, "Log in?");
    let id = rig.device.id_of(&login.verification_code);
    disk.fill();
    let said = rig.device.approve(&id, PIN1);
    assert!(matches!(said.code, code::DONE | code::FAILED), "{said:?}");
    disk.free();
    // The daemon may already be sending by itself what it could not before.
    if rig.relying_party.is_running(&login.session) {
        let said = rig.device.approve(&id, PIN1);
        assert!(
            matches!(said.code, code::DONE | code::NOT_FOUND),
            "{said:?}"
        );
    }
    assert_eq!(rig.end_of(&login.session), "OK");
    rig.assert_untouched(&document);
    rig.log_in(&document);

    // Enrolment on a full disk leaves nothing half done: the code can be used when there is room.
    let code = rig
        .service
        .folder()
        .invite("PNOEE-50001029996", "Juhan", "Tamm");
    disk.fill();
    let said = rig.device.enrol(&code, PIN1, PIN2);
    assert_ne!(said.code, code::DONE, "{said:?}");
    disk.free();
    rig.device.enrol(&code, PIN1, PIN2).must_be(code::DONE);
    // The daemon ends before its disk goes, and the disk before the folder under it.
    let mut rig = rig;
    rig.device.daemon.stop();
    drop(disk);
}

#[test]
fn s181_a_full_disk_is_met_before_the_pin_and_keeps_no_share_from_its_place() {
    let rig = Plan::default().tap().start();
    let Some((disk, mut rig, document)) = rig.and_then(on_a_small_disk) else {
        return;
    };

    let (login, id) = rig.ask_to_log_in(&document);
    disk.fill();
    let judged = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&judged);
    rig.device.tap().intercept(move |moment| {
        if moment.is_command(command::POLICY_SECRET) {
            seen.fetch_add(1, Ordering::SeqCst);
        }
        Verdict::Pass
    });
    let said = rig.device.approve(&id, PIN1).must_be(code::FAILED);
    assert!(said.err.contains("space"), "it says why: {said:?}");
    assert_eq!(judged.load(Ordering::SeqCst), 0, "no PIN was judged");
    disk.free();
    rig.device.approve(&id, PIN1).must_be(code::DONE);
    assert_eq!(rig.end_of(&login.session), "OK");
    assert_eq!(judged.load(Ordering::SeqCst), 1);
    rig.device.tap().pass_all();

    // From then on there is a place for a share, on a full disk too. The next token finds none, so
    // the share is sent again by the next start, and answered as it was.
    let (login, id) = rig.ask_to_log_in(&document);
    disk.fill();
    rig.device.approve(&id, PIN1).must_be(code::DONE);
    assert_eq!(rig.end_of(&login.session), "OK");
    rig.device.daemon.kill9();
    disk.free();
    rig.device.restart_after_crash();
    rig.device.wait_until_connected(&document);
    rig.log_in(&document);
    rig.assert_untouched(&document);
    // The daemon ends before its disk goes, and the disk before the folder under it.
    rig.device.daemon.stop();
    drop(disk);
}

#[test]
fn s73_the_services_disk_is_full() {
    let Some((mut rig, document)) = Rig::enrolled() else {
        return;
    };
    rig.service.process().stop();
    let store = rig.service.folder().path().to_owned();
    let kept = rig.folder.sub("kept");
    symbolon_tests::folder::copy(&store, &kept);
    let Some(disk) = SmallDisk::mount(&store, 4096) else {
        return;
    };
    symbolon_tests::folder::copy(&kept, &store);
    rig.service.restart();
    rig.device.wait_until_connected(&document);

    let target = Target::Document(document.clone());
    let login = rig.relying_party.login(&target, USUAL, "Log in?");
    let id = rig.device.id_of(&login.verification_code);
    disk.fill();
    let path = format!("authentication/notification/document/{document}");
    let body = rig.relying_party.login_body(USUAL, &shown_with_pin("x"));
    let refused = rig.relying_party.post(&path, &body);
    assert!(refused.status >= 500, "{refused:?}");
    let said = rig.device.approve(&id, PIN1);
    assert_ne!(said.code, code::DONE, "{said:?}");
    disk.free();

    // The daemon may already be sending by itself what it could not before.
    if rig.relying_party.is_running(&login.session) {
        let said = rig.device.approve(&id, PIN1);
        assert!(
            matches!(said.code, code::DONE | code::NOT_FOUND),
            "{said:?}"
        );
    }
    assert_eq!(rig.end_of(&login.session), "OK");
    rig.assert_untouched(&document);
    rig.log_in(&document);
    rig.service.process().stop();
}

#[test]
fn s74_a_damaged_account_file_harms_no_other_account() {
    let Some((mut rig, document)) = Rig::enrolled() else {
        return;
    };
    let code = rig
        .service
        .folder()
        .invite("PNOEE-50001029996", "Juhan", "Tamm");
    let said = rig.device.enrol(&code, PIN1, PIN2).must_be(code::DONE);
    let damaged = said.value()["documentNumber"].as_str().unwrap().to_owned();
    rig.device.daemon.stop();

    let files = rig.device.daemon.account_files();
    assert_eq!(files.len(), 2, "{files:?}");
    let mut files = files.into_iter();
    let file = files
        .find(|file| file.to_string_lossy().contains(&damaged))
        .unwrap();
    let mut content = std::fs::read(&file).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    std::fs::write(&file, content).unwrap();

    rig.device.daemon.restart();
    let accounts = rig.device.cli.json(&["accounts"], &[]).value();
    assert_eq!(accounts["accounts"].as_array().unwrap().len(), 1);
    assert!(
        accounts["damaged"][0]["file"]
            .as_str()
            .unwrap()
            .contains(&damaged),
        "{accounts}"
    );
    let doctor = rig.device.cli.run(&["doctor"], &[]);
    assert!(doctor.out.contains(&damaged), "{doctor:?}");
    rig.device.wait_until_connected(&document);
    rig.log_in(&document);
}

#[test]
fn s75_a_service_with_another_certificate_is_told_nothing() {
    let Some(rig) = Rig::start() else { return };
    let mut rig = rig;
    let code = rig.service.folder().invite(PERSON, "Mari", "Maasikas");
    let right = rig.service.folder().trust().root;
    let foreign = ClientKey::make(&rig.folder.sub("foreign"));
    rig.device.daemon.surroundings().service_root = foreign.certificate().to_owned();
    rig.device.daemon.restart();
    let said = rig
        .device
        .enrol(&code, PIN1, PIN2)
        .must_be(code::SERVICE_UNREACHABLE);
    assert!(
        said.err.to_lowercase().contains("certificate"),
        "it says why: {said:?}"
    );

    // The code never left the device: it still works.
    rig.device.daemon.surroundings().service_root = right;
    rig.device.daemon.restart();
    let said = rig.device.enrol(&code, PIN1, PIN2).must_be(code::DONE);
    let document = said.value()["documentNumber"].as_str().unwrap().to_owned();
    rig.device.wait_until_connected(&document);

    // An account that meets another certificate later keeps everything, and says so.
    rig.device.daemon.surroundings().service_root = foreign.certificate().to_owned();
    rig.device.daemon.restart();
    until("the daemon to say what is wrong", SOON, || {
        let accounts = rig.device.cli.json(&["accounts"], &[]).value();
        let connection = &accounts["accounts"][0]["connection"];
        connection["detail"]
            .as_str()
            .is_some_and(|detail| detail.to_lowercase().contains("certificate"))
    });
    rig.assert_untouched(&document);
}

#[test]
fn s76_oversized_and_truncated_bodies() {
    let Some((rig, document)) = Rig::enrolled() else {
        return;
    };
    let path = format!("authentication/notification/document/{document}");
    let huge = vec![b' '; 4 * 1024 * 1024];
    // Refused, or hung up on while still sending.
    let refused = rig.relying_party.post_octets(&path, &huge);
    assert!(
        refused
            .as_ref()
            .is_none_or(|answer| matches!(answer.status, 400 | 413)),
        "{refused:?}"
    );
    let whole = rig
        .relying_party
        .login_body(USUAL, &shown_with_pin("x"))
        .to_string();
    let refused = rig
        .relying_party
        .post_octets(&path, &whole.as_bytes()[..whole.len() / 2])
        .unwrap();
    assert_eq!(refused.status, 400, "{refused:?}");
    // A body that ends before it should, with its connection.
    let mut wire = TcpStream::connect(rig.service.relying_party_address()).unwrap();
    write!(
        wire,
        "POST /v3/{path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: 5000\r\n\r\n{{\"relying"
    )
    .unwrap();
    drop(wire);

    let at = rig.service.device_address();
    let root = rig.service.folder().trust().root;
    let key = ClientKey::make(&rig.folder.sub("foreign"));
    let enrolments = "/device/v1/enrolments";
    let answer = raw_tls::post(at, &root, Some(&key), enrolments, &huge, huge.len());
    assert!(
        matches!(answer.status, Some(400 | 413) | None),
        "{answer:?}"
    );
    let answer = raw_tls::post(at, &root, Some(&key), enrolments, b"{\"code\":", 8);
    assert_eq!(answer.status, Some(400), "{answer:?}");

    rig.log_in(&document);
    rig.assert_untouched(&document);
}

#[test]
fn s77_everything_restarts_and_nothing_is_forgotten() {
    let plan = Plan::default();
    let Some((mut rig, document)) = plan.start().map(Rig::with_account) else {
        return;
    };
    rig.log_in(&document);
    rig.device.daemon.stop();
    rig.service.process().stop();
    rig.device.swtpm.restart();
    rig.service.restart();
    rig.device.daemon.restart();
    rig.device.wait_until_connected(&document);
    rig.log_in(&document);
}
