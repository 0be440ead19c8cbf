-- What people did not start: for the operator.
CREATE TABLE not_started (
    at BIGINT NOT NULL,
    relying_party TEXT NOT NULL,
    document_number TEXT NOT NULL,
    session TEXT NOT NULL,
    purpose TEXT NOT NULL
);
CREATE INDEX not_started_at ON not_started (at);

-- Relying parties that do not reach a person for a while.
CREATE TABLE mute (
    relying_party TEXT NOT NULL,
    person TEXT NOT NULL,
    strikes BIGINT NOT NULL,
    reported_at BIGINT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (relying_party, person)
);
