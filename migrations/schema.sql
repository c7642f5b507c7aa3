-- The whole schema after all migrations, for readers. Generated: make openapi
CREATE TABLE analyses (
  org_id TEXT NOT NULL,
  digest TEXT NOT NULL,
  analysis TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  FOREIGN KEY (org_id) REFERENCES organizations (id),
  PRIMARY KEY (org_id, digest)
);
CREATE TABLE api_keys (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  owner_kind TEXT NOT NULL,
  owner_id TEXT NOT NULL,
  digest TEXT NOT NULL,
  display TEXT NOT NULL,
  scopes TEXT NOT NULL,
  expires_at BIGINT,
  last_used_at BIGINT,
  revoked_at BIGINT,
  created_at BIGINT NOT NULL,
  temporary BOOLEAN NOT NULL DEFAULT false,
  FOREIGN KEY (org_id) REFERENCES organizations (id),
  PRIMARY KEY (org_id, id),
  UNIQUE (digest)
);
CREATE INDEX api_keys_by_owner ON api_keys (org_id, owner_id);
CREATE TABLE approvals (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  subject_kind TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  subject_digest TEXT NOT NULL,
  subject_name TEXT NOT NULL,
  state TEXT NOT NULL,
  author_id TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  comment TEXT NOT NULL,
  decided_by TEXT,
  decided_at BIGINT,
  decision_comment TEXT,
  self_approval BOOLEAN NOT NULL,
  visibility TEXT NOT NULL,
  team_id TEXT,
  created_by TEXT NOT NULL,
  row_version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  FOREIGN KEY (org_id) REFERENCES organizations (id),
  PRIMARY KEY (org_id, id)
);
CREATE INDEX approvals_by_creation ON approvals (org_id, created_at, id);
CREATE INDEX approvals_by_state ON approvals (org_id, state, created_at, id);
CREATE INDEX approvals_by_subject ON approvals (org_id, subject_kind, subject_id);
CREATE UNIQUE INDEX approvals_pending ON approvals (org_id, subject_kind, subject_id) WHERE state = 'pending';
CREATE TABLE artifacts (
  org_id TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  size_bytes BIGINT NOT NULL,
  blob_key TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  FOREIGN KEY (org_id) REFERENCES organizations (id),
  PRIMARY KEY (org_id, sha256),
  UNIQUE (blob_key)
);
CREATE TABLE audit_denials (
  org_id TEXT NOT NULL,
  actor_kind TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  permission TEXT NOT NULL,
  window_start BIGINT NOT NULL,
  denials BIGINT NOT NULL,
  reason TEXT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  PRIMARY KEY (window_start, org_id, actor_id, permission)
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
CREATE TABLE audit_nodes (
  org_id TEXT NOT NULL,
  level BIGINT NOT NULL,
  node_index BIGINT NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (org_id, level, node_index)
);
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
CREATE INDEX audit_records_by_actor ON audit_records (org_id, actor_id, time, id);
CREATE INDEX audit_records_by_subject ON audit_records (org_id, subject_id, time, id);
CREATE INDEX audit_records_by_time ON audit_records (org_id, time, id);
CREATE INDEX audit_records_unsequenced ON audit_records (time, id) WHERE leaf_index IS NULL;
CREATE TABLE audit_trees (
  org_id TEXT NOT NULL,
  tree_size BIGINT NOT NULL,
  PRIMARY KEY (org_id)
);
CREATE TABLE data_keys (
  org_id TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  wrapped TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, subject_id)
);
CREATE TABLE deployment_events (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  deployment_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  message TEXT NOT NULL,
  revision BIGINT NOT NULL,
  actor_id TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  FOREIGN KEY (org_id, deployment_id) REFERENCES deployments (org_id, id),
  PRIMARY KEY (org_id, id)
);
CREATE INDEX deployment_events_by_deployment ON deployment_events (org_id, deployment_id, id);
CREATE TABLE deployment_log_heads (
  org_id TEXT NOT NULL,
  deployment_id TEXT NOT NULL,
  last_seq BIGINT NOT NULL,
  FOREIGN KEY (org_id, deployment_id) REFERENCES deployments (org_id, id),
  PRIMARY KEY (org_id, deployment_id)
);
CREATE TABLE deployment_logs (
  org_id TEXT NOT NULL,
  deployment_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  replica_id TEXT NOT NULL,
  time BIGINT NOT NULL,
  stream TEXT NOT NULL,
  line TEXT NOT NULL,
  FOREIGN KEY (org_id, deployment_id) REFERENCES deployments (org_id, id),
  PRIMARY KEY (org_id, deployment_id, seq)
);
CREATE INDEX deployment_logs_by_replica ON deployment_logs (org_id, replica_id, seq);
CREATE TABLE deployment_replicas (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  deployment_id TEXT NOT NULL,
  target_id TEXT NOT NULL,
  revision BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  created_generation BIGINT NOT NULL,
  retired_generation BIGINT,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  address TEXT NOT NULL,
  pid BIGINT NOT NULL,
  restarts BIGINT NOT NULL,
  exit_code BIGINT,
  started_at BIGINT,
  ready_at BIGINT,
  progress DOUBLE PRECISION,
  memory_bytes BIGINT NOT NULL,
  cpu_seconds DOUBLE PRECISION NOT NULL,
  was_ready BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  observed_at BIGINT,
  drain_until BIGINT,
  FOREIGN KEY (org_id, deployment_id) REFERENCES deployments (org_id, id),
  PRIMARY KEY (org_id, id)
);
CREATE INDEX deployment_replicas_by_deployment ON deployment_replicas (org_id, deployment_id, id);
CREATE INDEX deployment_replicas_by_target ON deployment_replicas (org_id, target_id, id);
CREATE INDEX deployment_replicas_draining ON deployment_replicas (drain_until) WHERE drain_until IS NOT NULL AND retired_generation IS NULL;
CREATE TABLE deployment_revisions (
  org_id TEXT NOT NULL,
  deployment_id TEXT NOT NULL,
  number BIGINT NOT NULL,
  version_id TEXT NOT NULL,
  digest TEXT NOT NULL,
  document TEXT NOT NULL,
  spec TEXT NOT NULL,
  artifact TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  artifact_org_id TEXT NOT NULL DEFAULT '',
  FOREIGN KEY (org_id, deployment_id) REFERENCES deployments (org_id, id),
  PRIMARY KEY (org_id, deployment_id, number)
);
CREATE TABLE deployment_secrets (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  deployment_id TEXT NOT NULL,
  sealed TEXT NOT NULL,
  FOREIGN KEY (org_id, deployment_id) REFERENCES deployments (org_id, id),
  PRIMARY KEY (org_id, id)
);
CREATE TABLE deployments (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  environment_id TEXT NOT NULL,
  target_id TEXT NOT NULL,
  target_name TEXT NOT NULL,
  model_id TEXT NOT NULL,
  model_name TEXT NOT NULL,
  version_id TEXT NOT NULL,
  version_number BIGINT NOT NULL,
  version_digest TEXT NOT NULL,
  engine TEXT NOT NULL,
  interface TEXT NOT NULL,
  intent TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT,
  replicas_desired BIGINT NOT NULL,
  replicas_ready BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  visibility TEXT NOT NULL,
  team_id TEXT,
  created_by TEXT NOT NULL,
  row_version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  deleted_at BIGINT,
  FOREIGN KEY (org_id) REFERENCES organizations (id),
  FOREIGN KEY (org_id, environment_id) REFERENCES environments (org_id, id),
  FOREIGN KEY (org_id, target_id) REFERENCES targets (org_id, id),
  FOREIGN KEY (org_id, team_id) REFERENCES teams (org_id, id),
  PRIMARY KEY (org_id, id),
  UNIQUE (id)
);
CREATE INDEX deployments_by_model ON deployments (org_id, model_id) WHERE deleted_at IS NULL;
CREATE INDEX deployments_by_target ON deployments (org_id, target_id) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX deployments_by_name ON deployments (org_id, name) WHERE deleted_at IS NULL;
CREATE TABLE enrollment_tokens (
  digest TEXT NOT NULL,
  org_id TEXT NOT NULL,
  machine_id TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  FOREIGN KEY (org_id, machine_id) REFERENCES machines (org_id, id),
  PRIMARY KEY (digest),
  UNIQUE (machine_id)
);
CREATE TABLE environments (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  production BOOLEAN NOT NULL,
  row_version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  FOREIGN KEY (org_id) REFERENCES organizations (id),
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, name)
);
CREATE TABLE event_heads (
  org_id TEXT NOT NULL,
  last_seq BIGINT NOT NULL,
  pruned_seq BIGINT NOT NULL,
  PRIMARY KEY (org_id)
);
CREATE TABLE events (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  seq BIGINT,
  kind TEXT NOT NULL,
  subject_kind TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  data TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  visibility TEXT NOT NULL DEFAULT 'private',
  team_id TEXT,
  created_by TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, seq)
);
CREATE INDEX events_by_age ON events (org_id, created_at);
CREATE INDEX events_unsequenced ON events (id) WHERE seq IS NULL;
CREATE TABLE gateway_snapshots (
  id BIGINT NOT NULL,
  version BIGINT NOT NULL,
  digest TEXT NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (id)
);
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
CREATE TABLE jobs (
  org_id TEXT NOT NULL,
  operation_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  payload TEXT NOT NULL,
  attempt BIGINT NOT NULL,
  due_us BIGINT NOT NULL,
  trace_parent TEXT NOT NULL DEFAULT '',
  FOREIGN KEY (org_id, operation_id) REFERENCES operations (org_id, id),
  PRIMARY KEY (org_id, operation_id)
);
CREATE INDEX jobs_by_due ON jobs (due_us, operation_id);
CREATE TABLE leases (
  name TEXT NOT NULL,
  owner TEXT NOT NULL,
  epoch BIGINT NOT NULL,
  until_us BIGINT NOT NULL,
  PRIMARY KEY (name)
);
CREATE TABLE lineage_edges (
  org_id TEXT NOT NULL,
  from_kind TEXT NOT NULL,
  from_id TEXT NOT NULL,
  to_kind TEXT NOT NULL,
  to_id TEXT NOT NULL,
  relation TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  FOREIGN KEY (org_id) REFERENCES organizations (id),
  PRIMARY KEY (org_id, from_kind, from_id, to_kind, to_id, relation)
);
CREATE INDEX lineage_edges_by_target ON lineage_edges (org_id, to_kind, to_id);
CREATE TABLE machine_nonces (
  machine_id TEXT NOT NULL,
  nonce TEXT NOT NULL,
  seen_at BIGINT NOT NULL,
  PRIMARY KEY (machine_id, nonce)
);
CREATE INDEX machine_nonces_by_age ON machine_nonces (seen_at);
CREATE TABLE machines (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  public_key TEXT,
  sealing_key TEXT,
  server_key_id TEXT,
  program_version TEXT NOT NULL,
  inventory TEXT NOT NULL,
  last_seen_at BIGINT,
  expires_at BIGINT,
  log_batch BIGINT NOT NULL,
  row_version BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  deleted_at BIGINT,
  FOREIGN KEY (org_id) REFERENCES organizations (id),
  FOREIGN KEY (server_key_id) REFERENCES server_keys (id),
  PRIMARY KEY (org_id, id),
  UNIQUE (id),
  UNIQUE (org_id, kind, name)
);
CREATE INDEX machines_by_contact ON machines (state, last_seen_at);
CREATE TABLE members (
  org_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  role_id TEXT NOT NULL,
  disabled BOOLEAN NOT NULL,
  row_version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  FOREIGN KEY (org_id) REFERENCES organizations (id),
  FOREIGN KEY (org_id, role_id) REFERENCES roles (org_id, id),
  FOREIGN KEY (user_id) REFERENCES users (id),
  PRIMARY KEY (org_id, user_id)
);
CREATE INDEX members_by_user ON members (user_id);
CREATE TABLE model_aliases (
  org_id TEXT NOT NULL,
  model_id TEXT NOT NULL,
  alias TEXT NOT NULL,
  version BIGINT NOT NULL,
  updated_by TEXT NOT NULL,
  updated_at BIGINT NOT NULL,
  FOREIGN KEY (org_id, model_id, version) REFERENCES model_versions (org_id, model_id, version),
  PRIMARY KEY (org_id, model_id, alias)
);
CREATE TABLE model_tags (
  org_id TEXT NOT NULL,
  model_id TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  FOREIGN KEY (org_id, model_id) REFERENCES models (org_id, id),
  PRIMARY KEY (org_id, model_id, key)
);
CREATE INDEX model_tags_by_value ON model_tags (org_id, key, value, model_id);
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
  FOREIGN KEY (org_id, model_id) REFERENCES models (org_id, id),
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, model_id, version)
);
CREATE INDEX model_versions_by_creation ON model_versions (org_id, model_id, created_at, id);
CREATE INDEX model_versions_by_digest ON model_versions (org_id, model_id, digest);
CREATE UNIQUE INDEX model_versions_by_id ON model_versions (id);
CREATE TABLE models (
  org_id TEXT NOT NULL,
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
  latest_approval TEXT NOT NULL DEFAULT 'none',
  aliases TEXT NOT NULL DEFAULT '{}',
  FOREIGN KEY (org_id) REFERENCES organizations (id),
  PRIMARY KEY (org_id, id)
);
CREATE INDEX models_by_creation ON models (org_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX models_by_facets ON models (org_id, interface, engine, framework, size_class, license, latest_approval, visibility, created_by, team_id) WHERE deleted_at IS NULL;
CREATE INDEX models_by_source ON models (org_id, source_digest);
CREATE INDEX models_by_update ON models (org_id, updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX models_public ON models (visibility, created_at, id) WHERE deleted_at IS NULL AND visibility = 'public';
CREATE UNIQUE INDEX models_by_id ON models (id);
CREATE UNIQUE INDEX models_by_name ON models (org_id, name) WHERE deleted_at IS NULL;
CREATE TABLE monitoring_coverage (
  step_s BIGINT NOT NULL,
  start BIGINT NOT NULL,
  org_id TEXT NOT NULL,
  PRIMARY KEY (step_s, start, org_id)
);
CREATE TABLE monitoring_reporters (
  org_id TEXT NOT NULL,
  machine_id TEXT NOT NULL,
  run TEXT NOT NULL,
  sequence BIGINT NOT NULL,
  address TEXT NOT NULL DEFAULT '',
  reported_at BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (org_id, machine_id)
);
CREATE TABLE monitoring_samples (
  org_id TEXT NOT NULL,
  deployment_id TEXT NOT NULL,
  step_s BIGINT NOT NULL,
  start BIGINT NOT NULL,
  replica_id TEXT NOT NULL,
  sampled_at BIGINT NOT NULL,
  memory_bytes BIGINT NOT NULL,
  cpu_us BIGINT NOT NULL,
  engine TEXT NOT NULL DEFAULT '[]',
  PRIMARY KEY (org_id, deployment_id, step_s, start, replica_id)
);
CREATE INDEX monitoring_samples_by_age ON monitoring_samples (step_s, start);
CREATE TABLE monitoring_traffic (
  org_id TEXT NOT NULL,
  deployment_id TEXT NOT NULL,
  step_s BIGINT NOT NULL,
  start BIGINT NOT NULL,
  requests BIGINT NOT NULL,
  client_errors BIGINT NOT NULL,
  server_errors BIGINT NOT NULL,
  tokens_in BIGINT NOT NULL,
  tokens_out BIGINT NOT NULL,
  in_flight_us BIGINT NOT NULL,
  queued_us BIGINT NOT NULL,
  duration TEXT NOT NULL,
  first_token TEXT NOT NULL,
  token_gap TEXT NOT NULL,
  PRIMARY KEY (org_id, deployment_id, step_s, start)
);
CREATE INDEX monitoring_traffic_by_age ON monitoring_traffic (step_s, start);
CREATE TABLE operation_logs (
  org_id TEXT NOT NULL,
  operation_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  time BIGINT NOT NULL,
  level TEXT NOT NULL,
  line TEXT NOT NULL,
  FOREIGN KEY (org_id, operation_id) REFERENCES operations (org_id, id),
  PRIMARY KEY (org_id, operation_id, seq)
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
  visibility TEXT NOT NULL DEFAULT 'private',
  team_id TEXT,
  created_by TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (org_id, id)
);
CREATE INDEX operations_by_creation ON operations (org_id, created_at, id);
CREATE INDEX operations_by_end ON operations (ended_at);
CREATE INDEX operations_by_subject ON operations (org_id, subject_kind, subject_id);
CREATE TABLE organizations (
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  display_name TEXT NOT NULL,
  self_approval BOOLEAN NOT NULL,
  row_version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (id),
  UNIQUE (name)
);
CREATE TABLE recent_requests (
  org_id TEXT NOT NULL,
  deployment_id TEXT NOT NULL,
  id TEXT NOT NULL,
  request_id TEXT NOT NULL,
  trace_id TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  duration_ms DOUBLE PRECISION NOT NULL,
  status BIGINT NOT NULL,
  failed BOOLEAN NOT NULL,
  replica_id TEXT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (org_id, deployment_id, id)
);
CREATE INDEX recent_requests_by_age ON recent_requests (started_at);
CREATE INDEX recent_requests_by_request ON recent_requests (org_id, deployment_id, request_id);
CREATE INDEX recent_requests_by_time ON recent_requests (org_id, deployment_id, started_at, id);
CREATE TABLE roles (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  built_in BOOLEAN NOT NULL,
  permissions TEXT NOT NULL,
  row_version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  FOREIGN KEY (org_id) REFERENCES organizations (id),
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, name)
);
CREATE TABLE schema_migrations (
  version BIGINT NOT NULL,
  name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  applied_at BIGINT NOT NULL,
  PRIMARY KEY (version)
);
CREATE TABLE security_events (
  id TEXT NOT NULL,
  kind TEXT NOT NULL,
  address_prefix TEXT NOT NULL,
  hour BIGINT NOT NULL,
  failures BIGINT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  PRIMARY KEY (id),
  UNIQUE (hour, kind, address_prefix)
);
CREATE TABLE server_keys (
  id TEXT NOT NULL,
  public_key TEXT NOT NULL,
  sealed_private_key TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (id)
);
CREATE TABLE service_accounts (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  role_id TEXT NOT NULL,
  row_version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  FOREIGN KEY (org_id) REFERENCES organizations (id),
  FOREIGN KEY (org_id, role_id) REFERENCES roles (org_id, id),
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, name)
);
CREATE TABLE sessions (
  digest TEXT NOT NULL,
  org_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  FOREIGN KEY (org_id, user_id) REFERENCES members (org_id, user_id),
  PRIMARY KEY (digest)
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE TABLE sign_in_failures (
  source TEXT NOT NULL,
  failures BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  PRIMARY KEY (source)
);
CREATE TABLE sign_in_links (
  digest TEXT NOT NULL,
  org_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  FOREIGN KEY (org_id, user_id) REFERENCES members (org_id, user_id),
  PRIMARY KEY (digest)
);
CREATE TABLE storage_quotas (
  org_id TEXT NOT NULL,
  bytes_max BIGINT NOT NULL,
  transfers_max BIGINT NOT NULL,
  FOREIGN KEY (org_id) REFERENCES organizations (id),
  PRIMARY KEY (org_id)
);
CREATE TABLE targets (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  machine_id TEXT NOT NULL,
  labels TEXT NOT NULL,
  generation BIGINT NOT NULL,
  FOREIGN KEY (org_id, machine_id) REFERENCES machines (org_id, id),
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, machine_id)
);
CREATE TABLE team_members (
  org_id TEXT NOT NULL,
  team_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  FOREIGN KEY (org_id, team_id) REFERENCES teams (org_id, id),
  FOREIGN KEY (org_id, user_id) REFERENCES members (org_id, user_id),
  PRIMARY KEY (org_id, team_id, user_id)
);
CREATE INDEX team_members_by_user ON team_members (org_id, user_id);
CREATE TABLE teams (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  display_name TEXT NOT NULL,
  row_version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  FOREIGN KEY (org_id) REFERENCES organizations (id),
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, name)
);
CREATE TABLE transfer_parts (
  org_id TEXT NOT NULL,
  transfer_id TEXT NOT NULL,
  end_bytes BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  FOREIGN KEY (org_id, transfer_id) REFERENCES transfers (org_id, id),
  PRIMARY KEY (org_id, transfer_id, end_bytes)
);
CREATE TABLE transfers (
  org_id TEXT NOT NULL,
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
  blob_key TEXT,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  FOREIGN KEY (org_id) REFERENCES organizations (id),
  FOREIGN KEY (org_id, upload_id) REFERENCES uploads (org_id, id),
  PRIMARY KEY (org_id, id),
  UNIQUE (blob_key)
);
CREATE INDEX transfers_by_expiry ON transfers (expires_at);
CREATE INDEX transfers_by_upload ON transfers (org_id, upload_id);
CREATE TABLE unclaimed_blobs (
  blob_key TEXT NOT NULL,
  doomed BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (blob_key)
);
CREATE INDEX unclaimed_blobs_by_age ON unclaimed_blobs (created_at);
CREATE TABLE upload_files (
  org_id TEXT NOT NULL,
  upload_id TEXT NOT NULL,
  path TEXT NOT NULL,
  size_bytes BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  FOREIGN KEY (org_id, upload_id) REFERENCES uploads (org_id, id),
  PRIMARY KEY (org_id, upload_id, path)
);
CREATE INDEX upload_files_by_content ON upload_files (org_id, sha256);
CREATE TABLE uploads (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  digest TEXT,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  touched_at BIGINT NOT NULL,
  FOREIGN KEY (org_id) REFERENCES organizations (id),
  PRIMARY KEY (org_id, id)
);
CREATE INDEX uploads_by_age ON uploads (touched_at);
CREATE TABLE users (
  id TEXT NOT NULL,
  email TEXT NOT NULL,
  email_folded TEXT NOT NULL,
  display_name TEXT NOT NULL,
  password_hash TEXT,
  installation_admin BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (id),
  UNIQUE (email_folded)
);
CREATE TABLE version_files (
  org_id TEXT NOT NULL,
  version_id TEXT NOT NULL,
  path TEXT NOT NULL,
  size_bytes BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  FOREIGN KEY (org_id, version_id) REFERENCES model_versions (org_id, id),
  PRIMARY KEY (org_id, version_id, path)
);
CREATE INDEX version_files_by_content ON version_files (org_id, sha256);
