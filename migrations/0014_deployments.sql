-- A retired replica drains first: gateways hear of it at once, its agent (retired_generation) after `drain_until`.
ALTER TABLE deployment_replicas ADD COLUMN drain_until BIGINT;
CREATE INDEX deployment_replicas_draining ON deployment_replicas (drain_until)
  WHERE drain_until IS NOT NULL AND retired_generation IS NULL;
-- Whose verified contents the artifact is: another organisation's when its model was public.
ALTER TABLE deployment_revisions ADD COLUMN artifact_org_id TEXT NOT NULL DEFAULT '';
UPDATE deployment_revisions SET artifact_org_id = COALESCE(
  (SELECT v.org_id FROM model_versions v WHERE v.id = deployment_revisions.version_id), org_id);
-- A deleted machine stays as a tombstone: deployments of the past refer to it, and its agent is still refused by name.
ALTER TABLE machines ADD COLUMN deleted_at BIGINT;
