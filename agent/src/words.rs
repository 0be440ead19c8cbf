//! What the person reads. Everything that came from outside stands on lines of its own, so that no
//! text can pose as the code or as a sentence of ours.

use std::time::Duration;

use crate::daemon::{Offer, Purpose};

/// Columns after which a description is broken: some prompts would put it all on one line.
const COLUMNS: usize = 60;

/// `Code 4821`: first and alone, in a field that no server reads as markup.
pub(crate) fn headline(offer: &Offer) -> String {
    match (&offer.verification_code, offer.purpose) {
        (Some(code), _) => format!("Code {}", plain(code)),
        (None, Some(Purpose::Authentication)) => "Login request".to_owned(),
        (None, Some(Purpose::Signing)) => "Signature request".to_owned(),
        (None, None) => "Certificate request".to_owned(),
    }
}

/// The notification's body: who, what they want, their text; escaped for servers that read markup.
pub(crate) fn body(offer: &Offer, markup: bool) -> String {
    let mut lines = lines(offer);
    if offer.code_choice.is_some() {
        lines.push("Press the code that is shown there.".to_owned());
    }
    let lines = lines.join("\n");
    if markup { escape(&lines) } else { lines }
}

/// The body of a notification that needs no answer; `text` may hold a service's words.
pub(crate) fn news(text: &str, markup: bool) -> String {
    let text = plain(text);
    if markup { escape(&text) } else { text }
}

/// The PIN prompt's description. The code stands before what others wrote, so that a text of any
/// length leaves it in view.
pub(crate) fn description(offer: &Offer, tries_left: Option<u32>) -> String {
    let mut paragraphs = vec![
        headline(offer),
        lines(offer).join("\n"),
        "Go on only if you began this yourself and the same code is shown there.".to_owned(),
    ];
    if offer.is_bare_login {
        paragraphs.insert(
            2,
            "This older kind of login signs neither name nor text.".to_owned(),
        );
    }
    // Three is what everybody has who made no mistake.
    if let Some(tries @ 0..3) = tries_left {
        paragraphs.push(format!("{} before a lock.", left(tries)));
    }
    in_columns(&paragraphs)
}

/// The same where no PIN is due yet.
pub(crate) fn agreement(offer: &Offer, others_missing: u8) -> String {
    let others = match others_missing {
        1 => "another member of the group".to_owned(),
        several => format!("{several} other members of the group"),
    };
    in_columns(&[
        description(offer, None),
        format!("No PIN is needed: {others} must approve as well."),
    ])
}

/// What an agreement led to.
pub(crate) fn agreed(given: usize, needed: u8) -> String {
    format!(
        "Agreed: {given} of {needed} approvals. Nothing is signed before the last of them, with the PIN."
    )
}

fn in_columns(paragraphs: &[String]) -> String {
    let wrapped: Vec<String> = paragraphs
        .join("\n\n")
        .split('\n')
        .map(|line| wrap(line, COLUMNS))
        .collect();
    wrapped.join("\n")
}

/// `2 tries left`.
pub(crate) fn left(tries: u32) -> String {
    match tries {
        1 => "1 try left".to_owned(),
        tries => format!("{tries} tries left"),
    }
}

/// What a wrong pick led to.
pub(crate) fn wrong_code() -> String {
    "That is not the code that is shown there: nothing was approved, the request is over. If you began it yourself, begin again.".to_owned()
}

/// Why nothing can be approved now.
pub(crate) fn locked(remaining_seconds: Option<u32>) -> String {
    match remaining_seconds {
        Some(0) => "The account was locked; its time is over. Try again.".to_owned(),
        Some(seconds) => format!(
            "The account is locked after wrong PINs. Try again in {}.",
            length(Duration::from_secs(seconds.into()))
        ),
        None => "The account is locked after wrong PINs. See: symbolon status".to_owned(),
    }
}

/// Why nothing can ever be approved again.
pub(crate) fn closed() -> String {
    "The account is closed for good. Enrol anew: symbolon enrol".to_owned()
}

