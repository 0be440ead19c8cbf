use super::*;
use proptest::prelude::*;

fn person(text: &str) -> SemanticsIdentifier {
    text.parse().unwrap()
}

fn document(text: &str) -> DocumentNumber {
    text.parse().unwrap()
}

#[test]
fn reads_identifiers_of_every_country() {
    for (text, country, code) in [
        ("PNOEE-48010010101", "EE", "48010010101"),
        ("PASKZ-987654321012", "KZ", "987654321012"),
        ("IDCCZ-1234567890", "CZ", "1234567890"),
        ("PNOLV-020100-29990", "LV", "020100-29990"),
        ("PNOBE-04040400287", "BE", "04040400287"),
    ] {
        let identifier = person(text);
        assert_eq!(identifier.country(), country);
        assert_eq!(identifier.code(), code);
        assert_eq!(identifier.to_string(), text);
    }
}

#[test]
fn refuses_what_is_no_identifier() {
    let too_long = format!("PNOEE-{}", "1".repeat(60));
    for text in [
        "",
        "PNOEE",
        "PNOEE-",
        "PNOee-48010010101",
        "pnoEE-48010010101",
        "XXXEE-48010010101",
        "PNOEE48010010101",
        "PNOEE-480100 10101",
        "PNOEE-../../etc/passwd",
        "PNOEE-4801\n0010101",
        "PNOEE-48010010101-",
        "PNOEE--48010010101",
        "PNOÄ-48010010101",
        "PNOEÄ-4801",
        &too_long,
    ] {
        assert!(text.parse::<SemanticsIdentifier>().is_err(), "{text}");
    }
    let refusal = "<b>\u{202e}".parse::<SemanticsIdentifier>().unwrap_err();
    assert!(!refusal.to_string().contains('<'), "{refusal}");
}

#[test]
fn document_numbers_are_read_from_the_right() {
    let number = document("PNOLV-020100-29990-MOCK-Q");
    assert_eq!(number.person(), person("PNOLV-020100-29990"));
    assert_eq!(number.level(), CertificateLevel::Qualified);
    let number = document("PNOLT-40504049999-DEM0-NQ");
    assert_eq!(number.person(), person("PNOLT-40504049999"));
    assert_eq!(number.level(), CertificateLevel::Advanced);
    // A code may look like the end of a number.
    let number = document("PNOEE-1234-ABCD-Q-K2GN-NQ");
    assert_eq!(number.person(), person("PNOEE-1234-ABCD-Q"));
}

#[test]
fn refuses_what_is_no_document_number() {
    for text in [
        "",
        "PNOEE-48010010101",
        "PNOEE-48010010101-K2GN",
        "PNOEE-48010010101-K2GN-X",
        "PNOEE-48010010101-K2G-Q",
        "PNOEE-48010010101-K2GN5-Q",
        "PNOEE-48010010101-k2gn-Q",
        "PNOEE-K2GN-Q",
        "-K2GN-Q",
        "Q",
        "PNOEE-/-K2GN-Q",
    ] {
        assert!(text.parse::<DocumentNumber>().is_err(), "{text}");
        assert!(serde_json::from_value::<DocumentNumber>(text.into()).is_err());
    }
}

#[test]
fn document_numbers_are_put_together() {
    let owner = person("PNOLV-020100-29990");
    let number = DocumentNumber::new(&owner, "K2GN", CertificateLevel::Advanced).unwrap();
    assert_eq!(number.as_str(), "PNOLV-020100-29990-K2GN-NQ");
    assert!(DocumentNumber::new(&owner, "A-B", CertificateLevel::Qualified).is_err());
    let drawn = DocumentNumber::draw_suffix().unwrap();
    assert!(DocumentNumber::new(&owner, &drawn, CertificateLevel::Qualified).is_ok());
}

