-- Compounds: conditions of one site that mean more together than alone, and what they were made of when they began.
-- Owner: alerting.

CREATE TABLE compound (                        -- its alarm is an ordinary definition on its virtual sensor `_compound.{key}`
    compound_id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL REFERENCES site,
    sensor_id   int NOT NULL UNIQUE,
    key         text NOT NULL,
    window_s    double precision NOT NULL CHECK (window_s >= 0),   -- a part still counts so long after it ended
    in_order    boolean NOT NULL,
    version     int NOT NULL DEFAULT 1,        -- of its own parts: they are judged afresh when they change
    valid_from  timestamptz NOT NULL,
    retired_at  timestamptz,
    UNIQUE (site_id, key),
    UNIQUE (compound_id, company_id),
    FOREIGN KEY (sensor_id, company_id) REFERENCES sensor (sensor_id, company_id)
);
CALL davy_wall('compound');

CREATE TABLE compound_part (                   -- either a definition of the site, or a condition of its own that is no alarm
    compound_id int NOT NULL,
    part_id     int NOT NULL UNIQUE GENERATED ALWAYS AS IDENTITY,  -- of the condition, wherever it stands; never used again for another
    company_id  int NOT NULL REFERENCES company,
    position    smallint NOT NULL CHECK (position BETWEEN 0 AND 15),
    name        text NOT NULL, name_zh text NOT NULL,              -- empty: the definition's title
    definition_id int,
    sensor_id   int,
    detector    text,
    parameters  jsonb,
    direction   text CHECK (direction IN ('high', 'low')),
    setpoint    double precision,
    deadband    double precision CHECK (deadband >= 0),
    on_delay_s  double precision CHECK (on_delay_s >= 0),
    off_delay_s double precision CHECK (off_delay_s >= 0),
    votes       smallint,
    votes_of    smallint CHECK (votes_of BETWEEN votes AND 64),
    PRIMARY KEY (compound_id, position),
    CHECK ((definition_id IS NULL) <> (sensor_id IS NULL)),
    CHECK ((sensor_id IS NULL) = (setpoint IS NULL) AND (sensor_id IS NULL) = (votes_of IS NULL) AND (sensor_id IS NULL) = (detector IS NULL)),
    FOREIGN KEY (compound_id, company_id) REFERENCES compound (compound_id, company_id),
    FOREIGN KEY (definition_id, company_id) REFERENCES alarm_definition (definition_id, company_id),
    FOREIGN KEY (sensor_id, company_id) REFERENCES sensor (sensor_id, company_id)
);
CALL davy_wall('compound_part');

CREATE TABLE compound_evidence (               -- each part with its number and instant as the alarm was raised: frozen with it
    occurrence_id bigint NOT NULL,
    company_id  int NOT NULL REFERENCES company,
    at          timestamptz NOT NULL,
    parts       jsonb NOT NULL,
    PRIMARY KEY (occurrence_id, at),
    FOREIGN KEY (company_id, occurrence_id) REFERENCES occurrence (company_id, occurrence_id)
);
-- The insurer's people see it as they see the readings it comes from: once the occurrence is resolved or shared.
CALL davy_wall('compound_evidence', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND ((SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'') OR EXISTS (
        SELECT FROM occurrence o WHERE o.occurrence_id = compound_evidence.occurrence_id AND (o.resolved_at IS NOT NULL OR o.shared)))))');

GRANT SELECT ON compound, compound_part TO davy_ingest;
GRANT SELECT, INSERT ON compound_evidence TO davy_ingest;
GRANT SELECT ON compound_evidence TO davy_web;

-- Whether a live compound of life safety counts on a limit, be it through other compounds: then it is changed as one of life safety is.
CREATE FUNCTION davy_counts_for_life(definition int) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
    WITH RECURSIVE above AS (
        SELECT definition AS definition_id, '' AS priority
        UNION
        SELECT d.definition_id, d.priority FROM above a JOIN public.compound_part p ON p.definition_id = a.definition_id
            JOIN public.compound c ON c.compound_id = p.compound_id JOIN public.alarm_definition d ON d.sensor_id = c.sensor_id
            WHERE c.retired_at IS NULL AND d.retired_at IS NULL
    )
    SELECT EXISTS (SELECT FROM above WHERE priority = 'life-safety')
$$;
REVOKE ALL ON FUNCTION davy_counts_for_life FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_counts_for_life TO davy_web;

-- Whether lives hang on a sensor: a live limit on it, or on its difference from another, is of life safety, counts for it or latches; or a
-- compound that is, or counts for it, has a condition of its own on it. core/site_life.py, once more.
CREATE FUNCTION davy_life_hangs_on(sensor int) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM public.alarm_definition d WHERE davy_life_hangs_on.sensor IN (d.sensor_id, d.other_sensor_id) AND d.retired_at IS NULL
               AND (d.priority = 'life-safety' OR d.latch OR davy_counts_for_life(d.definition_id)))
        OR EXISTS (SELECT FROM public.compound_part p JOIN public.compound c USING (compound_id)
               JOIN public.alarm_definition d ON d.sensor_id = c.sensor_id
               WHERE p.sensor_id = davy_life_hangs_on.sensor AND c.retired_at IS NULL AND d.retired_at IS NULL
                 AND (d.priority = 'life-safety' OR davy_counts_for_life(d.definition_id)))
$$;
REVOKE ALL ON FUNCTION davy_life_hangs_on FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_life_hangs_on TO davy_web;

-- What tells of the sensor and not of the plant: core/sensor_faults.py.
CREATE FUNCTION davy_of_sensor(detector text) RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN detector = ANY ('{stale,stuck,unusable,outside,clipped,still,drift}'::text[]);
REVOKE ALL ON FUNCTION davy_of_sensor FROM PUBLIC;
