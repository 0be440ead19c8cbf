//! All of it together: a service, a wire to it, and a person's device.

use std::time::Duration;

use serde_json::json;

use crate::cli::{Said, code};
use crate::clock::Clock;
use crate::device::{Device, DeviceOptions, ServiceAt, TokenChoice};
use crate::folder::Folder;
use crate::link_page::{LinkPage, Place};
use crate::relying_party::{Algorithm, Login, Proven, RelyingParty, Target};
use crate::requirements;
use crate::service::{Options, SCHEME, Service, ServiceFolder};
use crate::tcp_cut::TcpCut;
use crate::token::TokenAt;
use crate::view::View;

/// The person of most tests.
pub const PERSON: &str = "PNOEE-30303039914";
/// Their PIN1.
pub const PIN1: &str = "1593";
/// Their PIN2.
pub const PIN2: &str = "26481";
/// Neither of the two.
pub const WRONG_PIN: &str = "80467";

/// The RP API's usual encoding.
pub const USUAL: Algorithm = Algorithm::Pss("SHA-512");

/// How long a person's answer takes to reach the relying party.
const ANSWER: Duration = Duration::from_secs(30);

/// What a rig is to consist of.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    service: Options,
    moved_clock: bool,
    tap: bool,
    token: TokenChoice,
    verbose: bool,
    daemon_user: Option<u32>,
    daemon_view: View,
    link_page: bool,
    direct: bool,
}

/// A running system. Its parts end in the order in which they stand here.
pub struct Rig {
    /// The person's device.
    pub device: Device,
    /// The wire between device and service.
    pub wire: TcpCut,
    /// The service.
    pub service: Service,
    /// The way to its page for device links, if browsers are to have one.
    pub link_page: Option<LinkPage>,
    /// The relying party.
    pub relying_party: RelyingParty,
    /// Everything's folder.
    pub folder: Folder,
    plan: Plan,
}

impl Plan {
    /// With a service whose clock can be moved.
    #[must_use]
    pub fn moved_clock(mut self) -> Self {
        self.moved_clock = true;
        self
    }

    /// With a tap before the device's TPM.
    #[must_use]
    pub fn tap(mut self) -> Self {
        self.tap = true;
        self
    }

    /// With a PKCS#11 token that holds the device's shares, in the place of the TPM.
    #[must_use]
    pub fn token(mut self) -> Self {
        self.token = TokenChoice::Soft;
        self
    }

    /// The same token behind a module that hangs on command.
    #[must_use]
    pub fn obstinate_token(mut self) -> Self {
        self.token = TokenChoice::Obstinate;
        self
    }

    /// With a daemon that runs as a user without rights, as packages have it. Needs root.
    #[must_use]
    pub fn daemon_user(mut self, uid: u32) -> Self {
        self.daemon_user = Some(uid);
        self
    }

    /// With a daemon that sees files of the test's own. Needs root.
    #[must_use]
    pub fn daemon_view(mut self, view: View) -> Self {
        self.daemon_view = view;
        self
    }

    /// With device links that a browser on this machine can follow.
    #[must_use]
    pub fn link_page(mut self) -> Self {
        self.link_page = true;
        self
    }

    /// With devices that reach the service itself, so that the wire takes no time; nor can it be
    /// cut.
    #[must_use]
    pub fn direct(mut self) -> Self {
        self.direct = true;
        self
    }

    /// With a token of somebody else.
    #[must_use]
    pub fn token_at(mut self, token: TokenAt) -> Self {
        self.token = TokenChoice::At(token);
        self
    }

    /// With a service whose token is behind a module that crashes and hangs on command, whose calls
    /// may take three seconds, and whose metrics are beside `/health`.
    #[must_use]
    pub fn obstinate_service(mut self) -> Self {
        self.service.obstinate = true;
        self.service.hsm = "deadline_seconds = 3".into();
        self.service.more = "\n[metrics]\n".into();
        self
    }

    /// With programs that log all that they have to say.
    #[must_use]
    pub fn verbose(mut self) -> Self {
        self.service.more =
            "\n[log]\nfilter = \"info,symbolon_service=trace,symbolon_hsm=trace\"\n".into();
        self.verbose = true;
        self
    }

    /// With this long to answer.
    #[must_use]
    pub fn session_lifetime(mut self, lifetime: Duration) -> Self {
        self.service.session_lifetime_seconds = u32::try_from(lifetime.as_secs()).unwrap();
        self
    }

    fn device_options(&self) -> DeviceOptions {
        DeviceOptions {
            tap: self.tap,
            token: self.token.clone(),
            verbose: self.verbose,
            daemon_user: self.daemon_user,
            daemon_view: self.daemon_view.clone(),
        }
    }

