-- How often known principals were refused, beyond the refusals that have records of their own: one row per principal,
-- permission and window, until the window has ended and one audit record takes the number.
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
