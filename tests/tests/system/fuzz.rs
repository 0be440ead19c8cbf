//! What nobody should ask the relying-party API.

#[test]
fn s119_thousands_of_bent_requests() {
    // Always the same here; `make fuzz` draws a seed, and says which.
    symbolon_tests::fuzz::run(119, 4_000);
}
