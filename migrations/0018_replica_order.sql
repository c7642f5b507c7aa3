-- The replicas of a deployment or a target are read in the order of their ids: with it in the index SQLite steps over
-- these alone, instead of over every replica of the organisation in the order of the primary key.
DROP INDEX deployment_replicas_by_deployment;
DROP INDEX deployment_replicas_by_target;
CREATE INDEX deployment_replicas_by_deployment ON deployment_replicas (org_id, deployment_id, id);
CREATE INDEX deployment_replicas_by_target ON deployment_replicas (org_id, target_id, id);
