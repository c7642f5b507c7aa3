-- The trace of the request that began a job (W3C traceparent), or empty.
ALTER TABLE jobs ADD COLUMN trace_parent TEXT NOT NULL DEFAULT '';
-- A sample of what gateways served lately, newest first; `detail` is JSON, spans included. No foreign key: rows go by
-- their age, and by how many there are of a deployment.
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
CREATE INDEX recent_requests_by_time ON recent_requests (org_id, deployment_id, started_at, id);
CREATE INDEX recent_requests_by_request ON recent_requests (org_id, deployment_id, request_id);
CREATE INDEX recent_requests_by_age ON recent_requests (started_at);
