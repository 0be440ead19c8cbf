//! What is printed, and the last guard before the terminal: no control character leaves here.

use std::borrow::Cow;
use std::io::{self, Write};

/// Where a command's results and its words to the person go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether the result is printed as the daemon's JSON.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// One line for a person; beside a JSON result it goes to standard error.
    pub(crate) fn say(self, line: &str) -> io::Result<()> {
        let line = harmless(line);
        if self.json {
            writeln!(io::stderr(), "{line}")
        } else {
            writeln!(io::stdout(), "{line}")
        }
    }

    /// The daemon's reply as it came.
    pub(crate) fn reply(self, json: &str) -> io::Result<()> {
        writeln!(io::stdout(), "{}", harmless_json(json))
    }

    /// Rows under a heading, columns aligned.
    pub(crate) fn table<const COLUMNS: usize>(
        self,
        heading: [&str; COLUMNS],
        rows: &[[String; COLUMNS]],
    ) -> io::Result<()> {
        let heading = heading.map(str::to_owned);
        let rows: Vec<[String; COLUMNS]> = std::iter::once(&heading)
            .chain(rows)
            .map(|row| row.clone().map(|cell| harmless(&cell).into_owned()))
            .collect();
        for row in &rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let width = rows.iter().map(|row| row[column].chars().count()).max();
                let padding = width.unwrap_or(0) - cell.chars().count();
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', padding + 2));
            }
            self.say(line.trim_end())?;
        }
        Ok(())
    }
}

/// A complaint, on standard error.
pub(crate) fn complain(text: &str) {
    // Nothing is left to be done if standard error is closed.
    let _ = writeln!(io::stderr(), "symbolon: {}", harmless(text));
}

/// `text` with everything that could move a cursor or turn the reading direction made visible.
/// The daemon has sanitised what strangers wrote; this holds even if it had not.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    escape(text, |character| {
        format!("\\u{{{:x}}}", u32::from(character))
    })
}

/// The same for a JSON text, which stays the same JSON.
fn harmless_json(json: &str) -> Cow<'_, str> {
    escape(json, |character| match character {
        // Between values only; inside strings JSON has escaped them already.
        '\n' | '\t' | '\r' => " ".to_owned(),
        character => format!("\\u{:04x}", u32::from(character)),
    })
}

fn escape(text: &str, replacement: impl Fn(char) -> String) -> Cow<'_, str> {
    if !text.contains(is_dangerous) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_dangerous(character) {
            escaped.push_str(&replacement(character));
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// Controls, line and paragraph separators, and the bidirectional controls of UAX 9 except the
/// isolates FSI and PDI, with which `DisplayText` encloses a stranger's text.
fn is_dangerous(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}' | '\u{2067}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_is_made_visible() {
        assert_eq!(
            harmless("Bank \u{1b}[2J\r\n"),
            "Bank \\u{1b}[2J\\u{d}\\u{a}"
        );
        assert_eq!(harmless("a\u{202e}b\u{9b}c"), "a\\u{202e}b\\u{9b}c");
        assert_eq!(harmless("Õhtuleht €5"), "Õhtuleht €5");
    }

    #[test]
    fn json_stays_the_same_json() {
        let json = "{\n\"a\": \"x\u{202e}y\u{9b}\"}";
        let printed = harmless_json(json);
        assert!(!printed.contains(is_dangerous), "{printed}");
        let before: serde_json::Value = serde_json::from_str(json).unwrap();
        let after: serde_json::Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(before, after);
    }
}
