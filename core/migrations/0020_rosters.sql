-- Duty positions, who fills them when, and how people want to be told. Owner: alerting.

CREATE TABLE roster (                          -- one duty position of a site: alerting/roster.py says who fills it at an instant
    roster_id   int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL,
    key         text NOT NULL,
    name        text NOT NULL,
    name_zh     text NOT NULL,
    audience    text NOT NULL CHECK (audience IN ('client', 'insurer')), -- insurer: its duty desk for this site
    time_zone   text NOT NULL,
    holidays    date[] NOT NULL DEFAULT '{}',  -- days on which the layers for holidays come first
    may_be_empty boolean NOT NULL DEFAULT false, -- hours that nobody fills are meant
    retired_at  timestamptz,
    UNIQUE (site_id, key),
    UNIQUE (roster_id, company_id),
    -- Whoever plans a call, for any company, reads days and hours of rotations: they are such as a program can hold (core/site_rosters.py).
    CONSTRAINT readable_days CHECK (cardinality(holidays) <= 400 AND coalesce(array_ndims(holidays), 1) = 1
        AND array_position(holidays, NULL) IS NULL AND '1950-01-01' <= ALL (holidays) AND '2200-01-01' > ALL (holidays)),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id)
);
CALL davy_wall('roster');

CREATE TABLE roster_layer (                    -- a rotation; the first that names somebody holds
    roster_id   int NOT NULL,
    company_id  int NOT NULL,
    layer       int NOT NULL,
    key         text NOT NULL,
    begins_on   date NOT NULL,                 -- day of the first hand-over
    hand_over   time NOT NULL,                 -- of the roster's clock
    turn_days   int NOT NULL CHECK (turn_days BETWEEN 1 AND 56),
    hours_from  time,
    hours_until time,
    on_holidays boolean NOT NULL DEFAULT false,
    PRIMARY KEY (roster_id, layer),
    CHECK (num_nulls(hours_from, hours_until) <> 1),
    CHECK (hours_from IS NULL OR hours_from <> hours_until),
    CONSTRAINT readable_hours CHECK (greatest(hand_over, hours_from, hours_until) < '24:00' -- an hour that the clock has and no program reads
        AND begins_on >= '1950-01-01' AND begins_on < '2200-01-01'),
    FOREIGN KEY (roster_id, company_id) REFERENCES roster (roster_id, company_id)
);
CALL davy_wall('roster_layer');

CREATE TABLE roster_member (                   -- people of a rotation in their order
    roster_id   int NOT NULL,
    company_id  int NOT NULL,
    layer       int NOT NULL,
    position    int NOT NULL,
    person_id   int NOT NULL REFERENCES person,
    PRIMARY KEY (roster_id, layer, position),
    FOREIGN KEY (roster_id, layer) REFERENCES roster_layer (roster_id, layer) ON DELETE CASCADE,
    FOREIGN KEY (roster_id, company_id) REFERENCES roster (roster_id, company_id)
);
CALL davy_wall('roster_member');
CREATE INDEX roster_member_by_person ON roster_member (person_id);

CREATE TABLE roster_override (                 -- somebody takes over for a while, or nobody is on duty; the later one holds
    override_id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    roster_id   int NOT NULL,
    company_id  int NOT NULL,
    person_id   int REFERENCES person,         -- null: nobody
    begins_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    reason      text NOT NULL DEFAULT '' CHECK (length(reason) <= 400),
    made_at     timestamptz NOT NULL,
    made_by     int NOT NULL REFERENCES person,
    withdrawn_at timestamptz,
    withdrawn_by int REFERENCES person,
    CHECK (ends_at > begins_at AND ends_at <= begins_at + interval '62 days' AND ends_at > made_at),
    CHECK (isfinite(made_at) AND begins_at <= made_at + interval '366 days'), -- alerting/duty.py: FURTHEST_AHEAD
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    FOREIGN KEY (roster_id, company_id) REFERENCES roster (roster_id, company_id)
);
CALL davy_wall('roster_override');
CREATE INDEX roster_override_by_end ON roster_override (roster_id, ends_at) WHERE withdrawn_at IS NULL;

