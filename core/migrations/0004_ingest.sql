-- The memory of ingest, and what others may read of readings. Owner: ingest.

CREATE TABLE latest (                          -- newest value a sensor, flushed from memory every 2 s
    sensor_id   int PRIMARY KEY REFERENCES sensor,
    company_id  int NOT NULL REFERENCES company,
    measured_at timestamptz NOT NULL,          -- in judged time: a clock that was wrong does not stand in front of what is true now
    received_at timestamptz NOT NULL,
    value       double precision,
    quality     smallint NOT NULL
) WITH (fillfactor = 50);
-- The insurer's people see no live values (design section 9).
CALL davy_wall('latest', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'', ''grafana'')))');

CREATE TABLE ingest_mark (                     -- the fence: one row a worker
    worker      text PRIMARY KEY,
    epoch       bigint NOT NULL,
    batch_no    bigint NOT NULL,
    moved_at    timestamptz NOT NULL DEFAULT now(),
    lineage     uuid NOT NULL DEFAULT gen_random_uuid()  -- tells this database from others; its standbys and copies have it too
) WITH (fillfactor = 20);

CREATE TABLE ingest_batch (                    -- one row a committed batch: enough to judge it again after a restart
    worker      text NOT NULL,
    batch_no    bigint NOT NULL,
    received_at timestamptz NOT NULL,
    judged_now  bigint NOT NULL,               -- `now` as the judge saw it, microseconds UTC
    watched_us  bigint NOT NULL,               -- time connected and caught up, as the judge saw it, microseconds
    definitions_version bigint NOT NULL,
    readings    int NOT NULL,
    messages    bytea NOT NULL,                -- ingest/sorting.py MESSAGE rows: what was not a repeat, in order of arrival
    judged      bytea,                         -- rows judged but not stored under their own key (conflicts), packed; usually null
    recount     bytea,                         -- what averages booked besides, of late readings (ingest/late.py); usually null
    PRIMARY KEY (worker, batch_no)
);

CREATE TABLE checkpoint (                      -- the state of sorting, detectors and conditions as of a batch
    worker      text PRIMARY KEY,
    batch_no    bigint NOT NULL,
    saved_at    timestamptz NOT NULL,
    layout      int NOT NULL,
    definitions_version bigint NOT NULL
);

CREATE TABLE checkpoint_part (                 -- the columns of a checkpoint, cut into pieces: whole they would stay in the driver's buffers
    worker      text NOT NULL REFERENCES checkpoint ON DELETE CASCADE,
    part        int NOT NULL,                  -- 0, 1, 2 ...
    state       bytea NOT NULL,
    PRIMARY KEY (worker, part)
);