#[test]
fn birth_dates_come_from_personal_codes() {
    let date = |text: &str| person(text).birth_date().map(|date| date.to_string());
    for (text, expected) in [
        ("PNOEE-40504040001", Some("1905-04-04")),
        ("PNOEE-37605030299", Some("1976-05-03")),
        ("PNOEE-61101012257", Some("2011-01-01")),
        ("PNOLT-50001029996", Some("2000-01-02")),
        ("PNOEE-10002290000", None), // 1800 had no 29 February
        ("PNOEE-50002290000", Some("2000-02-29")),
        ("PNOEE-40513010000", None),
        ("PNOEE-90504040001", None),
        ("PNOEE-00504040001", None),
        ("PNOEE-405040400011", None),
        ("PNOEE-4050404000A", None),
        ("PNOLV-050405-10009", Some("1905-04-05")),
        ("PNOLV-020100-29990", Some("2000-01-02")),
        ("PNOLV-010180-01234", Some("1880-01-01")),
        ("PNOLV-010180-91234", None), // the tenth century from 1800
        ("PNOLV-329999-99901", None),
        ("PNOLV-320000-00008", None),
        ("PNOBE-04040400287", None),
        ("PASEE-40504040001", None),
    ] {
        assert_eq!(date(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn only_dates_that_exist_are_dates() {
    assert!(BirthDate::new(1900, 2, 29).is_none());
    assert!(BirthDate::new(2000, 2, 29).is_some());
    assert!(BirthDate::new(2024, 4, 31).is_none());
    assert!(BirthDate::new(2024, 0, 1).is_none());
    assert!(BirthDate::new(2024, 13, 1).is_none());
    assert!(BirthDate::new(2024, 12, 0).is_none());
    let date = BirthDate::new(2024, 12, 31).unwrap();
    assert_eq!((date.year(), date.month(), date.day()), (2024, 12, 31));
    assert_eq!("2024-12-31".parse(), Ok(date));
    for text in [
        "",
        "2024-12",
        "2024-13-01",
        "2024-1-1",
        "+2024-12-31",
        "2024-12-31-1",
    ] {
        assert!(text.parse::<BirthDate>().is_err(), "{text}");
    }
}

#[test]
fn levels_and_purposes_have_names() {
    assert!(CertificateLevel::Advanced < CertificateLevel::Qualified);
    for level in [CertificateLevel::Advanced, CertificateLevel::Qualified] {
        assert_eq!(level.as_str().parse(), Ok(level));
        assert_eq!(serde_json::to_value(level).unwrap(), level.as_str());
    }
    for purpose in KeyPurpose::ALL {
        assert_eq!(purpose.as_str().parse(), Ok(purpose));
        assert_eq!(serde_json::to_value(purpose).unwrap(), purpose.as_str());
    }
    assert!("qualified".parse::<CertificateLevel>().is_err());
    assert_eq!(KeyPurpose::Signing.pin_name(), "PIN2");
}

proptest! {
    #[test]
    fn reading_never_panics_and_keeps_every_character(text: String) {
        if let Ok(read) = text.parse::<SemanticsIdentifier>() {
            prop_assert_eq!(read.as_str(), &text);
            let _ = read.birth_date();
        }
        if let Ok(read) = text.parse::<DocumentNumber>() {
            prop_assert_eq!(read.as_str(), &text);
        }
    }

    #[test]
    fn what_is_put_together_comes_apart_again(
        identifier in "(PNO|PAS|IDC)[A-Z]{2}-[A-Za-z0-9]([A-Za-z0-9-]{0,46}[A-Za-z0-9])?",
        suffix in "[A-Z0-9]{4}",
        qualified: bool,
    ) {
        let level = if qualified { CertificateLevel::Qualified } else { CertificateLevel::Advanced };
        let owner: SemanticsIdentifier = identifier.parse().unwrap();
        let number = DocumentNumber::new(&owner, &suffix, level).unwrap();
        prop_assert_eq!(number.person(), owner.clone());
        prop_assert_eq!(number.level(), level);
        prop_assert!(number.as_str().len() <= 64, "fits an X.520 common name");
        let _ = owner.birth_date();
        prop_assert_eq!(&format!("{}-{}", &identifier[..5], owner.code()), owner.as_str());
    }

    #[test]
    fn a_birth_date_is_written_into_and_read_from_estonian_codes(
        year in 1800u16..2200, month in 1u8..=12, day in 1u8..=28, sex in 0u16..2, rest in 0u16..9999,
    ) {
        let first = (year / 100 - 18) * 2 + 1 + sex;
        let code = format!("PNOEE-{first}{:02}{month:02}{day:02}{rest:04}", year % 100);
        prop_assert_eq!(person(&code).birth_date(), BirthDate::new(year, month, day));
    }
}
