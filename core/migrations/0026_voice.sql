-- What the client's people say of alarms and services, complaints with their clocks, and what was changed because of it. Owner: risk.
-- Words and clocks: AQ 9010-2019 (service record, call-back with satisfaction, complaints) as reference to it tells them; edition and
-- clauses are not verified against its text, which nobody here has.

CREATE TABLE prevention_service (              -- a prevention service that was given (预防服务): what the client's people are asked about
    service_id  bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL,
    item        text NOT NULL CHECK (item IN ('training', 'assessment', 'inspection', 'standardisation', 'drill', 'technology', 'other')),
    what        text NOT NULL CHECK (length(what) BETWEEN 1 AND 400),
    served_by   text NOT NULL CHECK (length(served_by) BETWEEN 1 AND 200),   -- which body, never which person
    given_on    date NOT NULL,                 -- of the site's calendar
    noted_at    timestamptz NOT NULL,
    noted_by    int NOT NULL REFERENCES person,
    UNIQUE (company_id, service_id),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id)
);
CALL davy_wall('prevention_service');
CREATE INDEX prevention_service_by_day ON prevention_service (company_id, given_on);

CREATE TABLE rating (                          -- was it of use: one tap and why; one a person and thing
    rating_id   bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL,
    occurrence_id bigint,
    finding_id  bigint,
    impairment_id bigint,
    service_id  bigint,
    person_id   int NOT NULL REFERENCES person,
    useful      boolean NOT NULL,
    reason      text NOT NULL,
    words       text NOT NULL DEFAULT '' CHECK (length(words) <= 1000),
    rated_at    timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL,
    CHECK (num_nonnulls(occurrence_id, finding_id, impairment_id, service_id) = 1),
    CHECK (CASE WHEN useful THEN reason IN ('in_time', 'clear', 'put_right', 'other')
                ELSE reason IN ('no_danger', 'too_often', 'too_late', 'wrong_person', 'unclear', 'not_put_right', 'other') END),
    UNIQUE (company_id, rating_id),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id),
    FOREIGN KEY (company_id, occurrence_id) REFERENCES occurrence (company_id, occurrence_id),
    FOREIGN KEY (company_id, finding_id) REFERENCES finding (company_id, finding_id),
    FOREIGN KEY (company_id, impairment_id) REFERENCES impairment (company_id, impairment_id),
    FOREIGN KEY (company_id, service_id) REFERENCES prevention_service (company_id, service_id)
);
-- Who said what stays with the client; the insurer's people see what davy_voice() counts.
CALL davy_wall('rating', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');
CREATE UNIQUE INDEX rating_of_occurrence ON rating (occurrence_id, person_id) WHERE occurrence_id IS NOT NULL;
CREATE UNIQUE INDEX rating_of_finding ON rating (finding_id, person_id) WHERE finding_id IS NOT NULL;
CREATE UNIQUE INDEX rating_of_impairment ON rating (impairment_id, person_id) WHERE impairment_id IS NOT NULL;
CREATE UNIQUE INDEX rating_of_service ON rating (service_id, person_id) WHERE service_id IS NOT NULL;
CREATE INDEX rating_by_person ON rating (person_id, rated_at);

CREATE TABLE nps_answer (                      -- how likely somebody would recommend the whole: asked once in 90 days, never more
    nps_id      bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL,
    person_id   int NOT NULL REFERENCES person,
    score       int NOT NULL CHECK (score BETWEEN 0 AND 10),
    words       text NOT NULL DEFAULT '' CHECK (length(words) <= 1000),
    answered_at timestamptz NOT NULL,
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id)
);
CALL davy_wall('nps_answer', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');
CREATE INDEX nps_answer_by_person ON nps_answer (person_id, answered_at);

CREATE TABLE rating_request (                  -- who was asked for a rating of what, and when: append-only
    request_id  bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL,
    occurrence_id bigint,
    finding_id  bigint,
    impairment_id bigint,
    service_id  bigint,
    person_id   int NOT NULL REFERENCES person,
    asked_at    timestamptz NOT NULL,
    CHECK (num_nonnulls(occurrence_id, finding_id, impairment_id, service_id) = 1),
    UNIQUE (company_id, request_id),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id),
    FOREIGN KEY (company_id, occurrence_id) REFERENCES occurrence (company_id, occurrence_id),
    FOREIGN KEY (company_id, finding_id) REFERENCES finding (company_id, finding_id),
    FOREIGN KEY (company_id, impairment_id) REFERENCES impairment (company_id, impairment_id),
    FOREIGN KEY (company_id, service_id) REFERENCES prevention_service (company_id, service_id)
);
CALL davy_wall('rating_request', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');
CREATE INDEX rating_request_by_person ON rating_request (person_id, asked_at);
-- One person is asked of each thing, whoever looks for them, and however many at once.
CREATE UNIQUE INDEX rating_request_of_occurrence ON rating_request (occurrence_id) WHERE occurrence_id IS NOT NULL;
CREATE UNIQUE INDEX rating_request_of_finding ON rating_request (finding_id) WHERE finding_id IS NOT NULL;
CREATE UNIQUE INDEX rating_request_of_impairment ON rating_request (impairment_id) WHERE impairment_id IS NOT NULL;
CREATE UNIQUE INDEX rating_request_of_service ON rating_request (service_id) WHERE service_id IS NOT NULL;

CREATE TABLE complaint (                       -- 投诉: from the first word to the complainant's own verdict; its history is the journal's
    complaint_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL,
    occurrence_id bigint,                      -- what it is about, where that has a page
    finding_id  bigint,
    impairment_id bigint,
    service_id  bigint,
    follows_id  bigint,                        -- a closed one that was not settled after all
    title       text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    body        text NOT NULL CHECK (length(body) BETWEEN 1 AND 4000),
    road        text NOT NULL CHECK (road IN ('page', 'phone')),
    filed_at    timestamptz NOT NULL,
    filed_by    int REFERENCES person,         -- the complainant; null: by telephone
    noted_by    int REFERENCES person,         -- who of the insurer took the call
    complainant text NOT NULL CHECK (length(complainant) BETWEEN 1 AND 200),   -- their name, as they gave it to the insurer
    state       text NOT NULL DEFAULT 'received' CHECK (state IN ('received', 'acknowledged', 'analysed', 'solved', 'closed')),
    owner_id    int REFERENCES person,         -- who of the insurer sees to it
    owner_name  text CHECK (length(owner_name) <= 200),
    acknowledged_at timestamptz,
    cause       text CHECK (cause IN ('limit', 'routing', 'device', 'too_late', 'wording', 'quality', 'defect', 'agreement', 'unfounded', 'other')),
    facts       text CHECK (length(facts) BETWEEN 1 AND 4000),      -- what was found, and on what it rests
    further     boolean NOT NULL DEFAULT false,                     -- more has to be found out: the longer clock
    measures    text CHECK (length(measures) BETWEEN 1 AND 4000),   -- what was changed
    answer_due_at timestamptz NOT NULL,        -- first clock: the first answer
    answered_at timestamptz,
    conclude_due_at timestamptz NOT NULL,      -- second clock: the conclusion
    extended    boolean NOT NULL DEFAULT false,
    solved_at   timestamptz,
    closed_at   timestamptz,
    closed_by   int REFERENCES person,
    reopened    int NOT NULL DEFAULT 0,
    UNIQUE (company_id, complaint_id),
    -- The duty that tells of complaints reads those of all companies.
    CONSTRAINT readable_instants CHECK (least(filed_at, acknowledged_at, answer_due_at, answered_at, conclude_due_at, solved_at, closed_at) >= '1970-01-01 00:00+00'
        AND greatest(filed_at, acknowledged_at, answer_due_at, answered_at, conclude_due_at, solved_at, closed_at) < '2200-01-01 00:00+00'),
    CHECK (num_nonnulls(occurrence_id, finding_id, impairment_id, service_id) <= 1),
    CHECK ((road = 'page') = (filed_by IS NOT NULL) AND (road = 'phone') = (noted_by IS NOT NULL)),
    CHECK ((state = 'received') = (owner_id IS NULL) AND (owner_id IS NULL) = (acknowledged_at IS NULL) AND (owner_id IS NULL) = (owner_name IS NULL)),
    CHECK (state NOT IN ('analysed', 'solved', 'closed') OR (cause IS NOT NULL AND facts IS NOT NULL AND answered_at IS NOT NULL)),
    CHECK (state NOT IN ('solved', 'closed') OR (measures IS NOT NULL AND solved_at IS NOT NULL)),
    CHECK ((state = 'closed') = (closed_at IS NOT NULL) AND (closed_at IS NULL) = (closed_by IS NULL)),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id),
    FOREIGN KEY (company_id, follows_id) REFERENCES complaint (company_id, complaint_id),
    FOREIGN KEY (company_id, occurrence_id) REFERENCES occurrence (company_id, occurrence_id),
    FOREIGN KEY (company_id, finding_id) REFERENCES finding (company_id, finding_id),
    FOREIGN KEY (company_id, impairment_id) REFERENCES impairment (company_id, impairment_id),
    FOREIGN KEY (company_id, service_id) REFERENCES prevention_service (company_id, service_id)
);
-- A complaint is addressed to whoever answers it for the insurer: the risk engineers. An underwriter sees its clocks and no word of it.
CALL davy_wall('complaint', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'', ''risk_engineer'')))');
CREATE INDEX complaint_open ON complaint (company_id) WHERE state <> 'closed';

