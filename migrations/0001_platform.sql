-- Answers kept for repeated requests; `body` is sealed.
CREATE TABLE idempotency_keys (
  principal_id TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  status BIGINT NOT NULL,
  body TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (principal_id, idempotency_key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
-- Data keys, wrapped by the master key. subject_id is '' for an organisation's own key, else whose personal data
-- it covers: deleting the row erases that data wherever it is kept.
CREATE TABLE data_keys (
  org_id TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  wrapped TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, subject_id)
);
