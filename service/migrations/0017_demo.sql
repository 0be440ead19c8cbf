-- Accounts that answer by themselves (`symbolon-service demo init`). What a device would keep stands
-- here: its shares, wrapped by the token like the service's own, and its first token. A service
-- without the demo switch does not serve a store that has any.
CREATE TABLE demo_device (
    document_number TEXT PRIMARY KEY REFERENCES account (document_number),
    authentication_share BLOB NOT NULL,
    signing_share BLOB NOT NULL,
    first_token TEXT NOT NULL
);

-- YYYY-MM-DD, where the personal code does not tell it.
ALTER TABLE enrolment_code ADD COLUMN birth_date TEXT;
