-- How a limit changes: proposed, approved by a second person where lives hang on it, applied by the owner's function. Owner: alerting.
-- To change a limit can be a crime (reference: Criminal Law art. 134-1), so no process that serves people may write
-- alarm_definition: the function below does, and looks by itself at who asks, in which role, and what they had seen.

-- Whether a change names the same fields as they are and as they would be, all of those that a page changes and each of its type: whoever
-- reads a change can, and can end it. Whether the values can be a limit is looked at when it is put in force.
CREATE FUNCTION davy_limit_readable(old jsonb, proposed jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN jsonb_typeof(old) = 'object' AND jsonb_typeof(proposed) = 'object' THEN
        ARRAY(SELECT jsonb_object_keys(old) ORDER BY 1) = ARRAY(SELECT jsonb_object_keys(proposed) ORDER BY 1) AND NOT EXISTS (
            SELECT FROM (SELECT * FROM jsonb_each(old) UNION ALL SELECT * FROM jsonb_each(proposed)) f
            CROSS JOIN LATERAL (SELECT CASE jsonb_typeof(f.value) WHEN 'number' THEN (f.value #>> '{}')::numeric END AS n,
                                       CASE jsonb_typeof(f.value) WHEN 'string' THEN f.value #>> '{}' END AS said) v
            WHERE NOT coalesce(CASE
                WHEN abs(v.n) > 0 AND abs(v.n) < 5e-324 THEN false -- no double precision is so near to 0, and reading it as one fails
                WHEN f.key = 'setpoint' THEN abs(v.n) <= 1e15
                WHEN f.key IN ('deadband', 'on_delay_s', 'off_delay_s', 'respond_within_s') THEN v.n BETWEEN 0 AND 1e15
                WHEN f.key IN ('votes', 'votes_of') THEN v.n BETWEEN 1 AND 64 AND v.n = trunc(v.n)
                WHEN f.key = 'realarm_after_s' THEN f.value = 'null' OR v.n BETWEEN 900 AND 1e15
                WHEN f.key = 'priority' THEN v.said IN ('life-safety', 'high', 'medium', 'low')
                WHEN f.key IN ('latch', 'retired') THEN jsonb_typeof(f.value) = 'boolean'
                WHEN f.key IN ('title', 'title_zh', 'consequence', 'consequence_zh', 'response', 'response_zh') THEN length(v.said) <= 10000
                WHEN f.key = 'other' THEN length(v.said) <= 200
                WHEN f.key IN ('standard', 'edition', 'clause', 'verified_by') THEN f.value = 'null' OR length(v.said) <= 10000
                WHEN f.key = 'verified_on' THEN f.value = 'null' OR v.said ~ '^\d{4}-\d\d-\d\d$'
                WHEN f.key = 'parameters' AND jsonb_typeof(f.value) = 'object' THEN NOT EXISTS (SELECT FROM jsonb_each(f.value) p
                    WHERE NOT coalesce(CASE jsonb_typeof(p.value) WHEN 'number' THEN (p.value #>> '{}')::numeric = 0
                        OR abs((p.value #>> '{}')::numeric) BETWEEN 5e-324 AND 1e15 END, false))
                END, false)) ELSE false END
$$;
REVOKE ALL ON FUNCTION davy_limit_readable FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_limit_readable TO davy_web; -- a CHECK runs as whoever writes

CREATE TABLE limit_change (
    change_id   bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL,
    definition_id int NOT NULL,
    base_version int NOT NULL,                 -- of the definition, as the proposer saw it
    old         jsonb NOT NULL,                -- the fields that change, as they were then
    proposed    jsonb NOT NULL CHECK (jsonb_typeof(proposed) = 'object' AND proposed <> '{}'),
    reason      text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    overruling  text CHECK (length(overruling) BETWEEN 1 AND 1000), -- why without, or in spite of, a back-test: the proposer's words
    proposed_by int NOT NULL REFERENCES person,
    proposed_at timestamptz NOT NULL,
    state       text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'applied', 'refused', 'withdrawn')),
    settled_by  int REFERENCES person,         -- who approved, refused or withdrew it; where one person is enough, the proposer
    settled_at  timestamptz,
    answer      text CHECK (length(answer) BETWEEN 1 AND 1000), -- the words of whoever settled it
    backtest_id bigint,                        -- the proof that it was applied with
    by_file     boolean NOT NULL DEFAULT false, -- it came with a site file that two people answer for
    journal_id  bigint REFERENCES journal,     -- what was written down when it was applied
    definitions_version bigint,                -- ingest judges by it from the batch on whose mark says this
    CHECK ((state = 'proposed') = (settled_at IS NULL) AND (settled_at IS NULL) = (settled_by IS NULL)),
    CHECK ((state = 'applied') = (journal_id IS NOT NULL)),
    CHECK (by_file OR davy_limit_readable(old, proposed)),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id),
    FOREIGN KEY (definition_id, company_id) REFERENCES alarm_definition (definition_id, company_id)
);
-- People's names and words: they stay with the client. The insurer reads v_limit_history.
CALL davy_wall('limit_change', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');
CREATE UNIQUE INDEX one_open_change_of_a_limit ON limit_change (definition_id) WHERE state = 'proposed';
CREATE INDEX limit_change_by_definition ON limit_change (definition_id, change_id);
CREATE INDEX limit_change_by_journal ON limit_change (journal_id);
CREATE POLICY in_ones_own_name ON limit_change AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK (proposed_by = (SELECT davy_person()) AND (SELECT davy_role()) IN ('safety_officer', 'integrator') AND state = 'proposed'
        AND backtest_id IS NULL AND journal_id IS NULL AND NOT by_file AND davy_just_now(proposed_at));

-- Whoever settles a change: an active person of the company whose limit it is, in a role that may, named by the token.
CREATE FUNCTION davy_limit_settler(company int) RETURNS int LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT coalesce(company = ANY (davy_companies()), false) OR NOT EXISTS (
            SELECT FROM public.person p WHERE p.person_id = davy_person() AND p.company_id = company AND p.active AND p.role = davy_role()
                AND p.role IN ('safety_officer', 'integrator')) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a change of a limit is settled by the company''s own safety officers and integrators';
    END IF;
    RETURN davy_person();
END
$$;
REVOKE ALL ON FUNCTION davy_limit_settler FROM PUBLIC;

-- Of a change, what is judged by: as DefinitionRow.judging (tests/alerting/test_limit_gate_db.py holds both to it).
CREATE FUNCTION davy_limit_judged(proposed jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(jsonb_object_agg(f.key, f.value), '{}') FROM jsonb_each(proposed) f WHERE f.key = ANY (
        '{detector,other,parameters,direction,setpoint,deadband,on_delay_s,off_delay_s,votes,votes_of,priority,latch,retired}'::text[])
$$;
REVOKE ALL ON FUNCTION davy_limit_judged FROM PUBLIC;

-- A limit with the sensor that it is compared with by its name, as DefinitionRow and a change have it; and the sensor of such a name.
CREATE FUNCTION davy_limit_named(d alarm_definition) RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT to_jsonb(d) || jsonb_build_object('other', (SELECT v.key || '/' || s.key FROM public.sensor s JOIN public.device v USING (device_id)
        WHERE s.sensor_id = d.other_sensor_id))
$$;
CREATE FUNCTION davy_limit_other(d alarm_definition, named text) RETURNS int LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT s.sensor_id FROM public.sensor s JOIN public.device v USING (device_id) WHERE s.site_id = d.site_id AND v.key || '/' || s.key = named
$$;
REVOKE ALL ON FUNCTION davy_limit_named, davy_limit_other FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_limit_named, davy_limit_other TO davy_web;

-- Whether an open change finds its limit as its proposer saw it: in that version, and each field that changes as it was then.
CREATE FUNCTION davy_limit_as_seen(c limit_change, d alarm_definition) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(c.state = 'proposed' AND d.version = c.base_version AND NOT EXISTS (SELECT FROM jsonb_object_keys(c.proposed) AS field
        WHERE (davy_limit_named(d) || jsonb_build_object('retired', d.retired_at IS NOT NULL)) -> field IS DISTINCT FROM c.old -> field), false)
$$;
REVOKE ALL ON FUNCTION davy_limit_as_seen FROM PUBLIC;

-- Whether a change can lose or delay a call: core/strictness.py, once more, for who does not come by way of it.
CREATE FUNCTION davy_limit_looser(d alarm_definition, proposed jsonb) RETURNS boolean LANGUAGE sql STABLE
    SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT d.key IS NOT NULL AND d.retired_at IS NULL AND EXISTS (SELECT FROM jsonb_each(davy_limit_judged(proposed)) f
        WHERE davy_limit_named(d) -> f.key IS DISTINCT FROM f.value AND CASE
            WHEN f.key IN ('setpoint', 'deadband', 'on_delay_s', 'off_delay_s', 'votes', 'votes_of') AND jsonb_typeof(f.value) <> 'number' THEN true
            WHEN f.key = 'setpoint' AND d.direction = 'high' THEN f.value::float8 > d.setpoint
            WHEN f.key = 'setpoint' THEN f.value::float8 < d.setpoint
            WHEN f.key = 'deadband' THEN f.value::float8 > d.deadband
            WHEN f.key = 'on_delay_s' THEN f.value::float8 > d.on_delay_s
            WHEN f.key = 'off_delay_s' THEN f.value::float8 > d.off_delay_s
            WHEN f.key IN ('votes', 'votes_of') THEN coalesce(proposed ->> 'votes', d.votes::text) <> '1'
                OR coalesce(proposed ->> 'votes_of', d.votes_of::text) <> '1' OR coalesce(proposed -> 'on_delay_s', to_jsonb(d.on_delay_s)) <> '0'
            WHEN f.key = 'priority' THEN array_position('{life-safety,high,medium,low}'::text[], f.value #>> '{}')
                > array_position('{life-safety,high,medium,low}'::text[], d.priority)
            WHEN f.key = 'latch' THEN d.latch
            WHEN f.key = 'retired' THEN (f.value #>> '{}')::boolean
            ELSE true END)
$$;
REVOKE ALL ON FUNCTION davy_limit_looser FROM PUBLIC;

-- Of the time that a back-test looks at, the share that must be known for it to prove anything: of seven days one may be missing, and no
-- more, or the shift that matters is the one that is not there. The one place of this number: alerting/limit_gate.py reads it here.
CREATE FUNCTION davy_limit_least_known() RETURNS double precision LANGUAGE sql IMMUTABLE RETURN 0.85;
REVOKE ALL ON FUNCTION davy_limit_least_known FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_limit_least_known TO davy_web;

-- Whether a finished back-test lets a change through: of this change and version, of the last week or of all there is, of enough that
-- is known, and it shows nothing that speaks against it, nor does another one that looks as far. What was before the sensor was first
-- heard is no hole; where readings are gone, a change of times or of the second sensor is tried by nothing.
CREATE FUNCTION davy_limit_proven(d alarm_definition, proof bigint, at timestamptz) RETURNS boolean LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    since timestamptz := (SELECT min(h.hour) FROM public.reading_hour h WHERE h.sensor_id = d.sensor_id);
BEGIN
    RETURN since IS NULL OR EXISTS (
        SELECT FROM public.backtest b WHERE b.backtest_id = proof AND b.to_at >= at - interval '1 day'
            AND b.from_at <= greatest(at - interval '7 days', since) + interval '2 hours'
            AND b.result #>> '{verdict,refused}' = 'false' AND b.result -> 'problems' = '[]'
            AND b.to_at > greatest(b.from_at, since) AND coalesce((b.result #>> '{known,share}')::float8, 0) * extract(epoch FROM b.to_at - b.from_at)
                >= davy_limit_least_known() * extract(epoch FROM b.to_at - greatest(b.from_at, since))
            AND NOT (jsonb_typeof(b.result -> 'rollups_only') = 'object'
                AND coalesce((b.result #>> '{rollups_only,to}')::timestamptz, 'infinity') > since + interval '2 hours'
                AND davy_limit_looser(d, (SELECT coalesce(jsonb_object_agg(f.key, f.value), '{}') FROM jsonb_each(b.proposed) f
                    WHERE f.key = ANY ('{other,deadband,on_delay_s,off_delay_s,votes,votes_of,parameters}'::text[]))))
            AND NOT EXISTS (SELECT FROM public.backtest o WHERE o.site_id = b.site_id AND o.definition_key = b.definition_key
                AND o.proposed = b.proposed AND o.definition_version = b.definition_version AND o.state = 'done'
                AND o.to_at >= at - interval '1 day' AND o.from_at <= b.from_at AND o.result #>> '{verdict,refused}' IS DISTINCT FROM 'false'));
END
$$;
REVOKE ALL ON FUNCTION davy_limit_proven FROM PUBLIC;

-- Whether two people answer for a change: life safety, the fault of a sensor that lives hang on made looser, or heard again later than
-- now, which no back-test can try.
CREATE FUNCTION davy_limit_grave(d alarm_definition, proposed jsonb) RETURNS boolean LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN 'life-safety' IN (d.priority, coalesce(proposed ->> 'priority', '')) OR davy_counts_for_life(d.definition_id)
        OR (davy_of_sensor(d.detector) AND davy_life_hangs_on(d.sensor_id) AND davy_limit_loosens(d, proposed))
        OR (proposed ? 'realarm_after_s' AND NOT proposed ? 'priority'
            AND coalesce((proposed ->> 'realarm_after_s')::float8, 'Infinity') > coalesce(d.realarm_after_s, 'Infinity'));
END
$$;
REVOKE ALL ON FUNCTION davy_limit_grave FROM PUBLIC;

-- Whether it can lose or delay a call. A limit that comes back is weighed against what it was when it last called anybody, whatever
-- was made of it meanwhile.
CREATE FUNCTION davy_limit_loosens(d alarm_definition, proposed jsonb) RETURNS boolean LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF d.retired_at IS NOT NULL AND proposed ->> 'retired' = 'false' THEN
        RETURN davy_limit_looser(davy_limit_last_in_force(d), davy_limit_judged(davy_limit_named(d)) || (proposed - 'retired'));
    END IF;
    RETURN davy_limit_looser(d, proposed);
END
$$;
REVOKE ALL ON FUNCTION davy_limit_loosens FROM PUBLIC;

-- Applies a proposed change, or gives null where the limit is no longer as its proposer saw it, or the change is settled.
CREATE FUNCTION davy_limit_apply(change bigint, words text, proof bigint, at timestamptz) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    c public.limit_change;
    d public.alarm_definition;
    who int;
    partner int;
    fixed CONSTANT text[] := '{definition_id,company_id,site_id,sensor_id,other_sensor_id,key,detector,direction,role,version,valid_from,retired_at}';
    setting text;
    moved bigint;
    entry bigint;
    at_rest int[];
BEGIN
    SELECT * INTO c FROM public.limit_change l WHERE l.change_id = change FOR UPDATE;
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING MESSAGE = 'there is no such change of a limit';
    END IF;
    who := davy_limit_settler(c.company_id);
    IF NOT davy_just_now(at) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a change is applied when it is applied, not earlier or later';
    END IF;
    SELECT * INTO d FROM public.alarm_definition a WHERE a.definition_id = c.definition_id FOR UPDATE;
    -- Whatever column a limit has, now or later, can change, but for what makes it this limit of this sensor.
    IF EXISTS (SELECT FROM jsonb_object_keys(c.proposed) AS field WHERE field NOT IN ('retired', 'other') AND (field = ANY (fixed) OR NOT EXISTS (
            SELECT FROM pg_attribute t WHERE t.attrelid = 'public.alarm_definition'::regclass AND t.attname = field AND t.attnum > 0)))
        OR EXISTS (SELECT FROM public.sensor s WHERE s.sensor_id = d.sensor_id AND s.is_virtual) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a change of a limit names a field that does not change, or one of Davy''s own limits';
    END IF;
    -- The second sensor changes by its name: to a living one of the same site and unit, and only where the detector compares two.
    IF c.proposed ? 'other' THEN
        SELECT o.sensor_id INTO partner FROM public.sensor o JOIN public.device v USING (device_id) JOIN public.sensor s ON s.sensor_id = d.sensor_id
            WHERE o.sensor_id = davy_limit_other(d, c.proposed ->> 'other') AND o.sensor_id <> s.sensor_id AND o.unit = s.unit
              AND NOT o.is_virtual AND o.retired_at IS NULL AND v.retired_at IS NULL AND d.other_sensor_id IS NOT NULL;
        IF partner IS NULL THEN
            RAISE insufficient_privilege USING MESSAGE = 'a limit is compared with another sensor in use of its site and unit, or with none';
        END IF;
    END IF;
    IF NOT davy_limit_as_seen(c, d) THEN
        RETURN NULL;
    END IF;
    IF davy_limit_grave(d, c.proposed) OR c.overruling IS NOT NULL THEN
        IF who = c.proposed_by THEN
            RAISE insufficient_privilege USING MESSAGE = 'this change of a limit needs a second person';
        ELSIF NOT EXISTS (SELECT FROM public.person p WHERE p.person_id = c.proposed_by AND p.active) THEN
            RAISE insufficient_privilege USING MESSAGE = 'whoever proposed this change of a limit is no longer active';
        ELSIF NOT EXISTS (SELECT FROM public.person p WHERE p.person_id IN (who, c.proposed_by) AND p.role = 'safety_officer') THEN
            RAISE insufficient_privilege USING MESSAGE = 'one of the two is a safety officer';
        ELSIF c.overruling IS NOT NULL AND coalesce(btrim(words), '') = '' THEN
            RAISE insufficient_privilege USING MESSAGE = 'whoever overrules a back-test says why';
        END IF;
    END IF;
    IF proof IS NOT NULL AND NOT EXISTS (SELECT FROM public.backtest b WHERE b.backtest_id = proof AND b.company_id = c.company_id
            AND b.site_id = c.site_id AND b.definition_key = d.key AND b.state = 'done' AND b.definition_version = c.base_version
            AND b.proposed = davy_limit_judged(c.proposed)) THEN
        RAISE insufficient_privilege USING MESSAGE = 'the back-test is of another change';
    END IF;
    IF c.overruling IS NULL AND davy_limit_loosens(d, c.proposed) AND NOT davy_limit_proven(d, proof, at) THEN
        RAISE insufficient_privilege USING MESSAGE = 'this change of a limit needs a back-test that speaks for it, or a second person';
    END IF;
    IF c.proposed ->> 'priority' = 'life-safety' THEN -- a statistic that becomes life safety leaves the budget first (0030)
        UPDATE public.budgeted_limit b SET ended_at = at WHERE b.definition_id = c.definition_id AND b.ended_at IS NULL;
    END IF;
    IF c.proposed ?| '{priority,latch,retired,other}' THEN -- by it lives may come to hang on sensors (0018)
        at_rest := davy_faults_at_rest(d.site_id);
        IF c.proposed ->> 'retired' = 'false' AND d.role = 'alarm' THEN -- a fault that comes back, and lives may have come to hang on its sensor since
            at_rest := at_rest || d.definition_id;
        END IF;
    END IF;
    SELECT string_agg(format('%1$I = n.%1$I', field), ', ') INTO setting FROM jsonb_object_keys(c.proposed) AS field WHERE field NOT IN ('retired', 'other');
    IF setting IS NOT NULL THEN
        EXECUTE format('UPDATE public.alarm_definition a SET %s FROM jsonb_populate_record(NULL::public.alarm_definition, $1) n
                        WHERE a.definition_id = $2', setting) USING c.proposed - '{retired,other}'::text[], c.definition_id;
    END IF;
    UPDATE public.alarm_definition a SET
        version = a.version + 1, valid_from = at, other_sensor_id = coalesce(partner, a.other_sensor_id),
        retired_at = CASE WHEN NOT c.proposed ? 'retired' THEN a.retired_at WHEN (c.proposed ->> 'retired')::boolean THEN at END
        WHERE a.definition_id = c.definition_id AND davy_limit_judged(c.proposed) <> '{}';
    INSERT INTO public.journal (at, company_id, person_id, actor, action, subject, old, new, reason)
        SELECT davy_limit_apply.at, c.company_id, c.proposed_by, p.role,
               CASE c.proposed ->> 'retired' WHEN 'true' THEN 'limit_retired' WHEN 'false' THEN 'limit_restored' ELSE 'limit_changed' END,
               'limit ' || s.key || '/' || d.key, c.old, c.proposed, c.reason
        FROM public.site s, public.person p WHERE s.site_id = d.site_id AND p.person_id = c.proposed_by
        RETURNING journal_id INTO entry;
    moved := davy_definitions_changed();
    UPDATE public.limit_change l SET state = 'applied', settled_by = who, settled_at = at, answer = nullif(btrim(words), ''),
        backtest_id = proof, journal_id = entry, definitions_version = moved WHERE l.change_id = change;
    PERFORM davy_raise_faults(c, who, at_rest, at, moved);
    RETURN moved;
END
$$;
REVOKE ALL ON FUNCTION davy_limit_apply FROM PUBLIC;

-- Why two people go on without a proof, or in spite of one: the proposer's words; the second person's come with the approval.
CREATE FUNCTION davy_limit_overrule(change bigint, words text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF coalesce(btrim(words), '') = '' THEN
        RAISE insufficient_privilege USING MESSAGE = 'whoever overrules a back-test says why';
    END IF;
    UPDATE public.limit_change l SET overruling = btrim(words)
        WHERE l.change_id = change AND l.state = 'proposed' AND l.proposed_by = davy_limit_settler(l.company_id);
    RETURN FOUND;
END
$$;
REVOKE ALL ON FUNCTION davy_limit_overrule FROM PUBLIC;

-- Ends a proposal that is not applied: its proposer withdraws it, anybody else refuses it. False where it is settled already.
CREATE FUNCTION davy_limit_settle(change bigint, words text, at timestamptz) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    c public.limit_change;
    who int;
BEGIN
    SELECT * INTO c FROM public.limit_change l WHERE l.change_id = change FOR UPDATE;
    IF NOT FOUND OR NOT davy_just_now(at) THEN
        RAISE insufficient_privilege USING MESSAGE = 'there is no such change of a limit at this time';
    END IF;
    who := davy_limit_settler(c.company_id);
    IF c.state <> 'proposed' THEN
        RETURN false;
    END IF;
    UPDATE public.limit_change l SET state = CASE WHEN who = c.proposed_by THEN 'withdrawn' ELSE 'refused' END, settled_by = who,
        settled_at = at, answer = nullif(btrim(words), '') WHERE l.change_id = change;
    INSERT INTO public.journal (at, company_id, person_id, actor, action, subject, old, new, reason)
        SELECT davy_limit_settle.at, c.company_id, who, davy_role(),
               CASE WHEN who = c.proposed_by THEN 'limit_change_withdrawn' ELSE 'limit_change_refused' END,
               'limit ' || s.key || '/' || d.key, NULL, c.proposed, coalesce(nullif(btrim(words), ''), c.reason)
        FROM public.alarm_definition d JOIN public.site s USING (site_id) WHERE d.definition_id = c.definition_id;
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION davy_limit_settle FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_limit_apply, davy_limit_overrule, davy_limit_settle TO davy_web;

-- Every version a limit has had. Who and in which words stays with the client; that two people answered for it does not.
CREATE VIEW v_limit_history WITH (security_barrier) AS
    SELECT j.journal_id, j.company_id, d.definition_id, j.at, j.action,
           CASE WHEN e.own THEN j.old ELSE j.old - 'verified_by' END AS old, CASE WHEN e.own THEN j.new ELSE j.new - 'verified_by' END AS new, c.change_id, coalesce(c.by_file, true) AS by_file,
           coalesce(c.settled_by <> c.proposed_by, false) AS two_people, c.overruling IS NOT NULL AS overruled, c.backtest_id,
           CASE WHEN e.own THEN coalesce(c.proposed_by, j.person_id) END AS person_id, CASE WHEN e.own THEN c.settled_by END AS settled_by,
           CASE WHEN e.own THEN j.actor END AS actor, CASE WHEN e.own THEN j.reason END AS reason,
           CASE WHEN e.own THEN c.overruling END AS overruling, CASE WHEN e.own THEN c.answer END AS answer
    FROM alarm_definition d
    JOIN site s ON s.site_id = d.site_id
    JOIN journal j ON j.subject = 'limit ' || s.key || '/' || d.key AND j.company_id = d.company_id
        AND j.action IN ('limit_added', 'limit_changed', 'limit_retired', 'limit_restored')
    LEFT JOIN limit_change c ON c.journal_id = j.journal_id
    CROSS JOIN LATERAL (SELECT (SELECT davy_everything()) OR current_user = 'davy_owner'
        OR coalesce((SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin'), false) AS own) e
    WHERE (SELECT davy_everything()) OR d.company_id = ANY ((SELECT davy_companies())::int[]) OR current_user = 'davy_owner';

-- A retired limit as it was when it was last in force, by the history as whoever asks may see it; null: it never was.
CREATE FUNCTION davy_limit_last_in_force(d alarm_definition) RETURNS alarm_definition LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    was jsonb := to_jsonb(d);
    entry record;
BEGIN
    FOR entry IN SELECT h.action, h.old FROM public.v_limit_history h WHERE h.definition_id = d.definition_id ORDER BY h.journal_id DESC LOOP
        EXIT WHEN entry.old IS NULL;
        was := was || entry.old;
        IF entry.action = 'limit_retired' THEN
            IF was ? 'other' THEN
                was := was || jsonb_build_object('other_sensor_id', davy_limit_other(d, was ->> 'other'));
            END IF;
            RETURN jsonb_populate_record(d, was || '{"retired_at": null}');
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION davy_limit_last_in_force FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_limit_last_in_force TO davy_web;

GRANT SELECT, INSERT ON limit_change TO davy_web;
GRANT SELECT ON v_limit_history TO davy_web;
GRANT USAGE ON SEQUENCE limit_change_change_id_seq TO davy_web;
