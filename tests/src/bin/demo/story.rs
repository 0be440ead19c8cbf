//! The story: enrolment, a login, a signature, a lock.

use std::time::Duration;

use serde_json::Value;
use symbolon_tests::cli::code;
use symbolon_tests::openssl;
use symbolon_tests::relying_party::{Algorithm, Target};
use symbolon_tests::rig::Rig;
use symbolon_tests::service::SCHEME;

use crate::person::{Ended, Person};
use crate::show::{chapter, line, say, strong, verified};

const PERSON: (&str, &str, &str) = ("PNOEE-30303039914", "Mari", "Maasikas");
const DOCUMENT: &str = "I, Mari Maasikas, lend my bicycle to Juhan until Sunday.\n";
const ALGORITHM: Algorithm = Algorithm::Pss("SHA-512");

/// What a thief tries.
const GUESSES: [&str; 3] = ["9274", "8305", "7416"];

/// A person may read before typing.
const PATIENCE: Duration = Duration::from_secs(130);

/// How the story ended.
pub(crate) enum End {
    Well,
    Interrupted,
    /// Something that it needs is not installed, as was said.
    NotPossible,
}

/// Tells it.
pub(crate) fn tell(person: &Person) -> End {
    println!(
        "{}\nEverything below runs for real, in a folder of its own that is gone at the end.",
        strong("Symbolon: a login, a signature and a lock, on a TPM emulator")
    );
    chapter("The parts start");
    let Some(rig) = Rig::start() else {
        return End::NotPossible;
    };
    show_parts(&rig);
    match chapters(&rig, person) {
        Ok(()) => {
            println!("\nThat was all: the parts stop, the folder goes.");
            End::Well
        }
        Err(Stop::Interrupted) => End::Interrupted,
        Err(Stop::Failed(why)) => {
            println!("\n{}: {why}", strong("This went wrong"));
            End::NotPossible
        }
    }
}

enum Stop {
    Interrupted,
    Failed(String),
}

fn chapters(rig: &Rig, person: &Person) -> Result<(), Stop> {
    let document_number = enrolment(rig, person)?;
    login(rig, person, &document_number)?;
    signature(rig, person, &document_number)?;
    lock(rig, &document_number)
}

fn show_parts(rig: &Rig) {
    line("folder", &rig.folder.path().display().to_string());
    line(
        "TPM 2.0",
        &format!("swtpm at 127.0.0.1:{}", rig.device.swtpm.port()),
    );
    line("HSM of the service", "SoftHSM 2, a token of its own");
    line(
        "symbolon-service",
        &format!(
            "relying-party API http://{}/v3, device API https://{}",
            rig.service.relying_party_address(),
            rig.service.device_address()
        ),
    );
    line("symbolond", "on a private system bus");
}

fn enrolment(rig: &Rig, person: &Person) -> Result<String, Stop> {
    let (identifier, given_name, surname) = PERSON;
    chapter("Enrolment");
    say(&format!(
        "A clerk has identified {given_name} {surname} ({identifier}) and issued a one-time code."
    ));
    if person.is_there() {
        say("You are Mari. Choose two PINs, for example 1593 and 26481.");
    }
    let code = rig.service.folder().invite(identifier, given_name, surname);
    must(person.enrol(&rig.device, &code))?;
    let accounts = rig.device.cli.json(&["accounts"], &[]).value();
    let number = accounts["accounts"][0]["documentNumber"].as_str();
    let number = number.ok_or_else(|| Stop::Failed("there is no account".into()))?;
    rig.device.wait_until_connected(number);
    Ok(number.to_owned())
}

fn login(rig: &Rig, person: &Person, document_number: &str) -> Result<(), Stop> {
    chapter("Login");
    let target = Target::Person(PERSON.0.into());
    let login = rig
        .relying_party
        .login(&target, ALGORITHM, "Log in to the demo?");
    say("A relying party asks: POST /v3/authentication/notification/etsi/…");
    let shown = rig.device.wait_for(&login.verification_code);
    show_codes(&login.verification_code, &shown);
    must(person.approve_login(&rig.device, id_of(&shown)))?;

    let status = rig.relying_party.wait(&login.session, PATIENCE);
    let trust = rig.service.folder().trust();
    show_result(&status);
    let proven = login
        .verify(&status, SCHEME, &trust)
        .map_err(Stop::Failed)?;
    verified(
        "relying party verifies",
        &format!(
            "the login's signature: one of RSA, {} bits, RSASSA-PSS with SHA-512",
            proven.signature.len() * 8
        ),
    );
    show_certificate(rig, &proven.certificate)?;
    same_account(&proven.document_number, document_number)
}

