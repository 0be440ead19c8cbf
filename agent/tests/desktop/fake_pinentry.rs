//! A PIN prompt without a window.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::eventually;

/// A pinentry that notes what it is told and takes its answers from a file.
pub struct FakePinentry {
    pub program: PathBuf,
}

impl FakePinentry {
    pub fn install(folder: &Path) -> Self {
        let (draft, program) = (folder.join("draft"), folder.join("pinentry"));
        let text = r#"#!/bin/sh
echo $$ > $0.pid
echo 'OK Pleased to meet you'
while IFS= read -r line; do
    printf '%s\n' "$line" >> $0.log
    case "$line" in
        GETPIN|CONFIRM)
            waited=0
            while ! mv $0.answer $0.given 2>/dev/null; do
                waited=$((waited + 1))
                # The test is over, or has failed long ago.
                if [ ! -e $0 ] || [ $waited -gt 2000 ]; then exit 1; fi
                sleep 0.03
            done
            cat $0.given ;;
        *) echo OK ;;
    esac
done
"#;
        fs::write(&draft, text).unwrap();
        let status = Command::new("install")
            .args(["-m", "755"])
            .args([&draft, &program])
            .status();
        assert!(status.unwrap().success());
        Self { program }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.program.with_extension(name)
    }

    /// Answers the question that is or will be asked.
    pub fn answer(&self, lines: &str) {
        let draft = self.file("next");
        fs::write(&draft, format!("{lines}\n")).unwrap();
        fs::rename(draft, self.file("answer")).unwrap();
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.file("log")).unwrap_or_default()
    }

    /// Waits until it was asked so many times.
    pub async fn asked(&self, times: usize) {
        eventually("the PIN prompt", async || {
            let log = self.log();
            let asked = log
                .lines()
                .filter(|line| matches!(*line, "GETPIN" | "CONFIRM"));
            asked.count() == times
        })
        .await;
    }

    pub async fn gone(&self) {
        eventually("the end of the PIN prompt", async || {
            let id = fs::read_to_string(self.file("pid")).unwrap();
            !Path::new("/proc").join(id.trim()).exists()
        })
        .await;
    }
}
