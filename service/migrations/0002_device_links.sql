-- Sessions that wait for whoever opens their link. The token stands here as SHA-256 only; the
-- secret is needed as it is, for the codes of links are computed anew.
CREATE TABLE device_link (
    session TEXT PRIMARY KEY REFERENCES session (id) ON DELETE CASCADE,
    token_hash TEXT NOT NULL UNIQUE,
    secret BLOB NOT NULL,
    target_kind TEXT NOT NULL,
    target TEXT,
    level TEXT NOT NULL,
    opened_by TEXT,
    link_hash TEXT
);