fn lines(offer: &Offer) -> Vec<String> {
    let mut lines = vec![plain(&offer.relying_party_name)];
    if let Some(party) = &offer.brokered_relying_party_name {
        lines.push(plain(party));
    }
    lines.push(
        match offer.purpose {
            Some(Purpose::Authentication) => "wants you to log in:",
            Some(Purpose::Signing) => "wants your signature:",
            None => "wants to know your signing certificate, with your name and personal code in it. Nothing is signed.",
        }
        .to_owned(),
    );
    if offer.purpose.is_some() {
        lines.push(plain(&offer.text));
    }
    lines
}

fn length(time: Duration) -> String {
    let minutes = time.as_secs().div_ceil(60);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// The daemon has made every text harmless; that no line ends and no direction turns inside one
/// is made sure of once more where it is shown.
fn plain(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            character if character.is_control() => '\u{fffd}',
            character => character,
        })
        .collect()
}

/// The five characters of XML, as the notification specification's markup needs them.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            character => escaped.push(character),
        }
    }
    escaped
}

/// Breaks a line between words, and words that are longer than a line.
fn wrap(line: &str, columns: usize) -> String {
    let mut wrapped = String::with_capacity(line.len() + line.len() / columns + 1);
    let mut used = 0;
    for word in line.split(' ') {
        let length = word.chars().count();
        if used > 0 {
            let fits = used + 1 + length <= columns;
            wrapped.push(if fits { ' ' } else { '\n' });
            used = if fits { used + 1 } else { 0 };
        }
        for character in word.chars() {
            if used == columns {
                wrapped.push('\n');
                used = 0;
            }
            wrapped.push(character);
            used += 1;
        }
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(name: &str, text: &str) -> Offer {
        Offer {
            id: "1".into(),
            purpose: Some(Purpose::Authentication),
            relying_party_name: name.into(),
            brokered_relying_party_name: None,
            text: text.into(),
            pushed: true,
            verification_code: Some("4821".into()),
            code_choice: None,
            is_bare_login: false,
            time_left: Duration::from_secs(60),
        }
    }

    #[test]
    fn markup_is_text_for_servers_that_read_it_and_for_those_that_do_not() {
        let hostile = offer("<b>Bank</b> & \"Co\"", "<a href='http://evil'>x</a>");
        let escaped = body(&hostile, true);
        assert!(!escaped.contains('<'), "{escaped}");
        assert!(escaped.starts_with("&lt;b&gt;Bank&lt;/b&gt; &amp; &quot;Co&quot;\n"));
        assert!(body(&hostile, false).starts_with("<b>Bank</b> & \"Co\"\n"));
    }

    #[test]
    fn the_code_is_alone_and_first() {
        let hostile = offer("Bank\nCode 9999", "\u{202e}1284 edoC\u{202c} Code 9999");
        assert_eq!(headline(&hostile), "Code 4821");
        let description = description(&hostile, Some(3));
        assert!(description.starts_with("Code 4821\n\n"), "{description}");
        assert!(!description.contains("\nCode 9999"), "{description}");
        assert!(!description.contains('\u{202e}'));
    }

    #[test]
    fn a_login_that_binds_no_name_says_so() {
        let mut bare = offer("Bank", "Log in?");
        bare.is_bare_login = true;
        assert!(description(&bare, None).contains("\n\nThis older kind of login"));
        assert!(!description(&offer("Bank", "Log in?"), None).contains("older"));
    }

    #[test]
    fn no_line_of_a_description_is_longer_than_a_prompt_can_show() {
        let long = offer(&"Õ".repeat(300), &"a bc def ".repeat(60));
        let description = description(&long, Some(1));
        for line in description.split('\n') {
            assert!(line.chars().count() <= COLUMNS, "{line}");
        }
        assert!(description.ends_with("1 try left before a lock."));
        // Nothing is lost by breaking lines.
        assert_eq!(description.matches('Õ').count(), 300);
    }

    #[test]
    fn words_move_to_the_next_line_whole() {
        assert_eq!(wrap("one two three", 7), "one two\nthree");
        assert_eq!(wrap("abcdefghij", 4), "abcd\nefgh\nij");
        assert_eq!(wrap("", 4), "");
    }
}
