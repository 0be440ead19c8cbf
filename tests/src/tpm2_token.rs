//! A token of tpm2-pkcs11 on a TPM of its own. A swtpm has room for three objects, and
//! tpm2-pkcs11 needs more at a time: tpm2-abrmd, on a bus of its own, swaps them.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::eventually::SOON;
use crate::process::Running;
use crate::requirements;
use crate::swtpm::Swtpm;
use crate::token::{LABEL, PIN, TokenAt, write_private};

/// Folders in which distributions put the module.
const MODULES: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/pkcs11/libtpm2_pkcs11.so",
    "/usr/lib/x86_64-linux-gnu/libtpm2_pkcs11.so.1",
    "/usr/lib/aarch64-linux-gnu/libtpm2_pkcs11.so.1",
    "/usr/lib64/pkcs11/libtpm2_pkcs11.so",
];

/// How libtss2 reaches tpm2-abrmd.
const TCTI: &str = "tabrmd:bus_name=com.intel.tss2.Tabrmd,bus_type=session";

/// What it needs beside the module.
const PROGRAMS: [&str; 3] = ["tpm2_ptool", "tpm2-abrmd", "dbus-daemon"];

/// A running TPM with a token on it. Its parts end in the order in which they stand here.
pub struct Tpm2Token {
    at: TokenAt,
    _resource_manager: Running,
    _bus: Running,
    _swtpm: Swtpm,
}

impl Tpm2Token {
    /// Makes one in `folder`; `None`, after a word about it, where something is missing.
    pub fn create(folder: &Path, logs: &Path) -> Option<Self> {
        let module = MODULES.iter().map(PathBuf::from).find(|it| it.is_file());
        let missing = PROGRAMS
            .iter()
            .find(|it| requirements::find_program(it).is_none());
        let (Some(module), None) = (module, missing) else {
            requirements::skipped(
                "tpm2-pkcs11 and tpm2-abrmd (packages libtpm2-pkcs11-1, libtpm2-pkcs11-tools, \
                 tpm2-abrmd, libtss2-tcti-tabrmd0)",
            );
            return None;
        };
        let swtpm = Swtpm::start(&folder.join("tpm"), logs);
        let socket = folder.join("session-bus");
        let address = format!("unix:path={}", socket.display());
        let bus = start_bus(&socket, &address, logs);
        let resource_manager = start_resource_manager(&swtpm, &address, logs);
        let store = folder.join("store");
        std::fs::create_dir(&store).unwrap();
        let at = TokenAt {
            module,
            label: LABEL.into(),
            pin_file: folder.join("tpm2-pin"),
            init_reserved: None,
            environment: vec![
                ("TPM2_PKCS11_STORE", store.into()),
                ("TPM2_PKCS11_TCTI", TCTI.into()),
                ("TPM2_PKCS11_LOG_LEVEL", "0".into()),
                ("TPM2TOOLS_TCTI", TCTI.into()),
                ("DBUS_SESSION_BUS_ADDRESS", address.into()),
            ],
        };
        write_private(&at.pin_file, PIN);
        tool(&at, &["init"]);
        let pins = ["--sopin", PIN, "--userpin", PIN];
        let token = ["addtoken", "--pid", "1", "--label", LABEL];
        tool(&at, &[&token[..], &pins[..]].concat());
        Some(Self {
            at,
            _resource_manager: resource_manager,
            _bus: bus,
            _swtpm: swtpm,
        })
    }

    /// How a program finds it.
    pub fn at(&self) -> TokenAt {
        self.at.clone()
    }
}

fn start_bus(socket: &Path, address: &str, logs: &Path) -> Running {
    let mut bus = Running::start(
        "session-bus",
        logs,
        Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--nosyslog"])
            .arg(format!("--address={address}")),
    );
    bus.wait_until_ready(SOON, || UnixStream::connect(socket).ok());
    bus
}

fn start_resource_manager(swtpm: &Swtpm, bus: &str, logs: &Path) -> Running {
    let program = requirements::find_program("tpm2-abrmd").expect("looked for before");
    let mut manager = Running::start(
        "tpm2-abrmd",
        logs,
        Command::new(program)
            .args(["--session", "--allow-root"])
            .arg(format!("--tcti={}", swtpm.tcti()))
            .env("DBUS_SESSION_BUS_ADDRESS", bus),
    );
    manager.wait_until_ready(SOON, || {
        let asked = Command::new("dbus-send")
            .args([
                "--session",
                "--print-reply",
                "--dest=org.freedesktop.DBus",
                "/",
            ])
            .args([
                "org.freedesktop.DBus.GetNameOwner",
                "string:com.intel.tss2.Tabrmd",
            ])
            .env("DBUS_SESSION_BUS_ADDRESS", bus)
            .output();
        asked.unwrap().status.success().then_some(())
    });
    manager
}

fn tool(at: &TokenAt, arguments: &[&str]) {
    let made = Command::new("tpm2_ptool")
        .args(arguments)
        .envs(at.environment.iter().cloned())
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "tpm2_ptool {arguments:?}: {}",
        String::from_utf8_lossy(&made.stderr)
    );
}
