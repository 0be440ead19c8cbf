//! What others say of revocations: answers of responders to which an authority delegated them, as
//! `openssl ocsp` gives them, and lists, as `openssl ca` makes them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::path::PathBuf;
use std::process::Command;

use symbolon_e_service::verify::{Certificate, Question, Rejected};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

/// What SK's responders have in their certificates.
const RESPONDER: &str = "extendedKeyUsage = critical, OCSPSigning
keyUsage = critical, digitalSignature
noCheck = ignored
";
const FOR_LONG: &str = "30";

#[test]
fn s194_a_responder_answers_for_an_authority_that_named_it_alone() {
    let files = Files::new();
    let (person, question) = files.person_of_two_namesakes();
    std::fs::write(files.path("request"), question.der()).unwrap();
    // A day's certificate has run out by then.
    let now = OffsetDateTime::now_utc() + Duration::days(3);
    let answered_by = |signer: &str, state: &str| {
        let answer = files.answer(&person, signer, state);
        question.check(&answer, now)
    };

    files.issue("responder", "authority", RESPONDER, FOR_LONG);
    assert_eq!(answered_by("authority", "V"), Ok(()));
    assert_eq!(answered_by("responder", "V"), Ok(()));
    assert_eq!(answered_by("responder", "R"), Err(Rejected::Revoked));

    let without = |part: &str| -> String {
        let lines = RESPONDER.lines().filter(|line| !line.starts_with(part));
        lines.map(|line| format!("{line}\n")).collect()
    };
    let for_servers = RESPONDER.replace("OCSPSigning", "serverAuth");
    let for_keys = RESPONDER.replace("digitalSignature", "keyEncipherment");
    let secret_clause = format!("{RESPONDER}1.3.6.1.4.1.32473.9 = critical, DER:0500\n");
    let wrong = [
        (
            "authority",
            RESPONDER.to_owned(),
            "1",
            "not valid at this time",
        ),
        ("authority", without("extended"), FOR_LONG, "no responder"),
        ("authority", for_servers, FOR_LONG, "no responder"),
        ("authority", for_keys, FOR_LONG, "no responder"),
        (
            "authority",
            without("noCheck"),
            FOR_LONG,
            "may have been revoked",
        ),
        ("authority", secret_clause, FOR_LONG, "not understood"),
        (
            "namesake",
            RESPONDER.to_owned(),
            FOR_LONG,
            "another authority's",
        ),
        (
            "responder",
            RESPONDER.to_owned(),
            FOR_LONG,
            "another authority's",
        ),
    ];
    for (issuer, extensions, days, expected) in wrong {
        files.issue("wrong", issuer, &extensions, days);
        let told = answered_by("wrong", "V").unwrap_err().to_string();
        assert!(told.contains(expected), "{issuer} {extensions}: {told}");
    }
    // Nor does the person's own certificate make answers.
    let told = answered_by("person", "V").unwrap_err().to_string();
    assert!(told.contains("no responder"), "{told}");

    // An answer that does not bring its responder's certificate is nobody's that is known.
    let bare = files.answer_with(&person, "responder", "V", &["-resp_no_certs"]);
    let told = question.check(&bare, now).unwrap_err().to_string();
    assert!(told.contains("did not sign"), "{told}");
}

#[test]
fn s198_a_revocation_list_in_force_stands_in_for_an_answer() {
    let files = Files::new();
    let (person, question) = files.person_of_two_namesakes();
    files.authority("other", "/CN=Other");
    let now = OffsetDateTime::now_utc();
    let good = files.list(&person, "authority", "V", "");
    assert_eq!(question.check_list(&good, now), Ok(()));
    let revoked = files.list(&person, "authority", "R", "");
    assert_eq!(question.check_list(&revoked, now), Err(Rejected::Revoked));

    let mut bent = good.clone();
    *bent.last_mut().unwrap() ^= 1;
    let part = "issuingDistributionPoint = critical, @part\n[part]\nonlyuser = TRUE\n";
    let days = Duration::days;
    for (list, at, expected) in [
        (
            files.list(&person, "namesake", "V", ""),
            now,
            "not the authority's",
        ),
        (
            files.list(&person, "other", "V", ""),
            now,
            "not the authority's",
        ),
        (bent, now, "not the authority's"),
        (good.clone(), now + days(31), "not of now"),
        (good, now - days(1), "not of now"),
        (
            files.list(&person, "authority", "V", part),
            now,
            "not understood",
        ),
    ] {
        let told = question.check_list(&list, at).unwrap_err().to_string();
        assert!(told.contains(expected), "{expected}: {told}");
    }
    let told = question.check_list(b"<html>", now);
    assert!(matches!(told, Err(Rejected::StatusUnknown(_))), "{told:?}");
}

