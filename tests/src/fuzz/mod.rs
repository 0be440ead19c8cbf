//! A structured fuzzer of all that the service serves: valid requests of every kind, bent in one or
//! more places, from two relying parties that poll each other's sessions too, from anybody, and from
//! devices.
//!
//! * here: the runs, and what each answer is held against.
//! * `requests`: relying parties' valid requests of every kind.
//! * `open`: what anybody may ask.
//! * `device`: what devices ask.
//! * `bend`: what is done to them.
//! * `store`: what must hold in the store afterwards.

mod bend;
mod device;
mod open;
mod requests;
mod store;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use serde_json::Value;
use symbolon_e_service::verify::{Certificate, Question};
use ureq::Agent;

use crate::folder::Folder;
use crate::relying_party::RelyingParty;
use crate::requirements;
use crate::service::{Options, RELYING_PARTY, Service, ServiceFolder};
use crate::soft_device::SoftDevice;
use device::Devices;

/// Whom the valid requests ask: a demo account, which answers by itself.
const ACCOUNT: &str = "PNOEE-40504040001-DEM0-Q";
/// The address of the relying party that the service knows, as its proxy tells it.
const FIRST_ADDRESS: &str = "198.51.100.1";
const SECOND_ADDRESS: &str = "198.51.100.2";
/// What a client may be answered. 503 and the like are none of them.
const STATUSES: [u16; 10] = [200, 400, 401, 403, 404, 405, 413, 415, 471, 472];
/// Requests under way at a time.
const THREADS: u64 = 8;

/// What all workers know.
struct Setting<'a> {
    base: &'a str,
    parties: &'a [Party; 2],
    /// One that asks from this machine itself, for whole device links.
    local_party: &'a RelyingParty,
    devices: &'a Devices,
    /// Whose device is among them; answers nothing that is valid.
    silent_account: &'a str,
    /// A valid question about a certificate.
    question: Vec<u8>,
}

/// One of two relying parties, who are told apart by their addresses.
#[derive(Debug, Clone)]
struct Party {
    uuid: String,
    name: String,
    address: &'static str,
}

/// Sends so many requests, and panics at the first answer that should not be.
/// The same seed and number make the same requests, but for the sessions that they poll.
pub fn run(seed: u64, requests: u64) {
    if !requirements::met() {
        return;
    }
    eprintln!("fuzzing with seed {seed}, {requests} requests");
    let folder = Folder::new("fuzz");
    let options = Options {
        // Those that nobody answers end while the others still ask.
        session_lifetime_seconds: 2,
        relying_party: "trusted_proxies = [\"127.0.0.1/32\"]".into(),
        more: "\n[demo]\nanswer_after_ms = 0\n".into(),
        ..Options::default()
    };
    let data = ServiceFolder::prepared(&folder.sub("service"), &folder.logs(), &options);
    data.must(&["demo", "init", "--account", ACCOUNT]);
    let parties = parties(&data);
    let mut service = Service::start(data, None);
    let base = format!("http://{}", service.relying_party_address());
    let (devices, silent_account) = devices(&folder, &service);
    let local_party = local_party(&service);
    let setting = Setting {
        base: &base,
        parties: &parties,
        question: question(&service, &local_party),
        local_party: &local_party,
        devices: &devices,
        silent_account: &silent_account,
    };

    let sent = AtomicU64::new(0);
    thread::scope(|scope| {
        for worker in 0..THREADS {
            let (setting, sent) = (&setting, &sent);
            scope.spawn(move || {
                let mut fuzzer = Fuzzer::new(setting, seed.wrapping_add(worker));
                while sent.fetch_add(1, Ordering::Relaxed) < requests {
                    fuzzer.once();
                }
            });
        }
    });
    assert!(
        !service.process().log().contains("panicked"),
        "nothing panicked"
    );
    // It still answers as it should.
    let answer = agent()
        .get(format!("{base}/health"))
        .call()
        .expect("the service answers");
    assert_eq!(answer.status(), 200);
    service.process().stop();
    store::must_be_consistent(service.folder());
}

/// The relying party that the service knows, now at one address, and another at another.
fn parties(data: &ServiceFolder) -> [Party; 2] {
    let (uuid, name) = RELYING_PARTY;
    data.must(&["rp", "remove", uuid]);
    let other = "11111111-1111-4111-8111-111111111111";
    data.add_relying_party(uuid, name, &format!("{FIRST_ADDRESS}/32"));
    data.add_relying_party(other, "OTHER", &format!("{SECOND_ADDRESS}/32"));
    [
        Party {
            uuid: uuid.into(),
            name: name.into(),
            address: FIRST_ADDRESS,
        },
        Party {
            uuid: other.into(),
            name: "OTHER".into(),
            address: SECOND_ADDRESS,
        },
    ]
}

