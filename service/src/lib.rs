//! `symbolon-service`: the relying-party API, the device API, certificates and the other key share.
//!
//! A request enters by [`relying_party`], becomes a session ([`sessions`]), waits for a device and
//! comes back through the device API into co-signing, where the service's own half is made.
//!
//! * [`store`]: SQLite through sqlx; every count, token, session and audit row is committed there
//!   before its effect.
//! * [`sessions`]: what a relying party asks of a person, from asking to result.
//! * [`muting`]: "I did not start this", and what follows for whoever asked.
//! * [`pins`], [`lock`]: PINs that the service judges; locks and releases.
//! * [`landing`]: the page behind device links.
//! * [`demo`]: accounts that answer by themselves, behind a switch.
//! * [`keys`], [`certificates`], [`tls`]: what stands on the HSM.
//! * [`audit`]: what happened, chained by hashes; `metrics`: how often, and how long it took.
//! * [`config`], [`clock`]: the configuration file; the service's time.

pub mod accounts;
pub mod audit;
pub mod certificates;
pub mod clock;
pub mod co_signing;
pub mod commands;
pub mod config;
pub mod deliveries;
pub mod demo;
pub mod device_api;
pub mod enrolment;
pub mod keys;
pub mod landing;
pub mod lock;
pub mod log;
mod metrics;
pub mod muting;
pub mod pins;
pub mod random;
pub mod refusal;
pub mod relying_party;
pub mod server;
pub mod service;
pub mod sessions;
pub mod store;
pub mod tls;