/// Keys, certificates, answers and lists, made by the `openssl` program.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A person's certificate from an authority that has a namesake, and the question about it.
    fn person_of_two_namesakes(&self) -> (Certificate, Question) {
        self.authority("authority", "/CN=Authority");
        self.authority("namesake", "/CN=Authority");
        let usage = "keyUsage = nonRepudiation\n";
        self.issue("person", "authority", usage, FOR_LONG);
        let person = self.certificate("person");
        let question = Question::about(&person, &self.certificate("authority")).unwrap();
        (person, question)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn authority(&self, name: &str, subject: &str) {
        self.key(name);
        let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        self.run(&[
            "req",
            "-x509",
            "-key",
            &key,
            "-subj",
            subject,
            "-days",
            FOR_LONG,
            "-out",
            &certificate,
        ]);
    }

    fn issue(&self, name: &str, issuer: &str, extensions: &str, days: &str) {
        self.key(name);
        std::fs::write(self.path("extensions"), extensions).unwrap();
        let key = format!("{name}.key");
        let subject = format!("/CN={name}");
        self.run(&[
            "req", "-new", "-key", &key, "-subj", &subject, "-out", "asked",
        ]);
        let (by, by_key) = (format!("{issuer}.pem"), format!("{issuer}.key"));
        self.run(&[
            "x509",
            "-req",
            "-in",
            "asked",
            "-CA",
            &by,
            "-CAkey",
            &by_key,
            "-extfile",
            "extensions",
            "-days",
            days,
            "-out",
            &format!("{name}.pem"),
        ]);
    }

    fn key(&self, name: &str) {
        let key = format!("{name}.key");
        self.run(&[
            "ecparam",
            "-name",
            "prime256v1",
            "-genkey",
            "-noout",
            "-out",
            &key,
        ]);
    }

    fn certificate(&self, name: &str) -> Certificate {
        let pem = std::fs::read(self.path(&format!("{name}.pem"))).unwrap();
        Certificate::all_in_pem(&pem).unwrap().remove(0)
    }

    /// What `signer` answers to the request about a person's certificate in this state.
    fn answer(&self, person: &Certificate, signer: &str, state: &str) -> Vec<u8> {
        self.answer_with(person, signer, state, &[])
    }

    /// An authority's list about a person's certificate in this state.
    fn list(
        &self,
        person: &Certificate,
        authority: &str,
        state: &str,
        extensions: &str,
    ) -> Vec<u8> {
        self.note(person, state);
        let configuration = format!(
            "[ca]\ndefault_ca = own\n[own]\ndatabase = index\ndefault_md = sha256\n\
             default_crl_days = {FOR_LONG}\ncrl_extensions = of_list\n[of_list]\n\
             authorityKeyIdentifier = keyid\n{extensions}"
        );
        std::fs::write(self.path("ca.cnf"), configuration).unwrap();
        let (by, by_key) = (format!("{authority}.pem"), format!("{authority}.key"));
        self.run(&[
            "ca", "-config", "ca.cnf", "-gencrl", "-cert", &by, "-keyfile", &by_key, "-out",
            "list.pem",
        ]);
        self.run(&["crl", "-in", "list.pem", "-outform", "DER", "-out", "list"]);
        std::fs::read(self.path("list")).unwrap()
    }

    /// Enters a person's certificate into what openssl knows of certificates.
    fn note(&self, person: &Certificate, state: &str) {
        let serial = self.run(&["x509", "-in", "person.pem", "-noout", "-serial"]);
        let serial = serial.trim().trim_start_matches("serial=");
        let revoked = if state == "R" { "260101000000Z" } else { "" };
        let subject = person.subject();
        let line = format!("{state}\t491231235959Z\t{revoked}\t{serial}\tunknown\t/{subject}\n");
        std::fs::write(self.path("index"), line).unwrap();
    }

    fn answer_with(
        &self,
        person: &Certificate,
        signer: &str,
        state: &str,
        more: &[&str],
    ) -> Vec<u8> {
        self.note(person, state);
        let (by, by_key) = (format!("{signer}.pem"), format!("{signer}.key"));
        let arguments = [
            "ocsp",
            "-index",
            "index",
            "-CA",
            "authority.pem",
            "-rsigner",
            &by,
            "-rkey",
            &by_key,
            "-reqin",
            "request",
            "-respout",
            "answer",
        ];
        self.run(&[&arguments, more].concat());
        std::fs::read(self.path("answer")).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new("openssl")
            .current_dir(self.0.path())
            .args(arguments)
            .output()
            .expect("openssl runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
