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

-- To what a sensor's own fault is raised where lives hang on the sensor, as the fields that change; none: it is urgent enough. What
-- core/sensor_faults.py says, once more; the ceiling of silence is that of `stale-life-safety` in packs/signal_limits.yaml.
CREATE FUNCTION davy_fault_raised(f alarm_definition) RETURNS jsonb LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN davy_of_sensor(f.detector) AND f.priority IN ('medium', 'low') THEN '{"priority": "high"}'::jsonb
            || CASE WHEN f.respond_within_s > 3600 THEN '{"respond_within_s": 3600}'::jsonb ELSE '{}' END
            || CASE WHEN f.realarm_after_s IS NOT DISTINCT FROM CASE f.priority WHEN 'medium' THEN 86400 END
                THEN '{"realarm_after_s": 28800}'::jsonb ELSE '{}' END ELSE '{}' END
        || CASE WHEN f.detector = 'stale' AND coalesce((f.parameters ->> 'periods')::float8, 0) <> 0
                AND coalesce((f.parameters ->> 'ceiling_s')::float8, 10800) > 60
            THEN jsonb_build_object('parameters', f.parameters || '{"ceiling_s": 60}') ELSE '{}' END
$$;
REVOKE ALL ON FUNCTION davy_fault_raised FROM PUBLIC;

-- Faults of a site's sensors that would be raised if lives hung on them, and on whose sensors none hang. Davy's own come with it.
CREATE FUNCTION davy_faults_at_rest(site int) RETURNS int[] LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT ARRAY(SELECT f.definition_id FROM public.alarm_definition f JOIN public.sensor s USING (sensor_id)
        WHERE f.site_id = site AND f.retired_at IS NULL AND f.role = 'alarm' AND NOT s.is_virtual
            AND davy_fault_raised(f) <> '{}' AND NOT davy_life_hangs_on(f.sensor_id))
$$;
REVOKE ALL ON FUNCTION davy_faults_at_rest FROM PUBLIC;

-- Raises those of them, and one that came back, on whose sensors lives hang now, by the change that makes it so and in its people's names: each a version of its
-- own. What two people lowered stays as they left it.
CREATE FUNCTION davy_raise_faults(c limit_change, who int, at_rest int[], at timestamptz, moved bigint) RETURNS void LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    f public.alarm_definition;
    n public.alarm_definition;
    was jsonb;
    becomes jsonb;
    since text;
    why text;
    entry bigint;
BEGIN
    SELECT left(format('lives hang on its sensor since limit %1$s changed / 限值 %1$s 变更后，此传感器关系人身安全: %2$s', d.key, c.reason), 1000) INTO since
        FROM public.alarm_definition d WHERE d.definition_id = c.definition_id;
    FOR f IN SELECT a.* FROM public.alarm_definition a WHERE a.definition_id = ANY (at_rest) AND davy_life_hangs_on(a.sensor_id)
            ORDER BY a.definition_id FOR UPDATE LOOP
        CONTINUE WHEN coalesce((SELECT l.settled_by <> l.proposed_by AND l.proposed ->> 'priority' = f.priority
                AND array_position('{life-safety,high,medium,low}'::text[], l.old ->> 'priority')
                    < array_position('{life-safety,high,medium,low}'::text[], f.priority)
            FROM public.limit_change l WHERE l.definition_id = f.definition_id AND l.state = 'applied' AND l.proposed ? 'priority'
            ORDER BY l.journal_id DESC LIMIT 1), false);
        becomes := davy_fault_raised(f);
        CONTINUE WHEN becomes = '{}';
        why := CASE WHEN f.definition_id = c.definition_id -- it came back itself
            THEN left(format('lives hang on its sensor / 此传感器关系人身安全: %s', c.reason), 1000) ELSE since END;
        SELECT jsonb_object_agg(field, to_jsonb(f) -> field) INTO was FROM jsonb_object_keys(becomes) AS field;
        n := jsonb_populate_record(f, becomes);
        UPDATE public.alarm_definition a SET priority = n.priority, respond_within_s = n.respond_within_s, realarm_after_s = n.realarm_after_s,
            parameters = n.parameters, version = a.version + 1, valid_from = at WHERE a.definition_id = f.definition_id;
        INSERT INTO public.journal (at, company_id, person_id, actor, action, subject, old, new, reason)
            SELECT davy_raise_faults.at, c.company_id, c.proposed_by, p.role, 'limit_changed', 'limit ' || s.key || '/' || f.key, was, becomes, why
            FROM public.site s, public.person p WHERE s.site_id = f.site_id AND p.person_id = c.proposed_by
            RETURNING journal_id INTO entry;
        INSERT INTO public.limit_change (company_id, site_id, definition_id, base_version, old, proposed, reason, proposed_by, proposed_at,
                state, settled_by, settled_at, journal_id, definitions_version)
            VALUES (f.company_id, f.site_id, f.definition_id, f.version, was, becomes, why, c.proposed_by, c.proposed_at, 'applied', who, at, entry, moved);
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION davy_raise_faults FROM PUBLIC;
