-- Ed25519 keys that answers to machines are signed with; the private half is sealed. Each machine names, or was told
-- at enrolment or renewal, the one that it checks against.
CREATE TABLE server_keys (
  id TEXT PRIMARY KEY,
  public_key TEXT NOT NULL,
  sealed_private_key TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
-- Agents and gateways: what dials in with a key of its own.
CREATE TABLE machines (
  org_id TEXT NOT NULL REFERENCES organizations (id),
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  public_key TEXT,
  sealing_key TEXT,
  server_key_id TEXT REFERENCES server_keys (id),
  program_version TEXT NOT NULL,
  inventory TEXT NOT NULL,
  last_seen_at BIGINT,
  expires_at BIGINT,
  log_batch BIGINT NOT NULL,
  row_version BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, kind, name)
);
CREATE INDEX machines_by_contact ON machines (state, last_seen_at);
-- Where engines run. `generation` grows with each change of what should run there.
CREATE TABLE targets (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  machine_id TEXT NOT NULL,
  labels TEXT NOT NULL,
  generation BIGINT NOT NULL,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, machine_id),
  FOREIGN KEY (org_id, machine_id) REFERENCES machines (org_id, id)
);
-- `digest` is the SHA-256 of the token. One per machine; gone once used.
CREATE TABLE enrollment_tokens (
  digest TEXT PRIMARY KEY,
  org_id TEXT NOT NULL,
  machine_id TEXT NOT NULL UNIQUE,
  expires_at BIGINT NOT NULL,
  FOREIGN KEY (org_id, machine_id) REFERENCES machines (org_id, id)
);
-- What was seen within the time window of signed requests, so that none is accepted twice.
CREATE TABLE machine_nonces (
  machine_id TEXT NOT NULL,
  nonce TEXT NOT NULL,
  seen_at BIGINT NOT NULL,
  PRIMARY KEY (machine_id, nonce)
);
CREATE INDEX machine_nonces_by_age ON machine_nonces (seen_at);
