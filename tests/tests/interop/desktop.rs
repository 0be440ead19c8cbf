//! A link on the way from a browser with a window to the device and back, by the desktop's own means:
//! the scheme `symbolon:`, `xdg-open`, and the file by which we say that we open it.

use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use fantoccini::wd::WindowHandle;
use futures_util::FutureExt;
use serde_json::{Value, json};
use symbolon_tests::cli::code;
use symbolon_tests::e_service::{EService, Front};
use symbolon_tests::eventually::SOON;
use symbolon_tests::link_login::LinkLogin;
use symbolon_tests::process::program;
use symbolon_tests::requirements::{find_program, skipped};
use symbolon_tests::rig::{PIN1, Plan, Rig, USUAL};
use symbolon_tests::service::SCHEME;
use symbolon_tests::x_server::XServer;

use crate::browser::{Visit, arguments, browser, start};

/// As packages install it.
const OPENER: &str = include_str!("../../../packaging/desktop/org.symbolon.Open.desktop");
const INSTALLED: &str = "/usr/bin/symbolon";

#[test]
#[ignore = "needs a browser and a screen; run by make interop"]
fn s197_a_browser_hands_a_link_over_by_the_desktop_and_is_led_back() {
    let mut programs = Vec::new();
    for name in ["chromedriver", "Xvfb", "xdg-open", "curl"] {
        let Some(program) = find_program(name) else {
            skipped(&format!(
                "{name} (packages chromium-driver, xvfb, xdg-utils, curl)"
            ));
            return;
        };
        programs.push(program);
    }
    let Some(rig) = Plan::default().link_page().start() else {
        return;
    };
    let (rig, document) = rig.with_account();
    let e_service = EService::start(&rig, Front::Itself);
    let screen = XServer::start(&rig.folder.logs());
    let profile = rig.folder.sub("browser");
    let mut arguments = arguments(&profile);
    arguments.push("--no-first-run".into());
    // A tab that another program opens is not the driver's, whose tolerance it would need.
    arguments.push("--ignore-certificate-errors".into());
    let desktop = Desktop::make(&rig.folder.sub("desktop"), &profile);
    let mut command = Command::new(&programs[0]);
    command
        .env("DISPLAY", screen.display())
        .env("SYMBOLON_BUS", rig.device.bus_address())
        .envs(desktop.environment());
    let (mut driver, port) = start(&mut command, &rig.folder.logs());
    let preferences = without_asking(&link_origin(&rig));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let told = runtime.block_on(async {
        let browser = browser(port, &arguments, &preferences).await;
        let visit = Visit {
            rig: &rig,
            e_service: &e_service,
            browser: browser.clone(),
        };
        let told = AssertUnwindSafe(log_in(&visit, &document)).catch_unwind();
        let told = told.await;
        // However it went: the browser is the driver's child, not ours.
        browser.close().await.ok();
        told
    });
    driver.stop();
    if let Err(panic) = told {
        resume_unwind(panic);
    }
}

async fn log_in(visit: &Visit<'_>, document: &str) {
    visit.browser.goto(visit.e_service.url()).await.unwrap();
    visit.click("#by-link").await;
    visit.click("#same-machine").await;
    let began = visit.browser.window().await.unwrap();
    let page = visit.browser.windows().await.unwrap().pop().unwrap();
    visit.browser.switch_to_window(page).await.unwrap();
    let device = &visit.rig.device;
    let id = open(visit).await;
    let before = visit.browser.windows().await.unwrap();
    device.approve(&id, PIN1).must_be(code::DONE);
    // It leads the browser back, by a tab of its own; the page where it began finds out by itself.
    let came_back = came_back(visit, &before).await;
    visit.browser.switch_to_window(came_back).await.unwrap();
    assert_eq!(visit.shown("#account").await, document);
    visit.browser.switch_to_window(began).await.unwrap();
    assert_eq!(visit.shown("#account").await, document);
}

/// Has the desktop start `symbolon open`, which waits for whoever asks for the PIN. A browser drops
/// a click that comes before it has painted the page; whoever sees nothing happen clicks again.
async fn open(visit: &Visit<'_>) -> String {
    let deadline = Instant::now() + 3 * SOON;
    while Instant::now() < deadline {
        visit.click("a.open").await;
        let next_click = Instant::now() + SOON / 2;
        while Instant::now() < next_click {
            if let Some(transaction) = visit.rig.device.pending().first() {
                return transaction["id"].as_str().unwrap().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    panic!("the link began no login");
}

async fn came_back(visit: &Visit<'_>, before: &[WindowHandle]) -> WindowHandle {
    let deadline = Instant::now() + SOON;
    loop {
        let mut windows = visit.browser.windows().await.unwrap().into_iter();
        if let Some(new) = windows.find(|window| !before.contains(window)) {
            return new;
        }
        assert!(Instant::now() < deadline, "the browser was not led back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Where the page is that hands links over.
fn link_origin(rig: &Rig) -> String {
    let link = LinkLogin::begin(&rig.relying_party, "anonymous", SCHEME, USUAL).web_to_app();
    link.split_once("/device-link").unwrap().0.to_owned()
}

/// What a person has chosen who ticked "always" when the browser asked whether to open the program.
fn without_asking(origin: &str) -> Value {
    json!({"protocol_handler": {"allowed_origin_protocol_pairs": {origin: {"symbolon": true}}}})
}

/// What a desktop knows of programs, in a folder of its own.
struct Desktop(PathBuf);

impl Desktop {
    /// One where our program opens our scheme, and the browser of this profile everything on the web.
    fn make(folder: &Path, profile: &Path) -> Self {
        let desktop = Self(folder.to_owned());
        let applications = desktop.0.join("data/applications");
        std::fs::create_dir_all(&applications).unwrap();
        let ours = program("symbolon").display().to_string();
        assert!(OPENER.contains(INSTALLED), "{OPENER}");
        let opener = OPENER.replace(INSTALLED, &ours);
        std::fs::write(applications.join("org.symbolon.Open.desktop"), opener).unwrap();
        // Another tab of the browser that runs already. Started once more for the same profile, as
        // desktops do, one that a driver started refuses.
        let script = desktop.0.join("browse");
        let command = format!(
            "#!/bin/sh\nread -r port <'{}/DevToolsActivePort'\n\
             exec curl --silent --fail --get -X PUT --data-urlencode \"=$1\" \
             \"http://127.0.0.1:$port/json/new\"\n",
            profile.display()
        );
        std::fs::write(&script, command).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
        let entry = format!(
            "[Desktop Entry]\nType=Application\nName=Browser\nExec={} %u\n\
             MimeType=x-scheme-handler/https;\n",
            script.display()
        );
        std::fs::write(applications.join("browser.desktop"), entry).unwrap();
        let chosen = "[Default Applications]\n\
             x-scheme-handler/symbolon=org.symbolon.Open.desktop\n\
             x-scheme-handler/https=browser.desktop\n";
        let configuration = desktop.0.join("config");
        std::fs::create_dir_all(&configuration).unwrap();
        std::fs::write(configuration.join("mimeapps.list"), chosen).unwrap();
        desktop
    }

    fn environment(&self) -> [(&'static str, PathBuf); 4] {
        [
            ("HOME", self.0.clone()),
            ("XDG_DATA_HOME", self.0.join("data")),
            ("XDG_CONFIG_HOME", self.0.join("config")),
            ("XDG_CACHE_HOME", self.0.join("cache")),
        ]
    }
}