CREATE TABLE roster_note (                     -- what one shift leaves to the next: bound to a hand-over, append-only
    note_id     bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    roster_id   int NOT NULL,
    company_id  int NOT NULL,
    hand_over_at timestamptz NOT NULL,         -- who takes over then reads it
    person_id   int NOT NULL REFERENCES person,
    written_at  timestamptz NOT NULL,
    body        text NOT NULL CHECK (length(body) BETWEEN 1 AND 4000),
    FOREIGN KEY (roster_id, company_id) REFERENCES roster (roster_id, company_id)
);
-- Free text of one's own people: the other side does not read it.
CALL davy_wall('roster_note', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[]) AND EXISTS (
    SELECT FROM roster r WHERE r.roster_id = roster_note.roster_id
      AND (r.audience = ''insurer'') = ((SELECT davy_role()) IN (''underwriter'', ''risk_engineer'')))))');
CREATE INDEX roster_note_by_hand_over ON roster_note (roster_id, hand_over_at);

CREATE TABLE roster_calendar (                 -- a calendar of the company's own that a duty position follows
    roster_id   int PRIMARY KEY,
    company_id  int NOT NULL,
    url         text NOT NULL CHECK (length(url) BETWEEN 9 AND 2000), -- can hold a secret: web writes it and does not read it
    host        text NOT NULL,                 -- of it, to be shown
    set_by      int NOT NULL REFERENCES person,
    set_at      timestamptz NOT NULL,
    tried_at    timestamptz,                   -- the last look at it
    problem     text,                          -- what was wrong then; null: nothing
    failing_since timestamptz,
    read_at     timestamptz,                   -- when it could last be read; what it said then holds until it can be again
    remarks     text[] NOT NULL DEFAULT '{}',  -- what was odd in what it said
    etag        text,
    last_modified text,
    content     bytea CHECK (length(content) <= 2097152), -- as it came: read anew as time goes on
    CHECK ((problem IS NULL) = (failing_since IS NULL)),
    FOREIGN KEY (roster_id, company_id) REFERENCES roster (roster_id, company_id)
);
CALL davy_wall('roster_calendar');

CREATE TABLE roster_turn (                     -- what it says: who is on duty from when until when
    roster_id   int NOT NULL REFERENCES roster_calendar ON DELETE CASCADE,
    company_id  int NOT NULL,
    number      int NOT NULL,                  -- of two at once the first holds
    begins_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    person_id   int REFERENCES person,         -- null: somebody whom nobody here knows
    PRIMARY KEY (roster_id, number),
    CHECK (ends_at > begins_at),
    FOREIGN KEY (roster_id, company_id) REFERENCES roster (roster_id, company_id)
);
CALL davy_wall('roster_turn');

CREATE TABLE person_preference (               -- how a person wants to be told
    person_id   int PRIMARY KEY REFERENCES person,
    company_id  int REFERENCES company,        -- of the person; null: the insurer's own people
    urgent      text[] NOT NULL DEFAULT '{}',  -- channels in their order, for life safety
    other       text[] NOT NULL DEFAULT '{}',  -- and for all else
    time_zone   text NOT NULL,
    quiet_from  time,
    quiet_until time,
    quiet_high  boolean NOT NULL DEFAULT false,
    in_quiet    text NOT NULL DEFAULT 'defer' CHECK (in_quiet IN ('defer', 'next')),
    changed_at  timestamptz NOT NULL,
    CHECK (num_nulls(quiet_from, quiet_until) <> 1),
    CHECK (quiet_from IS NULL OR quiet_from <> quiet_until),
    CHECK (greatest(quiet_from, quiet_until) < '24:00'), -- an hour that the clock has and no program reads
    CHECK (isfinite(changed_at)),
    CONSTRAINT plain_lists CHECK (coalesce(array_ndims(urgent), 1) = 1 AND coalesce(array_ndims(other), 1) = 1
        AND cardinality(urgent) <= 32 AND cardinality(other) <= 32
        AND array_position(urgent, NULL) IS NULL AND array_position(other, NULL) IS NULL)
);
-- Whoever plans a call must know them: one's colleagues', and, of the insurer's people, hours and order of channels, no names.
CALL davy_wall('person_preference', '((SELECT davy_everything()) OR person_id = (SELECT davy_person())
    OR (company_id IS NULL AND (SELECT davy_role()) IS NOT NULL)
    OR ((SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'') AND company_id = ANY ((SELECT davy_companies())::int[])))');

-- Whoever plans a call for any company asks these clocks. What the server takes for a zone beyond the names of the tz database (EST5, +8)
-- no program needs to know.
CREATE FUNCTION davy_zone_is_named() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_timezone_names WHERE name = NEW.time_zone) THEN
        RAISE check_violation USING MESSAGE = format('there is no time zone %L', left(NEW.time_zone, 60));
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION davy_zone_is_named FROM PUBLIC;
CREATE TRIGGER zone_is_named BEFORE INSERT OR UPDATE OF time_zone ON person_preference FOR EACH ROW EXECUTE FUNCTION davy_zone_is_named();
CREATE TRIGGER zone_is_named BEFORE INSERT OR UPDATE OF time_zone ON roster FOR EACH ROW EXECUTE FUNCTION davy_zone_is_named();

