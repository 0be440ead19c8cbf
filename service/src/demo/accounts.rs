//! The demo accounts: those that Smart-ID's demo environment documents, so that what was written
//! against that one works against ours
//! (<https://sk-eid.github.io/smart-id-documentation/test_accounts.html>).

use symbolon_protocol::identifiers::BirthDate;
use symbolon_protocol::interaction::InteractionType;

/// One account.
#[derive(Debug, Clone, Copy)]
pub struct DemoAccount {
    /// Who it is, and at which level.
    pub document_number: &'static str,
    /// As it stands in the certificates.
    pub given_name: &'static str,
    /// Year, month and day, where the certificates tell what the personal code does not.
    birth_date: Option<(u16, u8, u8)>,
    /// What its device does.
    pub outcome: Outcome,
}

/// What a demo device does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Confirms.
    Accept,
    /// Refuses before anything is shown.
    Refuse,
    /// Refuses on the screen of this interaction, whichever was asked for.
    RefuseOn(InteractionType),
    /// Picks a wrong verification code.
    WrongCode,
    /// Says nothing.
    Silent,
}

/// Everybody's surname.
pub(super) const SURNAME: &str = "TESTNUMBER";

impl DemoAccount {
    /// The birth date that the certificates tell beyond the personal code.
    pub fn birth_date(&self) -> Option<BirthDate> {
        let (year, month, day) = self.birth_date?;
        BirthDate::new(year, month, day)
    }
}

impl Outcome {
    /// In a few words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accepts",
            Self::Refuse => "refuses",
            Self::RefuseOn(InteractionType::DisplayTextAndPin) => "refuses at displayTextAndPIN",
            Self::RefuseOn(InteractionType::VerificationCodeChoice) => {
                "refuses at verificationCodeChoice"
            }
            Self::RefuseOn(InteractionType::ConfirmationMessage) => {
                "refuses at confirmationMessage"
            }
            Self::RefuseOn(InteractionType::ConfirmationMessageAndVerificationCodeChoice) => {
                "refuses at confirmationMessageAndVerificationCodeChoice"
            }
            Self::WrongCode => "picks a wrong code",
            Self::Silent => "does not answer",
        }
    }
}

const fn accepts(document_number: &'static str, given_name: &'static str) -> DemoAccount {
    of(document_number, given_name, Outcome::Accept)
}

const fn of(
    document_number: &'static str,
    given_name: &'static str,
    outcome: Outcome,
) -> DemoAccount {
    DemoAccount {
        document_number,
        given_name,
        birth_date: None,
        outcome,
    }
}

const fn born(account: DemoAccount, year: u16, month: u8, day: u8) -> DemoAccount {
    DemoAccount {
        birth_date: Some((year, month, day)),
        ..account
    }
}

const PIN_SCREEN: Outcome = Outcome::RefuseOn(InteractionType::DisplayTextAndPin);
const MESSAGE: Outcome = Outcome::RefuseOn(InteractionType::ConfirmationMessage);
const CODE_CHOICE: Outcome = Outcome::RefuseOn(InteractionType::VerificationCodeChoice);
const MESSAGE_AND_CODE_CHOICE: Outcome =
    Outcome::RefuseOn(InteractionType::ConfirmationMessageAndVerificationCodeChoice);

