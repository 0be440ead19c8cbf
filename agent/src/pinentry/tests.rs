//! The prompt against scripted programs and against the real pinentry-tty.

use std::fs::{self, File};
use std::future::{pending, ready};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use tempfile::TempDir;

use super::*;

/// A program that greets, notes every command and answers `GETPIN` by the given shell lines.
struct Fake {
    folder: TempDir,
    pinentry: Pinentry,
}

impl Fake {
    fn answering(getpin: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        Self::script(
            folder,
            &format!(
                r#"#!/bin/sh
echo $$ > {pid}
echo 'OK Pleased to meet you'
while IFS= read -r line; do
    printf '%s\n' "$line" >> {log}
    case "$line" in
        GETPIN) {getpin} ;;
        *) echo OK ;;
    esac
done
"#,
                pid = folder_file(&log, "pid"),
                log = log.display(),
            ),
        )
    }

    fn script(folder: TempDir, text: &str) -> Self {
        let (draft, program) = (folder.path().join("draft"), folder.path().join("fake"));
        fs::write(&draft, text).unwrap();
        // By another process: a file that this one had open for writing could not be executed
        // while any thread's child still holds the descriptor.
        let installed = Command::new("install")
            .args(["-m", "755"])
            .args([&draft, &program])
            .status();
        assert!(installed.unwrap().success());
        Self {
            folder,
            pinentry: Pinentry {
                program,
                options: vec!["lc-ctype=C.UTF-8".into()],
            },
        }
    }

    async fn ask(&self) -> Result<Option<Answer>, PromptError> {
        self.pinentry.ask(&question(), pending()).await
    }

    fn log(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("log")).unwrap()
    }

    fn runs(&self) -> bool {
        let id = fs::read_to_string(self.folder.path().join("pid")).unwrap();
        Path::new("/proc").join(id.trim()).exists()
    }
}

fn folder_file(sibling: &Path, name: &str) -> String {
    sibling.with_file_name(name).display().to_string()
}

fn question() -> Question {
    Question {
        title: "Symbolon: Code 4821".into(),
        description: "Code 4821\n\nBank of X\nwants you to log in:\n50% off".into(),
        wanted: Wanted::Pin("PIN1:".into()),
        error: None,
        time_left: Duration::from_secs(30),
        activation_token: None,
    }
}

fn typed(answer: Result<Option<Answer>, PromptError>) -> String {
    let Ok(Some(Answer::Pin(pin))) = answer else {
        panic!("{answer:?}");
    };
    let mut text = String::new();
    File::from(pin.into_pipe().unwrap())
        .read_to_string(&mut text)
        .unwrap();
    text
}