ALTER TABLE route_step
    DROP CONSTRAINT route_step_pkey,
    ALTER COLUMN person_id DROP NOT NULL,
    ADD COLUMN roster_id int,                  -- whoever is on duty then, in the place of a person
    ADD CHECK (num_nonnulls(person_id, roster_id) = 1),
    ADD FOREIGN KEY (roster_id, company_id) REFERENCES roster (roster_id, company_id);
CREATE UNIQUE INDEX route_step_person ON route_step (route_id, position, person_id, channel) WHERE person_id IS NOT NULL;
CREATE UNIQUE INDEX route_step_roster ON route_step (route_id, position, roster_id, channel) WHERE roster_id IS NOT NULL;

ALTER TABLE notification
    ADD COLUMN roster_id int,                  -- told because they are on duty when it falls due
    ADD COLUMN wish text,                      -- what the step says in the place of a channel: the person's own order
    ADD COLUMN step_due_at timestamptz,        -- when the step is due, where quiet hours put the message off; null: due_at
    ADD COLUMN passed_on boolean NOT NULL DEFAULT false, -- in the place of one to the same person over another channel
    ADD FOREIGN KEY (roster_id, company_id) REFERENCES roster (roster_id, company_id);

-- Whom a route can reach, by name or by roster; the channel as far as it is known without asking for the hour. Who stood in stays for as
-- long as alerting/store/rosters.py reads it: a call to them may still wait.
CREATE VIEW v_route_person WITH (security_barrier) AS
    SELECT s.route_id, s.company_id, s.position, s.after_s, p.person_id, s.roster_id,
           CASE WHEN s.channel NOT LIKE 'preferred%' THEN s.channel
                ELSE coalesce((SELECT a.channel FROM channel_address a WHERE a.person_id = p.person_id
                               ORDER BY a.dead_at IS NOT NULL, a.channel <> 'smtp', a.channel LIMIT 1), 'smtp') END AS channel
    FROM route_step s
    CROSS JOIN LATERAL (
        SELECT s.person_id WHERE s.person_id IS NOT NULL
        UNION SELECT m.person_id FROM roster_member m WHERE m.roster_id = s.roster_id
        UNION SELECT o.person_id FROM roster_override o
              WHERE o.roster_id = s.roster_id AND o.person_id IS NOT NULL AND o.withdrawn_at IS NULL
                AND o.ends_at > now() - interval '31 days'
        UNION SELECT t.person_id FROM roster_turn t WHERE t.roster_id = s.roster_id AND t.person_id IS NOT NULL) p
    WHERE (SELECT davy_everything()) OR s.company_id = ANY ((SELECT davy_companies())::int[]) OR current_user = 'davy_owner';

-- By which channels somebody can be reached, without the addresses; at a dead one nothing arrives until it is put right.
CREATE VIEW v_reachable WITH (security_barrier) AS
    SELECT person_id, company_id, channel, dead_at IS NOT NULL AS dead FROM channel_address
    WHERE (SELECT davy_everything()) OR person_id = (SELECT davy_person()) OR (company_id IS NULL AND (SELECT davy_role()) IS NOT NULL)
       OR company_id = ANY ((SELECT davy_companies())::int[]) OR current_user = 'davy_owner';

-- Whom a roster names who has left: the client's people do not see the insurer's.
CREATE VIEW v_roster_gone WITH (security_barrier) AS
    SELECT n.roster_id, n.company_id, n.person_id
    FROM (SELECT roster_id, company_id, person_id FROM roster_member
          UNION SELECT roster_id, company_id, person_id FROM roster_override WHERE person_id IS NOT NULL
          UNION SELECT roster_id, company_id, person_id FROM roster_turn WHERE person_id IS NOT NULL) n
    JOIN person p USING (person_id)
    WHERE NOT p.active
      AND ((SELECT davy_everything()) OR n.company_id = ANY ((SELECT davy_companies())::int[]) OR current_user = 'davy_owner');

