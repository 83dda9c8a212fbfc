-- Hazards until they are put right (隐患), and protection that is out of service. Owner: risk.
-- Words and states: reference to the Safety Production Law's closed loop 排查-登记-分级-治理(五落实)-验收-销号; AQ 9010.

-- Whether an instant is now, but for clocks that differ and a request that waits for its turn: what happens under a token is
-- written down when it happens, else a smuggled statement could end a hazard last month. Owner and history are not bound by it;
-- a database whose time is played (tests) has this function from its owner anew.
CREATE FUNCTION davy_just_now(instant timestamptz) RETURNS boolean LANGUAGE sql STABLE
    RETURN instant BETWEEN now() - interval '5 minutes' AND now() + interval '1 minute';

-- What names a place names its company (site: 0002), and a zone or sensor its site: a row of one company cannot count against another's site.
ALTER TABLE zone ADD UNIQUE (zone_id, site_id);
ALTER TABLE sensor ADD UNIQUE (sensor_id, site_id);

CREATE TABLE finding (
    finding_id  bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL,
    zone_id     int,
    source      text NOT NULL CHECK (source IN ('person', 'occurrence', 'silent_detector')),
    occurrence_id bigint,                      -- what it was opened from
    sensor_id   int,                           -- the mandatory detector that is silent
    title       text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    title_zh    text CHECK (length(title_zh) BETWEEN 1 AND 200),   -- where Davy wrote the title; a person writes one, in their language
    description text NOT NULL DEFAULT '' CHECK (length(description) <= 4000),
    grade       text NOT NULL CHECK (grade IN ('general', 'major')),   -- 一般隐患, 重大隐患
    graded_by   int REFERENCES person,         -- null: suspected, until a named person has graded it
    state       text NOT NULL DEFAULT 'reported' CHECK (state IN ('reported', 'rectifying', 'claimed_done', 'closed')),
    reported_at timestamptz NOT NULL,
    reported_by int REFERENCES person,         -- null: Davy itself
    -- 五落实: who, what, with what money, by when, and what if it goes wrong meanwhile. All before it leaves `reported`.
    owner_id    int REFERENCES person,         -- 责任人
    measures    text NOT NULL DEFAULT '' CHECK (length(measures) <= 4000),      -- 措施
    funds       text NOT NULL DEFAULT '' CHECK (length(funds) <= 500),          -- 资金
    due_at      timestamptz,                   -- 时限
    contingency text NOT NULL DEFAULT '' CHECK (length(contingency) <= 4000),   -- 预案, with interim controls
    claimed_at  timestamptz,                   -- of the claim that waits or was verified; the events keep the others
    claimed_by  int REFERENCES person,
    closed_at   timestamptz,
    verified_by int REFERENCES person,
    reopened    int NOT NULL DEFAULT 0,        -- how often verification or a later look sent it back
    simulated   boolean NOT NULL DEFAULT false, -- made by the demo's history: marked wherever it is shown
    -- The duty that tells of deadlines reads those of all companies: an instant that a program cannot hold would end its work for all.
    CONSTRAINT readable_instants CHECK (least(reported_at, due_at, claimed_at, closed_at) >= '1970-01-01 00:00+00'
        AND greatest(reported_at, due_at, claimed_at, closed_at) < '2200-01-01 00:00+00'),
    UNIQUE (company_id, finding_id),
    CHECK (state = 'reported' OR (graded_by IS NOT NULL AND owner_id IS NOT NULL AND due_at IS NOT NULL
                                  AND measures <> '' AND funds <> '' AND contingency <> '')),
    CHECK ((state IN ('claimed_done', 'closed')) = (claimed_at IS NOT NULL) AND (claimed_at IS NULL) = (claimed_by IS NULL)),
    CHECK ((state = 'closed') = (closed_at IS NOT NULL) AND (closed_at IS NULL) = (verified_by IS NULL)),
    CHECK (verified_by IS NULL OR verified_by <> owner_id AND verified_by <> claimed_by),   -- another person looks
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id),
    FOREIGN KEY (zone_id, site_id) REFERENCES zone (zone_id, site_id),
    FOREIGN KEY (company_id, occurrence_id) REFERENCES occurrence (company_id, occurrence_id),
    FOREIGN KEY (sensor_id, company_id) REFERENCES sensor (sensor_id, company_id)
);
CALL davy_wall('finding');
CREATE INDEX finding_not_closed ON finding (company_id, site_id) WHERE state <> 'closed';
CREATE INDEX finding_by_occurrence ON finding (occurrence_id) WHERE occurrence_id IS NOT NULL;
-- A silent detector opens one suspected finding, not one an hour.
CREATE UNIQUE INDEX one_open_finding_of_a_silence ON finding (sensor_id) WHERE source = 'silent_detector' AND state <> 'closed';

