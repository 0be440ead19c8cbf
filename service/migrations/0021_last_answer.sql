-- The last accepted confirmation of an account, for a byte-identical retry, stands with the token
-- that came with it: both change together.
ALTER TABLE account ADD COLUMN answered_hash TEXT;
ALTER TABLE account ADD COLUMN answer TEXT;
UPDATE account SET
    answered_hash = (SELECT c.request_hash FROM confirmation c
                     WHERE c.document_number = account.document_number),
    answer = (SELECT c.reply FROM confirmation c
              WHERE c.document_number = account.document_number);
DROP TABLE confirmation;
