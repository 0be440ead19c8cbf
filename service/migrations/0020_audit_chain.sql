-- The audit trail becomes a chain (service/src/audit). What was written before keeps its place;
-- the chain's first row tells how many rows that are, and their digest.
DROP INDEX audit_account;
ALTER TABLE audit RENAME TO audit_before_chain;

-- Append only.
CREATE TABLE audit (
    sequence BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    action TEXT NOT NULL,
    document_number TEXT,
    relying_party TEXT,
    operator TEXT,
    detail TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX audit_account ON audit (document_number, at);

-- The last row of the chain, written in the transaction that writes the row.
CREATE TABLE audit_head (
    singleton BIGINT PRIMARY KEY,
    sequence BIGINT NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO audit_head (singleton, sequence, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');