CREATE TABLE rejected_message (
    rejected_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int REFERENCES company,        -- null: from nobody we know
    site_id     int REFERENCES site,
    device_id   int REFERENCES device,
    received_at timestamptz NOT NULL,
    topic       text NOT NULL,
    payload     bytea NOT NULL,                -- first 64 KB
    length      int NOT NULL,
    sha256      bytea NOT NULL,
    reason      text NOT NULL,                 -- core.wire.REASONS
    sentence    text NOT NULL,
    count       int NOT NULL DEFAULT 1,        -- above 100 a device and minute the rest is only counted, in the minute's last row
    taken_at    timestamptz                    -- when it was taken in after all (0012); null: it was not
);
-- Payloads hold readings: the insurer's people see none.
CALL davy_wall('rejected_message', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');
CREATE INDEX rejected_message_by_device ON rejected_message (device_id, received_at DESC);

CREATE TABLE device_stream (                   -- what is known of a device's stream: newest boot, highest seq, gaps, clock
    device_id   int PRIMARY KEY REFERENCES device,
    company_id  int NOT NULL REFERENCES company,
    boot        bigint,
    seq         bigint,
    missing     bigint NOT NULL DEFAULT 0,     -- messages known lost (gaps still open)
    repeated    bigint NOT NULL DEFAULT 0,
    clock_offset_ms double precision,          -- device minus us
    clock_wrong_since timestamptz,             -- null: within tolerance
    clock_right_since timestamptz,             -- null: never seen wrong
    clock_was_ms double precision,             -- the offset when it was wrong last
    restarts    bigint NOT NULL DEFAULT 0,     -- how often it began to count again under the boot it had
    restarted_at timestamptz,                  -- the last time: from seq restarted_from to seq restarted_to
    restarted_from bigint,
    restarted_to bigint,
    online      boolean,
    last_received_at timestamptz
);
CALL davy_wall('device_stream');

CREATE TABLE stream_gap (                      -- a hole in (boot, seq): seen, and closed when the device sends it again
    gap_id      bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    device_id   int NOT NULL REFERENCES device,
    boot        bigint NOT NULL,
    run         int NOT NULL DEFAULT 0,        -- above 0: after the device began to count again under the same boot
    first_seq   bigint NOT NULL,               -- as it was seen: these numbers, sent between these instants
    last_seq    bigint NOT NULL,
    missing_from timestamptz NOT NULL,         -- by the device's clock, as the curves are
    missing_until timestamptz NOT NULL,
    missing     bigint NOT NULL,               -- messages that have not come by now; between these instants
    left_from   timestamptz NOT NULL,
    left_until  timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL,
    closed_at   timestamptz,
    UNIQUE (device_id, boot, run, first_seq)
);
CALL davy_wall('stream_gap');
CREATE INDEX stream_gap_by_time ON stream_gap (device_id, left_until);

CREATE TABLE ingest_status (                   -- what doctor and the pages say of ingest itself
    worker      text PRIMARY KEY,
    beat_at     timestamptz NOT NULL,
    state       text NOT NULL,                 -- starting, judging, broker_away, stopping (database_away cannot be written: it shows as a late beat)
    report      jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE reading_hour (                    -- the readings of a sensor, an hour at a time: what stays when they are gone
    sensor_id   int NOT NULL,
    hour        timestamptz NOT NULL,          -- its beginning, by the device's stamps
    company_id  int NOT NULL REFERENCES company,
    readings    int NOT NULL,                  -- all that are stored
    good        int NOT NULL,                  -- those with a usable value: not bad, not NaN; the three numbers are of these
    minimum     double precision,
    maximum     double precision,
    mean        double precision,
    simulated   boolean NOT NULL DEFAULT false, -- made by the demo's history; real readings of the hour replace it
    PRIMARY KEY (sensor_id, hour),
    FOREIGN KEY (sensor_id, company_id) REFERENCES sensor (sensor_id, company_id)
) WITH (fillfactor = 50);                      -- an hour is added to every minute: the new row finds room beside the old
-- The insurer's people see an hour when its last reading is 24 hours old (design section 9).
CALL davy_wall('reading_hour', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND ((SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'') OR hour <= now() - interval ''25 hours'')))');

CREATE TABLE reading_minute (                  -- the same by the minute: what a chart of weeks is drawn from
    sensor_id   int NOT NULL,
    minute      timestamptz NOT NULL,
    company_id  int NOT NULL REFERENCES company,
    readings    int NOT NULL,
    good        int NOT NULL,
    minimum     double precision,
    maximum     double precision,
    mean        double precision,
    PRIMARY KEY (sensor_id, minute),
    FOREIGN KEY (sensor_id, company_id) REFERENCES sensor (sensor_id, company_id)
) WITH (fillfactor = 85);                      -- a minute is added to once or twice: the new row finds room beside the old
CALL davy_wall('reading_minute', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND ((SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'') OR minute <= now() - interval ''24 hours 1 minute'')))');

CREATE TABLE rollup_mark (                     -- up to which batch of a worker minutes and hours are filled
    worker      text PRIMARY KEY,
    batch_no    bigint NOT NULL
);