fn code_of(answer: Result<Option<Answer>, PromptError>) -> u32 {
    match answer {
        Err(PromptError::Assuan(AssuanError::Refused { code, .. })) => code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_typed_pin_arrives() {
    let fake = Fake::answering("echo 'D 271828'; echo OK");
    assert_eq!(typed(fake.ask().await), "271828");
    let log = String::from_utf8(fake.log()).unwrap();
    let expected = [
        "OPTION lc-ctype=C.UTF-8",
        "SETTITLE Symbolon: Code 4821",
        "SETDESC Code 4821%0A%0ABank of X%0Awants you to log in:%0A50%25 off",
        "SETOK Approve",
        "SETCANCEL Reject",
        "SETTIMEOUT 30",
        "SETPROMPT PIN1:",
        "GETPIN",
    ];
    assert_eq!(log.lines().collect::<Vec<_>>(), expected);
    assert!(!fake.runs());
}

#[tokio::test]
async fn escapes_comments_status_and_inquiries_are_understood() {
    let fake = Fake::answering(
        "echo '# a comment'; echo 'S PIN_REPEATED'; echo 'INQUIRE QUALITY 27'; read -r reply; \
         printf '%s\\n' \"$reply\" >> $0.reply; printf 'D 27%%31%%38\\nD 28\\nOK\\n'",
    );
    assert_eq!(typed(fake.ask().await), "271828");
    let reply = fs::read_to_string(fake.folder.path().join("fake.reply")).unwrap();
    assert_eq!(reply, "CAN\n");
}

#[tokio::test]
async fn an_earlier_mistake_is_shown() {
    let fake = Fake::answering("echo 'D 271828'; echo OK");
    let again = Question {
        error: Some("Wrong PIN, 2 tries left".into()),
        ..question()
    };
    assert_eq!(typed(fake.pinentry.ask(&again, pending()).await), "271828");
    let log = String::from_utf8(fake.log()).unwrap();
    assert!(log.contains("\nSETERROR Wrong PIN, 2 tries left\nGETPIN\n"));
}

#[tokio::test]
async fn what_the_person_did_is_told_apart_from_faults() {
    for code in [83_886_179, 83_886_194, 83_886_278] {
        let fake = Fake::answering(&format!("echo 'ERR {code} Operation cancelled <Pinentry>'"));
        assert!(matches!(fake.ask().await, Ok(Some(Answer::Rejected))));
    }
    let fake = Fake::answering("echo 'ERR 83886142 Timeout <Pinentry>'");
    assert!(matches!(fake.ask().await, Ok(Some(Answer::TimedOut))));
    let fake = Fake::answering("echo 'ERR 83918950 Inappropriate ioctl for device <Pinentry>'");
    assert!(matches!(fake.ask().await, Err(PromptError::NoTerminal)));
    let fake = Fake::answering("echo 'ERR 83886081 General error <Pinentry>'");
    assert_eq!(code_of(fake.ask().await), 83_886_081);
}

#[tokio::test]
async fn a_missing_program_says_what_to_do() {
    let missing = Pinentry {
        program: "/nonexistent/pinentry".into(),
        options: Vec::new(),
    };
    let error = missing.ask(&question(), pending()).await.unwrap_err();
    assert!(error.to_string().contains("/nonexistent/pinentry"));
    assert!(error.to_string().contains("--pinentry"));
}

#[tokio::test]
async fn programs_that_misbehave_are_faults_and_no_answers() {
    for getpin in [
        "exit 0",
        "head -c 5000 /dev/zero | tr '\\0' 'D'; echo",
        "echo 'D 27%3'; echo OK",
        "echo 'D 27%zz'; echo OK",
        "printf 'D %0100d\\nOK\\n' 1",
        "echo 'HELLO'",
        "echo 'ERR nonsense'",
    ] {
        let answer = Fake::answering(getpin).ask().await;
        assert!(
            matches!(answer, Err(PromptError::Assuan(_))),
            "{getpin}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_hostile_description_neither_ends_a_line_nor_exceeds_it() {
    for text in [
        "õ".repeat(900),
        "𝄞%\n".repeat(700),
        "\r\nGETPIN\r\nBYE\r\n".repeat(80),
    ] {
        let fake = Fake::answering("echo 'D 271828'; echo OK");
        let hostile = Question {
            description: text,
            ..question()
        };
        assert_eq!(
            typed(fake.pinentry.ask(&hostile, pending()).await),
            "271828"
        );
        let log = fake.log();
        let lines: Vec<&[u8]> = log.split(|octet| *octet == b'\n').collect();
        // Eight commands and the end of the last line.
        assert_eq!(lines.len(), 9);
        assert!(lines.iter().all(|line| line.len() <= 1000));
        assert!(lines.iter().all(|line| std::str::from_utf8(line).is_ok()));
    }
}

#[tokio::test]
async fn a_request_taken_back_takes_the_prompt_away() {
    let fake = Fake::answering("touch $0.asking; exec sleep 60");
    let asking = fake.folder.path().join("fake.asking");
    let answer = fake
        .pinentry
        .ask(&question(), async { appears(&asking).await })
        .await;
    assert!(matches!(answer, Ok(None)), "{answer:?}");
    assert!(!fake.runs());
}

#[tokio::test]
async fn a_prompt_that_does_not_want_to_go_goes_too() {
    let fake = Fake::answering("trap '' TERM; touch $0.asking; exec sleep 60");
    let asking = fake.folder.path().join("fake.asking");
    let answer = fake
        .pinentry
        .ask(&question(), async { appears(&asking).await })
        .await;
    assert!(matches!(answer, Ok(None)), "{answer:?}");
    assert!(!fake.runs());
}

#[tokio::test]
async fn what_was_taken_back_before_is_never_asked() {
    let fake = Fake::answering("echo 'D 271828'; echo OK");
    let answer = fake.pinentry.ask(&question(), ready(())).await;
    assert!(matches!(answer, Ok(None)), "{answer:?}");
    assert!(!fake.folder.path().join("log").exists());
}

async fn appears(file: &Path) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !file.exists() {
        assert!(Instant::now() < deadline, "{} never came", file.display());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The prompt shows relying party, text and code, and what is typed is not echoed.
#[tokio::test]
async fn the_real_terminal_pinentry_asks() {
    let program = Path::new("/usr/bin/pinentry-tty");
    if !program.exists() {
        assert!(std::env::var_os("CI").is_none(), "pinentry-tty is missing");
        eprintln!("SKIPPED: pinentry-tty is not installed");
        return;
    }
    let (keyboard, terminal) = pseudo_terminal();
    let pinentry = Pinentry {
        program: program.into(),
        options: vec![
            format!("ttyname={terminal}"),
            "ttytype=dumb".into(),
            "lc-ctype=C.UTF-8".into(),
        ],
    };
    let person = tokio::task::spawn_blocking(move || {
        let mut keyboard = keyboard;
        let seen = read_until(&mut keyboard, "PIN1:");
        keyboard.write_all(b"271828\n").unwrap();
        // Given back: a terminal whose keyboard is gone is hung up.
        (keyboard, seen)
    });
    let answer = pinentry.ask(&question(), pending()).await;
    assert_eq!(typed(answer), "271828");
    let (mut keyboard, mut seen) = person.await.unwrap();
    // What else was written, until the other side is closed.
    let mut rest = Vec::new();
    let _ = keyboard.read_to_end(&mut rest);
    seen.push_str(&String::from_utf8_lossy(&rest));
    assert!(!seen.contains("271828"), "{seen}");
    assert!(seen.contains("Code 4821"), "{seen}");
    assert!(seen.contains("Bank of X"), "{seen}");
    assert!(seen.contains("50% off"), "{seen}");
}

fn pseudo_terminal() -> (File, String) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&keyboard).unwrap();
    unlockpt(&keyboard).unwrap();
    let name = ptsname(&keyboard, Vec::new()).unwrap();
    (File::from(keyboard), name.into_string().unwrap())
}

fn read_until(terminal: &mut File, expected: &str) -> String {
    let mut seen = Vec::new();
    let mut octet = [0];
    while !String::from_utf8_lossy(&seen).contains(expected) {
        match terminal.read(&mut octet) {
            Ok(1) => seen.push(octet[0]),
            // No program has opened the other side yet.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
                std::thread::yield_now();
            }
            other => panic!("{other:?} after {}", String::from_utf8_lossy(&seen)),
        }
    }
    String::from_utf8_lossy(&seen).into_owned()
}
