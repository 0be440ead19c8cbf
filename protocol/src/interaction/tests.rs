use super::*;
use proptest::prelude::*;

fn parse(json: &str, flow: Flow) -> Result<Interactions, InteractionsError> {
    Interactions::parse(&STANDARD.encode(json), flow)
}

fn refusal(json: &str) -> InteractionsError {
    parse(json, Flow::Notification).unwrap_err()
}

#[test]
fn keeps_the_order_and_the_text_byte_for_byte() {
    let json = r#" [ {"displayText200":"Transfer 10 \u20ac","type":"confirmationMessage", "extra":1},
        {"type":"displayTextAndPIN","displayText60":"Log in"} ]"#;
    let encoded = STANDARD.encode(json);
    let interactions = Interactions::parse(&encoded, Flow::Notification).unwrap();
    assert_eq!(interactions.as_str(), encoded);
    let kinds: Vec<_> = interactions.offered().iter().map(|one| one.kind).collect();
    assert_eq!(
        kinds,
        [
            InteractionType::ConfirmationMessage,
            InteractionType::DisplayTextAndPin
        ]
    );
    assert_eq!(interactions.offered()[0].text, "Transfer 10 €");
    let kind = InteractionType::DisplayTextAndPin;
    assert_eq!(interactions.of_kind(kind).unwrap().text, "Log in");
}

#[test]
fn the_first_that_the_device_supports_is_used() {
    let interactions = parse(
        r#"[{"type":"confirmationMessageAndVerificationCodeChoice","displayText200":"a"},
            {"type":"confirmationMessage","displayText200":"b"},
            {"type":"displayTextAndPIN","displayText60":"c"}]"#,
        Flow::Notification,
    )
    .unwrap();
    let first = |supported: &[_]| {
        interactions
            .first_supported(supported)
            .map(|interaction| interaction.text.as_str())
    };
    use InteractionType::{ConfirmationMessage, DisplayTextAndPin};
    assert_eq!(first(&[DisplayTextAndPin, ConfirmationMessage]), Some("b"));
    assert_eq!(first(&[DisplayTextAndPin]), Some("c"));
    assert_eq!(first(&[]), None);
}

#[test]
fn the_code_choice_belongs_to_notification_flows() {
    let json = r#"[{"type":"confirmationMessageAndVerificationCodeChoice","displayText200":"a"}]"#;
    let refused = Err(InteractionsError::NotAllowed(
        InteractionType::ConfirmationMessageAndVerificationCodeChoice,
    ));
    assert!(parse(json, Flow::Notification).is_ok());
    assert!(parse(json, Flow::BareDigest).is_ok());
    assert_eq!(parse(json, Flow::DeviceLink), refused);
    assert_eq!(parse(json, Flow::Linked), refused);
    let json = r#"[{"type":"displayTextAndPIN","displayText60":"a"}]"#;
    for flow in [
        Flow::Notification,
        Flow::DeviceLink,
        Flow::Linked,
        Flow::BareDigest,
    ] {
        assert!(parse(json, flow).is_ok());
    }
}

