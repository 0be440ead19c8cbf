//! The suite of the joint, on a software TPM.

mod common;

use common::Swtpm;

symbolon_vault::conformance!(Swtpm::start);
