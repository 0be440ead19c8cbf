//! One thread's side of a pool: its session, and opening that anew.

use std::sync::Arc;

use crate::error::HsmError;
use crate::session::TokenSession;
use crate::token::{Access, Token};

/// What one thread works with.
pub(crate) struct Worker {
    token: Arc<Token>,
    access: Access,
    session: Option<TokenSession>,
}

impl Worker {
    /// A worker that opens its session when it is first needed.
    pub(crate) fn new(token: Arc<Token>, access: Access, session: Option<TokenSession>) -> Self {
        Self {
            token,
            access,
            session,
        }
    }

    /// Acts, and once more with everything opened anew where that may help. An act therefore must
    /// be one that may be done twice: making and using session objects is. What failed twice leaves
    /// no session behind, for something may still be under way in it.
    pub(crate) fn act<T>(
        &mut self,
        act: &impl Fn(&TokenSession) -> Result<T, HsmError>,
    ) -> Result<T, HsmError> {
        match self.try_once(act) {
            Err(error) if error.may_pass_with_a_new_session() => {
                tracing::warn!(%error, "opening the token anew");
                self.end_session();
                let result = self.try_once(act);
                if matches!(&result, Err(error) if error.may_pass_with_a_new_session()) {
                    self.end_session();
                }
                result
            }
            result => result,
        }
    }

    fn try_once<T>(
        &mut self,
        act: &impl Fn(&TokenSession) -> Result<T, HsmError>,
    ) -> Result<T, HsmError> {
        let session = match self.session.take() {
            Some(session) if !session.is_of_an_earlier_start() => session,
            stale => {
                if let Some(stale) = stale {
                    stale.end();
                }
                TokenSession::open(Arc::clone(&self.token), self.access)?
            }
        };
        act(self.session.insert(session))
    }

    pub(crate) fn end_session(&mut self) {
        if let Some(session) = self.session.take() {
            session.end();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end_session();
    }
}
