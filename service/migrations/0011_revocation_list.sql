-- The number of each authority's last revocation list (RFC 5280 section 5.2.3): it only rises,
-- whichever process makes the next one.
CREATE TABLE revocation_list (
    authority TEXT PRIMARY KEY,
    number BIGINT NOT NULL
);
INSERT INTO revocation_list (authority, number) VALUES ('root', 0);
INSERT INTO revocation_list (authority, number) VALUES ('issuing', 0);

CREATE INDEX certificate_revoked ON certificate (revoked_at) WHERE revoked_at IS NOT NULL;
