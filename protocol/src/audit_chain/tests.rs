use proptest::prelude::*;

use super::*;

type Row = (u64, String, ChainHash);

fn canonical(sequence: u64, text: &str) -> CanonicalRow {
    CanonicalRow::new("test", sequence).text(text)
}

fn chain_of(texts: &[String]) -> Vec<Row> {
    let mut hash = ChainHash::BEGINNING;
    (1..)
        .zip(texts)
        .map(|(sequence, text)| {
            hash = hash.followed_by(&canonical(sequence, text));
            (sequence, text.clone(), hash)
        })
        .collect()
}

fn five() -> Vec<Row> {
    chain_of(&["a", "b", "c", "d", "e"].map(String::from))
}

fn end_of(rows: &[Row]) -> Option<Position> {
    rows.last().map(|(sequence, _, hash)| Position {
        sequence: *sequence,
        hash: *hash,
    })
}

fn breaks(rows: &[Row], end: Option<Position>, noted: Option<ChainHash>) -> Vec<Break> {
    let mut walk = Walk::begin(Position::BEGINNING, noted);
    for (sequence, text, hash) in rows {
        walk.step(*sequence, &canonical(*sequence, text), *hash);
    }
    walk.finish(end).1
}

#[test]
fn every_kind_of_damage_is_told_where_it_is() {
    let whole = five();
    let end = end_of(&whole);
    type Damage = fn(&mut Vec<Row>);
    let table: &[(&str, Damage, &[Break])] = &[
        ("nothing", |_| {}, &[]),
        (
            "one deleted",
            |rows| drop(rows.remove(2)),
            &[Break::Missing {
                after: 2,
                before: 4,
            }],
        ),
        (
            "the first ones deleted",
            |rows| drop(rows.drain(..2)),
            &[Break::Missing {
                after: 0,
                before: 3,
            }],
        ),
        (
            "a text changed",
            |rows| rows[2].1 = "x".into(),
            &[Break::Changed(3)],
        ),
        (
            "a hash changed",
            |rows| rows[2].2 = ChainHash([7; 32]),
            &[Break::Changed(3), Break::Changed(4)],
        ),
        (
            "a text changed with a hash to fit",
            |rows| {
                rows[2].1 = "x".into();
                rows[2].2 = rows[1].2.followed_by(&canonical(3, "x"));
            },
            &[Break::Changed(4)],
        ),
        (
            "two texts swapped",
            |rows| {
                rows[1].1 = "d".into();
                rows[3].1 = "b".into();
            },
            &[Break::Changed(2), Break::Changed(4)],
        ),
        (
            "two rows swapped",
            |rows| rows.swap(1, 2),
            &[
                Break::Missing {
                    after: 1,
                    before: 3,
                },
                Break::OutOfPlace(2),
            ],
        ),
        (
            "one inserted",
            |rows| rows.insert(3, (3, "x".into(), rows[1].2)),
            &[Break::OutOfPlace(3)],
        ),
        (
            "the end cut off",
            |rows| rows.truncate(3),
            &[Break::End { noted: 5, found: 3 }],
        ),
        (
            "everything deleted",
            |rows| rows.clear(),
            &[Break::End { noted: 5, found: 0 }],
        ),
    ];
    for (what, damage, expected) in table {
        let mut rows = whole.clone();
        damage(&mut rows);
        assert_eq!(breaks(&rows, end, None), *expected, "{what}");
    }
}

#[test]
fn a_record_written_anew_to_its_end_is_found_by_what_was_noted_elsewhere() {
    let whole = five();
    let noted = Some(whole[3].2);
    assert_eq!(breaks(&whole, end_of(&whole), noted), []);
    assert_eq!(
        breaks(&whole, end_of(&whole), Some(ChainHash::BEGINNING)),
        []
    );

    let anew = chain_of(&["a", "b", "x", "d", "e"].map(String::from));
    assert_eq!(breaks(&anew, end_of(&anew), None), []);
    assert_eq!(
        breaks(&anew, end_of(&anew), noted),
        [Break::NotThroughNoted]
    );
    let cut = &whole[..3];
    assert_eq!(breaks(cut, end_of(cut), None), []);
    assert_eq!(breaks(cut, end_of(cut), noted), [Break::NotThroughNoted]);
}

#[test]
fn the_hash_of_a_row_stays_what_it_was_in_records_that_exist() {
    let row = CanonicalRow::new("record", 1)
        .number(-5)
        .optional_text(None)
        .text("");
    assert_eq!(
        ChainHash::BEGINNING.followed_by(&row).to_string(),
        "960c9255bcabc8ad47c493c27e34ff368cf5308a91eeaf9bb369c0f88fd40272"
    );
}

#[test]
fn rows_that_differ_only_in_where_their_fields_end_have_different_hashes() {
    let rows = [
        CanonicalRow::new("r", 1).text("ab").text("c"),
        CanonicalRow::new("r", 1).text("a").text("bc"),
        CanonicalRow::new("r", 1).text("abc"),
        CanonicalRow::new("r", 1).text("abc").optional_text(None),
        CanonicalRow::new("r", 1).text("abc").text(""),
        CanonicalRow::new("ra", 1).text("bc"),
        CanonicalRow::new("r", 2).text("abc"),
    ];
    for (position, one) in rows.iter().enumerate() {
        for other in &rows[position + 1..] {
            assert_ne!(one, other);
        }
    }
}

#[test]
fn a_hash_is_read_as_it_is_written_and_nothing_else_is() {
    let hash = ChainHash([0xa7; 32]);
    assert_eq!(hash.to_string().parse(), Ok(hash));
    for text in ["", "a7", &"g".repeat(64), &"a7".repeat(33), &"é".repeat(32)] {
        assert_eq!(text.parse::<ChainHash>(), Err(NoChainHash), "{text}");
    }
}

proptest! {
    #[test]
    fn whatever_is_done_to_a_row_is_found(
        texts in prop::collection::vec(".{0,8}", 1..20),
        position in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        text in ".{0,8}",
        kind in 0..4,
    ) {
        let whole = chain_of(&texts);
        prop_assert_eq!(breaks(&whole, end_of(&whole), end_of(&whole).map(|end| end.hash)), []);
        let mut rows = whole.clone();
        let position = position.index(rows.len());
        match kind {
            0 => drop(rows.remove(position)),
            1 => rows[position].1 = text,
            2 => rows.swap(position, other.index(whole.len())),
            _ => rows.insert(position, (position as u64 + 1, text, whole[position].2)),
        }
        prop_assume!(rows != whole);
        prop_assert_ne!(breaks(&rows, end_of(&whole), None), []);
    }

    #[test]
    fn a_shorter_record_does_not_lead_through_what_was_noted(
        texts in prop::collection::vec(".{0,8}", 1..20),
        kept in any::<prop::sample::Index>(),
    ) {
        let whole = chain_of(&texts);
        let cut = &whole[..kept.index(whole.len())];
        let noted = end_of(&whole).map(|end| end.hash);
        prop_assert_eq!(breaks(cut, end_of(cut), noted), [Break::NotThroughNoted]);
    }
}
