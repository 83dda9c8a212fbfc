-- How the steps of a route change: proposed, approved by a second person where a call of life safety comes later or not at all, applied
-- by the owner's function. Owner: alerting.
-- A route decides whether anybody hears of life safety at all, so no process that serves people may write route_step: the function
-- below does, and looks by itself at who asks, in which role, and what they had seen (decision 0059).

-- Whether it is a list of steps as a change has them, each of its keys of its type: whoever reads a change can, and can end it. What a
-- step says is looked at when it is put in force.
CREATE FUNCTION davy_route_readable(steps jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN jsonb_typeof(steps) = 'array' THEN NOT EXISTS (
        SELECT FROM jsonb_array_elements(steps) e WHERE NOT coalesce(CASE WHEN jsonb_typeof(e) = 'object' THEN
            e - '{position,after_s,person,roster,channel}'::text[] = '{}'
            AND jsonb_typeof(e -> 'position') = 'number' AND e ->> 'position' ~ '^[0-9]{1,4}$'
            AND jsonb_typeof(e -> 'after_s') = 'number' AND ((e ->> 'after_s')::numeric = 0
                OR (e ->> 'after_s')::numeric BETWEEN 5e-324 AND 1000000000) -- such as a double precision can be
            AND jsonb_typeof(e -> 'person') = 'string' AND length(e ->> 'person') <= 64
            AND jsonb_typeof(e -> 'roster') = 'string' AND length(e ->> 'roster') <= 64
            AND jsonb_typeof(e -> 'channel') = 'string' AND length(e ->> 'channel') <= 64 END, false)) ELSE false END
$$;
REVOKE ALL ON FUNCTION davy_route_readable FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_route_readable TO davy_web; -- a CHECK runs as whoever writes

CREATE TABLE route_change (
    change_id   bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL,
    route_id    int NOT NULL REFERENCES route,
    old         jsonb NOT NULL CHECK (davy_route_readable(old)),         -- the steps as the proposer saw them
    proposed    jsonb NOT NULL CHECK (CASE WHEN davy_route_readable(proposed) THEN jsonb_array_length(proposed) BETWEEN 1 AND 200 ELSE false END),
    reason      text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    proposed_by int NOT NULL REFERENCES person,
    proposed_at timestamptz NOT NULL,
    state       text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'applied', 'refused', 'withdrawn')),
    settled_by  int REFERENCES person,         -- who approved, refused or withdrew it; where one person is enough, the proposer
    settled_at  timestamptz,
    answer      text CHECK (length(answer) BETWEEN 1 AND 1000), -- the words of whoever settled it
    by_file     boolean NOT NULL DEFAULT false, -- it came with a site file that two people answer for
    journal_id  bigint REFERENCES journal,     -- what was written down when it was applied
    CHECK ((state = 'proposed') = (settled_at IS NULL) AND (settled_at IS NULL) = (settled_by IS NULL)),
    CHECK ((state = 'applied') = (journal_id IS NOT NULL)),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id)
);
-- People's names and words: they stay with the client.
CALL davy_wall('route_change', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');
CREATE UNIQUE INDEX one_open_change_of_a_route ON route_change (route_id) WHERE state = 'proposed';
CREATE INDEX route_change_by_route ON route_change (route_id, change_id);
CREATE INDEX route_change_by_journal ON route_change (journal_id);
CREATE POLICY in_ones_own_name ON route_change AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK (proposed_by = (SELECT davy_person()) AND (SELECT davy_role()) IN ('safety_officer', 'integrator') AND state = 'proposed'
        AND journal_id IS NULL AND NOT by_file AND davy_just_now(proposed_at)
        AND EXISTS (SELECT FROM route r WHERE r.route_id = route_change.route_id AND r.company_id = route_change.company_id
            AND r.site_id = route_change.site_id AND r.audience = 'client'));

-- The steps of a route as a change has them: by keys, in the order of a site file.
CREATE FUNCTION davy_route_steps(route int) RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('position', s.position, 'after_s', s.after_s, 'person', coalesce(p.key, ''),
               'roster', coalesce(r.key, ''), 'channel', s.channel)
               ORDER BY s.position, coalesce(p.key, '') COLLATE "C", coalesce(r.key, '') COLLATE "C", s.channel COLLATE "C"), '[]')
    FROM public.route_step s LEFT JOIN public.person p USING (person_id) LEFT JOIN public.roster r ON r.roster_id = s.roster_id
    WHERE s.route_id = route
$$;
REVOKE ALL ON FUNCTION davy_route_steps FROM PUBLIC;

