-- PINs that the service judges: one row for each PIN of an account on a PKCS#11 token. `entries`
-- numbers the last entry, which `request_hash` tells; `verdict` is NULL from when an entry is
-- counted until it is judged. `message_digest` is what a right PIN allowed to be signed.
CREATE TABLE pin_proof (
    document_number TEXT NOT NULL REFERENCES account (document_number),
    purpose TEXT NOT NULL,
    proof_key BLOB NOT NULL,
    entries BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    try_limit BIGINT NOT NULL,
    request_hash TEXT,
    verdict TEXT,
    message_digest TEXT,
    PRIMARY KEY (document_number, purpose)
);
