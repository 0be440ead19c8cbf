-- What is old is found without reading everything that is not.
CREATE INDEX session_complete ON session (completed_at) WHERE completed_at IS NOT NULL;
CREATE INDEX delivery_created ON delivery (created_at);