-- Whether somebody is called later than before, or no more: core/route_strictness.py, once more, for who does not come by way of it.
CREATE FUNCTION davy_route_looser(old jsonb, new jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, public, pg_temp AS $$
    WITH was AS (
        SELECT o ->> 'person' AS person, o ->> 'roster' AS roster, o ->> 'channel' AS channel, (o ->> 'after_s')::float8 AS after_s,
               (o ->> 'position')::int AS position,
               row_number() OVER (PARTITION BY o ->> 'person', o ->> 'roster', o ->> 'channel' ORDER BY (o ->> 'after_s')::float8) AS k
        FROM jsonb_array_elements(old) o
    ), becomes AS (
        SELECT n ->> 'person' AS person, n ->> 'roster' AS roster, n ->> 'channel' AS channel, (n ->> 'after_s')::float8 AS after_s,
               (n ->> 'position')::int AS position,
               row_number() OVER (PARTITION BY n ->> 'person', n ->> 'roster', n ->> 'channel' ORDER BY (n ->> 'after_s')::float8) AS k
        FROM jsonb_array_elements(new) n
    )
    SELECT EXISTS (SELECT FROM was w LEFT JOIN becomes b USING (person, roster, channel, k)
        WHERE b.after_s IS NULL OR b.after_s > w.after_s OR (w.position = 0 AND b.position <> 0))
$$;
REVOKE ALL ON FUNCTION davy_route_looser FROM PUBLIC;

-- Whether every step of a proposal reaches whom it names: an active person of the company with an address for it, or a position of the
-- site that is in use, the insurer's only in the last step; in rising order, the first at position 0. Python has the sentences.
CREATE FUNCTION davy_route_sound(r route, steps jsonb) RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    WITH s AS (
        SELECT (e ->> 'position')::int AS position, (e ->> 'after_s')::float8 AS after_s, e ->> 'person' AS person, e ->> 'roster' AS roster,
               e ->> 'channel' AS channel
        FROM jsonb_array_elements(steps) e
    )
    SELECT (SELECT min(position) = 0 FROM s)
       AND (SELECT bool_and(after_s >= 0 AND after_s < 'infinity' AND channel <> '' AND (person = '') <> (roster = '')) FROM s)
       AND NOT EXISTS (SELECT FROM s a JOIN s b ON (a.position < b.position) <> (a.after_s < b.after_s))
       AND NOT EXISTS (SELECT FROM s WHERE person <> '' AND NOT EXISTS (
            SELECT FROM public.person p JOIN public.channel_address c USING (person_id)
            WHERE p.key = s.person AND p.company_id = r.company_id AND p.active
              AND (c.channel = s.channel OR s.channel LIKE 'preferred%')))
       AND NOT EXISTS (SELECT FROM s WHERE roster <> '' AND NOT EXISTS (
            SELECT FROM public.roster d WHERE d.site_id = r.site_id AND d.key = s.roster AND d.retired_at IS NULL
              AND (d.audience = 'client' OR s.position = (SELECT max(position) FROM s))))
$$;
REVOKE ALL ON FUNCTION davy_route_sound FROM PUBLIC;

-- Applies a proposed change, or gives null where the route is no longer as its proposer saw it, or the change is settled.
CREATE FUNCTION davy_route_apply(change bigint, words text, at timestamptz) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    c public.route_change;
    r public.route;
    who int;
    entry bigint;
BEGIN
    SELECT * INTO c FROM public.route_change l WHERE l.change_id = change FOR UPDATE;
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING MESSAGE = 'there is no such change of a route';
    END IF;
    who := davy_limit_settler(c.company_id);
    IF NOT davy_just_now(at) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a change is applied when it is applied, not earlier or later';
    END IF;
    SELECT * INTO r FROM public.route t WHERE t.route_id = c.route_id AND t.company_id = c.company_id FOR UPDATE;
    IF NOT FOUND OR r.audience <> 'client' THEN
        RAISE insufficient_privilege USING MESSAGE = 'only the routes of the client''s own people change so';
    END IF;
    IF c.state <> 'proposed' OR davy_route_steps(r.route_id) <> c.old THEN
        RETURN NULL;
    END IF;
    IF NOT coalesce(davy_route_sound(r, c.proposed), false) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a step of this route reaches nobody';
    END IF;
    IF 'life-safety' = ANY (r.priorities) AND coalesce(davy_route_looser(c.old, c.proposed), true) THEN
        IF who = c.proposed_by THEN
            RAISE insufficient_privilege USING MESSAGE = 'this change of a route needs a second person';
        ELSIF NOT EXISTS (SELECT FROM public.person p WHERE p.person_id = c.proposed_by AND p.active) THEN
            RAISE insufficient_privilege USING MESSAGE = 'whoever proposed this change of a route is no longer active';
        ELSIF NOT EXISTS (SELECT FROM public.person p WHERE p.person_id IN (who, c.proposed_by) AND p.role = 'safety_officer') THEN
            RAISE insufficient_privilege USING MESSAGE = 'one of the two is a safety officer';
        END IF;
    END IF;
    DELETE FROM public.route_step s WHERE s.route_id = r.route_id;
    INSERT INTO public.route_step (route_id, company_id, position, after_s, person_id, roster_id, channel)
        SELECT r.route_id, r.company_id, (e ->> 'position')::int, (e ->> 'after_s')::float8, p.person_id, d.roster_id, e ->> 'channel'
        FROM jsonb_array_elements(c.proposed) e LEFT JOIN public.person p ON p.key = e ->> 'person'
        LEFT JOIN public.roster d ON d.site_id = r.site_id AND d.key = e ->> 'roster';
    INSERT INTO public.journal (at, company_id, person_id, actor, action, subject, old, new, reason)
        SELECT davy_route_apply.at, c.company_id, c.proposed_by, p.role, 'route_changed', 'route ' || s.key || '/' || r.key,
               jsonb_build_object('steps', davy_route_told(c.old)), jsonb_build_object('steps', davy_route_told(c.proposed)), c.reason
        FROM public.site s, public.person p WHERE s.site_id = r.site_id AND p.person_id = c.proposed_by
        RETURNING journal_id INTO entry;
    PERFORM davy_definitions_changed();
    UPDATE public.route_change l SET state = 'applied', settled_by = who, settled_at = at, answer = nullif(btrim(words), ''),
        journal_id = entry WHERE l.change_id = change;
    RETURN entry;
END
$$;
REVOKE ALL ON FUNCTION davy_route_apply FROM PUBLIC;

-- Steps as the journal of a site file has them (core/site_changes.py).
CREATE FUNCTION davy_route_told(steps jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(jsonb_agg((e ->> 'position') || ': after ' || (e ->> 'after_s')::float8 || ' s ' || (e ->> 'channel') || ' to '
               || CASE WHEN e ->> 'roster' <> '' THEN 'roster ' || (e ->> 'roster') ELSE e ->> 'person' END ORDER BY n), '[]')
    FROM jsonb_array_elements(steps) WITH ORDINALITY AS t (e, n)
$$;
REVOKE ALL ON FUNCTION davy_route_told FROM PUBLIC;

-- Ends a proposal that is not applied: its proposer withdraws it, anybody else refuses it. False where it is settled already.
CREATE FUNCTION davy_route_settle(change bigint, words text, at timestamptz) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    c public.route_change;
    who int;
BEGIN
    SELECT * INTO c FROM public.route_change l WHERE l.change_id = change FOR UPDATE;
    IF NOT FOUND OR NOT davy_just_now(at) THEN
        RAISE insufficient_privilege USING MESSAGE = 'there is no such change of a route at this time';
    END IF;
    who := davy_limit_settler(c.company_id);
    IF c.state <> 'proposed' THEN
        RETURN false;
    END IF;
    UPDATE public.route_change l SET state = CASE WHEN who = c.proposed_by THEN 'withdrawn' ELSE 'refused' END, settled_by = who,
        settled_at = at, answer = nullif(btrim(words), '') WHERE l.change_id = change;
    INSERT INTO public.journal (at, company_id, person_id, actor, action, subject, old, new, reason)
        SELECT davy_route_settle.at, c.company_id, who, davy_role(),
               CASE WHEN who = c.proposed_by THEN 'route_change_withdrawn' ELSE 'route_change_refused' END,
               'route ' || s.key || '/' || r.key, NULL, jsonb_build_object('steps', davy_route_told(c.proposed)),
               coalesce(nullif(btrim(words), ''), c.reason)
        FROM public.route r JOIN public.site s USING (site_id) WHERE r.route_id = c.route_id;
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION davy_route_settle FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_route_apply, davy_route_settle, davy_route_steps TO davy_web;

-- How many messages somebody got on a day (alerting/store/budget.py): what was sent in a week, and never the whole history.
CREATE INDEX notification_sent_to_clients ON notification (company_id, sent_at) WHERE state = 'sent' AND audience = 'client';

GRANT SELECT, INSERT ON route_change TO davy_web;
GRANT USAGE ON SEQUENCE route_change_change_id_seq TO davy_web;
