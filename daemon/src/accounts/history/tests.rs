use std::path::PathBuf;

use super::*;

fn entry(at: i64) -> HistoryEntry {
    HistoryEntry::new(HistoryEvent::Approved).at(at)
}

struct Record {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Record {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.history.jsonl");
        Self {
            _folder: folder,
            path,
        }
    }

    fn of(entries: std::ops::RangeInclusive<i64>) -> Self {
        let record = Self::new();
        entries.for_each(|at| record.append(at));
        record
    }

    fn append(&self, at: i64) {
        append(&self.path, entry(at)).unwrap();
    }

    fn octets(&self) -> Vec<u8> {
        whole(&self.path).unwrap()
    }

    fn text(&self) -> String {
        String::from_utf8(self.octets()).unwrap()
    }

    fn write(&self, octets: impl AsRef<[u8]>) {
        std::fs::write(&self.path, octets).unwrap();
    }

    /// A power cut in the middle of a write.
    fn cut(&self, octets: usize) {
        let whole = self.octets();
        self.write(&whole[..whole.len() - octets]);
    }

    fn times(&self, limit: usize) -> Vec<i64> {
        let entries = newest(&self.path, limit).unwrap();
        entries.iter().map(|entry| entry.at).collect()
    }

    fn verified(&self) -> VerifiedHistory {
        verify(&self.octets(), None)
    }

    fn holds(&self) -> VerifiedHistory {
        let verified = self.verified();
        assert!(verified.breaks.is_empty(), "{verified:?}");
        verified
    }
}

#[test]
fn the_newest_come_first_and_a_torn_line_is_left_out() {
    let record = Record::new();
    assert!(record.times(10).is_empty());
    (1..=5).for_each(|at| record.append(at));
    record.cut(4);
    assert_eq!(record.times(3), [4, 3, 2]);
    record.append(6);
    assert_eq!(record.times(3), [6, 4, 3]);
}

#[test]
fn an_untouched_record_holds_and_leads_through_each_of_its_heads() {
    let record = Record::new();
    assert_eq!(record.holds().entries, 0);
    let heads: Vec<_> = (1..=3)
        .map(|at| {
            record.append(at);
            record.holds().head.hash
        })
        .collect();
    for head in heads {
        assert!(verify(&record.octets(), Some(head)).breaks.is_empty());
    }
    assert!(record.holds().notes.is_empty());
}