-- Web acts in the token's person's name and now; a duty position is changed by its own side, for its own active people, and what is over
-- stays as it was.
CREATE FUNCTION davy_keeps_roster(of_roster int, of_company int) RETURNS boolean LANGUAGE sql STABLE
    RETURN EXISTS (SELECT FROM roster r JOIN person me ON me.person_id = davy_person()
        WHERE r.roster_id = of_roster AND r.company_id = of_company AND r.retired_at IS NULL AND me.active
          AND CASE r.audience WHEN 'client' THEN me.company_id = r.company_id AND davy_role() IN ('safety_officer', 'integrator')
                              ELSE me.company_id IS NULL END);
-- Whether life safety reaches somebody at a duty position: by the channel of each of its steps or, where somebody says why, by another
-- that works (decision 0060). alerting/duty.py refuses with a sentence what this refuses.
CREATE FUNCTION davy_reached_on_duty(of_roster int, who int, why text) RETURNS boolean LANGUAGE sql STABLE
    RETURN NOT EXISTS (SELECT FROM route_step s JOIN route r USING (route_id)
        WHERE s.roster_id = of_roster AND 'life-safety' = ANY (r.priorities)
          AND NOT EXISTS (SELECT FROM v_reachable v WHERE v.person_id = who AND NOT v.dead
              AND (v.channel = s.channel OR s.channel LIKE 'preferred%' OR btrim(why) <> '')));
CREATE POLICY by_its_own_side ON roster_override AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK (made_by = (SELECT davy_person()) AND davy_just_now(made_at) AND begins_at >= made_at - interval '5 minutes'
        AND withdrawn_at IS NULL AND davy_keeps_roster(roster_id, company_id)
        AND (person_id IS NULL OR EXISTS (SELECT FROM roster r JOIN person p ON p.person_id = roster_override.person_id
            WHERE r.roster_id = roster_override.roster_id AND p.active
              AND p.company_id IS NOT DISTINCT FROM CASE r.audience WHEN 'client' THEN r.company_id END))
        AND (person_id IS NULL OR davy_reached_on_duty(roster_id, person_id, reason)));
CREATE POLICY withdrawn_only ON roster_override AS RESTRICTIVE FOR UPDATE TO davy_web
    USING (withdrawn_at IS NULL AND davy_keeps_roster(roster_id, company_id))
    WITH CHECK (withdrawn_by = (SELECT davy_person()) AND davy_just_now(withdrawn_at));
CREATE POLICY by_its_own_side ON roster AS RESTRICTIVE FOR UPDATE TO davy_web USING (davy_keeps_roster(roster_id, company_id));
CREATE POLICY added_by_its_own_side ON roster_layer AS RESTRICTIVE FOR INSERT TO davy_web WITH CHECK (davy_keeps_roster(roster_id, company_id));
CREATE POLICY ended_by_its_own_side ON roster_layer AS RESTRICTIVE FOR DELETE TO davy_web USING (davy_keeps_roster(roster_id, company_id));
CREATE POLICY by_its_own_side ON roster_member AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK (davy_keeps_roster(roster_id, company_id) AND EXISTS (
        SELECT FROM roster r JOIN person p ON p.person_id = roster_member.person_id
        WHERE r.roster_id = roster_member.roster_id AND p.active
          AND p.company_id IS NOT DISTINCT FROM CASE r.audience WHEN 'client' THEN r.company_id END));
CREATE POLICY by_its_own_side ON roster_calendar AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK (set_by = (SELECT davy_person()) AND davy_just_now(set_at) AND davy_keeps_roster(roster_id, company_id)
        AND tried_at IS NULL AND read_at IS NULL AND content IS NULL);
CREATE POLICY ended_by_its_own_side ON roster_calendar AS RESTRICTIVE FOR DELETE TO davy_web USING (davy_keeps_roster(roster_id, company_id));
CREATE POLICY in_ones_own_name ON roster_note AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK (person_id = (SELECT davy_person()) AND davy_just_now(written_at) AND davy_keeps_roster(roster_id, company_id));
CREATE POLICY ones_own_new ON person_preference AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK (person_id = (SELECT davy_person())
        AND company_id IS NOT DISTINCT FROM (SELECT p.company_id FROM person p WHERE p.person_id = (SELECT davy_person())));
CREATE POLICY ones_own ON person_preference AS RESTRICTIVE FOR UPDATE TO davy_web
    USING (person_id = (SELECT davy_person())) WITH CHECK (person_id = (SELECT davy_person()));
CREATE POLICY ones_own_language ON person AS RESTRICTIVE FOR UPDATE TO davy_web
    USING (person_id = (SELECT davy_person())) WITH CHECK (person_id = (SELECT davy_person()));

