//! What the person is shown before the PIN.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// The longest Base64 text of interactions that is read. One of each kind, each character escaped
/// as JSON allows, stays below it.
pub const MAX_LENGTH: usize = 16 * 1024;

/// A kind of interaction, spelt as in the relying-party API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum InteractionType {
    /// Text of at most 60 characters and the PIN on one screen.
    #[serde(rename = "displayTextAndPIN")]
    DisplayTextAndPin,
    /// A choice of three verification codes, then text of at most 60 characters and the PIN on one
    /// screen; in version 2 of the API alone.
    VerificationCodeChoice,
    /// Text of at most 200 characters to confirm, then the PIN.
    ConfirmationMessage,
    /// The same with a choice of three verification codes.
    ConfirmationMessageAndVerificationCodeChoice,
}

impl InteractionType {
    /// The spelling used in the payload and the relying-party API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DisplayTextAndPin => "displayTextAndPIN",
            Self::VerificationCodeChoice => "verificationCodeChoice",
            Self::ConfirmationMessage => "confirmationMessage",
            Self::ConfirmationMessageAndVerificationCodeChoice => {
                "confirmationMessageAndVerificationCodeChoice"
            }
        }
    }

    /// How long its text may be, in Unicode scalar values. (What the original counts is not
    /// documented; of octets, UTF-16 units and scalar values these are the fewest.)
    pub fn max_characters(self) -> usize {
        match self {
            Self::DisplayTextAndPin | Self::VerificationCodeChoice => 60,
            Self::ConfirmationMessage | Self::ConfirmationMessageAndVerificationCodeChoice => 200,
        }
    }

    /// Whether the person picks the verification code out of three.
    pub fn is_code_choice(self) -> bool {
        match self {
            Self::VerificationCodeChoice | Self::ConfirmationMessageAndVerificationCodeChoice => {
                true
            }
            Self::DisplayTextAndPin | Self::ConfirmationMessage => false,
        }
    }

    /// Whether a relying party may ask for it in this flow.
    pub fn is_allowed_in(self, flow: Flow) -> bool {
        match self {
            Self::DisplayTextAndPin | Self::ConfirmationMessage => true,
            Self::ConfirmationMessageAndVerificationCodeChoice => {
                matches!(flow, Flow::Notification | Flow::BareDigest)
            }
            Self::VerificationCodeChoice => flow == Flow::BareDigest,
        }
    }
}

impl std::fmt::Display for InteractionType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// In which kind of flow interactions are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// The person opens a link or scans it.
    DeviceLink,
    /// Pushed to the person's devices.
    Notification,
    /// The signature that follows a device-link certificate choice.
    Linked,
    /// Pushed, and asked for by version 2 of the relying-party API.
    BareDigest,
}

/// One interaction that the relying party offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interaction {
    /// Its kind.
    pub kind: InteractionType,
    /// The relying party's text, as written; show it through
    /// [`crate::display_text::DisplayText`] alone.
    pub text: String,
}

/// The interactions of one request, in the relying party's order of preference, and the Base64
/// text that they came in, which the signed payload depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interactions {
    encoded: String,
    offered: Vec<Interaction>,
}

impl Interactions {
    /// Reads the `interactions` of a request: Base64 of a JSON array.
    pub fn parse(encoded: &str, flow: Flow) -> Result<Self, InteractionsError> {
        if encoded.len() > MAX_LENGTH {
            return Err(InteractionsError::TooLong);
        }
        let json = STANDARD
            .decode(encoded)
            .map_err(|_| InteractionsError::NotBase64)?;
        let raw: Vec<RawInteraction> =
            serde_json::from_slice(&json).map_err(|_| InteractionsError::NotInteractions)?;
        if raw.is_empty() {
            return Err(InteractionsError::Empty);
        }
        let mut offered: Vec<Interaction> = Vec::with_capacity(raw.len().min(4));
        for raw in raw {
            let interaction = raw.judge()?;
            let kind = interaction.kind;
            if !kind.is_allowed_in(flow) {
                return Err(InteractionsError::NotAllowed(kind));
            }
            if offered.iter().any(|earlier| earlier.kind == kind) {
                return Err(InteractionsError::Duplicate(kind));
            }
            offered.push(interaction);
        }
        Ok(Self {
            encoded: encoded.to_owned(),
            offered,
        })
    }

    /// The Base64 text, byte for byte as it was sent.
    pub fn as_str(&self) -> &str {
        &self.encoded
    }

    /// In the relying party's order of preference; never empty, no kind twice.
    pub fn offered(&self) -> &[Interaction] {
        &self.offered
    }

    /// The first offered one that the device can show.
    pub fn first_supported(&self, supported: &[InteractionType]) -> Option<&Interaction> {
        self.offered
            .iter()
            .find(|interaction| supported.contains(&interaction.kind))
    }

    /// The offered one of this kind.
    pub fn of_kind(&self, kind: InteractionType) -> Option<&Interaction> {
        self.offered
            .iter()
            .find(|interaction| interaction.kind == kind)
    }
}

/// One element of the array before it is judged.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawInteraction {
    #[serde(rename = "type")]
    kind: InteractionType,
    display_text60: Option<String>,
    display_text200: Option<String>,
}

impl RawInteraction {
    fn judge(self) -> Result<Interaction, InteractionsError> {
        let kind = self.kind;
        let (text, other) = match kind {
            InteractionType::DisplayTextAndPin | InteractionType::VerificationCodeChoice => {
                (self.display_text60, self.display_text200)
            }
            InteractionType::ConfirmationMessage
            | InteractionType::ConfirmationMessageAndVerificationCodeChoice => {
                (self.display_text200, self.display_text60)
            }
        };
        let text = text
            .filter(|text| !text.is_empty())
            .ok_or(InteractionsError::TextMissing(kind))?;
        if other.is_some() {
            return Err(InteractionsError::TextNotOfKind(kind));
        }
        if text.chars().count() > kind.max_characters() {
            return Err(InteractionsError::TextTooLong(kind));
        }
        Ok(Interaction { kind, text })
    }
}

/// Why a relying party's interactions are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InteractionsError {
    /// Longer than any honest request.
    #[error("interactions are longer than {MAX_LENGTH} characters")]
    TooLong,
    /// Not standard Base64.
    #[error("interactions are not Base64")]
    NotBase64,
    /// Not a JSON array of known interactions.
    #[error("interactions are not a JSON array of known interactions")]
    NotInteractions,
    /// None is offered.
    #[error("interactions are empty")]
    Empty,
    /// The kind's own text is absent or empty.
    #[error("{0} lacks its text")]
    TextMissing(InteractionType),
    /// The text of the other length is given as well.
    #[error("{0} has a text that does not belong to it")]
    TextNotOfKind(InteractionType),
    /// The text is too long.
    #[error("the text of {0} is too long")]
    TextTooLong(InteractionType),
    /// One kind twice.
    #[error("{0} is given twice")]
    Duplicate(InteractionType),
    /// Not in this flow.
    #[error("{0} is not allowed in this flow")]
    NotAllowed(InteractionType),
}

#[cfg(test)]
mod tests;
