//! Sessions: what a relying party asks of a person, from the asking to the result.
//!
//! The store holds the truth; [`Hints`] wake those who wait on this node, and may bring along what
//! was committed. A session ends when a device answers, when its time is over (noticed by whoever
//! looks first), or when no account that was asked can be used any more. Of what is pushed, a
//! person sees one at a time ([`prompts`]).

mod create;
mod device_link;
mod expiry;
mod finish;
mod hints;
mod linked;
mod outside;
mod poll;
mod prompts;
mod purge;
mod request;
mod rows;
mod take_up;
mod targets;

use std::sync::Arc;
use std::time::Duration;

use crate::store::Store;

pub use create::{Asked, CreateError, Created, Inquiry, NewSession};
pub use device_link::{CreatedLink, NewDeviceLink};
pub(crate) use finish::{add_end_with_token, tell_of_end, waiting_for};
pub use finish::{cancel_for, end, end_all_of, finish};
pub use hints::{DeviceWatch, Hints};
pub use linked::{announce_linked, linked_within};
pub use outside::{note_outside_change, outside_changes};
pub use prompts::pass_on;
pub(crate) use prompts::show_after;
pub use request::{
    ApiVersion, ChosenCertificate, EndResult, SessionRequest, SessionResult, SignedBy,
};
pub(crate) use rows::session_columns;
pub use rows::{Session, SessionState};
pub use take_up::{LinkRefused, TakenUp};
pub use targets::{CertificateAnswer, Target};

/// The sessions of this service. Clones share everything.
#[derive(Clone)]
pub struct Sessions {
    store: Store,
    hints: Arc<Hints>,
    scheme_name: Arc<str>,
    lifetime: Duration,
}

impl Sessions {
    /// Sessions in `store` that live for `lifetime` and are signed under `scheme_name`.
    pub fn new(store: Store, scheme_name: &str, lifetime: Duration) -> Self {
        Self {
            store,
            hints: Arc::new(Hints::default()),
            scheme_name: scheme_name.into(),
            lifetime,
        }
    }

    /// Wakes those who wait on this node.
    pub fn hints(&self) -> &Hints {
        &self.hints
    }
}
