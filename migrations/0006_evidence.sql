-- A question about one content of one resource, and its answer. created_by, team_id and visibility are those of the
-- resource, so that nobody sees an approval of what they may not see.
CREATE TABLE approvals (
  org_id TEXT NOT NULL REFERENCES organizations (id),
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
  PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX approvals_pending ON approvals (org_id, subject_kind, subject_id) WHERE state = 'pending';
CREATE INDEX approvals_by_subject ON approvals (org_id, subject_kind, subject_id);
CREATE INDEX approvals_by_creation ON approvals (org_id, created_at, id);
CREATE INDEX approvals_by_state ON approvals (org_id, state, created_at, id);
-- What was made of what.
CREATE TABLE lineage_edges (
  org_id TEXT NOT NULL REFERENCES organizations (id),
  from_kind TEXT NOT NULL,
  from_id TEXT NOT NULL,
  to_kind TEXT NOT NULL,
  to_id TEXT NOT NULL,
  relation TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, from_kind, from_id, to_kind, to_id, relation)
);
CREATE INDEX lineage_edges_by_target ON lineage_edges (org_id, to_kind, to_id);
