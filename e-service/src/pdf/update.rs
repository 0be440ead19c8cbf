//! The update at the end of a document: a signature field, invisible, with a gap in it.

use std::ops::Range;

use lopdf::{
    Dictionary, Document, Error, IncrementalDocument, LoadOptions, Object, ObjectId, StringFormat,
    dictionary,
};
use time::OffsetDateTime;
use time::macros::format_description;

use super::PdfError;
use crate::random;
use crate::verify::Hash;

/// How large any part of a document may become that is compressed in it.
const LARGEST_PART: usize = 16 << 20;
/// Stands where the lengths will, which are not known before the document is written; as wide as any.
const LENGTH: i64 = 9_999_999_999;
/// `SignaturesExist` and `AppendOnly` (ISO 32000-1 table 219).
const SIGNED_AND_APPEND_ONLY: i64 = 3;
/// `Print` and `Locked` (ISO 32000-1 table 165).
const PRINT_AND_LOCKED: i64 = 132;

/// A document with a gap.
pub(super) struct Updated {
    octets: Vec<u8>,
    /// The hexadecimal digits, with the brackets around them: what is not signed.
    gap: Range<usize>,
}

impl Updated {
    /// The digest of everything around the gap.
    pub(super) fn digest(&self, hash: Hash) -> Vec<u8> {
        let (before, after) = (&self.octets[..self.gap.start], &self.octets[self.gap.end..]);
        hash.digest(&[before, after].concat())
    }

    /// The document with something in its gap.
    pub(super) fn filled(&self, content: &[u8]) -> Result<Vec<u8>, PdfError> {
        let mut octets = self.octets.clone();
        let digits = &mut octets[self.gap.start + 1..self.gap.end - 1];
        let written = digits
            .get_mut(..content.len() * 2)
            .ok_or_else(|| PdfError::Container("it is too long".into()))?;
        hex::encode_to_slice(content, written)
            .map_err(|error| PdfError::Container(error.to_string()))?;
        // What is left of the gap is zeros, which readers skip.
        Ok(octets)
    }
}

/// Appends a signature with room for so many octets.
pub(super) fn append_signature(
    document: &[u8],
    room: usize,
    now: OffsetDateTime,
) -> Result<Updated, PdfError> {
    let read = read(document)?;
    let catalog = read.trailer.get(b"Root").and_then(Object::as_reference)?;
    let page = read.page_iter().next().ok_or(PdfError::Empty)?;
    let mut update = IncrementalDocument::create_from(document.to_vec(), read);
    let mark = mark()?;
    let signature = add(&mut update, signature(&mark, room, now)?)?;
    let field = dictionary! {
        "Type" => "Annot",
        "Subtype" => "Widget",
        "FT" => "Sig",
        "T" => Object::string_literal(format!("Signature-{}", hex::encode(&mark[..4]))),
        "V" => signature,
        "P" => page,
        "F" => PRINT_AND_LOCKED,
        "Rect" => vec![0.into(), 0.into(), 0.into(), 0.into()],
    };
    let field = add(&mut update, field)?;
    push(&mut update, page, b"Annots", field)?;
    let form = form_of(&mut update, catalog)?;
    push(&mut update, form, b"Fields", field)?;
    let flags = &mut dictionary_of(&mut update, form)?;
    flags.set("SigFlags", SIGNED_AND_APPEND_ONLY);

    let mut octets = Vec::with_capacity(document.len() + 4 * room);
    update.save_to(&mut octets).map_err(unreadable)?;
    let from = document.len();
    with_lengths(octets, from, &mark, room)
}

fn read(document: &[u8]) -> Result<Document, PdfError> {
    let options = LoadOptions {
        max_decompressed_size: Some(LARGEST_PART),
        ..LoadOptions::default()
    };
    let read = Document::load_mem_with_options(document, options)?;
    if read.is_encrypted() || read.was_encrypted() {
        return Err(PdfError::Encrypted);
    }
    if read.xref_recovery.is_some() {
        // An update's table leads back to the one before it, which others would not repair alike.
        return Err(unreadable("its table of objects"));
    }
    if read.catalog()?.has(b"Perms") {
        return Err(PdfError::Certified);
    }
    Ok(read)
}

/// By which the gap is found again, whatever else stands in the document.
fn mark() -> Result<[u8; 16], PdfError> {
    random::octets().map_err(|error| PdfError::Container(error.to_string()))
}

