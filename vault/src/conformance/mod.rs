//! The suite that every backend runs: what a person relies on, whatever holds the share.
//!
//! A backend's test file implements [`Bench`] and calls [`conformance!`](crate::conformance!), which
//! makes one test of every case; each starts its own bench. A fault on the bench is a panic here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this is test code that other crates' tests call; a failed step fails the test"
)]

pub mod cases;
mod enrolments;
mod fixture;
mod standin;

pub use fixture::{Authority, Enrolment, PINS, Setup};
pub use standin::Judging;

use crate::Vault;

/// One piece of hardware of a test's own.
pub trait Bench {
    /// A vault on it, as a daemon that has just started opens it. Opening touches no hardware; of
    /// two vaults the older one is dropped before the newer one is used.
    fn vault(&self) -> Box<dyn Vault>;

    /// Takes the power away; what the hardware keeps, it keeps.
    fn power_off(&mut self);

    /// Gives the power back, and waits until the hardware answers.
    fn power_on(&mut self);
}

/// Makes one test of every case. `$start` is a function without arguments that returns a
/// [`Bench`](crate::conformance::Bench), or `None` where the hardware is missing.
#[macro_export]
macro_rules! conformance {
    ($start:path) => {
        $crate::conformance!($start:
            a_right_pin_signs
            the_third_wrong_pin_locks
            a_right_pin_clears_its_own_count
            the_ladder_ends_for_good
            a_right_pin_after_a_release_brings_the_limit_back
            a_release_fits_one_session_only
            a_release_fits_one_share_and_one_limit_only
            a_new_pin_replaces_the_old_one
            a_wrong_old_pin_is_counted
            what_is_destroyed_is_lost
            the_pin_of_one_share_does_not_open_the_other
            what_is_prepared_for_another_share_is_dropped
            counts_outlive_daemon_and_power
            missing_hardware_is_no_guess
            power_lost_after_preparing_is_no_guess
            a_damaged_share_is_no_guess
            a_certified_reading_is_true
            a_new_share_leaves_room_for_the_services
            the_device_key_signs
            a_destroyed_identity_takes_no_other_with_it
            a_noted_device_key_is_cleared_and_an_unnoted_one_is_not_made
            custody_says_what_it_found
            what_a_broken_enrolment_left_is_cleared
            what_cannot_be_noted_is_not_made
        );
    };
    ($start:path: $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                if let Some(bench) = $start() {
                    $crate::conformance::cases::$case(bench);
                }
            }
        )*
    };
}
