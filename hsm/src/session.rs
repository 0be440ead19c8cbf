//! A session of one worker, with the handles of the keys that it has used.

use std::cell::RefCell;
use std::sync::Arc;

use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use crate::error::HsmError;
use crate::process::Parent;
use crate::token::{Access, Token};

/// A logged-in session. Keys are searched once for each session, never on the hot path.
pub(crate) struct TokenSession<'a> {
    token: Arc<Token>,
    parent: &'a Parent,
    session: Session,
    generation: u64,
    handles: RefCell<Vec<(String, ObjectClass, ObjectHandle)>>,
}

impl<'a> TokenSession<'a> {
    pub(crate) fn open(
        token: Arc<Token>,
        access: Access,
        parent: &'a Parent,
    ) -> Result<Self, HsmError> {
        let (session, generation) = token.open_session(access, parent)?;
        Ok(Self {
            token,
            parent,
            session,
            generation,
            handles: RefCell::default(),
        })
    }

    /// Whether the module was started anew since: then this session is void.
    pub(crate) fn is_of_an_earlier_start(&self) -> bool {
        self.generation != self.token.generation()
    }

    /// Closes the session. One of an earlier start of the module is left alone instead: its number
    /// may by now be that of another thread's session.
    pub(crate) fn end(self) {
        if self.is_of_an_earlier_start() {
            std::mem::forget(self.session);
        }
    }

    pub(crate) fn token(&self) -> &Token {
        &self.token
    }

    pub(crate) fn pkcs11(&self) -> &Session {
        &self.session
    }

    /// Gives the token the PIN once more, for the operation that was begun in this session.
    pub(crate) fn authenticate_again(&self) -> Result<(), HsmError> {
        self.token.authenticate_again(&self.session, self.parent)
    }

    /// The key with this label, which must be there.
    pub(crate) fn key(&self, label: &str, class: ObjectClass) -> Result<ObjectHandle, HsmError> {
        let known = |(l, c, _): &&(String, ObjectClass, ObjectHandle)| l == label && *c == class;
        if let Some((_, _, handle)) = self.handles.borrow().iter().find(known) {
            return Ok(*handle);
        }
        let handle = self
            .find(label, class)?
            .ok_or_else(|| HsmError::KeyMissing(label.to_owned()))?;
        self.handles
            .borrow_mut()
            .push((label.to_owned(), class, handle));
        Ok(handle)
    }

    pub(crate) fn has_key(&self, label: &str, class: ObjectClass) -> Result<bool, HsmError> {
        Ok(self.find(label, class)?.is_some())
    }

    pub(crate) fn destroy(&self, object: ObjectHandle) -> Result<(), HsmError> {
        Ok(self.pkcs11().destroy_object(object)?)
    }

    /// Two keys of one label would make it a matter of chance which of them signs.
    fn find(&self, label: &str, class: ObjectClass) -> Result<Option<ObjectHandle>, HsmError> {
        let template = [
            Attribute::Token(true),
            Attribute::Class(class),
            Attribute::Label(label.into()),
        ];
        match self.pkcs11().find_objects(&template)?[..] {
            [] => Ok(None),
            [handle] => Ok(Some(handle)),
            _ => Err(HsmError::fault(
                "FindObjects",
                format!("several keys labelled {label}"),
            )),
        }
    }
}
