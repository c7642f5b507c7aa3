-- `tags` is a copy of model_tags for reading; org_id, id, name and times are what lists are ordered by.
CREATE TABLE models (
  org_id TEXT NOT NULL REFERENCES organizations (id),
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  display_name TEXT NOT NULL,
  description TEXT NOT NULL,
  visibility TEXT NOT NULL,
  team_id TEXT,
  tags TEXT NOT NULL,
  interface TEXT,
  engine TEXT,
  framework TEXT,
  architecture TEXT,
  parameter_count BIGINT,
  size_class TEXT,
  license TEXT,
  source_upload_id TEXT,
  source_digest TEXT,
  analysis_operation_id TEXT,
  latest_version BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  row_version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  deleted_at BIGINT,
  PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX models_by_id ON models (id);
CREATE UNIQUE INDEX models_by_name ON models (org_id, name) WHERE deleted_at IS NULL;
CREATE INDEX models_by_creation ON models (org_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX models_by_update ON models (org_id, updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX models_public ON models (visibility, created_at, id) WHERE deleted_at IS NULL AND visibility = 'public';
CREATE INDEX models_by_source ON models (org_id, source_digest);
CREATE TABLE model_tags (
  org_id TEXT NOT NULL,
  model_id TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (org_id, model_id, key),
  FOREIGN KEY (org_id, model_id) REFERENCES models (org_id, id)
);
CREATE INDEX model_tags_by_value ON model_tags (org_id, key, value, model_id);
-- `digest` is the SHA-256 of the canonical manifest: what evidence binds to.
CREATE TABLE model_versions (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  model_id TEXT NOT NULL,
  version BIGINT NOT NULL,
  digest TEXT NOT NULL,
  size_bytes BIGINT NOT NULL,
  file_count BIGINT NOT NULL,
  description TEXT NOT NULL,
  approval_state TEXT NOT NULL,
  approval_id TEXT,
  self_approved BOOLEAN NOT NULL,
  created_by TEXT NOT NULL,
  row_version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, model_id, version),
  FOREIGN KEY (org_id, model_id) REFERENCES models (org_id, id)
);
CREATE UNIQUE INDEX model_versions_by_id ON model_versions (id);
CREATE INDEX model_versions_by_creation ON model_versions (org_id, model_id, created_at, id);
CREATE INDEX model_versions_by_digest ON model_versions (org_id, model_id, digest);
CREATE TABLE version_files (
  org_id TEXT NOT NULL,
  version_id TEXT NOT NULL,
  path TEXT NOT NULL,
  size_bytes BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  PRIMARY KEY (org_id, version_id, path),
  FOREIGN KEY (org_id, version_id) REFERENCES model_versions (org_id, id)
);
CREATE INDEX version_files_by_content ON version_files (org_id, sha256);
CREATE TABLE model_aliases (
  org_id TEXT NOT NULL,
  model_id TEXT NOT NULL,
  alias TEXT NOT NULL,
  version BIGINT NOT NULL,
  updated_by TEXT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, model_id, alias),
  FOREIGN KEY (org_id, model_id, version) REFERENCES model_versions (org_id, model_id, version)
);
-- What analysis found out about a content.
CREATE TABLE analyses (
  org_id TEXT NOT NULL REFERENCES organizations (id),
  digest TEXT NOT NULL,
  analysis TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, digest)
);
CREATE TABLE uploads (
  org_id TEXT NOT NULL REFERENCES organizations (id),
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  digest TEXT,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  touched_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, id)
);
CREATE INDEX uploads_by_age ON uploads (touched_at);
CREATE TABLE upload_files (
  org_id TEXT NOT NULL,
  upload_id TEXT NOT NULL,
  path TEXT NOT NULL,
  size_bytes BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  PRIMARY KEY (org_id, upload_id, path),
  FOREIGN KEY (org_id, upload_id) REFERENCES uploads (org_id, id)
);
CREATE INDEX upload_files_by_content ON upload_files (org_id, sha256);
-- Verified contents. Each organisation has blobs of its own, so that nobody learns what another one stores.
CREATE TABLE artifacts (
  org_id TEXT NOT NULL REFERENCES organizations (id),
  sha256 TEXT NOT NULL,
  size_bytes BIGINT NOT NULL,
  blob_key TEXT NOT NULL UNIQUE,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, sha256)
);
-- Blobs that no artifact owns: being written, or (doomed) to be removed.
CREATE TABLE unclaimed_blobs (
  blob_key TEXT PRIMARY KEY,
  doomed BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX unclaimed_blobs_by_age ON unclaimed_blobs (created_at);