/// A third, without a proxy.
fn local_party(service: &Service) -> RelyingParty {
    let (uuid, name) = ("22222222-2222-4222-8222-222222222222", "LOCAL");
    service
        .folder()
        .add_relying_party(uuid, name, "127.0.0.0/8");
    RelyingParty::new(&service.relying_party_address().to_string(), uuid, name)
}

/// A device of an account of its own, and one that nobody knows.
fn devices(folder: &Folder, service: &Service) -> (Devices, String) {
    let data = service.folder();
    let code = data.invite("PNOEE-30303039914", "Mari", "Maasikas");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = format!("https://localhost:{}", service.device_address().port());
    let root = data.trust().root;
    let own = folder.sub("device");
    let known = runtime.block_on(SoftDevice::enrol(&url, &root, &own, &code));
    let account = known.document_number.clone();
    let devices = Devices {
        known: known.connection().clone(),
        stranger: SoftDevice::stranger(&root, &folder.sub("stranger")),
        runtime,
        url,
    };
    (devices, account)
}

/// Whether the demo account's certificate still holds, as an OCSP request.
fn question(service: &Service, party: &RelyingParty) -> Vec<u8> {
    let issuing = std::fs::read(service.folder().trust().issuing).unwrap();
    let issuing = Certificate::all_in_pem(&issuing).unwrap().remove(0);
    let told = party.certificate(ACCOUNT).must_be(200);
    let person = STANDARD.decode(told["cert"]["value"].as_str().unwrap());
    let person = Certificate::from_der(&person.unwrap()).unwrap();
    Question::about(&person, &issuing).unwrap().der().to_vec()
}

fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(130)))
        // A request that is answered unread ends its connection.
        .max_idle_connections(0)
        .build()
        .into()
}

struct Fuzzer<'a> {
    setting: &'a Setting<'a>,
    agent: Agent,
    random: Rng,
    /// Sessions that were opened, each with the number of its relying party.
    opened: Vec<(usize, String)>,
}

impl<'a> Fuzzer<'a> {
    fn new(setting: &'a Setting<'a>, seed: u64) -> Self {
        Self {
            setting,
            agent: agent(),
            random: Rng::with_seed(seed),
            opened: Vec::new(),
        }
    }

    fn once(&mut self) {
        // A poll of what still runs takes a second.
        match self.random.u8(0..30) {
            0 if !self.opened.is_empty() => self.poll(),
            1..=4 => self.ask_openly(),
            5..=9 => self.ask_as_device(),
            _ => self.ask(),
        }
    }

    /// A request of any kind, valid or bent.
    fn ask(&mut self) {
        let number = self.random.usize(0..2);
        let party = &self.setting.parties[number];
        let mut request = requests::any(&mut self.random, party, &self.opened);
        if self.random.u8(0..4) == 0 {
            request.path = request.path.replace(ACCOUNT, self.setting.silent_account);
        }
        for _ in 0..self.random.u8(0..4) {
            bend::somewhere(&mut self.random, &mut request);
        }
        let octets = bend::octets(&mut self.random, &request.body);
        let sent = self
            .agent
            .post(format!("{}{}", self.setting.base, request.path))
            .content_type(request.content_type)
            .header("x-forwarded-for", party.address)
            .send(&octets[..]);
        let told = || format!("{} {}", request.path, String::from_utf8_lossy(&octets));
        let (status, body) = read(sent, &told);
        assert!(STATUSES.contains(&status), "{status} {body} to {}", told());
        if status == 200
            && let Some(session) = body["sessionID"].as_str()
        {
            self.opened.push((number, session.to_owned()));
        } else if status != 200 && request.path.starts_with("/v3") && !body.is_null() {
            assert_eq!(body["status"], status, "{body} to {}", told());
        }
    }

    /// A session, by the party that opened it or by the other, who must not find it.
    fn poll(&mut self) {
        let place = self.random.usize(0..self.opened.len());
        let (owner, session) = self.opened[place].clone();
        let asking = self.random.usize(0..2);
        let version = self.random.choice(["v3", "v2"]).unwrap_or("v3");
        let path = format!("/{version}/session/{session}?timeoutMs=1000");
        let sent = self
            .agent
            .get(format!("{}{path}", self.setting.base))
            .header("x-forwarded-for", self.setting.parties[asking].address)
            .call();
        let (status, body) = read(sent, &|| path.clone());
        match status {
            200 => assert_eq!(asking, owner, "{path} is nobody else's: {body}"),
            _ => assert_eq!(status, 404, "{path}: {body}"),
        }
        // Not found is what another version's session is, too.
        if body["state"] == "COMPLETE" {
            self.opened.swap_remove(place);
        }
    }
}

/// The answer; a body that is no JSON is null.
fn read(
    sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    request: &dyn Fn() -> String,
) -> (u16, Value) {
    let mut answer = sent.unwrap_or_else(|error| panic!("{error}: {}", request()));
    let status = answer.status().as_u16();
    (status, answer.body_mut().read_json().unwrap_or_default())
}
