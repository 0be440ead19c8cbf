//! A PDF to be signed, and what stands in a signed one.

use std::fmt::Write as _;

/// One page without anything on it, and a line of text beside it.
pub fn blank(text: &str) -> Vec<u8> {
    let mut document = "%PDF-1.7\n".to_owned();
    let mut table = "xref\n0 4\n0000000000 65535 f \n".to_owned();
    for (index, object) in [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Text({text})>>"),
    ]
    .iter()
    .enumerate()
    {
        writeln!(table, "{:010} 00000 n ", document.len()).unwrap();
        writeln!(document, "{} 0 obj\n{object}\nendobj", index + 1).unwrap();
    }
    let at = document.len();
    write!(
        document,
        "{table}trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n{at}\n%%EOF\n"
    )
    .unwrap();
    document.into_bytes()
}

/// What the last signature of a document covers, and its container.
///
/// # Panics
/// If there is none.
pub fn signed_parts(document: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let text = String::from_utf8_lossy(document);
    let (_, range) = text.rsplit_once("/ByteRange[").expect("a signature");
    let (range, _) = range.split_once(']').unwrap();
    let lengths: Vec<usize> = range
        .split_whitespace()
        .map(|length| length.parse().unwrap())
        .collect();
    let [start, before, resumed, after] = lengths[..] else {
        panic!("two ranges in {range}");
    };
    assert_eq!((start, resumed + after), (0, document.len()), "all of it");
    let covered = [&document[..before], &document[resumed..]].concat();
    let digits = std::str::from_utf8(&document[before + 1..resumed - 1]).unwrap();
    let octets = digits.as_bytes().chunks(2);
    let container = octets.map(|pair| {
        let pair = std::str::from_utf8(pair).unwrap();
        u8::from_str_radix(pair, 16).unwrap()
    });
    (covered, container.collect())
}
