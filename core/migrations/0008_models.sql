-- Models over several sensors of one asset: what is declared, what was fitted, what has been scored, and why it fired.
-- Owner: detectors.

CREATE TABLE asset_model (                     -- declared in the site file; scores are sensors of the device `_model.{key}`
    asset_id    int PRIMARY KEY REFERENCES asset,
    company_id  int NOT NULL REFERENCES company,
    key         text NOT NULL UNIQUE,
    window_s    double precision NOT NULL CHECK (window_s > 0),
    priority    text NOT NULL CHECK (priority IN ('high', 'medium', 'low')),   -- never life-safety
    setup       jsonb NOT NULL DEFAULT '{}',   -- slow members, load, states, forecast: core/model_setup.py
    valid_from  timestamptz NOT NULL,
    retired_at  timestamptz,
    UNIQUE (company_id, asset_id)
);
CALL davy_wall('asset_model');

CREATE TABLE asset_model_member (              -- the columns of a model, in order
    asset_id    int NOT NULL,
    company_id  int NOT NULL REFERENCES company,
    position    int NOT NULL,                  -- from 1 on; 0: not judged, tells the state that the machine is in
    sensor_id   int NOT NULL,
    PRIMARY KEY (asset_id, position),
    UNIQUE (asset_id, sensor_id),
    FOREIGN KEY (company_id, asset_id) REFERENCES asset_model (company_id, asset_id),
    FOREIGN KEY (sensor_id, company_id) REFERENCES sensor (sensor_id, company_id)
);
CALL davy_wall('asset_model_member');

