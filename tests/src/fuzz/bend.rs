//! What is done to a valid request.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::requests::Request;

/// Changes the path, the kind of content or some place of the body.
pub(super) fn somewhere(random: &mut Rng, request: &mut Request) {
    match random.u8(0..12) {
        0 => request.path = path(random, &request.path),
        1 => request.content_type = CONTENT_TYPES[random.usize(0..CONTENT_TYPES.len())],
        _ => inside(random, &mut request.body),
    }
}

/// The body as it is sent: mostly whole.
pub(super) fn octets(random: &mut Rng, body: &Value) -> Vec<u8> {
    let mut octets = body.to_string().into_bytes();
    match random.u8(0..40) {
        0 => octets.truncate(random.usize(0..=octets.len())),
        1 if !octets.is_empty() => {
            let place = random.usize(0..octets.len());
            octets[place] = random.u8(..);
        }
        2 => octets.extend_from_slice(b"{}"),
        3 => octets = vec![b'['; 20_000],
        // A name twice: which of them counts must not matter to anybody's safety.
        4 => octets
            .splice(1..1, *br#""relyingPartyUUID":"x","#)
            .for_each(drop),
        _ => {}
    }
    octets
}

/// A path, changed.
pub(super) fn path(random: &mut Rng, path: &str) -> String {
    match random.u8(0..5) {
        0 => path.replace("PNOEE", "PNOXX"),
        1 => path.replace("40504040001", "30303039914"),
        2 => format!("{path}/{}", percent_encoded(&text(random))),
        3 => path.replace("-DEM0-Q", &percent_encoded(&text(random))),
        _ => format!("{path}/"),
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .take(300)
        .map(|octet| format!("%{octet:02X}"))
        .collect()
}

/// Goes down to some value, and removes, replaces or doubles something there.
pub(super) fn inside(random: &mut Rng, value: &mut Value) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let name = fields.keys().nth(random.usize(0..fields.len())).cloned();
            let name = name.unwrap_or_default();
            match random.u8(0..6) {
                0 => drop(fields.remove(&name)),
                1 => drop(fields.insert(text(random), anything(random))),
                2 => drop(fields.insert(name, anything(random))),
                _ => {
                    if let Some(inner) = fields.get_mut(&name) {
                        inside(random, inner);
                    }
                }
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let place = random.usize(0..items.len());
            match random.u8(0..3) {
                0 => items.push(items[place].clone()),
                1 => drop(items.remove(place)),
                _ => inside(random, &mut items[place]),
            }
        }
        Value::String(text) if random.bool() => *text = bent(random, text),
        other => *other = anything(random),
    }
}

/// A text that was valid, with a letter less, more or changed.
pub(super) fn bent(random: &mut Rng, valid: &str) -> String {
    let mut letters: Vec<char> = valid.chars().collect();
    let place = random.usize(0..=letters.len());
    match random.u8(0..4) {
        0 => letters.truncate(place),
        1 => letters.insert(place, LETTERS[random.usize(0..LETTERS.len())]),
        2 => letters.extend(valid.chars()),
        _ => {
            if let Some(letter) = letters.get_mut(place) {
                *letter = LETTERS[random.usize(0..LETTERS.len())];
            }
        }
    }
    letters.into_iter().collect()
}

fn anything(random: &mut Rng) -> Value {
    match random.u8(0..9) {
        0 => Value::Null,
        1 => random.bool().into(),
        2 => random.i64(..).into(),
        3 => json!(f64::MAX),
        4 => json!([]),
        5 => json!({}),
        6 => nested(random.usize(1..100)),
        7 => Value::Object(Map::from_iter([(text(random), text(random).into())])),
        _ => text(random).into(),
    }
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::Null, |inner, _| json!([inner]))
}

/// A text that somebody may have trouble with.
pub(super) fn text(random: &mut Rng) -> String {
    match random.u8(0..4) {
        0 => HOSTILE[random.usize(0..HOSTILE.len())].into(),
        1 => "x".repeat(random.usize(0..5_000)),
        2 => (0..random.usize(0..40)).map(|_| random.char(..)).collect(),
        _ => random.u64(..).to_string(),
    }
}

const CONTENT_TYPES: [&str; 5] = [
    "text/plain",
    "application/xml",
    "application/json; charset=utf-16",
    "multipart/form-data; boundary=x",
    "application/problem+json",
];

const LETTERS: [char; 10] = [
    '\0',
    '\n',
    '"',
    '\\',
    '|',
    '#',
    '<',
    '\u{202e}',
    '\u{feff}',
    '\u{1f600}',
];

const HOSTILE: [&str; 12] = [
    "",
    "\0",
    "../../etc/passwd",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "\u{202e}txt.exe",
    "%00%0a%0d",
    "null",
    "-1",
    "1e999",
    "https://rp.example/a|b#c",
    "{\"a\":{\"b\":[]}}",
];
