//! PKCS#11 URIs (RFC 7512): what one says, without judging whether it can be honoured.

use std::path::PathBuf;

use crate::uri_text::{attributes, octets, text};

/// The attributes of a PKCS#11 URI. What is `None` was not said, and any value will do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pkcs11Uri {
    /// `token`: the token's label.
    pub token: Option<String>,
    /// `serial`: the token's serial number.
    pub serial: Option<String>,
    /// `manufacturer`: the token's.
    pub manufacturer: Option<String>,
    /// `model`: the token's.
    pub model: Option<String>,
    /// `slot-id`: the number of the slot that holds the token.
    pub slot_id: Option<u64>,
    /// `object`: the label of one object (`CKA_LABEL`).
    pub object: Option<String>,
    /// `id`: the identifier of one object (`CKA_ID`), any octets.
    pub id: Option<Vec<u8>>,
    /// `type`: the class of one object, e.g. `private`.
    pub object_type: Option<String>,
    /// `module-path`: the module's file.
    pub module_path: Option<PathBuf>,
    /// `pin-source`: the file with the PIN.
    pub pin_file: Option<PathBuf>,
}

/// Why a text is no PKCS#11 URI that we can follow. None of these repeats a value: it may be a PIN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// It is of another scheme.
    #[error("it does not begin with `pkcs11:`")]
    Scheme,
    /// A part between two separators has no name and value.
    #[error("between two separators there is no `name=value`")]
    NoAttribute,
    /// RFC 7512 section 2.3: an attribute stands once.
    #[error("`{0}` stands twice")]
    Twice(String),
    /// A value is not encoded as RFC 7512 asks.
    #[error("the value of `{name}` {problem}")]
    Value {
        /// The attribute.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A URI stands in configurations and on command lines, where a PIN must not.
    #[error(
        "`pin-value` would leave the PIN in the configuration; put the PIN into a file that only \
         the service reads and name that with `pin-source=file:/path`"
    )]
    PinValue,
    /// An attribute that would narrow down the token, and that we do not look at.
    #[error(
        "`{0}` cannot be honoured; name the token by `token`, `serial`, `manufacturer`, `model` or \
         `slot-id`, the module by `module-path` and the PIN by `pin-source`"
    )]
    NotHonoured(String),
}

impl std::str::FromStr for Pkcs11Uri {
    type Err = UriError;

    fn from_str(uri: &str) -> Result<Self, UriError> {
        // RFC 3986 section 3.1: schemes are compared without case.
        let rest = match uri.split_at_checked("pkcs11:".len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("pkcs11:") => rest,
            _ => return Err(UriError::Scheme),
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, query),
            None => (rest, ""),
        };
        let mut parsed = Self::default();
        for (name, value) in attributes(path, ';')? {
            parsed.take_path_attribute(name, value)?;
        }
        for (name, value) in attributes(query, '&')? {
            parsed.take_query_attribute(name, value)?;
        }
        Ok(parsed)
    }
}

impl Pkcs11Uri {
    fn take_path_attribute(&mut self, name: &str, value: &str) -> Result<(), UriError> {
        match name {
            "token" => self.token = Some(text(name, value)?),
            "serial" => self.serial = Some(text(name, value)?),
            "manufacturer" => self.manufacturer = Some(text(name, value)?),
            "model" => self.model = Some(text(name, value)?),
            "slot-id" => self.slot_id = Some(number(name, value)?),
            "object" => self.object = Some(text(name, value)?),
            "id" => self.id = Some(octets(name, value)?),
            "type" => self.object_type = Some(text(name, value)?),
            _ => return Err(UriError::NotHonoured(name.to_owned())),
        }
        Ok(())
    }

    fn take_query_attribute(&mut self, name: &str, value: &str) -> Result<(), UriError> {
        match name {
            "module-path" => self.module_path = Some(absolute(name, &text(name, value)?)?),
            "pin-source" => self.pin_file = Some(pin_file(name, &text(name, value)?)?),
            "pin-value" => return Err(UriError::PinValue),
            _ => return Err(UriError::NotHonoured(name.to_owned())),
        }
        Ok(())
    }
}

fn number(name: &str, value: &str) -> Result<u64, UriError> {
    let digits = value.bytes().all(|octet| octet.is_ascii_digit());
    match (digits, value.parse()) {
        (true, Ok(number)) => Ok(number),
        _ => Err(wrong(name, "is no number")),
    }
}

/// RFC 7512 section 2.4 leaves open what a source may be: we read files, by path or `file:` URI
/// (RFC 8089), and start no program (`|command`).
fn pin_file(name: &str, source: &str) -> Result<PathBuf, UriError> {
    if source.starts_with('|') {
        return Err(wrong(name, "is a program, and none is started for a PIN"));
    }
    let path = match source.strip_prefix("file:") {
        None => source,
        Some(local) => match local.strip_prefix("//") {
            None => local,
            Some(with_host) => with_host.strip_prefix("localhost").unwrap_or(with_host),
        },
    };
    absolute(name, path)
}

