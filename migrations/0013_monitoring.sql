-- What gateways counted, merged over all of them, in buckets of time of two grains (`step_s` seconds). The histograms
-- are JSON. No foreign key: rows go by their age.
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
-- The buckets of time that a gateway reported, with or without traffic: of one organisation's gateways, or (org_id '')
-- of those that serve all.
CREATE TABLE monitoring_coverage (
  step_s BIGINT NOT NULL,
  start BIGINT NOT NULL,
  org_id TEXT NOT NULL,
  PRIMARY KEY (step_s, start, org_id)
);
-- The last report of each gateway, so that a repeated one counts once.
CREATE TABLE monitoring_reporters (
  org_id TEXT NOT NULL,
  machine_id TEXT NOT NULL,
  run TEXT NOT NULL,
  sequence BIGINT NOT NULL,
  PRIMARY KEY (org_id, machine_id)
);
-- The last that an agent saw of a replica in each bucket of time. `cpu_us` is a counter of the replica's process.
CREATE TABLE monitoring_samples (
  org_id TEXT NOT NULL,
  deployment_id TEXT NOT NULL,
  step_s BIGINT NOT NULL,
  start BIGINT NOT NULL,
  replica_id TEXT NOT NULL,
  sampled_at BIGINT NOT NULL,
  memory_bytes BIGINT NOT NULL,
  cpu_us BIGINT NOT NULL,
  PRIMARY KEY (org_id, deployment_id, step_s, start, replica_id)
);
CREATE INDEX monitoring_samples_by_age ON monitoring_samples (step_s, start);
-- Keys that were made for a moment's use: not listed, and removed once they have expired.
ALTER TABLE api_keys ADD COLUMN temporary BOOLEAN NOT NULL DEFAULT false;
-- Copies for lists, as `tags` is: the approval of the latest version, and the version of each alias.
ALTER TABLE models ADD COLUMN latest_approval TEXT NOT NULL DEFAULT 'none';
ALTER TABLE models ADD COLUMN aliases TEXT NOT NULL DEFAULT '{}';
UPDATE models SET latest_approval = COALESCE((
  SELECT v.approval_state FROM model_versions v
  WHERE v.org_id = models.org_id AND v.model_id = models.id AND v.version = models.latest_version), 'none');
CREATE TABLE alias_copies AS
WITH RECURSIVE numbered AS (
  SELECT org_id, model_id, '"' || alias || '":' || version AS pair,
    row_number() OVER (PARTITION BY org_id, model_id ORDER BY alias) AS n
  FROM model_aliases),
joined AS (
  SELECT org_id, model_id, n, pair AS pairs FROM numbered WHERE n = 1
  UNION ALL
  SELECT j.org_id, j.model_id, x.n, j.pairs || ',' || x.pair FROM joined j
  JOIN numbered x ON x.org_id = j.org_id AND x.model_id = j.model_id AND x.n = j.n + 1)
SELECT org_id, model_id, n, pairs FROM joined;
UPDATE models SET aliases = COALESCE((
  SELECT '{' || c.pairs || '}' FROM alias_copies c
  WHERE c.org_id = models.org_id AND c.model_id = models.id ORDER BY c.n DESC LIMIT 1), '{}');
DROP TABLE alias_copies;
-- Facets of the models are counted from this index alone.
CREATE INDEX models_by_facets ON models (org_id, interface, engine, framework, size_class, license, latest_approval,
  visibility, created_by, team_id) WHERE deleted_at IS NULL;