#[test]
fn the_choice_without_a_message_belongs_to_version_2() {
    let kind = InteractionType::VerificationCodeChoice;
    let json = |text: &str| format!(r#"[{{"type":"verificationCodeChoice",{text}}}]"#);
    let fitting = json(&format!(r#""displayText60":"{}""#, "õ".repeat(60)));
    assert!(parse(&fitting, Flow::BareDigest).is_ok());
    for flow in [Flow::Notification, Flow::DeviceLink, Flow::Linked] {
        assert_eq!(
            parse(&fitting, flow),
            Err(InteractionsError::NotAllowed(kind))
        );
    }
    let long = json(&format!(r#""displayText60":"{}""#, "a".repeat(61)));
    assert_eq!(
        parse(&long, Flow::BareDigest),
        Err(InteractionsError::TextTooLong(kind))
    );
    assert_eq!(
        parse(&json(r#""displayText200":"a""#), Flow::BareDigest),
        Err(InteractionsError::TextMissing(kind))
    );
}

#[test]
fn refuses_what_breaks_a_rule() {
    use InteractionType::{ConfirmationMessage, DisplayTextAndPin};
    for (json, expected) in [
        ("[]", InteractionsError::Empty),
        ("{}", InteractionsError::NotInteractions),
        ("[1]", InteractionsError::NotInteractions),
        ("[{}]", InteractionsError::NotInteractions),
        ("not JSON", InteractionsError::NotInteractions),
        (
            r#"[{"type":"verificationCodeChoice","displayText60":"a"}]"#,
            InteractionsError::NotAllowed(InteractionType::VerificationCodeChoice),
        ),
        (
            r#"[{"type":"displayTextAndPin","displayText60":"a"}]"#,
            InteractionsError::NotInteractions,
        ),
        (
            r#"[{"type":"displayTextAndPIN"}]"#,
            InteractionsError::TextMissing(DisplayTextAndPin),
        ),
        (
            r#"[{"type":"displayTextAndPIN","displayText60":""}]"#,
            InteractionsError::TextMissing(DisplayTextAndPin),
        ),
        (
            r#"[{"type":"displayTextAndPIN","displayText200":"a"}]"#,
            InteractionsError::TextMissing(DisplayTextAndPin),
        ),
        (
            r#"[{"type":"confirmationMessage","displayText60":"a","displayText200":"b"}]"#,
            InteractionsError::TextNotOfKind(ConfirmationMessage),
        ),
        (
            r#"[{"type":"displayTextAndPIN","displayText60":"a"},
                {"type":"displayTextAndPIN","displayText60":"b"}]"#,
            InteractionsError::Duplicate(DisplayTextAndPin),
        ),
    ] {
        assert_eq!(refusal(json), expected, "{json}");
    }
}

#[test]
fn refuses_what_is_not_base64() {
    for encoded in ["[]", "W10", "W10==", "W1 0=", "", "W1-_"] {
        let error = Interactions::parse(encoded, Flow::Notification).unwrap_err();
        assert!(
            matches!(
                error,
                InteractionsError::NotBase64 | InteractionsError::NotInteractions
            ),
            "{encoded}"
        );
    }
    let endless = "A".repeat(MAX_LENGTH + 4);
    assert_eq!(
        Interactions::parse(&endless, Flow::Notification),
        Err(InteractionsError::TooLong)
    );
}

#[test]
fn counts_unicode_scalar_values() {
    // Each of these is four octets of UTF-8, two units of UTF-16 and one scalar value.
    let of_length = |length: usize| {
        let text = "😀".repeat(length);
        parse(
            &format!(r#"[{{"type":"displayTextAndPIN","displayText60":"{text}"}}]"#),
            Flow::Notification,
        )
    };
    assert!(of_length(60).is_ok());
    assert_eq!(
        of_length(61),
        Err(InteractionsError::TextTooLong(
            InteractionType::DisplayTextAndPin
        ))
    );
}

#[test]
fn the_longest_honest_request_is_read() {
    let escaped = r"\ud83d\ude00".repeat(200);
    let short = r"\ud83d\ude00".repeat(60);
    let json = format!(
        r#"[{{"type":"confirmationMessageAndVerificationCodeChoice","displayText200":"{escaped}"}},
            {{"type":"confirmationMessage","displayText200":"{escaped}"}},
            {{"type":"displayTextAndPIN","displayText60":"{short}"}}]"#
    );
    assert_eq!(parse(&json, Flow::Notification).unwrap().offered().len(), 3);
}

proptest! {
    #[test]
    fn reading_never_panics(encoded: String, json: String) {
        let _ = Interactions::parse(&encoded, Flow::Notification);
        let _ = parse(&json, Flow::DeviceLink);
    }

    #[test]
    fn any_text_within_the_limit_is_taken_as_it_is(text in "\\PC{1,60}") {
        let json = serde_json::json!([{ "type": "displayTextAndPIN", "displayText60": text }]);
        let interactions = parse(&json.to_string(), Flow::Linked).unwrap();
        prop_assert_eq!(&interactions.offered()[0].text, &text);
    }
}
