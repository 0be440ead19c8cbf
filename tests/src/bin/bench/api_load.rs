//! The relying-party API, asked by as many connections as there are demo accounts that accept by
//! themselves: sessions opened, polled and completed.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use symbolon_tests::folder::Folder;
use symbolon_tests::relying_party::{RelyingParty, shown_with_pin};
use symbolon_tests::rig::USUAL;
use symbolon_tests::service::{Options, Service, ServiceFolder};

use crate::bare_api::BareApi;
use crate::bare_store;
use crate::pace::Pace;

/// One person each, at `…/etsi/…`; so many connections are open.
const ACCOUNTS: [&str; 8] = [
    "PNOEE-40504040001-DEM0-Q",
    "PNOLT-40504040001-MOCK-Q",
    "PNOLV-050405-10009-DEM0-Q",
    "PNOEE-50001029996-DEMO-Q",
    "PNOLT-50001029996-DEMO-Q",
    "PNOLV-020100-29990-MOCK-Q",
    "PNOLT-30303039914-MOCK-Q",
    "PNOEE-39901012239-MOCK-Q",
];
/// How long each is measured.
const LIMIT: Duration = Duration::from_secs(8);

/// What was measured.
pub(crate) struct ApiLoad {
    /// `POST`, while nobody answers yet.
    pub(crate) create: Pace,
    /// `GET` of a session that is over.
    pub(crate) poll: Pace,
    /// From before the `POST` to after the `GET` that brought the signature.
    pub(crate) completion: Pace,
    /// The same `POST` to a bare handler.
    pub(crate) bare_post: Pace,
    /// A `GET` of the same body from a bare handler.
    pub(crate) bare_get: Pace,
    /// A bare insert with the store's own pragmas.
    pub(crate) bare_insert: Pace,
}

/// Loads a service of its own, and what is bare in between, so that a machine that slows down slows
/// both.
pub(crate) fn measure() -> ApiLoad {
    let folder = Folder::new("bench-api");
    let path = folder.sub("service");
    let data = ServiceFolder::prepared(&path, &folder.logs(), &demo_that_answers_after("0"));
    let mut init = vec!["demo", "init"];
    for account in ACCOUNTS {
        init.extend(["--account", account]);
    }
    data.must(&init);
    let mut service = Service::start(data, None);
    let parties: Vec<_> = ACCOUNTS.map(|_| service.relying_party()).into();
    let over = parties[0].wait(&open(&parties[0], ACCOUNTS[0]), LIMIT);
    let completion = repeat(&parties, |party, account| {
        let status = party.wait(&open(party, account), LIMIT);
        assert_eq!(status["result"]["endResult"], "OK", "{status}");
    });

    let bare = BareApi::start(over);
    let bare_parties: Vec<_> = ACCOUNTS.map(|_| bare.relying_party()).into();
    let bare_post = repeat(&bare_parties, |party, account| {
        open(party, account);
    });
    let session = open(&parties[0], ACCOUNTS[0]);
    parties[0].wait(&session, LIMIT);
    let poll = repeat(&parties, |party, _| poll_once(party, &session));
    let bare_get = repeat(&bare_parties, |party, _| poll_once(party, &session));
    let bare_insert = bare_store::measure(folder.path(), LIMIT);

    service.process().stop();
    // Nobody answers while sessions are created.
    let data = ServiceFolder::open(&path, &folder.logs(), &demo_that_answers_after("600000"));
    let service = Service::start(data, None);
    let parties: Vec<_> = ACCOUNTS.map(|_| service.relying_party()).into();
    let create = repeat(&parties, |party, account| {
        open(party, account);
    });
    ApiLoad {
        create,
        poll,
        completion,
        bare_post,
        bare_get,
        bare_insert,
    }
}

fn demo_that_answers_after(milliseconds: &str) -> Options {
    Options {
        more: format!("\n[log]\nfilter = \"warn\"\n\n[demo]\nanswer_after_ms = {milliseconds}\n"),
        ..Options::default()
    }
}

fn open(party: &RelyingParty, account: &str) -> String {
    let (person, _) = account.rsplit_once('-').unwrap();
    let (person, _) = person.rsplit_once('-').unwrap();
    let body = party.login_body(USUAL, &shown_with_pin("Log in?"));
    let path = format!("authentication/notification/etsi/{person}");
    let opened: Value = party.post(&path, &body).must_be(200);
    opened["sessionID"].as_str().unwrap().to_owned()
}

fn poll_once(party: &RelyingParty, session: &str) {
    let status = party.poll(session, Duration::from_secs(1)).must_be(200);
    assert_eq!(status["state"], "COMPLETE");
}

/// Does something over every connection again and again, each as soon as it is answered.
fn repeat(parties: &[RelyingParty], work: impl Fn(&RelyingParty, &str) + Sync) -> Pace {
    let work = &work;
    let begun = Instant::now();
    let times = thread::scope(|scope| {
        let running: Vec<_> = parties
            .iter()
            .zip(ACCOUNTS)
            .map(|(party, account)| {
                scope.spawn(move || {
                    work(party, account);
                    let mut times = Vec::new();
                    while begun.elapsed() < LIMIT {
                        let each = Instant::now();
                        work(party, account);
                        times.push(each.elapsed());
                    }
                    times
                })
            })
            .collect();
        let each = running.into_iter().map(|thread| thread.join().unwrap());
        each.flatten().collect::<Vec<_>>()
    });
    Pace::of(times, begun.elapsed())
}
