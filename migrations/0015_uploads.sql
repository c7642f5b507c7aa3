-- One file on its way by the tus protocol. What is acknowledged, and so survives a crash, is what stands here: bytes of
-- the blob beyond offset_bytes are cut off before it goes on.
CREATE TABLE transfers (
  org_id TEXT NOT NULL REFERENCES organizations (id),
  id TEXT NOT NULL,
  upload_id TEXT,
  path TEXT NOT NULL,
  state TEXT NOT NULL,
  size_bytes BIGINT,
  offset_bytes BIGINT NOT NULL,
  sha256 TEXT,
  unpack BOOLEAN NOT NULL,
  concatenation TEXT NOT NULL,
  metadata TEXT NOT NULL,
  blob_key TEXT UNIQUE,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, upload_id) REFERENCES uploads (org_id, id)
);
CREATE INDEX transfers_by_upload ON transfers (org_id, upload_id);
CREATE INDEX transfers_by_expiry ON transfers (expires_at);
CREATE TABLE transfer_parts (
  org_id TEXT NOT NULL,
  transfer_id TEXT NOT NULL,
  end_bytes BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  PRIMARY KEY (org_id, transfer_id, end_bytes),
  FOREIGN KEY (org_id, transfer_id) REFERENCES transfers (org_id, id)
);
-- Without a row an organisation has what the configuration says.
CREATE TABLE storage_quotas (
  org_id TEXT PRIMARY KEY REFERENCES organizations (id),
  bytes_max BIGINT NOT NULL,
  transfers_max BIGINT NOT NULL
);
