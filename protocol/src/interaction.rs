//! What the person is shown before the PIN.

use serde::{Deserialize, Serialize};

/// A kind of interaction, spelt as in the relying-party API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum InteractionType {
    /// Text of at most 60 characters and the PIN on one screen.
    #[serde(rename = "displayTextAndPIN")]
    DisplayTextAndPin,
    /// Text of at most 200 characters to confirm, then the PIN.
    ConfirmationMessage,
    /// The same with a choice of three verification codes.
    ConfirmationMessageAndVerificationCodeChoice,
}