CREATE TABLE told_back (                       -- what was changed because of somebody's word, told to them: append-only
    told_back_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL,
    person_id   int NOT NULL REFERENCES person,
    rating_id   bigint,                        -- what they had said
    complaint_id bigint,
    change      text NOT NULL CHECK (change IN ('limit_changed', 'limit_retired', 'route_changed', 'finding_closed', 'own_finding_settled')),
    definition_id int,
    journal_id  bigint REFERENCES journal,     -- the change itself
    finding_id  bigint,
    changed_at  timestamptz NOT NULL,
    told_at     timestamptz NOT NULL,
    UNIQUE (company_id, told_back_id),
    CHECK (num_nonnulls(rating_id, complaint_id) = 1),
    CHECK ((change = 'finding_closed') = (finding_id IS NOT NULL) AND (change = 'finding_closed') = (journal_id IS NULL)),
    CHECK ((change IN ('limit_changed', 'limit_retired')) = (definition_id IS NOT NULL)),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id),
    FOREIGN KEY (company_id, rating_id) REFERENCES rating (company_id, rating_id),
    FOREIGN KEY (company_id, complaint_id) REFERENCES complaint (company_id, complaint_id),
    FOREIGN KEY (company_id, finding_id) REFERENCES finding (company_id, finding_id),
    FOREIGN KEY (definition_id, company_id) REFERENCES alarm_definition (definition_id, company_id)
);
CALL davy_wall('told_back', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');
-- One change is told once a person, however often they had said it.
CREATE UNIQUE INDEX told_back_change ON told_back (person_id, journal_id) WHERE journal_id IS NOT NULL;
CREATE UNIQUE INDEX told_back_finding ON told_back (person_id, finding_id, changed_at) WHERE finding_id IS NOT NULL;

-- What was resolved lately is asked about, and stands on the page of the voice: looked for once a minute.
CREATE INDEX occurrence_by_resolution ON occurrence (resolved_at) WHERE resolved_at IS NOT NULL;
CREATE INDEX journal_of_routes ON journal (company_id, at) WHERE action IN ('route_added', 'route_changed');

-- What can be rated: it is over, and it is no exercise. The place of what is rated is its own.
CREATE FUNCTION davy_is_over(of_company int, of_site int, of_occurrence bigint, of_finding bigint, of_impairment bigint, of_service bigint) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN CASE
        WHEN of_occurrence IS NOT NULL THEN EXISTS (SELECT FROM v_occurrence o WHERE o.occurrence_id = of_occurrence AND o.company_id = of_company AND o.site_id = of_site
            AND o.resolved_at IS NOT NULL AND o.resolution <> 'test_or_drill' AND NOT o.exercise AND NOT o.simulated AND NOT o.replayed)
        WHEN of_finding IS NOT NULL THEN EXISTS (SELECT FROM v_finding f WHERE f.finding_id = of_finding AND f.company_id = of_company AND f.site_id = of_site
            AND f.state = 'closed' AND NOT f.simulated)
        WHEN of_impairment IS NOT NULL THEN EXISTS (SELECT FROM v_impairment i WHERE i.impairment_id = of_impairment AND i.company_id = of_company AND i.site_id = of_site
            AND i.restored_at IS NOT NULL AND NOT i.simulated)
        ELSE EXISTS (SELECT FROM prevention_service s WHERE s.service_id = of_service AND s.company_id = of_company AND s.site_id = of_site) END;

CREATE POLICY noted_by_the_insurer ON prevention_service AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK ((SELECT davy_role()) = 'risk_engineer' AND noted_by = (SELECT davy_person()) AND davy_just_now(noted_at)
        AND given_on BETWEEN noted_at::date - 366 AND noted_at::date + 1);
CREATE POLICY in_ones_own_name ON rating AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK ((SELECT davy_role()) IN ('safety_officer', 'integrator') AND person_id = (SELECT davy_person())
        AND davy_just_now(rated_at) AND changed_at = rated_at
        AND davy_is_over(company_id, site_id, occurrence_id, finding_id, impairment_id, service_id));
CREATE POLICY ones_own ON rating AS RESTRICTIVE FOR UPDATE TO davy_web
    USING (person_id = (SELECT davy_person())) WITH CHECK (person_id = (SELECT davy_person()) AND davy_just_now(changed_at));
CREATE POLICY in_ones_own_name ON nps_answer AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK ((SELECT davy_role()) IN ('safety_officer', 'integrator') AND person_id = (SELECT davy_person()) AND davy_just_now(answered_at));

-- Once in 90 days, however many pages are open: two that come at once take turns.
CREATE FUNCTION davy_nps_is_rare() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7251126, NEW.person_id);
    IF current_user = 'davy_web' AND EXISTS (SELECT FROM nps_answer n WHERE n.person_id = NEW.person_id AND n.answered_at > NEW.answered_at - interval '90 days') THEN
        RAISE insufficient_privilege USING MESSAGE = 'this is asked once in 90 days';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION davy_nps_is_rare FROM PUBLIC;