#[test]
fn what_is_changed_deleted_inserted_or_swapped_is_found() {
    let record = Record::of(1..=5);
    let text = record.text();
    let lines: Vec<&str> = text.lines().collect();
    let joined = |lines: &[&str]| lines.join("\n") + "\n";
    let with = |index: usize, line: &str| {
        let mut lines = lines.clone();
        lines[index] = line;
        joined(&lines)
    };
    for (what, damaged, found) in [
        (
            "changed",
            text.replace("\"at\":3", "\"at\":9"),
            "row 3 was changed, or the hash of the row before it",
        ),
        (
            "a member added",
            text.replace("\"at\":3", "\"detail\":\"x\",\"at\":3"),
            "row 3 was changed, or the hash of the row before it",
        ),
        (
            "deleted",
            text.replace(&format!("{}\n", lines[2]), ""),
            "1 row is missing between row 2 and row 4",
        ),
        (
            "the first deleted",
            joined(&lines[1..]),
            "1 row is missing between row 0 and row 2",
        ),
        ("made illegible", with(2, "{"), "line 3 is no entry"),
        (
            "a line without hash",
            with(2, r#"{"at":3,"event":"approved"}"#),
            "line 3 is no entry",
        ),
        (
            "twice",
            with(2, lines[1]),
            "row 2 stands where it does not belong",
        ),
        (
            "older lines put before it",
            format!("{{\"at\":0,\"event\":\"approved\"}}\n{text}"),
            "the lines before the chain are not those that it tells of",
        ),
    ] {
        record.write(&damaged);
        let breaks = record.verified().breaks;
        assert!(
            breaks.iter().any(|told| told == found),
            "{what}: {breaks:?}"
        );
    }
}

#[test]
fn entries_cut_off_at_the_end_are_found_by_a_noted_head() {
    let record = Record::of(1..=3);
    let noted = Some(record.verified().head.hash);
    let text = record.text();
    let cut: String = text
        .lines()
        .take(2)
        .map(|line| format!("{line}\n"))
        .collect();
    record.write(cut);
    record.holds();
    assert_eq!(verify(&record.octets(), noted).breaks.len(), 1);
}

#[test]
fn a_line_torn_at_any_octet_is_a_crash_and_no_tampering() {
    let whole = Record::of(1..=3);
    let last = whole.text().lines().next_back().unwrap().len();
    for cut in 1..=last {
        let record = Record::new();
        record.write(whole.octets());
        record.cut(cut);
        let torn = record.holds();
        // Without its end alone the line is whole.
        assert_eq!(torn.notes.len(), usize::from(cut > 1), "{cut}");
        record.append(4);
        record.append(5);
        let mended = record.holds();
        assert_eq!(mended.notes.len(), usize::from(cut > 1), "{cut}");
        assert_eq!(mended.entries, if cut > 1 { 4 } else { 5 }, "{cut}");
    }
}

#[test]
fn a_torn_line_that_nobody_told_of_is_no_crash() {
    let record = Record::of(1..=3);
    record.cut(4);
    record.append(4);
    let text = record.text();
    record.write(text.replace("\"afterTornLine\":true,", ""));
    let breaks = record.verified().breaks;
    assert!(
        breaks.contains(&"line 3 is no entry".to_owned()),
        "{breaks:?}"
    );
}

#[test]
fn a_first_line_torn_is_told_of_as_well() {
    let record = Record::new();
    record.write("{\"sequ");
    record.append(1);
    record.append(2);
    record.holds();
    assert_eq!(record.times(2), [2, 1]);
}

#[test]
fn older_lines_are_counted_and_digested_by_the_first_chained_one() {
    let record = Record::new();
    let old = [1, 2].map(|at| serde_json::to_string(&entry(at)).unwrap() + "\n");
    record.write(old.concat());
    assert_eq!(record.holds().notes.len(), 1);
    record.append(3);
    record.append(4);
    assert_eq!(record.holds().entries, 3);
    assert_eq!(record.times(9), [4, 3, 3, 2, 1]);

    let text = record.text();
    for damaged in [
        text.replace("\"at\":1", "\"at\":7"),
        text.lines()
            .skip(1)
            .map(|line| format!("{line}\n"))
            .collect(),
    ] {
        record.write(damaged);
        assert_eq!(record.verified().breaks.len(), 1);
    }
}

/// A record that is just too short to be shortened.
fn long(first: &str) -> Record {
    let record = Record::new();
    record.write(first);
    let filler = "x".repeat(4000);
    for at in 1.. {
        append(&record.path, entry(at).with_detail(&filler)).unwrap();
        if record.octets().len() as u64 + 5000 > LONGEST {
            break;
        }
    }
    record
}

#[test]
fn a_long_history_loses_its_older_half_between_lines_and_says_so() {
    let record = long("");
    for round in 1..=2 {
        let before = record.holds();
        let noted = before.head.hash;
        while record.octets().len() as u64 > LONGEST / 3 * 2 {
            append(&record.path, entry(1).with_detail("y".repeat(4000))).unwrap();
        }
        let after = record.holds();
        assert!(after.entries < before.entries * 2 / 3, "{round}");
        assert_eq!(after.notes.len(), 1);
        assert!(after.notes[0].ends_with("were dropped for want of room"));
        assert!(verify(&record.octets(), Some(noted)).breaks.is_empty());

        // More was dropped than is told.
        let text = record.text();
        let whole = record.octets();
        record.write(text.split_once('\n').unwrap().1);
        assert_eq!(record.verified().breaks.len(), 1);
        record.write(whole);
        while (record.octets().len() as u64) + 5000 < LONGEST {
            append(&record.path, entry(1).with_detail("z".repeat(4000))).unwrap();
        }
    }
}

#[test]
fn older_lines_that_outlive_a_shortening_are_told_of_anew() {
    let mut line = serde_json::to_string(&entry(1)).unwrap();
    line.push('\n');
    let many = usize::try_from(LONGEST).unwrap() / line.len() - 10;
    let record = Record::new();
    record.write(line.repeat(many));
    while record.octets().len() as u64 > LONGEST / 3 * 2 {
        record.append(2);
    }
    record.holds();
    assert!(record.times(usize::MAX).len() > many / 3);
    record.write(record.text().split_once('\n').unwrap().1);
    assert_eq!(record.verified().breaks.len(), 1);
}