CREATE TABLE finding_event (                   -- append-only: what happened to a finding, who did it, in their words
    event_id    bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    finding_id  bigint NOT NULL,
    at          timestamptz NOT NULL,
    person_id   int REFERENCES person,         -- null: Davy itself
    event       text NOT NULL CHECK (event IN ('reported', 'graded', 'assigned', 'extended', 'claimed_done', 'verified', 'sent_back', 'reopened', 'noted', 'photo_added')),
    from_state  text,
    to_state    text NOT NULL,
    note        text NOT NULL DEFAULT '' CHECK (length(note) <= 4000),
    old         jsonb,                         -- what was changed, as it was
    new         jsonb,
    FOREIGN KEY (company_id, finding_id) REFERENCES finding (company_id, finding_id)
);
-- People's names and words: they stay with the client.
CALL davy_wall('finding_event', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');
CREATE INDEX finding_event_by_finding ON finding_event (finding_id, event_id);

-- When a finding went from which state to which, and its deadline and grade with it: for scores, reports and the insurer's
-- people, without persons and words. What it was on a past day is read here, never from what `finding` says today.
CREATE VIEW v_finding_step WITH (security_barrier) AS
    SELECT event_id, company_id, finding_id, at, event, from_state, to_state,
           CASE WHEN event IN ('assigned', 'extended', 'reopened') THEN (new ->> 'due_at')::timestamptz END AS due_at,
           CASE WHEN event IN ('assigned', 'extended', 'reopened') THEN (old ->> 'due_at')::timestamptz END AS due_was,
           CASE WHEN event IN ('reported', 'graded') THEN new ->> 'grade' END AS grade,
           CASE WHEN event IN ('reported', 'graded') THEN old ->> 'grade' END AS grade_was
    FROM finding_event
    WHERE (SELECT davy_everything()) OR company_id = ANY ((SELECT davy_companies())::int[]) OR current_user = 'davy_owner';

CREATE TABLE finding_photo (
    photo_id    bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    finding_id  bigint NOT NULL,
    at          timestamptz NOT NULL,
    person_id   int NOT NULL REFERENCES person,
    shows       text NOT NULL CHECK (shows IN ('before', 'after')),
    width       int NOT NULL,
    height      int NOT NULL,
    jpeg        bytea NOT NULL CHECK (length(jpeg) <= 2000000),   -- re-encoded by us: no metadata, no place, no surprises
    sha256      bytea NOT NULL,                -- of the jpeg
    FOREIGN KEY (company_id, finding_id) REFERENCES finding (company_id, finding_id)
);
-- Photos may show people: they stay with the client.
CALL davy_wall('finding_photo', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');
CREATE INDEX finding_photo_by_finding ON finding_photo (finding_id, photo_id);

CREATE TABLE impairment (                      -- a protection out of service: the clock runs until proof of restoring
    impairment_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL,
    zone_id     int,
    sensor_id   int,                           -- a detector bypass names the detector
    kind        text NOT NULL CHECK (kind IN ('sprinkler_valve', 'fire_pump', 'fire_panel', 'detector_bypass', 'gas_suppression', 'other')),
    what        text NOT NULL CHECK (length(what) BETWEEN 1 AND 200),
    reason      text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    interim_measures text NOT NULL CHECK (length(interim_measures) BETWEEN 1 AND 4000),
    began_at    timestamptz NOT NULL,
    expected_until timestamptz NOT NULL CHECK (expected_until > began_at),
    reported_at timestamptz NOT NULL,
    reported_by int NOT NULL REFERENCES person,
    restored_at timestamptz CHECK (restored_at >= began_at),
    restored_by int REFERENCES person,
    restore_proof text CHECK (length(restore_proof) BETWEEN 1 AND 4000),   -- what was tested, with what result
    simulated   boolean NOT NULL DEFAULT false,
    CONSTRAINT readable_instants CHECK (least(began_at, expected_until, reported_at, restored_at) >= '1970-01-01 00:00+00'
        AND greatest(began_at, expected_until, reported_at, restored_at) < '2200-01-01 00:00+00'),
    UNIQUE (company_id, impairment_id),
    CHECK ((restored_at IS NULL) = (restored_by IS NULL) AND (restored_at IS NULL) = (restore_proof IS NULL)),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id),
    FOREIGN KEY (zone_id, site_id) REFERENCES zone (zone_id, site_id),
    FOREIGN KEY (sensor_id, company_id) REFERENCES sensor (sensor_id, company_id),
    FOREIGN KEY (sensor_id, site_id) REFERENCES sensor (sensor_id, site_id),
    CHECK ((kind = 'detector_bypass') = (sensor_id IS NOT NULL))
);
CALL davy_wall('impairment');
CREATE INDEX impairment_open ON impairment (company_id, site_id) WHERE restored_at IS NULL;

-- The insurer's people look on; the client's people act in their own name. Davy itself opens what it found, and no more.
CREATE POLICY onlookers_add_nothing ON finding AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK ((SELECT davy_role()) IN ('safety_officer', 'integrator') AND reported_by = (SELECT davy_person())
        AND source IN ('person', 'occurrence') AND state = 'reported' AND graded_by IS NULL AND owner_id IS NULL AND due_at IS NULL
        AND reopened = 0 AND NOT simulated);
CREATE POLICY when_it_is_reported ON finding AS RESTRICTIVE FOR INSERT TO davy_web, davy_alerting WITH CHECK (davy_just_now(reported_at));
CREATE POLICY onlookers_change_nothing ON finding AS RESTRICTIVE FOR UPDATE TO davy_web USING ((SELECT davy_role()) IN ('safety_officer', 'integrator'));
CREATE POLICY of_its_own_finding ON finding AS RESTRICTIVE FOR INSERT TO davy_alerting
    WITH CHECK (source = 'silent_detector' AND reported_by IS NULL AND state = 'reported' AND graded_by IS NULL AND owner_id IS NULL
        AND due_at IS NULL AND reopened = 0 AND NOT simulated);
CREATE POLICY in_ones_own_name ON finding_event AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK ((SELECT davy_role()) IN ('safety_officer', 'integrator') AND person_id = (SELECT davy_person()));
CREATE POLICY by_nobody ON finding_event AS RESTRICTIVE FOR INSERT TO davy_alerting WITH CHECK (person_id IS NULL);
CREATE POLICY in_ones_own_name ON finding_photo AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK ((SELECT davy_role()) IN ('safety_officer', 'integrator') AND person_id = (SELECT davy_person()));
CREATE POLICY when_it_is_kept ON finding_photo AS RESTRICTIVE FOR INSERT TO davy_web WITH CHECK (davy_just_now(at));
CREATE POLICY in_ones_own_name ON impairment AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK ((SELECT davy_role()) IN ('safety_officer', 'integrator') AND reported_by = (SELECT davy_person())
        AND restored_at IS NULL AND NOT simulated);
-- It may have begun long before somebody found it shut, and it is reported now (risk/impairment.py has the two numbers).
CREATE POLICY when_it_is_reported ON impairment AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK (davy_just_now(reported_at) AND began_at BETWEEN reported_at - interval '366 days' AND reported_at + interval '7 days');
-- What is restored is over: a new impairment is a new row.
CREATE POLICY onlookers_change_nothing ON impairment AS RESTRICTIVE FOR UPDATE TO davy_web
    USING ((SELECT davy_role()) IN ('safety_officer', 'integrator') AND restored_at IS NULL)
    WITH CHECK ((SELECT davy_role()) IN ('safety_officer', 'integrator') AND (restored_by IS NULL OR restored_by = (SELECT davy_person())));
CREATE POLICY when_it_is_restored ON impairment AS RESTRICTIVE FOR UPDATE TO davy_web
    USING (true) WITH CHECK (restored_at IS NULL OR restored_at <= now() + interval '1 minute');

-- What a policy cannot say, since it does not see the row as it was: who may change what of a finding. The rules are
-- risk/finding.py's; this holds where a statement is smuggled past them.
CREATE FUNCTION davy_finding_changes() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE me int := davy_person();
BEGIN
    IF current_user <> 'davy_web' THEN
        RETURN NEW;
    END IF;
    IF (NEW.graded_by IS DISTINCT FROM OLD.graded_by OR NEW.grade <> OLD.grade) AND NEW.graded_by IS DISTINCT FROM me
        OR NEW.claimed_by IS DISTINCT FROM OLD.claimed_by AND NEW.claimed_by <> me
        OR NEW.verified_by IS DISTINCT FROM OLD.verified_by AND NEW.verified_by <> me THEN
        RAISE insufficient_privilege USING MESSAGE = 'a finding is graded, claimed and verified in one''s own name';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN
        (('reported', 'rectifying'), ('rectifying', 'claimed_done'), ('claimed_done', 'closed'), ('claimed_done', 'rectifying'), ('closed', 'rectifying')) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a finding does not go from ' || OLD.state || ' to ' || NEW.state;
    END IF;
    IF OLD.state IN ('claimed_done', 'closed') AND NEW.state <> 'rectifying'
        AND (NEW.owner_id IS DISTINCT FROM OLD.owner_id OR NEW.claimed_by IS DISTINCT FROM OLD.claimed_by) THEN
        RAISE insufficient_privilege USING MESSAGE = 'owner and claimer stay while a claim waits or is verified';
    END IF;
    IF NEW.state = OLD.state AND NEW.due_at > OLD.due_at AND OLD.owner_id = me THEN
        RAISE insufficient_privilege USING MESSAGE = 'an owner does not put off their own deadline';
    END IF;
    -- Put in hand, opened again, or put off: nothing else sets a deadline, and nothing brings it nearer or takes it away.
    IF NEW.due_at IS DISTINCT FROM OLD.due_at AND NOT coalesce((OLD.state, NEW.state) IN (('reported', 'rectifying'), ('closed', 'rectifying'))
        OR NEW.state = OLD.state AND NEW.state IN ('rectifying', 'claimed_done') AND NEW.due_at > OLD.due_at, false) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a deadline is set when work begins, and put off after that; this step leaves it as it is';
    END IF;
    IF NEW.reopened <> OLD.reopened + ((OLD.state, NEW.state) IN (('claimed_done', 'rectifying'), ('closed', 'rectifying')))::int THEN
        RAISE insufficient_privilege USING MESSAGE = 'what was sent back or opened again is counted, each time once';
    END IF;
    IF NOT coalesce(NEW.claimed_at IS NOT DISTINCT FROM OLD.claimed_at OR davy_just_now(NEW.claimed_at), true)
        OR NOT coalesce(NEW.closed_at IS NOT DISTINCT FROM OLD.closed_at OR davy_just_now(NEW.closed_at), true) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a finding is claimed and closed now, not earlier or later';
    END IF;
    IF NEW.owner_id <> OLD.owner_id AND OLD.owner_id = me THEN
        RAISE insufficient_privilege USING MESSAGE = 'an owner does not hand a finding over alone';
    END IF;
    IF NEW.owner_id IS DISTINCT FROM OLD.owner_id
        AND NOT EXISTS (SELECT FROM person p WHERE p.person_id = NEW.owner_id AND p.company_id = NEW.company_id AND p.active) THEN
        RAISE insufficient_privilege USING MESSAGE = 'the owner of a finding is one of the company''s own people';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION davy_finding_changes FROM PUBLIC;
CREATE TRIGGER finding_changes BEFORE UPDATE ON finding FOR EACH ROW EXECUTE FUNCTION davy_finding_changes();

-- A finding and an impairment as lists, pages and messages name them. Names, descriptions and plans of the client's people stay
-- with the client, as their notes and photos do: the columns of the table are granted to nobody who acts for persons.
CREATE VIEW v_finding WITH (security_barrier) AS
    SELECT f.finding_id, f.company_id, f.site_id, f.zone_id, f.source, f.occurrence_id, f.sensor_id, f.title,
           coalesce(f.title_zh, f.title) AS title_zh, CASE WHEN e.own THEN f.description END AS description, f.grade, f.graded_by IS NOT NULL AS graded, f.graded_by, f.state,
           f.reported_at, f.reported_by, f.owner_id, CASE WHEN e.own THEN owner.name END AS owner,
           CASE WHEN e.own THEN f.measures END AS measures, CASE WHEN e.own THEN f.funds END AS funds, f.due_at,
           CASE WHEN e.own THEN f.contingency END AS contingency, f.claimed_at, f.claimed_by, f.closed_at, f.verified_by, f.reopened, f.simulated,
           CASE WHEN e.own THEN (SELECT count(*) FROM finding_photo p WHERE p.company_id = f.company_id AND p.finding_id = f.finding_id)
                ELSE 0 END AS photos,
           z.name AS zone, z.name_zh AS zone_zh, s.name AS site, s.name_zh AS site_zh, s.time_zone, c.name AS company, c.name_zh AS company_zh
    FROM finding f
    LEFT JOIN site s ON s.site_id = f.site_id
    LEFT JOIN company c ON c.company_id = f.company_id
    LEFT JOIN zone z ON z.zone_id = f.zone_id
    LEFT JOIN person owner ON owner.person_id = f.owner_id
    CROSS JOIN LATERAL (SELECT (SELECT davy_everything()) OR current_user = 'davy_owner'
        OR coalesce((SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin'), false) AS own) e
    WHERE (SELECT davy_everything()) OR f.company_id = ANY ((SELECT davy_companies())::int[]) OR current_user = 'davy_owner';

CREATE VIEW v_impairment WITH (security_barrier) AS
    SELECT i.impairment_id, i.company_id, i.site_id, i.zone_id, i.sensor_id, i.kind, i.what, i.reason, i.interim_measures, i.began_at,
           i.expected_until, i.reported_at, i.reported_by, i.restored_at, i.restored_by, i.restore_proof, i.simulated,
           n.name AS sensor, n.name_zh AS sensor_zh, z.name AS zone, z.name_zh AS zone_zh, s.name AS site, s.name_zh AS site_zh,
           s.time_zone, c.name AS company, c.name_zh AS company_zh
    FROM impairment i
    LEFT JOIN site s ON s.site_id = i.site_id
    LEFT JOIN company c ON c.company_id = i.company_id
    LEFT JOIN zone z ON z.zone_id = i.zone_id
    LEFT JOIN sensor n ON n.sensor_id = i.sensor_id
    WHERE (SELECT davy_everything()) OR i.company_id = ANY ((SELECT davy_companies())::int[]) OR current_user = 'davy_owner';

-- What the steps of a finding say of it so far.
CREATE FUNCTION davy_finding_so_far(company int, finding bigint, OUT state text, OUT at timestamptz, OUT due_at timestamptz,
    OUT grade text, OUT graded_by int, OUT plan jsonb, OUT claimed_at timestamptz, OUT closed_at timestamptz) LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT (array_agg(e.to_state ORDER BY e.event_id DESC))[1], max(e.at),
        (array_agg((e.new ->> 'due_at')::timestamptz ORDER BY e.event_id DESC) FILTER (WHERE e.event IN ('assigned', 'extended', 'reopened')))[1],
        (array_agg(e.new ->> 'grade' ORDER BY e.event_id DESC) FILTER (WHERE e.event IN ('reported', 'graded')))[1],
        (array_agg(e.person_id ORDER BY e.event_id DESC) FILTER (WHERE e.event = 'graded'))[1],
        (array_agg(e.new - 'due_at' ORDER BY e.event_id DESC) FILTER (WHERE e.event = 'assigned'))[1],
        (array_agg(e.at ORDER BY e.event_id DESC) FILTER (WHERE e.event = 'claimed_done'))[1],
        (array_agg(e.at ORDER BY e.event_id DESC) FILTER (WHERE e.event = 'verified'))[1]
    FROM finding_event e WHERE e.company_id = company AND e.finding_id = finding;
END;

-- Until the transaction ends nobody else takes a step of this finding. As owner: the service that looks for silent detectors
-- changes no finding, and so may lock none.
CREATE FUNCTION davy_finding_turn(company int, finding bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM FROM public.finding f WHERE f.company_id = company AND f.finding_id = finding
        AND (davy_everything() OR f.company_id = ANY (davy_companies())) FOR NO KEY UPDATE;
END
$$;
REVOKE ALL ON FUNCTION davy_finding_turn FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_finding_turn TO davy_web, davy_alerting;

-- A step is what happened, not what somebody says: scores, reports and the insurer read it (v_finding_step). It ends where the
-- finding stands, begins where the one before it ended, and is taken now. The owner (the demo's history) is not bound.
CREATE FUNCTION davy_finding_step() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    f record;
    told record;
    wrong text;
BEGIN
    BEGIN   -- one that cannot be read, or that each reader would read in their own zone, would spoil every later look: for any role
        IF NEW.old ->> 'due_at' !~ '^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)$'
            OR NEW.new ->> 'due_at' !~ '^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)$' THEN
            RAISE invalid_datetime_format;
        END IF;
        PERFORM (NEW.old ->> 'due_at')::timestamptz, (NEW.new ->> 'due_at')::timestamptz;
    EXCEPTION WHEN data_exception THEN
        RAISE invalid_datetime_format USING MESSAGE = 'a step names a deadline as an instant with its zone, like 2026-12-01T08:00:00+08:00';
    END;
    IF current_user NOT IN ('davy_web', 'davy_alerting') THEN
        RETURN NEW;
    END IF;
    PERFORM davy_finding_turn(NEW.company_id, NEW.finding_id);
    SELECT finding_id, state, reported_at, claimed_at, closed_at, grade, graded_by, due_at, owner_id, measures, funds, contingency INTO f
        FROM v_finding WHERE company_id = NEW.company_id AND finding_id = NEW.finding_id;
    IF f.finding_id IS NULL THEN
        RAISE insufficient_privilege USING MESSAGE = 'a step is taken of a finding that is there';
    END IF;
    SELECT * INTO told FROM davy_finding_so_far(NEW.company_id, NEW.finding_id);
    NEW.event_id := nextval('finding_event_event_id_seq');   -- in the order of turns, whatever number the statement brought
    IF NEW.to_state IS NULL THEN                             -- nothing said of the state: it stays
        NEW.from_state := told.state;
        NEW.to_state := told.state;
    END IF;
    wrong := CASE
        WHEN NEW.from_state IS DISTINCT FROM told.state THEN 'a step begins where the one before it ended'
        WHEN NEW.to_state IS DISTINCT FROM f.state THEN 'a step ends where the finding stands'
        WHEN NOT coalesce(CASE NEW.event
                WHEN 'reported' THEN NEW.from_state IS NULL AND NEW.to_state = 'reported'
                WHEN 'assigned' THEN NEW.from_state IN ('reported', 'rectifying') AND NEW.to_state = 'rectifying'
                WHEN 'extended' THEN NEW.from_state = NEW.to_state AND NEW.to_state IN ('rectifying', 'claimed_done')
                WHEN 'claimed_done' THEN (NEW.from_state, NEW.to_state) = ('rectifying', 'claimed_done')
                WHEN 'verified' THEN (NEW.from_state, NEW.to_state) = ('claimed_done', 'closed')
                WHEN 'sent_back' THEN (NEW.from_state, NEW.to_state) = ('claimed_done', 'rectifying')
                WHEN 'reopened' THEN (NEW.from_state, NEW.to_state) = ('closed', 'rectifying')
                WHEN 'noted' THEN NEW.from_state = NEW.to_state
                ELSE NEW.from_state = NEW.to_state AND NEW.to_state <> 'closed' END, false)
            THEN 'a finding has no such step from where it stands'
        WHEN NOT davy_just_now(NEW.at) THEN 'a step is written down when it is taken, not earlier or later'
        WHEN NEW.at < told.at - interval '1 minute' THEN 'a step is not older than the one before it'   -- two who wait for each other
        WHEN NEW.event = 'reported' AND NEW.at <> f.reported_at OR NEW.event = 'claimed_done' AND NEW.at <> f.claimed_at
            OR NEW.event = 'verified' AND NEW.at <> f.closed_at THEN 'a step has the instant that the finding has'
        WHEN NEW.event IN ('reported', 'graded') AND (NEW.new ->> 'grade' IS DISTINCT FROM f.grade OR NEW.old ->> 'grade' IS DISTINCT FROM told.grade)
            THEN 'a step names the grade that the finding has, and the one it had'
        WHEN NEW.event IN ('assigned', 'extended', 'reopened') AND ((NEW.new ->> 'due_at')::timestamptz IS DISTINCT FROM f.due_at
            OR (NEW.old ->> 'due_at')::timestamptz IS DISTINCT FROM told.due_at)
            THEN 'a step names the deadline that the finding has, and the one it had'
        WHEN NEW.event = 'assigned' AND NEW.new - 'due_at' IS DISTINCT FROM
                jsonb_build_object('owner_id', f.owner_id, 'measures', f.measures, 'funds', f.funds, 'contingency', f.contingency)
            THEN 'a step names the five things as they are settled'
        END;
    IF wrong IS NOT NULL THEN
        RAISE insufficient_privilege USING MESSAGE = wrong;
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION davy_finding_step FROM PUBLIC;
CREATE TRIGGER finding_step BEFORE INSERT ON finding_event FOR EACH ROW EXECUTE FUNCTION davy_finding_step();

-- And none is left out: what changed of a finding has its step when the transaction ends.
CREATE FUNCTION davy_finding_told() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    f record;
    told record;
BEGIN
    IF current_user NOT IN ('davy_web', 'davy_alerting') THEN
        RETURN NULL;
    END IF;
    SELECT finding_id, state, reported_at, claimed_at, closed_at, grade, graded_by, due_at, owner_id, measures, funds, contingency INTO f
        FROM v_finding WHERE company_id = NEW.company_id AND finding_id = NEW.finding_id;
    SELECT * INTO told FROM davy_finding_so_far(NEW.company_id, NEW.finding_id);
    IF (TG_OP = 'INSERT' OR NEW.state <> OLD.state) AND told.state IS DISTINCT FROM f.state
        OR TG_OP = 'UPDATE' AND (
            (NEW.grade <> OLD.grade OR NEW.graded_by IS DISTINCT FROM OLD.graded_by)
                AND (told.grade IS DISTINCT FROM f.grade OR told.graded_by IS DISTINCT FROM f.graded_by)
            OR NEW.due_at IS DISTINCT FROM OLD.due_at AND told.due_at IS DISTINCT FROM f.due_at
            OR (NEW.owner_id, NEW.measures, NEW.funds, NEW.contingency) IS DISTINCT FROM (OLD.owner_id, OLD.measures, OLD.funds, OLD.contingency)
                AND told.plan IS DISTINCT FROM
                    jsonb_build_object('owner_id', f.owner_id, 'measures', f.measures, 'funds', f.funds, 'contingency', f.contingency)
            OR NEW.claimed_at <> coalesce(OLD.claimed_at, '-infinity') AND told.claimed_at IS DISTINCT FROM f.claimed_at
            OR NEW.closed_at <> coalesce(OLD.closed_at, '-infinity') AND told.closed_at IS DISTINCT FROM f.closed_at) THEN
        RAISE insufficient_privilege USING MESSAGE = 'what changes of a finding is written down as a step of it';
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION davy_finding_told FROM PUBLIC;
CREATE CONSTRAINT TRIGGER finding_told AFTER INSERT OR UPDATE ON finding DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION davy_finding_told();

GRANT SELECT ON impairment, v_finding_step TO davy_alerting, davy_web, davy_grafana;
GRANT SELECT ON finding TO davy_alerting;
GRANT SELECT (finding_id, company_id, site_id, zone_id, source, occurrence_id, sensor_id, title, title_zh, grade, graded_by, state, reported_at,
    reported_by, owner_id, due_at, claimed_at, claimed_by, closed_at, verified_by, reopened, simulated) ON finding TO davy_web, davy_grafana;
GRANT SELECT ON v_finding TO davy_alerting, davy_web, davy_grafana;
GRANT SELECT ON v_impairment TO davy_alerting, davy_web;
GRANT SELECT ON finding_event TO davy_alerting, davy_web;
GRANT INSERT ON finding, finding_event TO davy_alerting, davy_web;
GRANT SELECT, INSERT ON finding_photo TO davy_web;
GRANT INSERT ON impairment TO davy_web;
GRANT UPDATE (grade, graded_by, state, owner_id, measures, funds, due_at, contingency, claimed_at, claimed_by, closed_at, verified_by, reopened)
    ON finding TO davy_web;
GRANT UPDATE (expected_until, interim_measures, restored_at, restored_by, restore_proof) ON impairment TO davy_web;
GRANT USAGE ON SEQUENCE finding_finding_id_seq, finding_event_event_id_seq TO davy_alerting, davy_web;
GRANT USAGE ON SEQUENCE finding_photo_photo_id_seq, impairment_impairment_id_seq TO davy_web;

-- A finding against ourselves: not the client's, nobody's score. Too many messages are over by numbers, the others when a person says so.
CREATE TABLE own_finding (
    own_finding_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL,
    site_id     int NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('too_many_messages', 'delivery_failed', 'nobody_answered')),
    opened_at   timestamptz NOT NULL,
    closed_at   timestamptz CHECK (closed_at >= opened_at),
    told_at     timestamptz NOT NULL,          -- as of when the rest is said
    facts       jsonb NOT NULL,                -- risk/own_finding.py: what was found, by kind
    closed_by   int REFERENCES person,         -- who settled it with a reason; null: it ended by itself
    UNIQUE (company_id, own_finding_id),
    CHECK (closed_by IS NULL OR closed_at IS NOT NULL),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id)
);
CALL davy_wall('own_finding');
CREATE UNIQUE INDEX one_own_finding_of_a_kind ON own_finding (site_id, kind) WHERE closed_at IS NULL;
GRANT SELECT ON own_finding TO davy_alerting, davy_web;
GRANT INSERT, UPDATE (closed_at, told_at, facts) ON own_finding TO davy_alerting;
GRANT USAGE ON SEQUENCE own_finding_own_finding_id_seq TO davy_alerting;

-- What the insurer's people say of it and do about it, both sides read: append-only. What stands of cause and measure is the newest of each.
CREATE TABLE own_finding_note (
    note_id     bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL,
    own_finding_id bigint NOT NULL,
    person_id   int NOT NULL REFERENCES person,
    at          timestamptz NOT NULL,
    event       text NOT NULL CHECK (event IN ('comment', 'cause', 'measure', 'settled')),
    cause       text CHECK (cause IN ('limits', 'routes', 'sensors', 'plant', 'davy', 'channel', 'people')), -- risk/own_findings.py
    words       text NOT NULL CHECK (length(words) BETWEEN 1 AND 4000),
    CHECK ((event = 'cause') = (cause IS NOT NULL)),
    FOREIGN KEY (company_id, own_finding_id) REFERENCES own_finding (company_id, own_finding_id)
);
CALL davy_wall('own_finding_note');
CREATE INDEX own_finding_note_by_finding ON own_finding_note (own_finding_id, note_id);
CREATE POLICY in_ones_own_name ON own_finding_note AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK (person_id = (SELECT davy_person()) AND (SELECT davy_role()) = 'risk_engineer' AND davy_just_now(at));
-- A risk engineer settles one that stands, in their own name; whatever else it says is Davy's.
CREATE POLICY settled_by_the_insurer ON own_finding AS RESTRICTIVE FOR UPDATE TO davy_web
    USING (closed_at IS NULL AND (SELECT davy_role()) = 'risk_engineer')
    WITH CHECK (closed_by = (SELECT davy_person()) AND davy_just_now(closed_at));
GRANT UPDATE (closed_at, closed_by) ON own_finding TO davy_web;
GRANT SELECT, INSERT ON own_finding_note TO davy_web;
GRANT SELECT ON own_finding_note TO davy_alerting;
GRANT USAGE ON SEQUENCE own_finding_note_note_id_seq TO davy_web;
