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

/// How often the process in which the module runs had to be replaced since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessEnds {
    /// Ended by us, because a call hung in the module.
    pub hung: u64,
    /// Ended by itself: the module crashed or left.
    pub died: u64,
}