CREATE TRIGGER nps_is_rare BEFORE INSERT ON nps_answer FOR EACH ROW EXECUTE FUNCTION davy_nps_is_rare();

-- A complaint is filed in one's own name by the client's people, or noted by the insurer's person who took the call.
CREATE POLICY in_ones_own_name ON complaint AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK (state = 'received' AND owner_id IS NULL AND cause IS NULL AND facts IS NULL AND measures IS NULL AND NOT further AND NOT extended
        AND answered_at IS NULL AND solved_at IS NULL AND closed_at IS NULL AND reopened = 0 AND davy_just_now(filed_at)
        AND answer_due_at > filed_at AND conclude_due_at = answer_due_at
        AND CASE (SELECT davy_role()) WHEN 'risk_engineer' THEN noted_by = (SELECT davy_person())
                WHEN 'safety_officer' THEN filed_by = (SELECT davy_person()) WHEN 'integrator' THEN filed_by = (SELECT davy_person()) ELSE false END);

-- Whose verdict a complaint waits for: the complainant's; of one that came by telephone, or whose complainant has left, any colleague's.
CREATE FUNCTION davy_is_complainant(by_whom int, of_company int) RETURNS boolean LANGUAGE sql STABLE
    RETURN davy_role() IN ('safety_officer', 'integrator') AND of_company = ANY (davy_companies())
        AND (by_whom = davy_person() OR NOT EXISTS (SELECT FROM person p WHERE p.person_id = by_whom AND p.active));

