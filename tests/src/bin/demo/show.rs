//! How the story looks.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU32, Ordering};

static CHAPTER: AtomicU32 = AtomicU32::new(0);

/// Begins a numbered chapter.
pub(crate) fn chapter(title: &str) {
    let number = CHAPTER.fetch_add(1, Ordering::Relaxed) + 1;
    println!("\n{}", strong(&format!("{number}. {title}")));
    flush();
}

/// A name and what it is, in columns.
pub(crate) fn line(name: &str, what: &str) {
    println!("   {name:<22} {what}");
    flush();
}

/// A remark.
pub(crate) fn say(text: &str) {
    println!("   {text}");
    flush();
}

/// Something that was checked.
pub(crate) fn verified(name: &str, what: &str) {
    line(name, &format!("{} {what}", strong("✔")));
}

/// Something that a person should see.
pub(crate) fn strong(text: &str) -> String {
    if std::io::stdout().is_terminal() {
        format!("\x1b[1m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// What a command of the person's prints comes after this, on the same output.
fn flush() {
    std::io::stdout().flush().ok();
}
