//! The one way in which text from outside reaches a screen.
//!
//! A relying party's name and message are a stranger's words beside our own. Shown as they are,
//! they could push the verification code out of view, reorder it (bidirectional controls), add
//! markup or become a link. Everything from outside that a person sees goes through
//! [`DisplayText`].

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

/// How many characters (extended grapheme clusters) of a name are shown.
pub const MAX_NAME: usize = 64;
/// How many characters of a message are shown: all that a relying party may send.
pub const MAX_MESSAGE: usize = 200;

/// The most combining marks that one letter keeps; more would cover the lines around it.
const MAX_MARKS: usize = 4;
/// Ends a line break opportunity and, to whatever looks for links, the word.
const WORD_JOINER: char = '\u{2060}';
const FIRST_STRONG_ISOLATE: char = '\u{2068}';
const POP_ISOLATE: char = '\u{2069}';

/// Text that is safe to show: one line, no controls, no invisible or reordering characters, no
/// links, bounded in length, NFC.
///
/// It is plain text: `<b>` is three characters. Where markup is interpreted, use
/// [`DisplayText::escaped`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DisplayText(String);

impl DisplayText {
    /// A name: of a relying party, a person, a device.
    pub fn name(text: &str) -> Self {
        Self::limited(text, MAX_NAME)
    }

    /// A message: an interaction's text, an error from elsewhere.
    pub fn message(text: &str) -> Self {
        Self::limited(text, MAX_MESSAGE)
    }

    fn limited(text: &str, limit: usize) -> Self {
        // Bounded before anything else, so that a long text costs no more than a short one.
        let bounded = text.chars().take(limit * 16);
        let visible = collapse_spaces(bounded.filter_map(visible));
        let normal: String = limit_marks(visible.nfc());
        Self(break_links(&truncate(&normal, limit)))
    }

    /// The text by itself, for a line or a field of its own.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing of the text can be shown.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text for the middle of a line of ours: within directional isolates, so that right-to-left
    /// words in it leave the rest of the line in place.
    pub fn isolated(&self) -> String {
        format!("{FIRST_STRONG_ISOLATE}{}{POP_ISOLATE}", self.0)
    }

    /// [`DisplayText::isolated`] with the five characters of XML escaped, for a place that
    /// interprets markup.
    pub fn escaped(&self) -> String {
        escape_markup(&self.isolated())
    }
}

impl std::fmt::Display for DisplayText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// Escapes `& < > " '`.
pub fn escape_markup(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The character if it shows, a space for what separates words, nothing for the rest.
fn visible(character: char) -> Option<char> {
    match character {
        // U+2800 is a Braille cell without dots.
        c if c.is_whitespace() || c == '\u{2800}' => Some(' '),
        c if c.is_control() => None,
        // Soft hyphen, combining grapheme joiner, Arabic letter mark, Mongolian vowel separators.
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' => None,
        // Fillers of Hangul and inherent vowels of Khmer: letters that show nothing.
        '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}' => None,
        // Zero-width characters and directional marks, embeddings, overrides and isolates.
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => None,
        // Variation selectors, byte order mark, interlinear annotations, noncharacters.
        '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' => None,
        '\u{fdd0}'..='\u{fdef}' => None,
        c if u32::from(c) & 0xfffe == 0xfffe => None,
        // Shorthand and musical formatting controls.
        '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' => None,
        // Private use: any font may draw anything there. Tags and more variation selectors.
        '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}' => None,
        c => Some(c),
    }
}

fn collapse_spaces(characters: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    // As if a space had come before: leading ones go too.
    let mut after_space = true;
    characters.filter(move |character| {
        let keep = !(after_space && *character == ' ');
        after_space = *character == ' ';
        keep
    })
}

fn limit_marks(characters: impl Iterator<Item = char>) -> String {
    let mut marks = 0;
    characters
        .filter(|character| {
            marks = if is_combining_mark(*character) {
                marks + 1
            } else {
                0
            };
            marks <= MAX_MARKS
        })
        .collect()
}

/// Cuts between characters as people see them. A cluster counts as many as it has letters: runs of
/// Hangul consonants are one cluster of any width.
fn truncate(text: &str, limit: usize) -> String {
    let text = text.trim_end();
    let mut width = 0;
    let mut keep = 0;
    for (position, cluster) in text.grapheme_indices(true) {
        let letters = cluster.chars().filter(|c| !is_combining_mark(*c)).count();
        width += letters.max(1);
        if width < limit {
            keep = position + cluster.len();
        }
    }
    if width <= limit {
        text.to_owned()
    } else {
        format!("{}…", text[..keep].trim_end())
    }
}

/// Puts word joiners into what programs turn into links by themselves: `evil.com`, `//`, `mailto:x`
/// and `a@b`. Amounts (`10.50`), times and `24/7` stay as they are.
fn break_links(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut broken = String::with_capacity(text.len());
    for (position, character) in characters.iter().copied().enumerate() {
        let before = position.checked_sub(1).map(|before| characters[before]);
        let after = characters.get(position + 1).copied();
        if joins_link(before, character, after) {
            broken.extend([WORD_JOINER, character, WORD_JOINER]);
        } else {
            broken.push(character);
        }
    }
    broken
}

fn joins_link(before: Option<char>, character: char, after: Option<char>) -> bool {
    let (Some(before), Some(after)) = (before, after) else {
        return false;
    };
    match character {
        // IDNA reads three more characters as a dot.
        '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}' => {
            before != ' ' && after != ' ' && !(before.is_ascii_digit() && after.is_ascii_digit())
        }
        '/' => before == '/' || before == ':' || after == '/',
        ':' => before.is_alphabetic() && after != ' ',
        '@' => before != ' ' && after != ' ',
        _ => false,
    }
}

#[cfg(test)]
mod tests;
