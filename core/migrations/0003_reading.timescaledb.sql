-- Readings on TimescaleDB: a hypertable. Owner: ingest. Twin of 0003_reading.plain.sql.

CREATE TABLE reading (
    sensor_id   int NOT NULL,
    measured_at timestamptz NOT NULL,
    value       double precision,              -- NaN: the device said it has none
    quality     smallint NOT NULL,             -- core/batch.py: Quality and Mark
    batch_no    bigint NOT NULL,
    judged_at   timestamptz                    -- null: the same as measured_at
);
SELECT create_hypertable('reading', by_range('measured_at', INTERVAL '1 day'), create_default_indexes => false);
-- One unique index, no foreign key, no trigger. The BRIN on batch_no costs a few bytes a page and lets a restart find the
-- batches after its checkpoint without reading the whole chunk.
CREATE UNIQUE INDEX reading_key ON reading (sensor_id, measured_at);
CREATE INDEX reading_by_batch ON reading USING brin (batch_no) WITH (autosummarize = on, pages_per_range = 32);

CREATE FUNCTION davy_reading_day(day date) RETURNS boolean LANGUAGE sql AS 'SELECT false';
COMMENT ON FUNCTION davy_reading_day IS 'TimescaleDB makes its own chunks: nothing to do';
