//! A browser nobody here wrote, at the example e-service: its cookies, scripts and rules.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fantoccini::{Client, ClientBuilder, Locator};
use futures_util::FutureExt;
use serde_json::{Value, json};
use symbolon_tests::cli::code;
use symbolon_tests::e_service::{EService, Front};
use symbolon_tests::eventually::SOON;
use symbolon_tests::openssl;
use symbolon_tests::pdf;
use symbolon_tests::process::Running;
use symbolon_tests::requirements::{find_program, skipped};
use symbolon_tests::rig::{PIN1, PIN2, Plan, Rig, USUAL};

const DOCUMENT: &[u8] = b"I lend my bicycle to Juhan until Sunday.\n";

#[test]
#[ignore = "needs a browser; run by make interop"]
fn s124_a_browser_logs_in_and_signs() {
    let Some(driver) = find_program("chromedriver") else {
        skipped("chromedriver (packages chromium and chromium-driver; on Fedora chromedriver)");
        return;
    };
    let Some(rig) = Plan::default().link_page().start() else {
        return;
    };
    let (rig, document) = rig.with_account();
    let e_service = EService::start(&rig, Front::Itself);
    let (mut driver, port) = start(&mut Command::new(driver), &rig.folder.logs());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let told = runtime.block_on(async {
        let profile = rig.folder.sub("browser");
        let mut arguments = arguments(&profile);
        arguments.push("--headless=new".into());
        let browser = browser(port, &arguments, &json!({})).await;
        let visit = Visit {
            rig: &rig,
            e_service: &e_service,
            browser: browser.clone(),
        };
        let told = AssertUnwindSafe(visit.all(&document)).catch_unwind().await;
        // However it went: the browser is the driver's child, not ours.
        browser.close().await.ok();
        told
    });
    driver.stop();
    if let Err(panic) = told {
        resume_unwind(panic);
    }
}

/// A driver, and the port that it chose.
pub(crate) fn start(driver: &mut Command, logs: &Path) -> (Running, u16) {
    let mut running = Running::start("chromedriver", logs, driver.arg("--port=0"));
    let log = logs.join("chromedriver.log");
    let port = running.wait_until_ready(SOON, || port(&log));
    (running, port)
}

fn port(log: &Path) -> Option<u16> {
    let text = std::fs::read_to_string(log).ok()?;
    let (_, rest) = text.split_once("started successfully on port ")?;
    rest.split_once('.')?.0.parse().ok()
}

/// How a browser is started that has nothing from anybody's own.
pub(crate) fn arguments(profile: &Path) -> Vec<String> {
    let mut arguments = vec![
        "--disable-gpu".to_owned(),
        "--disable-dev-shm-usage".into(),
        format!("--user-data-dir={}", profile.display()),
    ];
    if rustix::process::geteuid().is_root() {
        // Its sandbox does not work for root.
        arguments.push("--no-sandbox".into());
    }
    arguments
}

/// One that the driver starts, with these preferences.
pub(crate) async fn browser(port: u16, arguments: &[String], preferences: &Value) -> Client {
    let wishes = json!({
        "acceptInsecureCerts": true,
        "goog:chromeOptions": {"args": arguments, "prefs": preferences},
    });
    ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
        .capabilities(wishes.as_object().unwrap().clone())
        .connect(&format!("http://127.0.0.1:{port}"))
        .await
        .unwrap()
}

pub(crate) struct Visit<'a> {
    pub(crate) rig: &'a Rig,
    pub(crate) e_service: &'a EService,
    pub(crate) browser: Client,
}

