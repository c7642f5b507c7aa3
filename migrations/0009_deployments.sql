CREATE TABLE environments (
  org_id TEXT NOT NULL REFERENCES organizations (id),
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  production BOOLEAN NOT NULL,
  row_version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, name)
);
-- `intent` is what people want, `state` what is. `epoch` grows when every replica is to be replaced although the
-- revision stays. The columns about the model repeat the current revision's document: lists filter by them.
CREATE TABLE deployments (
  org_id TEXT NOT NULL REFERENCES organizations (id),
  id TEXT NOT NULL UNIQUE,
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
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, environment_id) REFERENCES environments (org_id, id),
  FOREIGN KEY (org_id, target_id) REFERENCES targets (org_id, id),
  FOREIGN KEY (org_id, team_id) REFERENCES teams (org_id, id)
);
CREATE UNIQUE INDEX deployments_by_name ON deployments (org_id, name) WHERE deleted_at IS NULL;
CREATE INDEX deployments_by_target ON deployments (org_id, target_id) WHERE deleted_at IS NULL;
CREATE INDEX deployments_by_model ON deployments (org_id, model_id) WHERE deleted_at IS NULL;
-- Never changed. `spec` is what people gave, `document` what it came to, `artifact` the files of the version that it
-- pins by digest.
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
  PRIMARY KEY (org_id, deployment_id, number),
  FOREIGN KEY (org_id, deployment_id) REFERENCES deployments (org_id, id)
);
-- Values of secret environment variables, sealed; documents name them by id.
CREATE TABLE deployment_secrets (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  deployment_id TEXT NOT NULL,
  sealed TEXT NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, deployment_id) REFERENCES deployments (org_id, id)
);
-- What should run, until `retired_generation` of the target's desired state; the rest is what its agent reported.
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
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, deployment_id) REFERENCES deployments (org_id, id)
);
CREATE INDEX deployment_replicas_by_deployment ON deployment_replicas (org_id, deployment_id);
CREATE INDEX deployment_replicas_by_target ON deployment_replicas (org_id, target_id);
CREATE TABLE deployment_events (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  deployment_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  message TEXT NOT NULL,
  revision BIGINT NOT NULL,
  actor_id TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, deployment_id) REFERENCES deployments (org_id, id)
);
CREATE INDEX deployment_events_by_deployment ON deployment_events (org_id, deployment_id, id);
-- A ring: the oldest lines go. `seq` counts per deployment.
CREATE TABLE deployment_logs (
  org_id TEXT NOT NULL,
  deployment_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  replica_id TEXT NOT NULL,
  time BIGINT NOT NULL,
  stream TEXT NOT NULL,
  line TEXT NOT NULL,
  PRIMARY KEY (org_id, deployment_id, seq),
  FOREIGN KEY (org_id, deployment_id) REFERENCES deployments (org_id, id)
);
CREATE INDEX deployment_logs_by_replica ON deployment_logs (org_id, replica_id, seq);
-- The last seq that was given, also when its line is gone.
CREATE TABLE deployment_log_heads (
  org_id TEXT NOT NULL,
  deployment_id TEXT NOT NULL,
  last_seq BIGINT NOT NULL,
  PRIMARY KEY (org_id, deployment_id),
  FOREIGN KEY (org_id, deployment_id) REFERENCES deployments (org_id, id)
);
