-- Who may use version 2 of the relying-party API: nobody who was not told so.
ALTER TABLE relying_party ADD COLUMN allow_version_2 BIGINT NOT NULL DEFAULT 0;
