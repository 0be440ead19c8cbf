//! What anybody may ask on the relying parties' listener beside their API: OCSP, lists and
//! certificates, the page of device links, and the mock that opens them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use serde_json::json;

use super::{ACCOUNT, Fuzzer, bend, read};
use crate::link_login::LinkLogin;
use crate::rig::USUAL;
use crate::service::SCHEME;

/// `responseStatus successful`, and then comes the answer (RFC 6960 section 4.2.1).
const SUCCESSFUL: [u8; 3] = [0x0a, 0x01, 0x00];

/// In Base64 no longer than an address may be by the library that asks: 64 KiB.
const LONGEST_IN_ADDRESS: usize = 48_000;

const FILES: [&str; 5] = [
    "/crl/issuing.crl",
    "/crl/root.crl",
    "/ca/issuing.cer",
    "/ca/root.cer",
    "/openapi.json",
];

impl Fuzzer<'_> {
    /// A question of one of these kinds, valid or bent.
    pub(super) fn ask_openly(&mut self) {
        match self.random.u8(0..4) {
            0 | 1 => self.ask_for_status(),
            2 => self.fetch(),
            _ => self.follow_link(),
        }
    }

    fn ask_for_status(&mut self) {
        let mut question = self.setting.question.clone();
        let bends = self.random.u8(0..4);
        for _ in 0..bends {
            bend_octets(&mut self.random, &mut question);
        }
        let url = format!("{}/ocsp", self.setting.base);
        let fits_an_address = question.len() < LONGEST_IN_ADDRESS;
        let sent = match fits_an_address && self.random.bool() {
            false => self.agent.post(url).send(&question[..]),
            true => {
                let asked = STANDARD.encode(&question);
                self.agent.get(format!("{url}/{asked}")).call()
            }
        };
        let told = || format!("OCSP {}", STANDARD.encode(&question));
        let mut answer = sent.unwrap_or_else(|error| panic!("{error}: {}", told()));
        let status = answer.status().as_u16();
        assert!(
            matches!(status, 200 | 404 | 413 | 414),
            "{status}: {}",
            told()
        );
        let body = answer.body_mut().read_to_vec().unwrap();
        if status == 200 {
            let begins = body.iter().take(16).copied().collect::<Vec<_>>();
            let good = begins.windows(3).any(|three| three == SUCCESSFUL);
            assert!(bends > 0 || good, "{body:02x?}: {}", told());
        }
    }

    fn fetch(&mut self) {
        let path = FILES[self.random.usize(0..FILES.len())];
        let url = format!("{}{path}", self.setting.base);
        let tag = bend::text(&mut self.random);
        let plain: String = tag.chars().filter(char::is_ascii_graphic).collect();
        let sent = match self.random.u8(0..4) {
            0 => self.agent.post(&url).send(&plain),
            _ => self.agent.get(&url).header("if-none-match", &plain).call(),
        };
        let (status, _) = read(sent, &|| format!("{path} {plain}"));
        assert!(matches!(status, 200 | 304 | 405), "{status}: {path}");
    }

    /// Follows a link to its page, or has the mock open it for a demo account.
    fn follow_link(&mut self) {
        let login = LinkLogin::begin(self.setting.local_party, "anonymous", SCHEME, USUAL);
        let mut link = match self.random.bool() {
            true => login.qr(0),
            false => login.web_to_app(),
        };
        for _ in 0..self.random.u8(0..3) {
            link = bend::bent(&mut self.random, &link);
        }
        match self.random.u8(0..3) {
            0 => self.open_page(&link),
            1 => self.open_by_mock(&link),
            _ => self.open_by_device(&link),
        }
    }

    fn open_page(&mut self, link: &str) {
        let query = link.split_once('?').map_or("", |(_, query)| query);
        let query: String = query
            .bytes()
            .map(|octet| match octet {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'&' | b'=' | b'-' | b'_' | b'.' => {
                    char::from(octet).to_string()
                }
                other => format!("%{other:02X}"),
            })
            .collect();
        let url = format!("{}/device-link?{query}", self.setting.base);
        let sent = self.agent.get(&url).call();
        let mut answer = sent.unwrap_or_else(|error| panic!("{error}: {url}"));
        let status = answer.status().as_u16();
        assert!(matches!(status, 200 | 400), "{status}: {url}");
        let page = answer.body_mut().read_to_string().unwrap();
        assert!(!page.contains("<script"), "{url}: {page}");
    }

    fn open_by_mock(&mut self, link: &str) {
        let flow = if link.contains("=QR") {
            "QR"
        } else {
            "Web2App"
        };
        let mut body = json!({
            "documentNumber": ACCOUNT,
            "deviceLink": link,
            "flowType": flow,
            "browserCookie": "a=b",
        });
        if self.random.bool() {
            bend::inside(&mut self.random, &mut body);
        }
        let octets = bend::octets(&mut self.random, &body);
        let url = format!("{}/mock/device-link", self.setting.base);
        let sent = self
            .agent
            .post(url)
            .content_type("application/json")
            .send(&octets[..]);
        let told = || String::from_utf8_lossy(&octets).into_owned();
        let (status, answer) = read(sent, &told);
        assert!(matches!(status, 200 | 400), "{status} {answer}: {}", told());
    }
}

fn bend_octets(random: &mut Rng, octets: &mut Vec<u8>) {
    let place = random.usize(0..=octets.len());
    match random.u8(0..5) {
        0 => octets.truncate(place),
        1 => octets.insert(place, random.u8(..)),
        2 => octets.extend_from_within(..),
        3 => octets.resize(random.usize(0..20_000), random.u8(..)),
        _ => {
            if let Some(octet) = octets.get_mut(place) {
                *octet = random.u8(..);
            }
        }
    }
}
