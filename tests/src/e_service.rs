//! The example e-service in front of a rig's service, and somebody who visits it.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use ureq::Agent;
use ureq::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};

use crate::eventually::{SOON, eventually};
use crate::process::{Running, program};
use crate::rig::Rig;
use crate::service::{RELYING_PARTY, SCHEME};

/// Where browsers believe the e-service to be that has a proxy in front.
pub const BEHIND_PROXY: &str = "https://shop.example.org";

/// A running e-service.
pub struct EService {
    process: Running,
    url: String,
    port: u16,
}

/// Who ends TLS for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// A proxy of a name of its own, which is played by whoever asks.
    Proxy,
    /// Itself, for `localhost`, with a certificate that nobody knows.
    Itself,
}

impl EService {
    /// One for the rig's service.
    pub fn start(rig: &Rig, front: Front) -> Self {
        Self::start_with(rig, front, "")
    }

    /// One behind a proxy that asks the responder at `url` whether certificates were revoked.
    pub fn start_asking(rig: &Rig, url: &str) -> Self {
        Self::start_with(rig, Front::Proxy, &format!("ocsp = \"{url}\"\n"))
    }

    fn start_with(rig: &Rig, front: Front, more: &str) -> Self {
        let folder = rig.folder.sub("e-service");
        let configuration = folder.join("e-service.toml");
        let text = configuration_text(rig, front, &folder) + more;
        std::fs::write(&configuration, text).unwrap();
        let address = folder.join("address");
        std::fs::remove_file(&address).ok();
        let mut command = Command::new(program("symbolon-e-service"));
        command
            .arg("--config")
            .arg(&configuration)
            .arg("--address-file")
            .arg(&address);
        let mut process = Running::start("e-service", &rig.folder.logs(), &mut command);
        let (url, local) = process.wait_until_ready(SOON, || {
            let text = std::fs::read_to_string(&address).ok()?;
            let mut lines = text.lines().map(str::to_owned);
            Some((lines.next()?, lines.next()?))
        });
        Self {
            process,
            url,
            port: local.rsplit_once(':').unwrap().1.parse().unwrap(),
        }
    }

    /// How browsers reach it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Running {
        &mut self.process
    }

    /// Somebody with a browser that knows nothing yet; for one behind a proxy.
    pub fn visitor(&self) -> Visitor {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            // A form that is answered unread ends its connection; a browser would try again.
            .max_idle_connections(0)
            .build()
            .into();
        let visitor = Visitor {
            agent,
            base: format!("http://127.0.0.1:{}", self.port),
            cookie: RefCell::default(),
        };
        assert_eq!(visitor.get("/").status, 303, "a cookie is given first");
        visitor
    }
}

fn configuration_text(rig: &Rig, front: Front, folder: &Path) -> String {
    let trust = rig.service.folder().trust();
    let mut text = "listen = \"127.0.0.1:0\"\n".to_owned();
    match front {
        Front::Proxy => writeln!(text, "public_url = \"{BEHIND_PROXY}\"").unwrap(),
        Front::Itself => {
            certify_localhost(folder);
            let at = folder.display();
            writeln!(
                text,
                "[tls]\ncertificate = \"{at}/tls.pem\"\nkey = \"{at}/tls.key\""
            )
            .unwrap();
        }
    }
    let (uuid, name) = RELYING_PARTY;
    let service = rig.service.relying_party_address();
    let (root, issuing) = (trust.root.display(), trust.issuing.display());
    write!(
        text,
        "[service]\nurl = \"http://{service}/v3\"\nscheme_name = \"{SCHEME}\"\n\
         [relying_party]\nuuid = \"{uuid}\"\nname = \"{name}\"\n\
         [trust]\nroots = \"{root}\"\nintermediates = \"{issuing}\"\nprofile = \"smart-id\"\n"
    )
    .unwrap();
    text
}