-- Where nobody is on duty, everybody of the position is called: so one that a client's route of life safety calls is never left without
-- anybody of its own who can be reached, whoever writes it, and by whatever statement (decision 0060).
CREATE FUNCTION davy_roster_reaches() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM public.roster d JOIN public.route_step s ON s.roster_id = d.roster_id JOIN public.route r USING (route_id)
            WHERE d.roster_id = OLD.roster_id AND d.retired_at IS NULL AND r.audience = 'client' AND 'life-safety' = ANY (r.priorities))
        AND NOT EXISTS (SELECT FROM public.roster_member m JOIN public.person p USING (person_id)
            WHERE m.roster_id = OLD.roster_id AND p.active AND EXISTS (SELECT FROM public.channel_address a WHERE a.person_id = p.person_id)) THEN
        RAISE insufficient_privilege USING MESSAGE = 'life safety calls this duty position: somebody who can be reached stays in it';
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION davy_roster_reaches FROM PUBLIC;
CREATE CONSTRAINT TRIGGER somebody_stays AFTER UPDATE OR DELETE ON roster_layer DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION davy_roster_reaches();
CREATE CONSTRAINT TRIGGER somebody_stays AFTER UPDATE OR DELETE ON roster_member DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION davy_roster_reaches();

DROP POLICY by_route ON notification;
CREATE POLICY by_route ON notification AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK (state = 'waiting' AND (SELECT davy_role()) NOT IN ('underwriter', 'risk_engineer')
        AND key LIKE concat(definition_id, '-', sensor_id, '-%') -- not the key of another's message, which would never be sent
        -- In quiet hours the next of a route is told over the channel of the step before: any step of that route.
        AND EXISTS (SELECT FROM v_route_person s JOIN route_step t USING (route_id)
                    WHERE s.company_id = notification.company_id AND s.person_id = notification.person_id
                      AND (t.channel = notification.channel OR t.channel LIKE 'preferred%')));

GRANT SELECT ON roster, roster_layer, roster_member, roster_override, roster_turn, person_preference, v_route_person, v_reachable, v_roster_gone
    TO davy_ingest, davy_alerting, davy_web;
GRANT SELECT, INSERT ON roster_note TO davy_web;
GRANT UPDATE (time_zone, holidays, may_be_empty) ON roster TO davy_web;
GRANT INSERT, DELETE ON roster_layer TO davy_web;
GRANT INSERT ON roster_member TO davy_web; -- who leaves a rotation goes with its layer
GRANT SELECT (roster_id, company_id, host, set_by, set_at, tried_at, problem, failing_since, read_at, remarks), DELETE,
    INSERT (roster_id, company_id, url, host, set_by, set_at) ON roster_calendar TO davy_web;
GRANT SELECT ON roster_calendar TO davy_alerting;
GRANT UPDATE (tried_at, problem, failing_since, read_at, remarks, etag, last_modified, content) ON roster_calendar TO davy_alerting;
GRANT INSERT, DELETE ON roster_turn TO davy_alerting;
GRANT INSERT (roster_id, company_id, person_id, begins_at, ends_at, reason, made_at, made_by) ON roster_override TO davy_web;
GRANT UPDATE (withdrawn_at, withdrawn_by) ON roster_override TO davy_web;
GRANT INSERT ON person_preference TO davy_web;
GRANT UPDATE (urgent, other, time_zone, quiet_from, quiet_until, quiet_high, in_quiet, changed_at) ON person_preference TO davy_web;
GRANT UPDATE (language) ON person TO davy_web;
GRANT SELECT (roster_id, wish, step_due_at, passed_on), INSERT (roster_id, wish, step_due_at) ON notification TO davy_web;
GRANT UPDATE (step_due_at, roster_id, wish) ON notification TO davy_alerting; -- later steps of a call that was held up; a call by name that is the duty's too
GRANT USAGE ON SEQUENCE roster_override_override_id_seq, roster_note_note_id_seq TO davy_web;

-- As 0010 has it, with why: the rule of a call is words of Davy's own, and names nobody.
CREATE OR REPLACE VIEW v_notification WITH (security_barrier) AS
    SELECT notification_id, company_id, subject, occurrence_id, finding_id, impairment_id, assigned_id, person_id, audience, channel, state, due_at,
           sent_at, finished_at,
           CASE WHEN (SELECT davy_everything()) OR current_user = 'davy_owner'
                  OR (SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin') THEN outcome END AS outcome,
           step, rule, onset
    FROM notification
    WHERE (SELECT davy_everything()) OR company_id = ANY ((SELECT davy_companies())::int[]) OR current_user = 'davy_owner';
