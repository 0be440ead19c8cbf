//! An answer's body.

use bytes::Bytes;
use h2::{Reason, RecvStream};

use super::LinkError;
use super::connection::in_full;

/// An answer's body as it comes.
pub(super) struct Body(RecvStream);

impl Body {
    pub(super) fn new(stream: RecvStream) -> Self {
        Self(stream)
    }

    /// What comes next; `None` at its end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, LinkError> {
        match self.0.data().await {
            None => Ok(None),
            Some(Ok(octets)) => {
                // It was read: the service may send as much again.
                let room = self.0.flow_control().release_capacity(octets.len());
                room.map_err(|error| cut_short(&error))?;
                Ok(Some(octets))
            }
            // The service ends the connection in good order (RFC 9113 section 8.1).
            Some(Err(error)) if error.reason() == Some(Reason::NO_ERROR) => Ok(None),
            Some(Err(error)) => Err(cut_short(&error)),
        }
    }

    /// All of it, if it is no longer than `longest`.
    pub(super) async fn whole(mut self, longest: usize) -> Result<Vec<u8>, LinkError> {
        let mut whole = Vec::new();
        while let Some(octets) = self.next().await? {
            if whole.len() + octets.len() > longest {
                return Err(LinkError::Misbehaved(format!(
                    "its reply is longer than {longest} octets"
                )));
            }
            whole.extend_from_slice(&octets);
        }
        Ok(whole)
    }
}

fn cut_short(error: &h2::Error) -> LinkError {
    LinkError::Unreachable(format!("its reply was cut short: {}", in_full(error)))
}
