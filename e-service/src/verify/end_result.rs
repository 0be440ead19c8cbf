//! How a session can end.

use super::Rejected;

/// How a session ended, if not well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndResult {
    /// The person refused.
    UserRefused,
    /// The person refused on the screen of this interaction.
    UserRefusedInteraction(Interaction),
    /// The person refused to choose an account.
    UserRefusedCertificateChoice,
    /// Nobody answered in time.
    Timeout,
    /// The account cannot do it now.
    DocumentUnusable,
    /// The wrong verification code was picked.
    WrongVerificationCode,
    /// The person's app shows none of the interactions.
    InteractionNotSupported,
    /// The protocol was not kept.
    ProtocolFailure,
    /// The app waited for the linked signature, and got something else.
    ExpectedLinkedSession,
    /// The service failed.
    ServerError,
    /// The account cannot be used any more.
    AccountUnusable,
}

/// What a person is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interaction {
    /// A text beside the PIN.
    DisplayTextAndPin,
    /// A text to confirm, then the PIN.
    ConfirmationMessage,
    /// A text and three codes to pick from, then the PIN.
    ConfirmationMessageAndVerificationCodeChoice,
}

impl EndResult {
    /// Reads a result that may be `OK`.
    pub(super) fn check(end_result: &str, interaction: Option<&str>) -> Result<(), Rejected> {
        Err(Rejected::Ended(match end_result {
            "OK" => return Ok(()),
            "USER_REFUSED" => Self::UserRefused,
            "USER_REFUSED_INTERACTION" => {
                const FIELD: &str = "result.details.interaction";
                let name = interaction.ok_or(Rejected::Missing(FIELD))?;
                Self::UserRefusedInteraction(
                    Interaction::named(name).ok_or(Rejected::Malformed(FIELD))?,
                )
            }
            "USER_REFUSED_CERT_CHOICE" => Self::UserRefusedCertificateChoice,
            "TIMEOUT" => Self::Timeout,
            "DOCUMENT_UNUSABLE" => Self::DocumentUnusable,
            "WRONG_VC" => Self::WrongVerificationCode,
            "REQUIRED_INTERACTION_NOT_SUPPORTED_BY_APP" => Self::InteractionNotSupported,
            "PROTOCOL_FAILURE" => Self::ProtocolFailure,
            "EXPECTED_LINKED_SESSION" => Self::ExpectedLinkedSession,
            "SERVER_ERROR" => Self::ServerError,
            "ACCOUNT_UNUSABLE" => Self::AccountUnusable,
            _ => return Err(Rejected::Malformed("result.endResult")),
        }))
    }
}

impl Interaction {
    /// By its name in the API.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "displayTextAndPIN" => Self::DisplayTextAndPin,
            "confirmationMessage" => Self::ConfirmationMessage,
            "confirmationMessageAndVerificationCodeChoice" => {
                Self::ConfirmationMessageAndVerificationCodeChoice
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_a_name_of_its_own() {
        for (name, end) in [
            ("USER_REFUSED", EndResult::UserRefused),
            (
                "USER_REFUSED_CERT_CHOICE",
                EndResult::UserRefusedCertificateChoice,
            ),
            ("TIMEOUT", EndResult::Timeout),
            ("DOCUMENT_UNUSABLE", EndResult::DocumentUnusable),
            ("WRONG_VC", EndResult::WrongVerificationCode),
            (
                "REQUIRED_INTERACTION_NOT_SUPPORTED_BY_APP",
                EndResult::InteractionNotSupported,
            ),
            ("PROTOCOL_FAILURE", EndResult::ProtocolFailure),
            ("EXPECTED_LINKED_SESSION", EndResult::ExpectedLinkedSession),
            ("SERVER_ERROR", EndResult::ServerError),
            ("ACCOUNT_UNUSABLE", EndResult::AccountUnusable),
        ] {
            assert_eq!(EndResult::check(name, None), Err(Rejected::Ended(end)));
        }
        assert_eq!(EndResult::check("OK", None), Ok(()));
        assert_eq!(
            EndResult::check("ok", None),
            Err(Rejected::Malformed("result.endResult"))
        );
    }

    #[test]
    fn a_refused_interaction_is_named() {
        let check = |interaction| EndResult::check("USER_REFUSED_INTERACTION", interaction);
        let refused = EndResult::UserRefusedInteraction(Interaction::ConfirmationMessage);
        assert_eq!(
            check(Some("confirmationMessage")),
            Err(Rejected::Ended(refused))
        );
        let field = "result.details.interaction";
        assert_eq!(check(None), Err(Rejected::Missing(field)));
        // Known to version 2 of the API only.
        assert_eq!(
            check(Some("verificationCodeChoice")),
            Err(Rejected::Malformed(field))
        );
    }
}