fn certify_localhost(folder: &Path) {
    let output = Command::new("openssl")
        .current_dir(folder)
        .args(["req", "-x509", "-days", "2", "-nodes"])
        .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .args(["-keyout", "tls.key", "-out", "tls.pem"])
        .args(["-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .output()
        .expect("openssl runs");
    assert!(output.status.success(), "openssl: {output:?}");
}

/// A browser without a screen, behind the proxy.
pub struct Visitor {
    agent: Agent,
    base: String,
    cookie: RefCell<Option<String>>,
}

/// What it got.
pub struct Page {
    /// The status.
    pub status: u16,
    /// Where it is led, if it is.
    pub location: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Visitor {
    /// Follows a link; redirections are not followed.
    pub fn get(&self, path: &str) -> Page {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        if let Some(cookie) = &*self.cookie.borrow() {
            request = request.header(COOKIE, cookie);
        }
        self.keep(request.call().unwrap())
    }

    /// Sends a form of plain fields, or a file's, as `site` would make a browser do it.
    pub fn post(&self, path: &str, content_type: &str, body: &[u8], site: &str) -> Page {
        let mut request = self
            .agent
            .post(format!("{}{path}", self.base))
            .header(CONTENT_TYPE, content_type)
            .header("sec-fetch-site", site);
        if let Some(cookie) = &*self.cookie.borrow() {
            request = request.header(COOKIE, cookie);
        }
        self.keep(request.send(body).unwrap())
    }

    /// Sends a form of the page's own, and shows what it leads to.
    pub fn submit(&self, path: &str, fields: &str) -> String {
        let content = "application/x-www-form-urlencoded";
        self.post(path, content, fields.as_bytes(), "same-origin")
            .must_lead_home();
        self.front()
    }

    /// Has a file signed, or asks for it: what the page then says.
    pub fn upload(&self, path: &str, name: &str, content: &[u8], algorithm: &str) -> String {
        let mut body = format!(
            "--x\r\nContent-Disposition: form-data; name=\"algorithm\"\r\n\r\n{algorithm}\r\n\
             --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n--x--\r\n");
        self.post(
            path,
            "multipart/form-data; boundary=x",
            &body,
            "same-origin",
        )
        .must_lead_home();
        self.front()
    }

    /// The front page.
    pub fn front(&self) -> String {
        let page = self.get("/");
        assert_eq!(page.status, 200);
        String::from_utf8(page.body).unwrap()
    }

    /// The front page, once there is something on it.
    pub fn wait_for(&self, something: &str) -> String {
        eventually(something, SOON, || {
            Some(self.front()).filter(|page| page.contains(something))
        })
    }

    fn keep(&self, mut answer: ureq::http::Response<ureq::Body>) -> Page {
        let header = |name| {
            let value = answer.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        if let Some(given) = header(SET_COOKIE) {
            assert!(
                given.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"),
                "{given}"
            );
            *self.cookie.borrow_mut() = Some(given.split(';').next().unwrap().to_owned());
        }
        Page {
            status: answer.status().as_u16(),
            location: header(LOCATION),
            body: answer.body_mut().read_to_vec().unwrap(),
        }
    }
}

impl Page {
    fn must_lead_home(&self) {
        assert_eq!((self.status, self.location.as_deref()), (303, Some("/")));
    }
}

/// What stands in the element with this `id`, as text and unescaped.
///
/// # Panics
/// If there is none.
pub fn shown(page: &str, id: &str) -> String {
    let (_, rest) = page
        .split_once(&format!("id=\"{id}\""))
        .unwrap_or_else(|| panic!("no {id} in {page}"));
    let (_, rest) = rest.split_once('>').unwrap();
    rest.split_once('<').unwrap().0.to_owned()
}

/// Where the link with this `id` leads.
///
/// # Panics
/// If there is none.
pub fn link(page: &str, id: &str) -> String {
    let (_, rest) = page
        .split_once(&format!("id=\"{id}\""))
        .unwrap_or_else(|| panic!("no {id} in {page}"));
    let (_, rest) = rest.split_once("href=\"").unwrap();
    rest.split_once('"').unwrap().0.replace("&amp;", "&")
}
