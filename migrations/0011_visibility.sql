-- Who sees an operation, and who is told of an event: as with other resources. What there was before nobody but its
-- maker sees, beside those who see all.
ALTER TABLE operations ADD COLUMN visibility TEXT NOT NULL DEFAULT 'private';
ALTER TABLE operations ADD COLUMN team_id TEXT;
ALTER TABLE operations ADD COLUMN created_by TEXT NOT NULL DEFAULT '';
UPDATE operations SET created_by = actor_id;
ALTER TABLE events ADD COLUMN visibility TEXT NOT NULL DEFAULT 'private';
ALTER TABLE events ADD COLUMN team_id TEXT;
ALTER TABLE events ADD COLUMN created_by TEXT NOT NULL DEFAULT '';
