-- One row a record. The first columns make its leaf; the payload is the truth, the columns beside it are for searching
-- and for what is left when it is pruned. payload, payload_salt and personal can be set to NULL: every proof still
-- holds. leaf_index is NULL until the record is in the tree. No foreign key: a record outlives what it speaks of.
CREATE TABLE audit_records (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  time BIGINT NOT NULL,
  payload_hash TEXT NOT NULL,
  personal_hash TEXT,
  actor_kind TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  action TEXT NOT NULL,
  subject_kind TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  outcome TEXT NOT NULL,
  request_id TEXT NOT NULL,
  payload TEXT,
  payload_salt TEXT,
  personal TEXT,
  leaf_index BIGINT,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, leaf_index)
);
CREATE INDEX audit_records_by_time ON audit_records (org_id, time, id);
CREATE INDEX audit_records_by_actor ON audit_records (org_id, actor_id, time, id);
CREATE INDEX audit_records_by_subject ON audit_records (org_id, subject_id, time, id);
CREATE INDEX audit_records_unsequenced ON audit_records (time, id) WHERE leaf_index IS NULL;
CREATE TABLE audit_trees (
  org_id TEXT PRIMARY KEY,
  tree_size BIGINT NOT NULL
);
-- Complete subtrees only, each written once.
CREATE TABLE audit_nodes (
  org_id TEXT NOT NULL,
  level BIGINT NOT NULL,
  node_index BIGINT NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (org_id, level, node_index)
);
CREATE TABLE audit_heads (
  org_id TEXT NOT NULL,
  tree_size BIGINT NOT NULL,
  root_hash TEXT NOT NULL,
  time BIGINT NOT NULL,
  key_id TEXT NOT NULL,
  signature TEXT NOT NULL,
  PRIMARY KEY (org_id, tree_size)
);
-- private_key is sealed, and gone once the key is retired; the public key stays.
CREATE TABLE audit_keys (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  public_key TEXT NOT NULL,
  private_key TEXT,
  created_at BIGINT NOT NULL,
  retired_at BIGINT,
  PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX audit_keys_active ON audit_keys (org_id) WHERE retired_at IS NULL;
-- Failures of nobody known, of the whole installation: one row per kind, network and hour.
CREATE TABLE security_events (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  address_prefix TEXT NOT NULL,
  hour BIGINT NOT NULL,
  failures BIGINT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  UNIQUE (hour, kind, address_prefix)
);
