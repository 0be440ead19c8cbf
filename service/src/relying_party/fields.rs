//! Reading a JSON object field by field, gathering everything that is wrong instead of stopping at
//! the first fault. A `null` counts as absent, and fields nobody asks for are ignored.

use std::cell::RefCell;

use serde_json::{Map, Value};

use super::problem::Violation;

/// What has been found wrong so far.
#[derive(Default)]
pub(super) struct Findings(RefCell<Vec<Violation>>);

impl Findings {
    /// Everything that is wrong, in the order in which it was found.
    pub(super) fn into_violations(self) -> Vec<Violation> {
        self.0.into_inner()
    }
}

/// One JSON object inside a request.
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    pointer: String,
    findings: &'a Findings,
}

impl<'a> Fields<'a> {
    /// The body's outermost object.
    pub(super) fn of_body(object: &'a Map<String, Value>, findings: &'a Findings) -> Self {
        Self {
            object,
            pointer: String::new(),
            findings,
        }
    }

    /// The names of all fields that are there.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a String> {
        self.object
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, _)| name)
    }

    /// A text that may be absent.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        let value = self.present(name)?;
        self.typed(name, value.as_str(), "a string")
    }

    /// A text that must be there.
    pub(super) fn required_text(&self, name: &str) -> Option<&'a str> {
        self.required(name)?;
        self.text(name)
    }

    /// A truth value that may be absent.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        let value = self.present(name)?;
        self.typed(name, value.as_bool(), "a boolean")
    }

    /// A list of texts that may be absent.
    pub(super) fn texts(&self, name: &str) -> Option<Vec<&'a str>> {
        let value = self.present(name)?;
        let texts = value
            .as_array()
            .and_then(|values| values.iter().map(Value::as_str).collect());
        self.typed(name, texts, "an array of strings")
    }

    /// An array that must be there.
    pub(super) fn required_array(&self, name: &str) -> Option<&'a Vec<Value>> {
        self.required(name)?;
        let value = self.present(name)?;
        self.typed(name, value.as_array(), "an array")
    }

    /// An object that may be absent.
    pub(super) fn object(&self, name: &str) -> Option<Fields<'a>> {
        let value = self.present(name)?;
        let object = self.typed(name, value.as_object(), "an object")?;
        Some(Fields {
            object,
            pointer: self.pointer_to(name),
            findings: self.findings,
        })
    }

    /// An object that must be there.
    pub(super) fn required_object(&self, name: &str) -> Option<Fields<'a>> {
        self.required(name)?;
        self.object(name)
    }

    /// Notes that a field is wrong.
    pub(super) fn refuse(&self, name: &str, detail: impl Into<String>) {
        self.findings.0.borrow_mut().push(Violation::of_field(
            name,
            &self.pointer_to(name),
            detail,
        ));
    }

    /// Keeps what a rule made of a field, or notes why the rule refused it.
    pub(super) fn keep<T>(&self, name: &str, judged: Result<T, String>) -> Option<T> {
        judged
            .map_err(|reason| self.refuse(name, format!("Invalid {name}: {reason}")))
            .ok()
    }

    fn present(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    fn required(&self, name: &str) -> Option<()> {
        if self.present(name).is_none() {
            self.refuse(name, format!("Missing {name}: the field is required"));
            return None;
        }
        Some(())
    }

    fn typed<T>(&self, name: &str, value: Option<T>, kind: &str) -> Option<T> {
        if value.is_none() {
            self.refuse(name, format!("Invalid {name}: must be {kind}"));
        }
        value
    }

    fn pointer_to(&self, name: &str) -> String {
        format!("{}/{name}", self.pointer)
    }
}
