-- One schema for SQLite and PostgreSQL: TEXT, BIGINT and BLOB only. Times are Unix milliseconds
-- by the service's clock. Codes and tokens stand here as SHA-256 only.

-- Who may ask. Names and networks are JSON arrays of texts.
CREATE TABLE relying_party (
    uuid TEXT PRIMARY KEY,
    names TEXT NOT NULL,
    networks TEXT NOT NULL,
    allow_advanced BIGINT NOT NULL,
    allow_ip_sharing BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

-- What a clerk issued for an identified person. Spent when the enrolment is activated.
CREATE TABLE enrolment_code (
    code_hash TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    given_name TEXT NOT NULL,
    surname TEXT NOT NULL,
    level TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    spent_at BIGINT
);

CREATE TABLE enrolment (
    id TEXT PRIMARY KEY,
    code_hash TEXT NOT NULL REFERENCES enrolment_code (code_hash),
    device_key TEXT NOT NULL UNIQUE,
    device_name TEXT NOT NULL,
    document_number TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    request_hash TEXT,
    reply TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX enrolment_code_index ON enrolment (code_hash);

CREATE TABLE account (
    document_number TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    given_name TEXT NOT NULL,
    surname TEXT NOT NULL,
    level TEXT NOT NULL,
    device_key TEXT NOT NULL UNIQUE,
    device_name TEXT NOT NULL,
    attestation_key BLOB NOT NULL,
    hardware TEXT NOT NULL,
    state TEXT NOT NULL,
    closure TEXT,
    closed_at BIGINT,
    token_hash TEXT NOT NULL,
    event_cursor BIGINT NOT NULL,
    acknowledged_cursor BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX account_person ON account (person);

CREATE TABLE account_key (
    document_number TEXT NOT NULL REFERENCES account (document_number),
    purpose TEXT NOT NULL,
    device_modulus BLOB NOT NULL,
    modulus BLOB NOT NULL,
    inverse BLOB NOT NULL,
    device_modulus_hash TEXT NOT NULL UNIQUE,
    service_share BLOB NOT NULL,
    pin_index_name BLOB NOT NULL,
    certificate_serial TEXT NOT NULL,
    PRIMARY KEY (document_number, purpose)
);

CREATE TABLE certificate (
    serial TEXT PRIMARY KEY,
    document_number TEXT NOT NULL,
    purpose TEXT NOT NULL,
    der BLOB NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    revoked_at BIGINT,
    revocation_reason TEXT
);

-- Wrapped RSA-2048 shares made ahead of need. A row is deleted when it is taken.
CREATE TABLE service_share_pool (
    modulus_hash TEXT PRIMARY KEY,
    modulus BLOB NOT NULL,
    wrapped BLOB NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE session (
    id TEXT PRIMARY KEY,
    relying_party TEXT NOT NULL,
    state TEXT NOT NULL,
    request TEXT NOT NULL,
    offered TEXT NOT NULL,
    repeat_key TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    completed_at BIGINT,
    result TEXT
);
CREATE INDEX session_running ON session (expires_at) WHERE state = 'running';
CREATE INDEX session_repeat ON session (repeat_key) WHERE repeat_key IS NOT NULL;

-- What a device is told, in the order of its cursor.
CREATE TABLE delivery (
    document_number TEXT NOT NULL,
    cursor BIGINT NOT NULL,
    kind TEXT NOT NULL,
    session TEXT,
    reason TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (document_number, cursor)
);

-- The last accepted confirmation of each account, for a byte-identical retry.
CREATE TABLE confirmation (
    document_number TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    reply TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE pin_lock (
    document_number TEXT NOT NULL,
    purpose TEXT NOT NULL,
    reached_limit BIGINT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    released_at BIGINT,
    PRIMARY KEY (document_number, purpose)
);

CREATE TABLE nonce (
    value TEXT PRIMARY KEY,
    document_number TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- What happened outside of a serving process (an administrator's command) and concerns waiting
-- devices: the number rises, and serving processes look anew.
CREATE TABLE outside_change (
    singleton BIGINT PRIMARY KEY,
    number BIGINT NOT NULL
);
INSERT INTO outside_change (singleton, number) VALUES (1, 0);

-- Append only. No key of its own, so that a row costs one page at most.
CREATE TABLE audit (
    at BIGINT NOT NULL,
    document_number TEXT,
    action TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_account ON audit (document_number, at);
