-- What an engine said of itself, in the vocabulary that all engines share (JSON), and where gateways listen.
ALTER TABLE monitoring_samples ADD COLUMN engine TEXT NOT NULL DEFAULT '[]';
ALTER TABLE monitoring_reporters ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE monitoring_reporters ADD COLUMN reported_at BIGINT NOT NULL DEFAULT 0;
