//! The letters of a PKCS#11 URI: separators, names, percent-encoding.

use crate::uri::UriError;

/// Splits a path or a query into its attributes, none of which may stand twice.
pub(crate) fn attributes(part: &str, separator: char) -> Result<Vec<(&str, &str)>, UriError> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    if part.is_empty() {
        return Ok(found);
    }
    for attribute in part.split(separator) {
        let (name, value) = attribute.split_once('=').ok_or(UriError::NoAttribute)?;
        if found.iter().any(|(earlier, _)| *earlier == name) {
            return Err(UriError::Twice(name.to_owned()));
        }
        found.push((name, value));
    }
    Ok(found)
}

/// A value that is text: UTF-8 once it is decoded (RFC 7512 section 2.3).
pub(crate) fn text(name: &str, value: &str) -> Result<String, UriError> {
    String::from_utf8(octets(name, value)?).map_err(|_| wrong(name, "is not UTF-8"))
}

/// A value with its percent-encoding undone.
pub(crate) fn octets(name: &str, value: &str) -> Result<Vec<u8>, UriError> {
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(octet) = rest.next() {
        decoded.push(match octet {
            b'%' => match (hexadecimal(rest.next()), hexadecimal(rest.next())) {
                (Some(high), Some(low)) => 16 * high + low,
                _ => return Err(wrong(name, "has a `%` without two hexadecimal digits")),
            },
            _ if stands_for_itself(octet) => octet,
            _ => return Err(wrong(name, "has a character that must be percent-encoded")),
        });
    }
    Ok(decoded)
}

/// RFC 7512 section 2.3, pk11-pchar and pk11-qchar: unreserved characters and some of the rest.
/// Separators are gone by now.
fn stands_for_itself(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~:[]@!$'()*+,=&/?|".contains(&octet)
}

fn hexadecimal(digit: Option<u8>) -> Option<u8> {
    char::from(digit?)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

fn wrong(name: &str, problem: &'static str) -> UriError {
    UriError::Value {
        name: name.to_owned(),
        problem,
    }
}
