-- The second opinion: which windows of a night were least like the weeks before, and what a person said of them. Owner: detectors.
-- Nothing here calls anybody: no trigger, and no row of another table hangs on it.

CREATE TABLE second_opinion_night (            -- a site's local day: judged, or why not
    night_id    bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL,
    day         date NOT NULL,                 -- of the site's own calendar
    state       text NOT NULL DEFAULT 'begun' CHECK (state IN ('begun', 'done', 'failed')),
    attempt     smallint NOT NULL DEFAULT 1,   -- more than one: it was begun again after it was broken off
    begun_at    timestamptz NOT NULL,
    lease_until timestamptz,                   -- begun: whose it is until then; a process that died lets it run out
    ended_at    timestamptz,
    subjects    int NOT NULL DEFAULT 0,        -- signals and machines that were judged
    windows     int NOT NULL DEFAULT 0,        -- of them, in that day
    left_out    jsonb NOT NULL DEFAULT '[]',   -- [{kind, number, why, needs, has}]: detectors/second/case.py
    signals     int NOT NULL DEFAULT 0,        -- of the site, that could be looked at
    not_looked_at int NOT NULL DEFAULT 0 CHECK (not_looked_at BETWEEN 0 AND signals), -- of them, that night: there were too many, or its time was up
    goes_on_asset int,                         -- with which signal the next night begins: its machine (null: of none) and itself;
    goes_on_sensor int,                        -- null: from the beginning. No keys: what is retired is passed over
    problem     text,                          -- failed: what became of it, one of api/words/second.py
    CHECK ((state = 'begun') = (lease_until IS NOT NULL)),
    UNIQUE (site_id, day),
    UNIQUE (company_id, night_id),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id)
);
CALL davy_wall('second_opinion_night', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');

CREATE TABLE second_opinion (                  -- its most unusual windows, in their order; append-only
    opinion_id  bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    night_id    bigint NOT NULL,
    place       smallint NOT NULL CHECK (place >= 1),
    kind        text NOT NULL CHECK (kind IN ('sensor', 'asset', 'bands')),
    sensor_id   int NOT NULL,                  -- of a machine: the signal that is most unusual in it
    asset_id    int REFERENCES asset,
    from_at     timestamptz NOT NULL,
    until_at    timestamptz NOT NULL CHECK (until_at > from_at),
    rank        double precision NOT NULL CHECK (rank >= 1),   -- mean of its three best ranks by the models, among the night's windows
    models      text[] NOT NULL,               -- those by which it is odder than 99 of 100 windows kept apart
    facts       jsonb NOT NULL,                -- [{sensor, feature, value, low, high, times, steps}], the most unusual first
    UNIQUE (night_id, place),
    UNIQUE (company_id, opinion_id),
    CHECK (kind <> 'asset' OR asset_id IS NOT NULL),
    FOREIGN KEY (company_id, night_id) REFERENCES second_opinion_night (company_id, night_id),
    FOREIGN KEY (sensor_id, company_id) REFERENCES sensor (sensor_id, company_id)
);
CALL davy_wall('second_opinion', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');

CREATE TABLE second_opinion_word (             -- what people said of a window; append-only, the newest of a window holds
    word_id     bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    opinion_id  bigint NOT NULL,
    said        text NOT NULL CHECK (said IN ('worth', 'nothing', 'sensor_fault')),
    person_id   int NOT NULL REFERENCES person,
    said_at     timestamptz NOT NULL,
    FOREIGN KEY (company_id, opinion_id) REFERENCES second_opinion (company_id, opinion_id)
);
CALL davy_wall('second_opinion_word', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');
CREATE INDEX second_opinion_word_by_opinion ON second_opinion_word (opinion_id, word_id);
-- Who works at the plant says it, in their own name and now; the operator of Davy only reads.
CREATE POLICY in_ones_own_name ON second_opinion_word AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK ((SELECT davy_role()) IN ('safety_officer', 'integrator') AND person_id = (SELECT davy_person()) AND davy_just_now(said_at));

GRANT SELECT, INSERT ON second_opinion_night, second_opinion TO davy_alerting;
GRANT UPDATE (state, attempt, begun_at, lease_until, ended_at, subjects, windows, left_out, signals, not_looked_at, goes_on_asset, goes_on_sensor, problem)
    ON second_opinion_night TO davy_alerting;
GRANT SELECT ON second_opinion_word TO davy_alerting;
GRANT SELECT ON second_opinion_night, second_opinion TO davy_web;
GRANT SELECT, INSERT ON second_opinion_word TO davy_web;
GRANT USAGE ON SEQUENCE second_opinion_night_night_id_seq, second_opinion_opinion_id_seq TO davy_alerting;
GRANT USAGE ON SEQUENCE second_opinion_word_word_id_seq TO davy_web;