-- The rules are risk/complaint.py's; this holds where a statement is smuggled past them.
CREATE FUNCTION davy_complaint_changes() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    me int := davy_person();
    step text := OLD.state || '>' || NEW.state;
    wrong text;
BEGIN
    wrong := CASE
        WHEN OLD.state = 'closed' THEN 'a closed complaint stays as it is'
        WHEN step IN ('solved>closed', 'solved>acknowledged') AND NOT davy_is_complainant(OLD.filed_by, OLD.company_id) THEN 'who complained says whether it is settled'
        WHEN step NOT IN ('solved>closed', 'solved>acknowledged') AND davy_role() IS DISTINCT FROM 'risk_engineer' THEN 'the insurer''s people work on a complaint'
        WHEN step NOT IN ('received>acknowledged', 'acknowledged>acknowledged', 'acknowledged>analysed', 'analysed>analysed', 'analysed>solved', 'solved>closed',
            'solved>acknowledged') THEN 'a complaint does not go from ' || OLD.state || ' to ' || NEW.state
        WHEN NEW.owner_id IS DISTINCT FROM OLD.owner_id AND NEW.owner_id IS DISTINCT FROM me THEN 'a complaint is taken on in one''s own name'
        WHEN NEW.closed_by IS NOT NULL AND NEW.closed_by <> me THEN 'a complaint is closed in one''s own name'
        WHEN NEW.reopened <> OLD.reopened + (step = 'solved>acknowledged')::int THEN 'what was opened again is counted, each time once'
        WHEN OLD.answered_at IS NOT NULL AND NEW.answered_at IS DISTINCT FROM OLD.answered_at THEN 'the first answer is given once'
        WHEN step IN ('solved>closed', 'solved>acknowledged') AND (NEW.cause, NEW.facts, NEW.measures, NEW.owner_id, NEW.acknowledged_at)
            IS DISTINCT FROM (OLD.cause, OLD.facts, OLD.measures, OLD.owner_id, OLD.acknowledged_at) THEN 'a verdict changes no word of the answer'
        WHEN NEW.extended AND NOT OLD.extended AND (step <> 'analysed>analysed' OR OLD.owner_id = me OR NEW.conclude_due_at <= OLD.conclude_due_at
            OR NEW.conclude_due_at > OLD.conclude_due_at + interval '31 days' OR OLD.conclude_due_at < now() - interval '5 minutes')
            THEN 'another person than the owner extends, once, before the time is over, by 30 days at most'
        WHEN NEW.conclude_due_at IS DISTINCT FROM OLD.conclude_due_at AND NOT (NEW.extended AND NOT OLD.extended) AND step <> 'solved>acknowledged'
            AND NOT (step = 'acknowledged>analysed' AND NEW.further) THEN 'a clock is moved by an extension'
        WHEN NOT coalesce(NEW.acknowledged_at IS NOT DISTINCT FROM OLD.acknowledged_at OR davy_just_now(NEW.acknowledged_at), true)
            OR NOT coalesce(NEW.answered_at IS NOT DISTINCT FROM OLD.answered_at OR davy_just_now(NEW.answered_at), true)
            OR NOT coalesce(NEW.solved_at IS NOT DISTINCT FROM OLD.solved_at OR davy_just_now(NEW.solved_at), true)
            OR NOT coalesce(NEW.closed_at IS NOT DISTINCT FROM OLD.closed_at OR davy_just_now(NEW.closed_at), true)
            THEN 'what happens to a complaint happens now, not earlier or later'
        END;
    IF wrong IS NOT NULL THEN
        RAISE insufficient_privilege USING MESSAGE = wrong;
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION davy_complaint_changes FROM PUBLIC;
CREATE TRIGGER complaint_changes BEFORE UPDATE ON complaint FOR EACH ROW WHEN (current_user = 'davy_web') EXECUTE FUNCTION davy_complaint_changes();