    /// Where a device finds the service.
    fn at(&self, wire: &TcpCut, service: &Service) -> ServiceAt {
        let address = match self.direct {
            true => service.device_address(),
            false => wire.address(),
        };
        ServiceAt {
            url: format!("https://localhost:{}", address.port()),
            root: service.folder().trust().root,
        }
    }

    /// Starts it; `None`, after a word about it, where something it needs is not installed.
    pub fn start(mut self) -> Option<Rig> {
        if !requirements::met() {
            return None;
        }
        let folder = Folder::new("rig");
        if self.daemon_user.is_some() {
            folder.let_others_through();
        }
        let clock = if self.moved_clock {
            let Some(clock) = Clock::start(folder.path()) else {
                requirements::skipped("libfaketime (package faketime)");
                return None;
            };
            Some(clock)
        } else {
            None
        };
        let place = self.link_page.then(Place::reserve);
        if let Some(place) = &place {
            let base = place.link_base();
            self.service.relying_party = format!("device_link_base = \"{base}\"\n");
        }
        let data = ServiceFolder::prepared(&folder.sub("service"), &folder.logs(), &self.service);
        let service = Service::start(data, clock);
        let upstream = service.relying_party_address();
        let link_page = place.map(|place| place.lead_to(&folder.sub("link-page"), upstream));
        let wire = TcpCut::start(service.device_address());
        let device = Device::start(
            &folder.sub("device"),
            &folder.logs(),
            self.at(&wire, &service),
            self.device_options(),
        );
        Some(Rig {
            device,
            wire,
            relying_party: service.relying_party(),
            service,
            link_page,
            folder,
            plan: self,
        })
    }
}

impl Rig {
    /// The plainest rig.
    pub fn start() -> Option<Self> {
        Plan::default().start()
    }

    /// The plainest rig, with an account on its device.
    pub fn enrolled() -> Option<(Self, String)> {
        Self::start().map(Self::with_account)
    }

    /// Enrols the usual person, and answers with their document number.
    pub fn with_account(self) -> (Self, String) {
        let document = self.enrol(&self.device);
        (self, document)
    }

    /// Enrols the usual person on a device.
    pub fn enrol(&self, device: &Device) -> String {
        let code = self.service.folder().invite(PERSON, "Mari", "Maasikas");
        let said = device.enrol(&code, PIN1, PIN2).must_be(code::DONE);
        let document = said.value()["documentNumber"].as_str().unwrap().to_owned();
        device.wait_until_connected(&document);
        document
    }

    /// One more device for this service, on what its folder holds.
    pub fn another_device(&self, name: &str) -> Device {
        Device::start(
            &self.folder.sub(name),
            &self.folder.sub(&format!("logs/{name}")),
            self.plan.at(&self.wire, &self.service),
            self.plan.device_options(),
        )
    }

    /// One more relying party, registered by this name.
    pub fn another_relying_party(&self, name: &str) -> RelyingParty {
        let add = ["rp", "add", "--name", name, "--network", "127.0.0.0/8"];
        let uuid = self.service.folder().must(&add);
        let address = self.service.relying_party_address().to_string();
        RelyingParty::new(&address, uuid.trim_end(), name)
    }

    /// A login that waits for its answer, and what the device calls it.
    pub fn ask_to_log_in(&self, document: &str) -> (Login, String) {
        let target = Target::Document(document.into());
        let login = self.relying_party.login(&target, USUAL, "Log in to test");
        let id = self.device.id_of(&login.verification_code);
        (login, id)
    }

    /// A login, asked for, approved with PIN1 and verified as the relying party does it.
    pub fn log_in(&self, document: &str) -> Proven {
        let (login, id) = self.ask_to_log_in(document);
        self.device.approve(&id, PIN1).must_be(code::DONE);
        let status = self.relying_party.wait(&login.session, ANSWER);
        login
            .verify(&status, SCHEME, &self.service.folder().trust())
            .unwrap()
    }

    /// A login that is asked for and answered with some PIN.
    pub fn try_pin1(&self, document: &str, pin: &str) -> Said {
        let (_, id) = self.ask_to_log_in(document);
        let said = self.device.approve(&id, pin);
        if said.code != code::DONE {
            // What is left unanswered would make the next login wait for its turn.
            self.device.refuse(&id);
        }
        said
    }

    /// The account is open, and all tries of both PINs are left.
    pub fn assert_untouched(&self, document: &str) {
        for pin in ["pin1", "pin2"] {
            assert_eq!(
                self.device.standing(document, pin),
                json!({"state": "open", "triesLeft": 3}),
                "{pin}"
            );
        }
    }

    /// How the session ended, once it has.
    pub fn end_of(&self, session: &str) -> String {
        let status = self.relying_party.wait(session, ANSWER);
        status["result"]["endResult"].as_str().unwrap().to_owned()
    }
}
