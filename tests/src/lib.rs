//! The rig: the whole system on real parts, each test with its own.
//!
//! * [`process`], [`folder`], [`leftovers`], [`eventually`]: a process that dies with its owner, a
//!   folder that goes with the test, both even on an interrupt, and waiting for a condition instead
//!   of a time.
//! * [`requirements`]: the programs of others that it is made of.
//! * [`swtpm`] and [`tpm_proxy`]: a TPM of one's own, and a tap on the wire to it that records and
//!   breaks.
//! * [`token`], [`obstinate`], [`clock`], [`service`], [`ready`]: SoftHSM2, the same when it hangs,
//!   moved time, the service.
//! * [`nss_token`], [`tpm2_token`]: tokens of others, for `make test-tokens`.
//! * [`bus`], [`daemon`], [`cli`], [`device`]: a private system bus, the daemon, the command line,
//!   and all of it with a TPM.
//! * [`relying_party`], [`openssl`]: what a relying party does, from its side of the wire.
//! * [`raw_tls`], [`tcp_cut`]: a stranger to the device API, and a wire between daemon and service
//!   that can be cut.
//! * [`soft_device`]: a device whose keys are in memory.
//! * [`connect_proxy`]: a way to the service for clients that insist on a host of their own.
//! * [`link_page`]: a way to the page that device links lead to, for browsers.
//! * [`e_service`]: the example e-service, and somebody who visits it.
//! * [`x_server`]: a screen that nobody sees.
//! * [`pdf`]: a document to be signed, and what stands in a signed one.
//! * [`journal`], [`keyring`]: systemd's journal and a session's keyring, of the test's own.
//! * [`small_disk`]: a disk that can be filled.
//! * [`terminal`]: a terminal with a command in it.
//! * [`view`], [`people`]: files of the test's own in the place of the machine's; of those, who is in
//!   a group and with what password.
//! * [`polkit`]: the real polkit, with the policy that we ship and rules of the test's.
//! * [`rig`]: all of it together.
//!
//! Everything here panics when it cannot do its work: for a test that is a failure with a reason,
//! and `Drop` still ends every process and removes every folder.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "test support: a rig that cannot be built is a failed test, told on stderr"
)]

pub mod bus;
mod certified;
pub mod cli;
pub mod clock;
pub mod connect_proxy;
pub mod daemon;
pub mod demonstration;
pub mod device;
pub mod e_service;
pub mod eventually;
pub mod folder;
pub mod fuzz;
pub mod journal;
pub mod keyring;
pub mod leftovers;
pub mod link_login;
pub mod link_page;
pub mod nss_token;
pub mod obstinate;
pub mod openssl;
pub mod pdf;
pub mod people;
pub mod polkit;
pub mod process;
pub mod raw_tls;
pub mod ready;
pub mod relying_party;
pub mod requirements;
pub mod rig;
pub mod service;
pub mod small_disk;
pub mod soft_device;
pub mod swtpm;
pub mod tcp_cut;
pub mod terminal;
pub mod token;
pub mod tpm2_token;
pub mod tpm_proxy;
pub mod view;
pub mod x_server;