/// All of them.
pub const ACCOUNTS: &[DemoAccount] = &[
    accepts("PNOEE-40504040001-DEM0-Q", "OK"),
    accepts("PNOEE-40504040001-DEMO-Q", "OK"),
    accepts("PNOEE-40504040001-MOCK-Q", "OK"),
    accepts("PNOLT-40504040001-MOCK-Q", "OK"),
    accepts("PNOLV-050405-10009-DEM0-Q", "OK"),
    born(accepts("PNOBE-05040400032-DEMO-Q", "OK"), 1905, 4, 4),
    accepts("PNOLT-40504049999-MOCK-NQ", "BASIC"),
    accepts("PNOLV-050404-19993-DEMO-NQ", "BASIC"),
    accepts("PNOEE-50001029996-DEMO-Q", "ADULT"),
    accepts("PNOLT-50001029996-DEMO-Q", "ADULT"),
    accepts("PNOLV-020100-29990-MOCK-Q", "ADULT"),
    born(accepts("PNOBE-00010299944-MOCK-Q", "ADULT"), 2000, 1, 2),
    accepts("PNOLT-30303039914-MOCK-Q", "ADULT"),
    accepts("PNOEE-39901012239-MOCK-Q", "MULTIPLE OK"),
    accepts("PNOLT-39901012239-DEMO-Q", "MULTIPLE OK"),
    accepts("PNOLV-030303-10215-MOCK-Q", "MULTIPLE OK"),
    accepts("PNOEE-61101012257-MOCK-Q", "MINOR"),
    accepts("PNOLT-61101012257-MOCK-Q", "MINOR"),
    accepts("PNOLV-030303-10004-MOCK-Q", "NODIGITS"),
    born(
        accepts("PNOLV-329999-99901-MOCK-Q", "WITH BIRTHDATE"),
        1903,
        3,
        3,
    ),
    accepts("PNOLV-329999-99709-MOCK-Q", "WITHOUT BIRTHDATE"),
    // Those that Smart-ID's mock opens device links for; here each account does.
    accepts("PNOEE-40404040009-MOCK-Q", "LINK"),
    accepts("PNOLT-40404040009-MOCK-Q", "LINK"),
    accepts("PNOLV-040404-10003-DEMO-Q", "LINK"),
    born(accepts("PNOBE-04040400287-MOCK-Q", "LINK"), 1904, 4, 4),
    accepts("PNOEE-61101019999-MOCK-Q", "MINOR LINK"),
    accepts("PNOLT-61101019999-MOCK-Q", "MINOR LINK"),
    accepts("PNOLV-010111-22341-MOCK-Q", "MINOR LINK"),
    born(
        accepts("PNOLV-320000-00008-DEMO-Q", "MINOR LINK"),
        2011,
        1,
        1,
    ),
    born(
        accepts("PNOBE-11010199815-MOCK-Q", "MINOR LINK"),
        2011,
        1,
        1,
    ),
    accepts("PNOLT-61101019988-MOCK-NQ", "BASIC LINK"),
    accepts("PNOLV-020211-12351-MOCK-NQ", "BASIC LINK"),
    of("PNOEE-30403039917-MOCK-Q", "REFUSED", Outcome::Refuse),
    of("PNOLT-30403039917-MOCK-Q", "REFUSED", Outcome::Refuse),
    of("PNOLV-030403-10016-MOCK-Q", "REFUSED", Outcome::Refuse),
    born(
        of("PNOBE-00010238349-MOCK-Q", "REFUSED", Outcome::Refuse),
        1900,
        1,
        2,
    ),
    of("PNOEE-30403039928-MOCK-Q", "REFUSED PIN", PIN_SCREEN),
    of("PNOLT-30403039928-MOCK-Q", "REFUSED PIN", PIN_SCREEN),
    of("PNOLV-030403-10024-MOCK-Q", "REFUSED PIN", PIN_SCREEN),
    born(
        of("PNOBE-00010267350-MOCK-Q", "REFUSED PIN", PIN_SCREEN),
        1900,
        1,
        2,
    ),
    of("PNOEE-30403039939-MOCK-Q", "REFUSED CODE", CODE_CHOICE),
    of("PNOLT-30403039939-MOCK-Q", "REFUSED CODE", CODE_CHOICE),
    of("PNOLV-030403-10032-MOCK-Q", "REFUSED CODE", CODE_CHOICE),
    born(
        of("PNOBE-00010266756-MOCK-Q", "REFUSED CODE", CODE_CHOICE),
        1900,
        1,
        2,
    ),
    of("PNOEE-30403039946-MOCK-Q", "REFUSED MESSAGE", MESSAGE),
    of("PNOLT-30403039946-MOCK-Q", "REFUSED MESSAGE", MESSAGE),
    of("PNOLV-030403-10040-MOCK-Q", "REFUSED MESSAGE", MESSAGE),
    born(
        of("PNOBE-00010232708-MOCK-Q", "REFUSED MESSAGE", MESSAGE),
        1900,
        1,
        2,
    ),
    of(
        "PNOEE-30403039950-MOCK-Q",
        "REFUSED MESSAGE CODE",
        MESSAGE_AND_CODE_CHOICE,
    ),
    of(
        "PNOLT-30403039950-MOCK-Q",
        "REFUSED MESSAGE CODE",
        MESSAGE_AND_CODE_CHOICE,
    ),
    of(
        "PNOLV-030403-10059-MOCK-Q",
        "REFUSED MESSAGE CODE",
        MESSAGE_AND_CODE_CHOICE,
    ),
    born(
        of(
            "PNOBE-00010211724-MOCK-Q",
            "REFUSED MESSAGE CODE",
            MESSAGE_AND_CODE_CHOICE,
        ),
        1900,
        1,
        2,
    ),
    of("PNOEE-30403039972-MOCK-Q", "WRONG CODE", Outcome::WrongCode),
    of("PNOLT-30403039972-MOCK-Q", "WRONG CODE", Outcome::WrongCode),
    of(
        "PNOLV-030403-10075-MOCK-Q",
        "WRONG CODE",
        Outcome::WrongCode,
    ),
    born(
        of("PNOBE-00010216276-MOCK-Q", "WRONG CODE", Outcome::WrongCode),
        1900,
        1,
        2,
    ),
    of("PNOEE-30403039983-MOCK-Q", "TIMEOUT", Outcome::Silent),
    of("PNOLT-30403039983-MOCK-Q", "TIMEOUT", Outcome::Silent),
    of("PNOLV-030403-10083-MOCK-Q", "TIMEOUT", Outcome::Silent),
    born(
        of("PNOBE-00010220335-MOCK-Q", "TIMEOUT", Outcome::Silent),
        1900,
        1,
        2,
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use symbolon_protocol::identifiers::DocumentNumber;

    use super::*;

    #[test]
    fn every_account_can_be_enrolled() {
        let mut seen = HashSet::new();
        for account in ACCOUNTS {
            let number: DocumentNumber = account.document_number.parse().unwrap();
            assert!(seen.insert(number.clone()), "{number} twice");
            let told = number.person().birth_date();
            assert!(
                told.is_none() || account.birth_date.is_none(),
                "{number} tells its birth date itself"
            );
            assert_eq!(account.birth_date().is_some(), account.birth_date.is_some());
        }
    }
}
