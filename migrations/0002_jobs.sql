-- Who alone may do something, in the database's own time. A row outlives its release: its epoch only grows.
CREATE TABLE leases (
  name TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  epoch BIGINT NOT NULL,
  until_us BIGINT NOT NULL
);
CREATE TABLE operations (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject_kind TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  state TEXT NOT NULL,
  progress DOUBLE PRECISION,
  step TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  started_at BIGINT,
  ended_at BIGINT,
  cancel_requested BOOLEAN NOT NULL,
  problem TEXT,
  result TEXT,
  row_version BIGINT NOT NULL,
  PRIMARY KEY (org_id, id)
);
CREATE INDEX operations_by_creation ON operations (org_id, created_at, id);
CREATE INDEX operations_by_subject ON operations (org_id, subject_kind, subject_id);
CREATE INDEX operations_by_end ON operations (ended_at);
-- The queue: a row for each operation that has not ended. due_us is in the database's time.
CREATE TABLE jobs (
  org_id TEXT NOT NULL,
  operation_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  payload TEXT NOT NULL,
  attempt BIGINT NOT NULL,
  due_us BIGINT NOT NULL,
  PRIMARY KEY (org_id, operation_id),
  FOREIGN KEY (org_id, operation_id) REFERENCES operations (org_id, id)
);
CREATE INDEX jobs_by_due ON jobs (due_us, operation_id);
CREATE TABLE operation_logs (
  org_id TEXT NOT NULL,
  operation_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  time BIGINT NOT NULL,
  level TEXT NOT NULL,
  line TEXT NOT NULL,
  PRIMARY KEY (org_id, operation_id, seq),
  FOREIGN KEY (org_id, operation_id) REFERENCES operations (org_id, id)
);
