use super::*;
use proptest::prelude::*;
use unicode_normalization::is_nfc;

fn shown(text: &str) -> String {
    DisplayText::message(text).as_str().to_owned()
}

/// What a reader sees: the same without our own word joiners.
fn read(text: &str) -> String {
    shown(text).replace(WORD_JOINER, "")
}

#[test]
fn ordinary_text_stays_as_it_is() {
    for text in [
        "DEMO",
        "Õpetajate Leht OÜ",
        "Sberbank Россия",
        "בנק לאומי",
        "株式会社みずほ銀行",
        "Pay 10.50 EUR to Jüri (50%)",
        "Call at 12:30, 24/7 & more <b>",
        "5 * 3 = 15; \"quoted\" 'text'",
        "😀",
    ] {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn is_one_line_with_single_spaces() {
    assert_eq!(
        shown("Code 9999\n\n\n\r\tCode\u{2028}1\u{2029}2"),
        "Code 9999 Code 1 2"
    );
    assert_eq!(shown("  a \u{a0}\u{3000}\u{2800} b  "), "a b");
    assert_eq!(shown("\n \u{200b}\n"), "");
    assert!(DisplayText::name(" \u{feff}").is_empty());
}

/// The text that makes a naive notification show "Bank code 4821" before the true code.
#[test]
fn bidirectional_controls_cannot_reorder_the_line() {
    assert_eq!(
        shown("Bank \u{202e}1284 edoc\u{202c} · code 9999"),
        "Bank 1284 edoc · code 9999"
    );
    for control in "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}".chars() {
        assert_eq!(shown(&format!("a{control}b")), "ab");
    }
}

#[test]
fn nothing_invisible_stays() {
    for character in [
        '\0',
        '\x07',
        '\x1b',
        '\x7f',
        '\u{80}',
        '\u{9b}',
        '\u{ad}',
        '\u{34f}',
        '\u{115f}',
        '\u{180e}',
        '\u{200b}',
        '\u{200d}',
        '\u{2060}',
        '\u{2064}',
        '\u{3164}',
        '\u{fe0f}',
        '\u{feff}',
        '\u{ffa0}',
        '\u{fffb}',
        '\u{fffe}',
        '\u{e000}',
        '\u{1d173}',
        '\u{e0041}',
        '\u{f0000}',
        '\u{10ffff}',
    ] {
        assert_eq!(shown(&format!("a{character}b")), "ab", "{character:?}");
    }
}

#[test]
fn terminal_escapes_lose_their_escape() {
    assert_eq!(
        shown("\x1b[2J\x1b]0;title\x07\u{9b}31mred"),
        "[2J]0;title31mred"
    );
}

#[test]
fn what_programs_turn_into_links_is_broken() {
    for (text, broken) in [
        ("evil.com/login", "evil\u{2060}.\u{2060}com/login"),
        (
            "http://1.2.3.4/",
            "http\u{2060}:\u{2060}\u{2060}/\u{2060}\u{2060}/\u{2060}1.2.3.4/",
        ),
        ("mailto:a", "mailto\u{2060}:\u{2060}a"),
        ("a@b", "a\u{2060}@\u{2060}b"),
        ("evil。com", "evil\u{2060}。\u{2060}com"),
    ] {
        assert_eq!(shown(text), broken);
        assert_eq!(read(text), text);
    }
}

#[test]
fn letters_and_their_marks_are_composed_and_bounded() {
    assert_eq!(shown("e\u{301}"), "é");
    let tower = format!("a{}b", "\u{300}\u{316}".repeat(300));
    let shown = DisplayText::message(&tower);
    assert_eq!(
        shown
            .as_str()
            .chars()
            .filter(|c| is_combining_mark(*c))
            .count(),
        MAX_MARKS
    );
    assert!(shown.as_str().ends_with('b'));
}

#[test]
fn length_is_bounded_in_what_people_see() {
    let name = |length: usize| DisplayText::name(&"ä".repeat(length)).as_str().to_owned();
    assert_eq!(name(64), "ä".repeat(64));
    assert_eq!(name(65), format!("{}…", "ä".repeat(63)));
    let message = DisplayText::message(&"b ".repeat(5000));
    assert_eq!(message.as_str().graphemes(true).count(), MAX_MESSAGE);
    assert!(message.as_str().ends_with("b…"));
    // One cluster of a thousand consonants is not one letter wide.
    assert!(shown(&"\u{1100}".repeat(1000)).chars().count() <= MAX_MESSAGE);
    // So far into a text nobody looks, and no time is spent on it.
    assert_eq!(shown(&format!("{}a", "\u{200b}".repeat(1_000_000))), "");
}

#[test]
fn markup_is_escaped_and_right_to_left_words_are_isolated() {
    let text = DisplayText::name("<a href=\"x\">R&D's</a>");
    assert_eq!(
        text.escaped(),
        "\u{2068}&lt;a href=&quot;x&quot;&gt;R&amp;D&#39;s&lt;/a&gt;\u{2069}"
    );
    assert_eq!(DisplayText::name("א").isolated(), "\u{2068}א\u{2069}");
    assert_eq!(format!("{:>4}", DisplayText::name("ab")), "  ab");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn whatever_comes_is_safe(text in hostile_text()) {
        for (display, limit) in [
            (DisplayText::name(&text), MAX_NAME),
            (DisplayText::message(&text), MAX_MESSAGE),
        ] {
            let shown = display.as_str();
            let visible: String = shown.chars().filter(|c| *c != WORD_JOINER).collect();
            for character in visible.chars() {
                prop_assert!(!character.is_control(), "{:?}", character);
                prop_assert!(character == ' ' || !character.is_whitespace());
                prop_assert_eq!(super::visible(character), Some(character));
            }
            prop_assert!(is_nfc(&visible));
            prop_assert!(visible.graphemes(true).count() <= limit);
            prop_assert!(visible.chars().count() <= limit * (1 + MAX_MARKS));
            prop_assert!(visible == visible.trim());
            prop_assert!(!visible.contains("  "));
            prop_assert!(!shown.contains("://"));
            prop_assert!(!shown.contains("evil.com"));
        }
    }

    #[test]
    fn safe_text_is_not_changed_again(text in hostile_text()) {
        let once = DisplayText::message(&text);
        prop_assert_eq!(DisplayText::message(once.as_str()), once.clone());
        // Nor by one who got it with isolates and took them for the text.
        prop_assert_eq!(DisplayText::message(&once.isolated()), once);
    }

    #[test]
    fn escaped_text_has_no_markup(text in hostile_text()) {
        let escaped = DisplayText::message(&text).escaped();
        prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
        for (position, _) in escaped.match_indices('&') {
            let rest = &escaped[position..];
            prop_assert!(["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"].iter().any(|e| rest.starts_with(e)));
        }
    }
}

/// Any text, and text made of what attacks are made of.
fn hostile_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        proptest::char::range('\u{2000}', '\u{206f}').prop_map(String::from),
        proptest::char::range('\u{300}', '\u{36f}').prop_map(String::from),
        proptest::char::range('\0', '\u{ff}').prop_map(String::from),
        proptest::char::range('\u{1100}', '\u{11ff}').prop_map(String::from),
        Just("http://evil.com/a".to_owned()),
        Just("<b>&lt;".to_owned()),
        Just(" \u{301}".to_owned()),
        Just("a".repeat(70)),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}
