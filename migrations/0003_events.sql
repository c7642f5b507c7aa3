-- seq is given by the sequencer after the commit of the change: until then nobody reads the row.
CREATE TABLE events (
  org_id TEXT NOT NULL,
  id TEXT NOT NULL,
  seq BIGINT,
  kind TEXT NOT NULL,
  subject_kind TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  data TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, seq)
);
CREATE INDEX events_unsequenced ON events (id) WHERE seq IS NULL;
CREATE INDEX events_by_age ON events (org_id, created_at);
-- The last seq that was given, and the last one that is not kept any more.
CREATE TABLE event_heads (
  org_id TEXT PRIMARY KEY,
  last_seq BIGINT NOT NULL,
  pruned_seq BIGINT NOT NULL
);