fn signature(rig: &Rig, person: &Person, document_number: &str) -> Result<(), Stop> {
    chapter("Signature over a file");
    let file = rig.folder.path().join("agreement.txt");
    std::fs::write(&file, DOCUMENT).unwrap();
    line("agreement.txt", DOCUMENT.trim());
    let target = Target::Document(document_number.into());
    let text = "Sign the agreement?";
    let signing = rig
        .relying_party
        .sign(&target, ALGORITHM, DOCUMENT.as_bytes(), text);
    say("A relying party asks: POST /v3/signature/notification/document/…");
    let shown = rig.device.wait_for(&signing.verification_code);
    show_codes(&signing.verification_code, &shown);
    must(person.approve_signature(&rig.device, id_of(&shown)))?;

    let status = rig.relying_party.wait(&signing.session, PATIENCE);
    show_result(&status);
    let trust = rig.service.folder().trust();
    let proven = signing.verify(&status, &trust).map_err(Stop::Failed)?;
    verified("openssl dgst -verify", "the signature over agreement.txt");
    show_certificate(rig, &proven.certificate)?;
    same_account(&proven.document_number, document_number)
}

fn lock(rig: &Rig, document_number: &str) -> Result<(), Stop> {
    chapter("Three wrong PINs");
    let target = Target::Document(document_number.into());
    let login = rig
        .relying_party
        .login(&target, ALGORITHM, "Log in once more?");
    let shown = rig.device.wait_for(&login.verification_code);
    say("A thief asks for a login and guesses. The TPM counts.");
    for guess in GUESSES {
        let said = rig.device.approve(id_of(&shown), guess);
        if said.code == code::DONE {
            return Err(Stop::Failed(format!("{guess} was the PIN: try again")));
        }
        let told = said.err.trim().lines().last().unwrap_or_default();
        line(guess, told.trim_start_matches("symbolon: "));
    }
    let status = rig.relying_party.wait(&login.session, PATIENCE);
    show_result(&status);
    let standing = rig.device.standing(document_number, "pin1");
    let minutes = standing["remainingSeconds"].as_u64().unwrap_or_default() / 60;
    line(
        "the account",
        &format!(
            "{} for {} h {} min; no PIN is judged until the service releases the TPM's lock",
            strong(standing["state"].as_str().unwrap_or("?")),
            minutes / 60,
            minutes % 60
        ),
    );
    Ok(())
}

fn show_codes(at_relying_party: &str, shown: &Value) {
    let on_device = shown["verificationCode"].as_str().unwrap_or("?");
    line("relying party shows", &strong(at_relying_party));
    line("device shows", &strong(on_device));
}

fn show_result(status: &Value) {
    let end = status["result"]["endResult"].as_str().unwrap_or("?");
    line("relying party gets", &strong(end));
}

fn show_certificate(rig: &Rig, certificate: &[u8]) -> Result<(), Stop> {
    let trust = rig.service.folder().trust();
    openssl::verify_chain(&trust, certificate).map_err(Stop::Failed)?;
    let described = openssl::describe(certificate).map_err(Stop::Failed)?;
    let field = |name: &str| {
        let mut lines = described.lines().map(str::trim);
        let found = lines
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or("?");
        found.trim().to_owned()
    };
    verified("openssl verify", "the chain: certificate, issuing CA, root");
    line("certificate of", &field("Subject:"));
    line("issued by", &field("Issuer:"));
    Ok(())
}

fn same_account(proven: &str, enrolled: &str) -> Result<(), Stop> {
    if proven == enrolled {
        Ok(())
    } else {
        Err(Stop::Failed(format!("{proven} is not {enrolled}")))
    }
}

fn id_of(shown: &Value) -> &str {
    shown["id"].as_str().unwrap()
}

fn must(ended: Ended) -> Result<(), Stop> {
    match ended {
        Ended::Done => Ok(()),
        Ended::Interrupted => Err(Stop::Interrupted),
        Ended::Otherwise(code) => Err(Stop::Failed(format!("symbolon ended with {code}"))),
    }
}