-- The history of a complaint is the journal's, and both sides of it read that: what else the policy lets through by now stays.
DO $$
BEGIN
    EXECUTE format($sql$ALTER POLICY onlookers_read_of_looks ON journal USING (%s OR ((SELECT davy_role()) = 'risk_engineer' AND action LIKE 'complaint\_%%'))$sql$,
        (SELECT pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polname = 'onlookers_read_of_looks' AND polrelid = 'journal'::regclass));
END
$$;

-- A complaint with its place, for those who send and for pages.
CREATE VIEW v_complaint WITH (security_barrier) AS
    SELECT c.*, s.key AS site_key, s.name AS site, s.name_zh AS site_zh, s.time_zone, co.name AS company, co.name_zh AS company_zh
    FROM complaint c JOIN site s USING (site_id, company_id) JOIN company co USING (company_id)
    WHERE (SELECT davy_everything()) OR current_user = 'davy_owner' OR (c.company_id = ANY ((SELECT davy_companies())::int[])
        AND (SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin', 'risk_engineer'));

-- Its clocks alone: no persons and no words, for whoever looks at how complaints are dealt with.
CREATE VIEW v_complaint_clock WITH (security_barrier) AS
    SELECT c.complaint_id, c.company_id, c.site_id, s.name AS site, s.name_zh AS site_zh, s.time_zone, c.state, c.filed_at, c.cause, c.further,
           c.extended, c.answer_due_at, c.answered_at, c.conclude_due_at, c.solved_at, c.closed_at, c.reopened
    FROM complaint c JOIN site s USING (site_id, company_id)
    WHERE (SELECT davy_everything()) OR c.company_id = ANY ((SELECT davy_companies())::int[]) OR current_user = 'davy_owner';

-- What somebody was asked about, and what was changed because of their word, for those who send.
CREATE VIEW v_rating_request WITH (security_barrier) AS
    SELECT q.request_id, q.company_id, q.site_id, q.person_id, q.asked_at, q.occurrence_id, q.finding_id, q.impairment_id, q.service_id,
           coalesce(d.title, f.title, i.what, p.what) AS title, coalesce(d.title_zh, f.title_zh, f.title, i.what, p.what) AS title_zh,
           EXISTS (SELECT FROM rating r WHERE r.person_id = q.person_id AND (r.occurrence_id = q.occurrence_id OR r.finding_id = q.finding_id
               OR r.impairment_id = q.impairment_id OR r.service_id = q.service_id)) AS rated,
           s.name AS site, s.name_zh AS site_zh, s.time_zone, co.name AS company, co.name_zh AS company_zh
    FROM rating_request q JOIN site s USING (site_id, company_id) JOIN company co USING (company_id)
    LEFT JOIN occurrence o ON o.occurrence_id = q.occurrence_id LEFT JOIN alarm_definition d ON d.definition_id = o.definition_id
    LEFT JOIN finding f ON f.finding_id = q.finding_id LEFT JOIN impairment i ON i.impairment_id = q.impairment_id
    LEFT JOIN prevention_service p ON p.service_id = q.service_id
    WHERE (SELECT davy_everything()) OR current_user = 'davy_owner' OR q.person_id = (SELECT davy_person());

CREATE VIEW v_told_back WITH (security_barrier) AS
    SELECT t.told_back_id, t.company_id, t.site_id, t.person_id, t.rating_id, t.complaint_id, t.change, t.definition_id, t.finding_id, t.changed_at,
           t.told_at, coalesce(d.title, f.title) AS title, coalesce(d.title_zh, f.title_zh, f.title) AS title_zh,
           coalesce(r.rated_at, c.filed_at) AS said_at, r.reason AS said_reason, c.title AS said_title,
           s.key AS site_key, s.name AS site, s.name_zh AS site_zh, s.time_zone, co.name AS company, co.name_zh AS company_zh
    FROM told_back t JOIN site s USING (site_id, company_id) JOIN company co USING (company_id)
    LEFT JOIN alarm_definition d ON d.definition_id = t.definition_id LEFT JOIN finding f ON f.finding_id = t.finding_id
    LEFT JOIN rating r ON r.rating_id = t.rating_id LEFT JOIN complaint c ON c.complaint_id = t.complaint_id
    WHERE (SELECT davy_everything()) OR current_user = 'davy_owner' OR t.person_id = (SELECT davy_person());

-- What the insurer's people may know of who said what: counts of quarters that are over, of at least 5 answers by at least 3 people. What is
-- too few by site and hazard is counted with the rest of its site, then with the rest of all sites of its company, and else not at all: no
-- total holds what no part of it shows, so nothing can be subtracted. Nobody chooses the window, or two that differ by a day would name a
-- person; and no cell reaches beyond a company, or two people of the insurer who see different companies had two totals that differ by one.
CREATE FUNCTION davy_voice() RETURNS TABLE (quarter date, company_id int, site_id int, hazard text, people int, answers int, useful int, reasons jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH said AS (
        SELECT date_trunc('quarter', r.rated_at AT TIME ZONE s.time_zone)::date AS quarter, r.company_id, r.site_id, r.person_id, r.useful, r.reason,
               CASE WHEN r.occurrence_id IS NOT NULL THEN n.quantity WHEN r.finding_id IS NOT NULL THEN '_finding'
                    WHEN r.impairment_id IS NOT NULL THEN '_impairment' ELSE '_service' END AS hazard
        FROM public.rating r JOIN public.site s ON s.site_id = r.site_id
        LEFT JOIN public.occurrence o ON o.occurrence_id = r.occurrence_id LEFT JOIN public.sensor n ON n.sensor_id = o.sensor_id
        WHERE (r.company_id = ANY (davy_companies()) OR davy_everything())
          AND r.rated_at AT TIME ZONE s.time_zone >= date_trunc('quarter', now() AT TIME ZONE s.time_zone) - interval '2 years'
          AND r.rated_at AT TIME ZONE s.time_zone < date_trunc('quarter', now() AT TIME ZONE s.time_zone)
    ), fine AS (
        SELECT f.quarter, f.site_id, f.hazard FROM said f GROUP BY 1, 2, 3 HAVING count(*) >= 5 AND count(DISTINCT f.person_id) >= 3
    ), by_site AS (
        SELECT x.quarter, x.company_id, x.site_id, CASE WHEN f.hazard IS NOT NULL THEN x.hazard END AS hazard, x.person_id, x.useful, x.reason
        FROM said x LEFT JOIN fine f USING (quarter, site_id, hazard)
    ), rest AS (
        SELECT b.quarter, b.site_id FROM by_site b WHERE b.hazard IS NULL GROUP BY 1, 2 HAVING count(*) >= 5 AND count(DISTINCT b.person_id) >= 3
    ), placed AS (
        SELECT b.quarter, b.company_id, CASE WHEN b.hazard IS NOT NULL OR t.site_id IS NOT NULL THEN b.site_id END AS site_id, b.hazard, b.person_id, b.useful, b.reason
        FROM by_site b LEFT JOIN rest t ON t.quarter = b.quarter AND t.site_id = b.site_id
    ), counted AS (
        SELECT p.quarter, p.company_id, p.site_id, p.hazard, p.reason, p.useful, count(*)::int AS n FROM placed p GROUP BY 1, 2, 3, 4, 5, 6
    ), shown AS (
        SELECT p.quarter, p.company_id, p.site_id, p.hazard, count(DISTINCT p.person_id)::int AS people, count(*)::int AS answers,
               (count(*) FILTER (WHERE p.useful))::int AS useful
        FROM placed p GROUP BY 1, 2, 3, 4 HAVING count(*) >= 5 AND count(DISTINCT p.person_id) >= 3
    )
    SELECT h.quarter, h.company_id, h.site_id, h.hazard, h.people, h.answers, h.useful,
           (SELECT jsonb_object_agg(CASE WHEN c.useful THEN '+' ELSE '-' END || c.reason, c.n) FROM counted c
            WHERE c.quarter = h.quarter AND c.company_id = h.company_id AND c.site_id IS NOT DISTINCT FROM h.site_id AND c.hazard IS NOT DISTINCT FROM h.hazard)
    FROM shown h ORDER BY 1 DESC, 2, 3 NULLS LAST, 4 NULLS LAST
$$;

-- The same of the recommendation: answers of 3 people at least; a person's newest of a quarter counts.
CREATE FUNCTION davy_voice_nps() RETURNS TABLE (quarter date, company_id int, site_id int, people int, promoters int, detractors int)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH said AS (
        SELECT DISTINCT ON (quarter, a.person_id) date_trunc('quarter', a.answered_at AT TIME ZONE s.time_zone)::date AS quarter, a.company_id, a.site_id, a.person_id, a.score
        FROM public.nps_answer a JOIN public.site s ON s.site_id = a.site_id
        WHERE (a.company_id = ANY (davy_companies()) OR davy_everything())
          AND a.answered_at AT TIME ZONE s.time_zone >= date_trunc('quarter', now() AT TIME ZONE s.time_zone) - interval '2 years'
          AND a.answered_at AT TIME ZONE s.time_zone < date_trunc('quarter', now() AT TIME ZONE s.time_zone)
        ORDER BY quarter, a.person_id, a.answered_at DESC
    ), fine AS (
        SELECT f.quarter, f.site_id FROM said f GROUP BY 1, 2 HAVING count(*) >= 5
    ), placed AS (
        SELECT x.quarter, x.company_id, f.site_id, x.score FROM said x LEFT JOIN fine f USING (quarter, site_id)
    )
    SELECT p.quarter, p.company_id, p.site_id, count(*)::int, (count(*) FILTER (WHERE p.score >= 9))::int, (count(*) FILTER (WHERE p.score <= 6))::int
    FROM placed p GROUP BY 1, 2, 3 HAVING count(*) >= 5 ORDER BY 1 DESC, 2, 3 NULLS LAST
$$;
REVOKE ALL ON FUNCTION davy_voice, davy_voice_nps FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_voice, davy_voice_nps TO davy_web;

-- What is told of them: each hangs on what it is about. The check of the other subjects stays as it is, whatever it says by now.
ALTER TABLE notification
    ADD COLUMN complaint_id bigint,
    ADD COLUMN request_id bigint,              -- somebody is asked whether it was of use
    ADD COLUMN told_back_id bigint,            -- what was changed because of their word
    ADD FOREIGN KEY (company_id, complaint_id) REFERENCES complaint (company_id, complaint_id),
    ADD FOREIGN KEY (company_id, request_id) REFERENCES rating_request (company_id, request_id),
    ADD FOREIGN KEY (company_id, told_back_id) REFERENCES told_back (company_id, told_back_id);
DO $$
DECLARE others text := (SELECT substr(pg_get_constraintdef(oid), 6) FROM pg_constraint
                        WHERE conrelid = 'notification'::regclass AND conname = 'about_one_thing');
BEGIN
    ALTER TABLE notification DROP CONSTRAINT about_one_thing;
    EXECUTE format($sql$ALTER TABLE notification ADD CONSTRAINT about_one_thing CHECK (CASE
        WHEN subject = 'complaint' THEN num_nulls(company_id, complaint_id) = 0 AND event IS NOT NULL AND event IN ('filed', 'acknowledged', 'answered', 'extended', 'solved',
                'reopened', 'answer_overdue', 'conclusion_overdue') AND num_nonnulls(request_id, told_back_id) = 0
        WHEN subject = 'rating_request' THEN num_nulls(company_id, request_id) = 0 AND event = 'asked' AND num_nonnulls(complaint_id, told_back_id) = 0
        WHEN subject = 'told_back' THEN num_nulls(company_id, told_back_id) = 0 AND event = 'changed' AND num_nonnulls(complaint_id, request_id) = 0
        ELSE num_nonnulls(complaint_id, request_id, told_back_id) = 0 AND %s END
        AND (subject NOT IN ('complaint', 'rating_request', 'told_back')
            OR num_nonnulls(occurrence_id, definition_id, sensor_id, finding_id, impairment_id, assigned_id, tally) = 0))$sql$, others);
END
$$;
-- Who was asked, who is told what their word changed, and who hears of a complaint, is who said something: the message is seen where that is.
CREATE POLICY of_who_said_something ON notification AS RESTRICTIVE FOR SELECT TO davy_web
    USING (subject NOT IN ('complaint', 'rating_request', 'told_back') OR (SELECT davy_everything()) OR person_id = (SELECT davy_person())
        OR (SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin') OR (subject = 'complaint' AND (SELECT davy_role()) = 'risk_engineer'));
-- As 0023 has it, behind the same wall.
CREATE OR REPLACE VIEW v_notification WITH (security_barrier) AS
    SELECT notification_id, company_id, subject, occurrence_id, finding_id, impairment_id, assigned_id, person_id, audience, channel, state, due_at,
           sent_at, finished_at,
           CASE WHEN (SELECT davy_everything()) OR current_user = 'davy_owner'
                  OR (SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin') THEN outcome END AS outcome,
           step, rule, onset, held_by, storm_id, told_in, key,
           CASE WHEN held_by IS NULL THEN due_at ELSE greatest(due_at, lease_until) END AS wanted_at
    FROM notification
    WHERE ((SELECT davy_everything()) OR company_id = ANY ((SELECT davy_companies())::int[]) OR current_user = 'davy_owner')
      AND (subject NOT IN ('complaint', 'rating_request', 'told_back') OR (SELECT davy_everything()) OR current_user = 'davy_owner'
        OR person_id = (SELECT davy_person()) OR (SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin')
        OR (subject = 'complaint' AND (SELECT davy_role()) = 'risk_engineer'));
CREATE INDEX notification_by_complaint ON notification (complaint_id) WHERE complaint_id IS NOT NULL;
CREATE INDEX notification_by_request ON notification (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX notification_by_told_back ON notification (told_back_id) WHERE told_back_id IS NOT NULL;

GRANT SELECT ON prevention_service, rating, complaint, v_complaint, v_rating_request, v_told_back TO davy_alerting, davy_web;
GRANT SELECT ON v_complaint_clock TO davy_web;
GRANT SELECT, INSERT ON rating_request, told_back TO davy_alerting;
GRANT SELECT ON nps_answer TO davy_web;
GRANT INSERT ON prevention_service, rating, nps_answer, complaint TO davy_web;
GRANT UPDATE (useful, reason, words, changed_at) ON rating TO davy_web;
GRANT UPDATE (state, owner_id, owner_name, acknowledged_at, cause, facts, further, measures, answered_at, conclude_due_at, extended, solved_at,
    closed_at, closed_by, reopened) ON complaint TO davy_web;
GRANT SELECT (complaint_id, request_id, told_back_id) ON notification TO davy_web;
GRANT USAGE ON SEQUENCE prevention_service_service_id_seq, rating_rating_id_seq, nps_answer_nps_id_seq, complaint_complaint_id_seq TO davy_web;
GRANT USAGE ON SEQUENCE rating_request_request_id_seq, told_back_told_back_id_seq TO davy_alerting;