impl Visit<'_> {
    async fn all(&self, document: &str) {
        self.browser.goto(self.e_service.url()).await.unwrap();
        self.log_in_by_notification().await;
        assert_eq!(self.shown("#account").await, document);
        self.sign().await;
        self.sign_pdf().await;
        self.click("form[action='/log-out'] button").await;
        self.log_in_by_link().await;
        assert_eq!(self.shown("#account").await, document);
    }

    async fn log_in_by_notification(&self) {
        let code = self.find("input[name=code]").await;
        code.send_keys("30303039914").await.unwrap();
        self.click("#by-notification").await;
        self.approve(PIN1).await;
        // The page's own script finds out.
        assert_eq!(self.shown("#person").await, "MARI MAASIKAS");
    }

    async fn sign(&self) {
        let file = self.rig.folder.path().join("agreement.txt");
        std::fs::write(&file, DOCUMENT).unwrap();
        let input = self
            .find("form[action='/sign/file'] input[type=file]")
            .await;
        input.send_keys(file.to_str().unwrap()).await.unwrap();
        self.click("#sign-file").await;
        self.approve(PIN2).await;
        assert!(self.shown("#signed").await.contains("agreement.txt"));
        let certificate = self.download("/signed/certificate").await;
        let certificate = openssl::der(&certificate).unwrap();
        let signature = self.download("/signed/signature").await;
        openssl::verify_signature(&certificate, USUAL, DOCUMENT, &signature).unwrap();
        let trust = self.rig.service.folder().trust();
        openssl::verify_chain(&trust, &certificate).unwrap();
    }

    async fn sign_pdf(&self) {
        let file = self.rig.folder.path().join("agreement.pdf");
        std::fs::write(&file, pdf::blank("An agreement")).unwrap();
        let input = self.find("form[action='/sign/pdf'] input[type=file]").await;
        input.send_keys(file.to_str().unwrap()).await.unwrap();
        self.click("#sign-pdf").await;
        self.approve(PIN2).await;
        self.find("#document").await;
        let signed = self.download("/signed/document.pdf").await;
        let (content, container) = pdf::signed_parts(&signed);
        let trust = self.rig.service.folder().trust();
        openssl::verify_container(&trust, &content, &container).unwrap();
    }

    async fn log_in_by_link(&self) {
        self.click("#by-link").await;
        self.find("#same-machine").await;
        self.picture_is_renewed().await;
        let began = self.browser.window().await.unwrap();
        let link = self.follow_link().await;
        let arguments = ["open", "-", "--no-browser", "--pin-stdin"];
        let said = self.rig.device.cli.json(&arguments, &[&link, PIN1]);
        let said = said.must_be(code::DONE).out;
        let printed: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        // As the device does: in another tab of the same browser.
        self.browser.switch_to_window(began.clone()).await.unwrap();
        let came_back = self.browser.new_window(true).await.unwrap();
        let came_back = came_back.handle;
        self.browser.switch_to_window(came_back).await.unwrap();
        self.browser
            .goto(printed["url"].as_str().unwrap())
            .await
            .unwrap();
        self.find("#person").await;
        self.browser.switch_to_window(began).await.unwrap();
        self.find("#person").await;
    }

    /// Follows the link as a person does, in a tab of its own: what the service's page there hands to
    /// the device.
    async fn follow_link(&self) -> String {
        self.click("#same-machine").await;
        let opened = self.browser.windows().await.unwrap().pop().unwrap();
        self.browser.switch_to_window(opened).await.unwrap();
        let handed_over = self.find("a.open").await.attr("href").await.unwrap();
        self.browser.close_window().await.unwrap();
        handed_over.unwrap()
    }

    /// The picture is there, and another one after a while.
    async fn picture_is_renewed(&self) {
        let renewed = "const done = arguments[0], picture = document.getElementById('qr');
            let seen = new Set();
            picture.addEventListener('load', () => {
                if (picture.naturalWidth > 0) seen.add(picture.src);
                if (seen.size > 1) done(true);
            });";
        let told = self.browser.execute_async(renewed, vec![]).await;
        assert_eq!(told.unwrap(), Value::Bool(true));
    }

    /// Approves what shows the page's code.
    async fn approve(&self, pin: &str) {
        let code_shown = self.shown("#verification-code").await;
        let id = self.rig.device.id_of(&code_shown);
        self.rig.device.approve(&id, pin).must_be(code::DONE);
    }

    async fn download(&self, path: &str) -> Vec<u8> {
        let script = "const [path, done] = arguments;
            fetch(path).then(it => it.bytes()).then(it => done(it.toBase64()));";
        let told = self.browser.execute_async(script, vec![path.into()]).await;
        let told = told.unwrap();
        STANDARD.decode(told.as_str().unwrap()).unwrap()
    }

    pub(crate) async fn click(&self, selector: &str) {
        self.find(selector).await.click().await.unwrap();
    }

    pub(crate) async fn shown(&self, selector: &str) -> String {
        self.find(selector).await.text().await.unwrap()
    }

    pub(crate) async fn find(&self, selector: &str) -> fantoccini::elements::Element {
        let wait = self.browser.wait().at_most(Duration::from_secs(30));
        let found = wait.for_element(Locator::Css(selector)).await;
        if found.is_err() {
            let page = self.browser.source().await.unwrap_or_default();
            panic!("no {selector} in {page}");
        }
        found.unwrap()
    }
}
