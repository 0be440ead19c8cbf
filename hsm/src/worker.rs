//! One thread's session in the module's process, and opening that anew.

use crate::error::HsmError;
use crate::process::{House, Parent};
use crate::session::TokenSession;
use crate::token::Access;

/// What one thread works with.
pub(crate) struct Worker<'a> {
    house: &'a House,
    parent: &'a Parent,
    access: Access,
    session: Option<TokenSession<'a>>,
}

impl<'a> Worker<'a> {
    /// A worker that opens its session when it is first needed.
    pub(crate) fn new(house: &'a House, parent: &'a Parent, access: Access) -> Self {
        Self {
            house,
            parent,
            access,
            session: None,
        }
    }

    /// The same with a session that cannot write.
    pub(crate) fn reading_only(&mut self) -> &mut Self {
        self.end_session();
        self.access = Access::Use;
        self
    }

    /// Acts, and once more with everything opened anew where that may help. An act therefore must
    /// be one that may be done twice: making and using session objects is. What failed twice leaves
    /// no session behind, for something may still be under way in it.
    pub(crate) fn act<T>(
        &mut self,
        act: impl Fn(&TokenSession) -> Result<T, HsmError>,
    ) -> Result<T, HsmError> {
        match self.try_once(&act) {
            Err(error) if error.may_pass_with_a_new_session() => {
                self.parent.opens_anew(&error);
                self.end_session();
                let result = self.try_once(&act);
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
                TokenSession::open(self.house.token()?, self.access, self.parent)?
            }
        };
        act(self.session.insert(session))
    }

    fn end_session(&mut self) {
        if let Some(session) = self.session.take() {
            session.end();
        }
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        self.end_session();
    }
}