CREATE TABLE evidence_reading (                -- readings within the evidence of occurrences, kept when their day is dropped (0011)
    sensor_id   int NOT NULL,
    company_id  int NOT NULL REFERENCES company,
    measured_at timestamptz NOT NULL,
    value       double precision,
    batch_no    bigint NOT NULL,
    quality     smallint NOT NULL,
    judged_at   timestamptz,
    PRIMARY KEY (sensor_id, measured_at),
    FOREIGN KEY (sensor_id, company_id) REFERENCES sensor (sensor_id, company_id)
);
-- Raw readings as before: the insurer's people see them through v_evidence alone.
CALL davy_wall('evidence_reading', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');

-- `reading` is never granted to web: TimescaleDB refuses compression on a table with row security (issue 6827) and a
-- grant reaches chunks without the policy (issue 7830). The pages read this; the insurer's people see no raw stream.
CREATE VIEW v_reading WITH (security_barrier) AS
    SELECT r.sensor_id, s.company_id, r.measured_at, r.value, r.quality, r.batch_no, r.judged_at
    FROM sensor s JOIN reading r ON r.sensor_id = s.sensor_id
    WHERE (SELECT davy_everything()) OR current_user = 'davy_owner'
       OR (s.company_id = ANY ((SELECT davy_companies())::int[])
           AND (SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin', 'grafana'));

-- Newest values and hours, as the walls of their tables show them, for who is not ingest.
CREATE VIEW v_latest WITH (security_barrier) AS
    SELECT sensor_id, company_id, measured_at, received_at, value, quality FROM latest
    WHERE (company_id = ANY ((SELECT davy_companies())::int[])
        AND (SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin', 'grafana')) OR (SELECT davy_everything()) OR current_user = 'davy_owner';

CREATE VIEW v_reading_hour WITH (security_barrier) AS
    SELECT sensor_id, hour, company_id, readings, good, minimum, maximum, mean, simulated FROM reading_hour
    WHERE (SELECT davy_everything()) OR current_user = 'davy_owner' OR (company_id = ANY ((SELECT davy_companies())::int[])
        AND ((SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin') OR hour <= now() - interval '25 hours'));

-- From which hour on a sensor is heard; null: never. A view of its own, because only on the table itself does that cost one look
-- into the index: through v_reading_hour it would be all the hours there are.
CREATE VIEW v_heard_since WITH (security_barrier) AS
    SELECT s.sensor_id, s.company_id, (
        SELECT h.hour FROM reading_hour h
        WHERE h.sensor_id = s.sensor_id AND ((SELECT davy_everything()) OR current_user = 'davy_owner'
            OR (SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin') OR h.hour <= now() - interval '25 hours')
        ORDER BY h.hour LIMIT 1) AS hour
    FROM sensor s
    WHERE (SELECT davy_everything()) OR s.company_id = ANY ((SELECT davy_companies())::int[]) OR current_user = 'davy_owner';

-- Messages that have not come by now, for who counts the time in which they are missing.
CREATE VIEW v_stream_gap WITH (security_barrier) AS
    SELECT device_id, company_id, missing, left_from, left_until FROM stream_gap
    WHERE closed_at IS NULL AND ((SELECT davy_everything()) OR current_user = 'davy_owner'
        OR company_id = ANY ((SELECT davy_companies())::int[]));

-- The sign of life of each worker, and how many batches wait in its spool: what is queued meanwhile may be over.
CREATE VIEW v_ingest_beat WITH (security_barrier) AS
    SELECT worker, beat_at, state, coalesce((report->'spool'->>'batches')::int, 0) AS spooled FROM ingest_status;

CREATE VIEW v_audit_reading AS
    SELECT si.key AS site, d.key AS device, s.key AS sensor, r.measured_at, r.value
    FROM reading r JOIN sensor s USING (sensor_id) JOIN device d USING (device_id) JOIN site si ON si.site_id = s.site_id;

GRANT SELECT, INSERT ON reading TO davy_ingest;
GRANT SELECT, INSERT, UPDATE ON latest, ingest_mark, checkpoint, checkpoint_part, device_stream, ingest_status TO davy_ingest;
GRANT DELETE ON checkpoint_part TO davy_ingest;
GRANT SELECT, INSERT ON ingest_batch, rejected_message TO davy_ingest;
GRANT DELETE ON ingest_batch TO davy_ingest;
GRANT UPDATE (company_id, site_id, device_id, count, reason, sentence, taken_at) ON rejected_message TO davy_ingest;
GRANT SELECT, INSERT, UPDATE ON stream_gap TO davy_ingest;
GRANT USAGE ON SEQUENCE rejected_message_rejected_id_seq, stream_gap_gap_id_seq TO davy_ingest;
GRANT SELECT ON latest, device_stream, stream_gap, v_reading TO davy_alerting, davy_web, davy_grafana;
GRANT SELECT ON rejected_message TO davy_web;
GRANT SELECT ON ingest_status TO davy_web, davy_alerting;
GRANT SELECT (worker, beat_at, state) ON ingest_status TO davy_grafana; -- not the report: it counts over all companies
-- Minutes and hours are filled by the clock, in the risk process, which works as alerting. Nobody but the owner's functions of 0011
-- deletes them, or writes evidence.
GRANT SELECT ON ingest_mark TO davy_alerting;
GRANT SELECT, INSERT, UPDATE ON reading_minute, reading_hour, rollup_mark TO davy_alerting;
GRANT SELECT ON reading_minute, reading_hour TO davy_web, davy_grafana;
GRANT SELECT ON evidence_reading TO davy_web;
GRANT SELECT ON v_latest, v_reading_hour, v_heard_since, v_ingest_beat TO davy_alerting, davy_web;
GRANT SELECT ON v_stream_gap TO davy_alerting;
