-- What gateways are told, as one document. One row; `version` grows with each change of the content, whose digest
-- leaves out version and time.
CREATE TABLE gateway_snapshots (
  id BIGINT PRIMARY KEY,
  version BIGINT NOT NULL,
  digest TEXT NOT NULL,
  document TEXT NOT NULL
);