/// ISO 32000-1 table 252. `Contents` comes right after `ByteRange`: see [`with_lengths`].
fn signature(mark: &[u8; 16], room: usize, now: OffsetDateTime) -> Result<Dictionary, PdfError> {
    let mut gap = mark.to_vec();
    gap.resize(room, 0);
    let lengths = [0, LENGTH, LENGTH, LENGTH].map(Object::Integer);
    let at = format_description!("D:[year][month][day][hour][minute][second]Z");
    let at = now.format(at).map_err(unreadable)?;
    Ok(dictionary! {
        "Type" => "Sig",
        "Filter" => "Adobe.PPKLite",
        "SubFilter" => "ETSI.CAdES.detached",
        "M" => Object::string_literal(at),
        "ByteRange" => lengths.to_vec(),
        "Contents" => Object::String(gap, StringFormat::Hexadecimal),
    })
}

/// The form of the document, which is made if there is none.
fn form_of(update: &mut IncrementalDocument, catalog: ObjectId) -> Result<ObjectId, PdfError> {
    let held = dictionary_of(update, catalog)?
        .get(b"AcroForm")
        .ok()
        .cloned();
    let form = match held {
        Some(Object::Reference(form)) => return Ok(form),
        Some(Object::Dictionary(form)) => form,
        Some(_) => return Err(unreadable("its form")),
        None => Dictionary::new(),
    };
    let form = add(update, form)?;
    dictionary_of(update, catalog)?.set("AcroForm", form);
    Ok(form)
}

/// Appends to an array that an object has under `key`, or that it refers to, or that is not there.
fn push(
    update: &mut IncrementalDocument,
    object: ObjectId,
    key: &[u8],
    item: ObjectId,
) -> Result<(), PdfError> {
    let holder = dictionary_of(update, object)?;
    let array = match holder.get(key) {
        Ok(Object::Reference(array)) => {
            let array = *array;
            update.opt_clone_object_to_new_document(array)?;
            update.new_document.get_object_mut(array)?
        }
        Ok(_) => holder.get_mut(key)?,
        Err(_) => {
            holder.set(key, Object::Array(Vec::new()));
            holder.get_mut(key)?
        }
    };
    array.as_array_mut()?.push(item.into());
    Ok(())
}

fn dictionary_of(
    update: &mut IncrementalDocument,
    object: ObjectId,
) -> Result<&mut Dictionary, PdfError> {
    update.opt_clone_object_to_new_document(object)?;
    Ok(update.new_document.get_dictionary_mut(object)?)
}

fn add(update: &mut IncrementalDocument, object: Dictionary) -> Result<ObjectId, PdfError> {
    Ok(update.new_document.add_object(object))
}

/// Writes what the signature covers (`ByteRange`) over the places left for it.
fn with_lengths(
    mut octets: Vec<u8>,
    from: usize,
    mark: &[u8; 16],
    room: usize,
) -> Result<Updated, PdfError> {
    let lost = || unreadable("what was appended to it");
    let digits = hex::encode_upper(mark);
    let start = find(&octets, from, digits.as_bytes())
        .and_then(|start| start.checked_sub(1))
        .ok_or_else(lost)?;
    let gap = start..start + room * 2 + 2;
    let brackets = (octets.get(gap.start), octets.get(gap.end - 1));
    if brackets != (Some(&b'<'), Some(&b'>')) {
        return Err(lost());
    }
    let placeholder = format!("[0 {LENGTH} {LENGTH} {LENGTH}]");
    let after = octets.len() - gap.end;
    let lengths = format!("[0 {} {} {after}]", gap.start, gap.end);
    let lengths = format!("{lengths:<width$}", width = placeholder.len());
    let key = b"/Contents".len();
    let end = gap.start.checked_sub(key).ok_or_else(lost)?;
    let place = end.checked_sub(placeholder.len()).ok_or_else(lost)?..end;
    if octets[place.clone()] != *placeholder.as_bytes() {
        return Err(lost());
    }
    octets[place].copy_from_slice(lengths.as_bytes());
    Ok(Updated { octets, gap })
}

fn find(octets: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    let rest = octets.get(from..)?;
    let found = rest.windows(what.len()).position(|part| part == what)?;
    Some(from + found)
}

impl From<Error> for PdfError {
    fn from(error: Error) -> Self {
        match error {
            Error::Decryption(_) | Error::InvalidPassword => Self::Encrypted,
            other => Self::Unreadable(other.to_string()),
        }
    }
}

fn unreadable(error: impl ToString) -> PdfError {
    PdfError::Unreadable(error.to_string())
}