CREATE TABLE detector_model (                  -- append-only: every fit of every model, with all that is needed to score again
    model_id    bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    asset_id    int NOT NULL,
    version     int NOT NULL,                  -- of the asset; all kinds of one fit share it
    kind        text NOT NULL,                 -- detectors/models/registry.py
    members     text[] NOT NULL,               -- device/sensor of each column
    window_s    double precision NOT NULL,
    trained_from timestamptz NOT NULL,
    trained_until timestamptz NOT NULL CHECK (trained_until > trained_from),
    windows     int NOT NULL,                  -- complete ones in that interval
    parameters  jsonb NOT NULL,                -- of the model and its calibration
    highest     double precision NOT NULL,     -- the largest number its calibration can give
    notices     text[] NOT NULL DEFAULT '{}',
    cut         jsonb NOT NULL DEFAULT '[]',   -- [{since, until, why}]: stretches of the interval that were flagged, so nothing was learnt from them
    contamination jsonb NOT NULL DEFAULT '{}', -- how many windows of what was left a robust fit, and the version in force, found odd; and who overruled that, why
    training    jsonb NOT NULL DEFAULT '{}',   -- {member: {low, high, spread}} of the windows it learnt from: what it is held against later
    made_with   jsonb NOT NULL DEFAULT '{}',   -- {kind, seed, libraries, ...}: what the same parameters come out of, with interval, cut and readings
    readings    bytea,                         -- sha256 of the windows it was made of; null: not kept
    fitted_at   timestamptz NOT NULL,
    fitted_by   text NOT NULL,
    reason      text NOT NULL,
    UNIQUE (asset_id, version, kind),
    UNIQUE (company_id, model_id),
    FOREIGN KEY (company_id, asset_id) REFERENCES asset_model (company_id, asset_id)
);
CALL davy_wall('detector_model', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');

-- Which version judges: the newest row of its asset. Going back to an older one is a row too; nothing is changed or deleted.
CREATE TABLE model_promotion (
    promotion_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    asset_id    int NOT NULL,
    version     int NOT NULL,                  -- of detector_model
    promoted_at timestamptz NOT NULL,
    promoted_by text NOT NULL,
    reason      text NOT NULL CHECK (btrim(reason) <> ''),
    shadow_windows int NOT NULL DEFAULT 0,     -- that it had judged in shadow by then
    overruled   text,                          -- why it went in force although those were too few; null: they were not
    UNIQUE (asset_id, promoted_at),
    FOREIGN KEY (company_id, asset_id) REFERENCES asset_model (company_id, asset_id)
);
CALL davy_wall('model_promotion', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');

-- What versions that are not in force say of the windows that come, and beside them the one that is: kept for a while, published
-- and alarmed nowhere.
CREATE TABLE shadow_score (
    asset_id    int NOT NULL,
    company_id  int NOT NULL REFERENCES company,
    version     int NOT NULL,
    kind        text NOT NULL,
    until       timestamptz NOT NULL,          -- end of the window
    number      double precision,              -- null: it could not judge it
    PRIMARY KEY (asset_id, version, kind, until),
    FOREIGN KEY (company_id, asset_id) REFERENCES asset_model (company_id, asset_id)
);
CALL davy_wall('shadow_score', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');
CREATE INDEX shadow_score_by_age ON shadow_score USING brin (until);   -- what is too old is deleted

-- How far each asset has been scored. The message of the last window stays until the broker has acknowledged it: after a
-- crash it is sent again under the same boot and seq, which ingest knows for a repeat. So no window is scored twice.
CREATE TABLE model_progress (
    asset_id    int PRIMARY KEY,
    company_id  int NOT NULL REFERENCES company,
    scored_until timestamptz NOT NULL,
    boot        bigint NOT NULL,
    seq         bigint NOT NULL,
    message     bytea NOT NULL,
    acknowledged boolean NOT NULL,
    FOREIGN KEY (company_id, asset_id) REFERENCES asset_model (company_id, asset_id)
) WITH (fillfactor = 50);
CALL davy_wall('model_progress');

CREATE TABLE model_evidence (                  -- why it fired: worked out from stored readings when it began, then frozen
    occurrence_id bigint PRIMARY KEY,
    company_id  int NOT NULL REFERENCES company,
    model_id    bigint,                        -- null: no model of that time is there
    version     int,                           -- of that model, and what it was fitted on: what a page says of it
    trained_from timestamptz,
    trained_until timestamptz,
    window_end  timestamptz NOT NULL,
    number      double precision,              -- null: the readings to work it out from are not there
    members     jsonb NOT NULL,                -- [{sensor, name, name_zh, unit, observed, expected, share}], the oddest first
    frozen_at   timestamptz NOT NULL,
    FOREIGN KEY (company_id, occurrence_id) REFERENCES occurrence (company_id, occurrence_id),
    FOREIGN KEY (company_id, model_id) REFERENCES detector_model (company_id, model_id)
);
-- The insurer's people see it as they see the readings it comes from: once the occurrence is resolved or shared.
CALL davy_wall('model_evidence', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND ((SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'') OR EXISTS (
        SELECT FROM occurrence o WHERE o.occurrence_id = model_evidence.occurrence_id AND (o.resolved_at IS NOT NULL OR o.shared)))))');

GRANT SELECT ON asset_model, asset_model_member, detector_model, model_progress, model_evidence TO davy_alerting;
GRANT INSERT ON detector_model, model_progress, model_evidence TO davy_alerting;
GRANT SELECT, INSERT ON model_promotion TO davy_alerting;
GRANT SELECT, INSERT, DELETE ON shadow_score TO davy_alerting;
GRANT SELECT ON model_promotion, shadow_score TO davy_web;
GRANT USAGE ON SEQUENCE model_promotion_promotion_id_seq TO davy_alerting;
GRANT UPDATE (scored_until, seq, message, acknowledged) ON model_progress TO davy_alerting;
GRANT SELECT ON model_evidence TO davy_web;
GRANT USAGE ON SEQUENCE detector_model_model_id_seq TO davy_alerting;

-- Which member of a model has most of its number, of each occurrence that was worked out: where people look first.
CREATE VIEW v_model_root WITH (security_barrier) AS
    SELECT e.company_id, e.occurrence_id, e.members -> 0 ->> 'sensor' AS sensor, e.members -> 0 ->> 'name' AS name,
           e.members -> 0 ->> 'name_zh' AS name_zh, (e.members -> 0 ->> 'share')::double precision AS share
    FROM model_evidence e WHERE jsonb_array_length(e.members) > 0 AND (SELECT davy_everything());
GRANT SELECT ON v_model_root TO davy_alerting;
