//! Documents as people have them, and as somebody made them to hurt. That a signed one is in order is
//! for others to say: `tests/tests/system/e_service.rs` asks openssl, `tests/tests/interop/pdf.rs`
//! pyHanko and poppler.

use lopdf::{Dictionary, Document, Object, SaveOptions, Stream, dictionary};

use super::*;
use crate::verify::made::{Authority, NOW};

fn signer() -> Vec<Certificate> {
    vec![Authority::root("Root").made.certificate()]
}

fn prepared(document: &[u8]) -> Result<Prepared, PdfError> {
    Prepared::new(document, signer(), NOW)
}

/// One page, after `change`.
fn document(change: impl FnOnce(&mut Document)) -> Document {
    let mut document = Document::with_version("1.7");
    let pages = document.new_object_id();
    let page = document.add_object(dictionary! {
        "Type" => "Page",
        "Parent" => pages,
        "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
    });
    document.set_object(
        pages,
        dictionary! {"Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1},
    );
    let catalog = document.add_object(dictionary! {"Type" => "Catalog", "Pages" => pages});
    document.trailer.set("Root", catalog);
    change(&mut document);
    document
}

fn plain(change: impl FnOnce(&mut Document)) -> Vec<u8> {
    let mut octets = Vec::new();
    document(change).save_to(&mut octets).unwrap();
    octets
}

fn catalog(document: &mut Document) -> &mut Dictionary {
    document.catalog_mut().unwrap()
}

#[test]
fn what_was_uploaded_stays_as_it_was() {
    let mut compressed = Vec::new();
    let options = SaveOptions {
        use_object_streams: true,
        use_xref_streams: true,
        ..SaveOptions::default()
    };
    document(|_| {})
        .save_with_options(&mut compressed, options)
        .unwrap();
    let with_form = plain(|document| {
        let fields = document.add_object(Vec::<Object>::new());
        catalog(document).set("AcroForm", dictionary! {"Fields" => fields});
    });
    for original in [plain(|_| {}), compressed, with_form] {
        let mut octets = original;
        // A second signature is an update of the first.
        for signatures in 1..=2 {
            let before = octets.clone();
            let prepared = prepared(&octets).unwrap();
            let certificate = prepared.container.signer().der().to_vec();
            octets = prepared.finish(&certificate, &[7; 512]).unwrap();
            assert!(octets.starts_with(&before));
            let read = Document::load_mem(&octets).unwrap();
            let form = read.catalog().unwrap().get(b"AcroForm").unwrap();
            let (_, form) = read.dereference(form).unwrap();
            let fields = form.as_dict().unwrap().get(b"Fields").unwrap();
            let (_, fields) = read.dereference(fields).unwrap();
            assert_eq!(fields.as_array().unwrap().len(), signatures);
            let page = read.page_iter().next().unwrap();
            assert_eq!(read.get_page_annotations(page).unwrap().len(), signatures);
        }
    }
}

#[test]
fn another_certificate_than_was_prepared_for_is_refused() {
    let prepared = prepared(&plain(|_| {})).unwrap();
    let other = Authority::root("Other").made.certificate();
    let refused = prepared.finish(other.der(), &[7; 512]);
    assert!(
        matches!(refused, Err(PdfError::Container(_))),
        "{refused:?}"
    );
    let own = prepared.container.signer().der();
    let refused = prepared.finish(own, &[7; 40_000]);
    assert!(
        matches!(refused, Err(PdfError::Container(_))),
        "{refused:?}"
    );
}

#[test]
fn what_cannot_be_signed_is_refused_with_a_reason() {
    let certified = plain(|document| catalog(document).set("Perms", dictionary! {}));
    let empty = plain(|document| {
        let pages = dictionary! {"Type" => "Pages", "Kids" => Vec::<Object>::new(), "Count" => 0};
        let pages = document.add_object(pages);
        catalog(document).set("Pages", pages);
    });
    let circular = plain(|document| {
        let pages = catalog(document).get(b"Pages").unwrap();
        let pages = pages.as_reference().unwrap();
        let kids = document.get_dictionary_mut(pages).unwrap();
        kids.set("Kids", vec![pages.into()]);
    });
    let encrypted = plain(|document| {
        let dictionary = dictionary! {"Filter" => "Standard", "V" => 1, "R" => 2, "P" => -4,
        "O" => Object::string_literal([1; 32]), "U" => Object::string_literal([2; 32])};
        let id = document.add_object(dictionary);
        document.trailer.set("Encrypt", id);
        let id = Object::string_literal([3; 16]);
        document.trailer.set("ID", vec![id.clone(), id]);
    });
    for (what, octets, reason) in [
        ("certified", certified, PdfError::Certified),
        ("empty", empty, PdfError::Empty),
        ("circular", circular, PdfError::Empty),
        ("encrypted", encrypted, PdfError::Encrypted),
    ] {
        assert_eq!(prepared(&octets).err(), Some(reason), "{what}");
    }
}

#[test]
fn damaged_and_hostile_documents_are_unreadable() {
    let good = plain(|_| {});
    let moved = [b"%PDF-1.7\n% moved\n", &good[9..]].concat();
    let deep = [b"%PDF-1.7\n1 0 obj\n", "[".repeat(1 << 20).as_bytes()].concat();
    let annotations = plain(|document| {
        let page = document.page_iter().next().unwrap();
        let page = document.get_dictionary_mut(page).unwrap();
        page.set("Annots", 7);
    });
    let lost_form = plain(|document| catalog(document).set("AcroForm", (4711, 0)));
    let mut bomb = Vec::new();
    let zeros = vec![0; LARGE];
    let mut stream = Stream::new(
        dictionary! {"Type" => "ObjStm", "N" => 1, "First" => 4},
        zeros,
    );
    stream.compress().unwrap();
    document(|document| {
        document.add_object(stream);
    })
    .save_to(&mut bomb)
    .unwrap();
    for (what, octets) in [
        ("nothing", Vec::new()),
        ("text", b"Dear Juhan".to_vec()),
        ("head alone", b"%PDF-1.7\n".to_vec()),
        ("half", good[..good.len() / 2].to_vec()),
        ("moved", moved),
        ("deep", deep),
        ("annotations", annotations),
        ("lost form", lost_form),
    ] {
        let refused = prepared(&octets).err();
        assert!(
            matches!(refused, Some(PdfError::Unreadable(_))),
            "{what}: {refused:?}"
        );
    }
    // Whatever is made of it, it is not made large.
    drop(prepared(&bomb));
}

/// More than a part of a document may become.
const LARGE: usize = 64 << 20;
