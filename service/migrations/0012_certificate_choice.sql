-- Certificate choices by device link that a person agreed to: each announces one signature by the
-- same account, which must be asked for in time.
CREATE TABLE certificate_choice (
    session TEXT PRIMARY KEY REFERENCES session (id) ON DELETE CASCADE,
    relying_party TEXT NOT NULL,
    document_number TEXT NOT NULL,
    until BIGINT NOT NULL,
    linked_session TEXT
);
CREATE INDEX certificate_choice_account ON certificate_choice (document_number, until);
