//! How a token is, for who watches the service.

/// How a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HsmState {
    /// It does what it is asked, as far as is known.
    Working,
    /// It went away or did not answer; it is tried again, with pauses.
    Recovering {
        /// What was seen.
        reason: String,
    },
    /// So many calls hang in the module that no more are made until one of them comes back. A
    /// restart of the service is due.
    Dead,
}

impl HsmState {
    /// The state of what works only if both parts do: that of the first, unless it alone works.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Working, other) => other,
            (first, _) => first,
        }
    }
}
