-- Running sessions that were pushed: one of a person's is shown, the others wait for their turn.
CREATE TABLE prompt (
    session TEXT PRIMARY KEY REFERENCES session (id) ON DELETE CASCADE,
    person TEXT NOT NULL,
    relying_party TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    shown_at BIGINT
);
CREATE INDEX prompt_person ON prompt (person);

-- When a relying party last had its turn with a person.
CREATE TABLE prompt_turn (
    person TEXT NOT NULL,
    relying_party TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (person, relying_party)
);