fn absolute(name: &str, path: &str) -> Result<PathBuf, UriError> {
    match path.starts_with('/') {
        true => Ok(path.into()),
        false => Err(wrong(name, "is no absolute path of a file")),
    }
}

fn wrong(name: &str, problem: &'static str) -> UriError {
    UriError::Value {
        name: name.to_owned(),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(uri: &str) -> Result<Pkcs11Uri, UriError> {
        uri.parse()
    }

    #[test]
    fn says_what_it_says() {
        let empty = Pkcs11Uri::default();
        for (uri, expected) in [
            ("pkcs11:", empty.clone()),
            ("PKCS11:?", empty.clone()),
            (
                "pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.",
                Pkcs11Uri {
                    token: Some("The Software PKCS#11 Softtoken".into()),
                    manufacturer: Some("Snake Oil, Inc.".into()),
                    ..empty.clone()
                },
            ),
            (
                "pkcs11:serial=4f1e;model=1.0;slot-id=327?module-path=/lib/m.so&pin-source=file:/etc/token",
                Pkcs11Uri {
                    serial: Some("4f1e".into()),
                    model: Some("1.0".into()),
                    slot_id: Some(327),
                    module_path: Some("/lib/m.so".into()),
                    pin_file: Some("/etc/token".into()),
                    ..empty.clone()
                },
            ),
            // RFC 7512 section 3: an object with octets as its identifier.
            (
                "pkcs11:object=my-pubkey;type=public;id=%69%95%3E%5C%F4%BD%EC%91",
                Pkcs11Uri {
                    object: Some("my-pubkey".into()),
                    object_type: Some("public".into()),
                    id: Some(vec![0x69, 0x95, 0x3e, 0x5c, 0xf4, 0xbd, 0xec, 0x91]),
                    ..empty.clone()
                },
            ),
            (
                "pkcs11:token=Pois%C3%A9?pin-source=file:///run/p%69n",
                Pkcs11Uri {
                    token: Some("Poisé".into()),
                    pin_file: Some("/run/pin".into()),
                    ..empty.clone()
                },
            ),
            (
                "pkcs11:?pin-source=/run/pin",
                Pkcs11Uri {
                    pin_file: Some("/run/pin".into()),
                    ..empty.clone()
                },
            ),
        ] {
            assert_eq!(parsed(uri), Ok(expected), "{uri}");
        }
    }

    #[test]
    fn what_cannot_be_followed_is_refused_by_name() {
        for (uri, part) in [
            ("https:token=a", "pkcs11:"),
            ("pkcs1", "pkcs11:"),
            ("pkcs11:token", "name=value"),
            ("pkcs11:token=a;;serial=1", "name=value"),
            ("pkcs11:token=a;token=b", "`token` stands twice"),
            ("pkcs11:?pin-source=/a&pin-source=/b", "stands twice"),
            ("pkcs11:token=a?pin-value=1234", "pin-source=file:/path"),
            ("pkcs11:library-version=3", "library-version"),
            ("pkcs11:slot-description=a", "slot-description"),
            ("pkcs11:x-muppet=cookie", "x-muppet"),
            ("pkcs11:?module-name=snakeoil", "module-name"),
            ("pkcs11:pin-source=/a", "pin-source"),
            ("pkcs11:?token=a", "token"),
            ("pkcs11:slot-id=+1", "no number"),
            ("pkcs11:slot-id=", "no number"),
            ("pkcs11:slot-id=99999999999999999999", "no number"),
            ("pkcs11:token=%2", "hexadecimal"),
            ("pkcs11:token=%zz", "hexadecimal"),
            ("pkcs11:token=%+1", "hexadecimal"),
            ("pkcs11:token=%FF", "UTF-8"),
            ("pkcs11:token=a b", "percent"),
            ("pkcs11:token=é", "percent"),
            ("pkcs11:?module-path=m.so", "absolute"),
            ("pkcs11:?pin-source=file:pin", "absolute"),
            ("pkcs11:?pin-source=file://host/pin", "absolute"),
            ("pkcs11:?pin-source=%7C/usr/lib/pinomatic", "program"),
        ] {
            let error = parsed(uri).unwrap_err().to_string();
            assert!(error.contains(part), "{uri}: {error}");
        }
    }

    #[test]
    fn no_error_repeats_a_pin() {
        for uri in ["pkcs11:?pin-value=271828", "pkcs11:?pin-source=271828"] {
            let error = parsed(uri).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("271828"));
        }
    }
}
