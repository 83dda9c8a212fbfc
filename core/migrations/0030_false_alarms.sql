-- How many false alarms a site bears, and which setpoints are worked out from that.
-- Owner: alerting.

CREATE TABLE site_false_alarms (               -- what a site says, where it says so; no row: as core/site_false_alarms.py has it
    site_id     int PRIMARY KEY,
    company_id  int NOT NULL,
    per_week    double precision CHECK (per_week > 0 AND per_week <= 70), -- null: no setpoint is worked out
    own_limits  text[] NOT NULL,               -- limits whose setpoint people keep themselves
    own_setpoints double precision[] NOT NULL, -- what they are; null: as their pack has it
    CHECK (cardinality(own_limits) = cardinality(own_setpoints)),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id)
);
CALL davy_wall('site_false_alarms');

-- Limits whose setpoint the budget sets: an import writes down which, for nobody has stated one. `setpoint` and `on_delay_s` are what the
-- budget set last. Where the limit has others, a person has set them: the budget then leaves it alone.
CREATE TABLE budgeted_limit (
    definition_id int PRIMARY KEY,
    company_id  int NOT NULL,
    site_id     int NOT NULL,
    base_setpoint double precision NOT NULL,   -- of the pack: where the budget began, and where it ends
    base_on_delay_s double precision NOT NULL,
    setpoint    double precision NOT NULL,
    on_delay_s  double precision NOT NULL,
    ended_at    timestamptz,                   -- the file has stated a setpoint, or the site has no budget any more
    -- What was found when it was looked at last; null: never yet.
    looked_at   timestamptz,
    state       text CHECK (state IN ('kept', 'unused', 'capped', 'unknown')),
    share       double precision,              -- false alarms a week that it may use
    expected    double precision,              -- and uses, at what is in force
    judged_s    double precision,              -- how long a stretch of normal operation was judged
    far         double precision,              -- how many times rarer than what was counted there
    calibrated  int,                           -- windows that its p-values are ranks among; null: its number is no p-value
    needs       int,                           -- so many would do; null: enough do
    UNIQUE (definition_id, company_id),
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id),
    FOREIGN KEY (definition_id, company_id) REFERENCES alarm_definition (definition_id, company_id),
    FOREIGN KEY (definition_id, site_id) REFERENCES alarm_definition (definition_id, site_id)
);
CALL davy_wall('budgeted_limit');
CREATE INDEX budgeted_limit_by_site ON budgeted_limit (site_id);

-- The detectors that core/site_false_alarms.py calls statistical.
CREATE FUNCTION davy_is_statistic(detector text) RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN detector = ANY ('{ewma,cusum,odd,spike,shift,noise,profile}'::text[]);
REVOKE ALL ON FUNCTION davy_is_statistic FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_is_statistic TO davy_alerting, davy_web;

-- Compounds that are made of statistics alone, by their sensor: two signals that must agree, say. Any other is of what is physically so.
CREATE VIEW v_statistic_compound WITH (security_barrier) AS
    SELECT c.company_id, c.sensor_id FROM compound c
    WHERE ((SELECT davy_everything()) OR c.company_id = ANY ((SELECT davy_companies())::int[]) OR current_user = 'davy_owner')
      AND NOT EXISTS (SELECT FROM compound_part p LEFT JOIN alarm_definition n ON n.definition_id = p.definition_id
                      WHERE p.compound_id = c.compound_id AND davy_is_statistic(coalesce(p.detector, n.detector)) IS NOT TRUE);
GRANT SELECT ON v_statistic_compound TO davy_alerting, davy_web;

-- No statistic raises life safety: neither a limit whose setpoint is worked out from a budget, nor a compound of conditions that are statistics
-- (two signals that must agree: each would wait for the other). Held here for whoever writes, as core/site_agreement.py says it to people.
CREATE FUNCTION davy_statistics_are_no_life_safety() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    of_definition int;
BEGIN
    IF TG_TABLE_NAME = 'compound_part' THEN
        SELECT d.definition_id INTO of_definition FROM public.compound c JOIN public.alarm_definition d ON d.sensor_id = c.sensor_id
            WHERE c.compound_id = NEW.compound_id;
    ELSE
        of_definition := NEW.definition_id;
    END IF;
    IF EXISTS (SELECT FROM public.alarm_definition d WHERE d.definition_id = of_definition AND d.priority = 'life-safety' AND d.retired_at IS NULL
        AND (EXISTS (SELECT FROM public.budgeted_limit b WHERE b.definition_id = d.definition_id AND b.ended_at IS NULL)
            OR EXISTS (SELECT FROM public.compound c JOIN public.compound_part p USING (compound_id)
                LEFT JOIN public.alarm_definition n ON n.definition_id = p.definition_id
                WHERE c.sensor_id = d.sensor_id AND davy_is_statistic(coalesce(p.detector, n.detector))))) THEN
        RAISE check_violation USING MESSAGE = 'a statistic raises no alarm of life safety';
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION davy_statistics_are_no_life_safety FROM PUBLIC;
CREATE TRIGGER statistics_are_no_life_safety AFTER INSERT OR UPDATE ON alarm_definition
    FOR EACH ROW WHEN (NEW.priority = 'life-safety') EXECUTE FUNCTION davy_statistics_are_no_life_safety();
CREATE TRIGGER statistics_are_no_life_safety AFTER INSERT OR UPDATE ON compound_part
    FOR EACH ROW EXECUTE FUNCTION davy_statistics_are_no_life_safety();
CREATE TRIGGER statistics_are_no_life_safety AFTER INSERT OR UPDATE ON budgeted_limit
    FOR EACH ROW EXECUTE FUNCTION davy_statistics_are_no_life_safety();

-- Sets what a limit is judged by from the budget, or gives null where it is not, or no longer, the budget's: a person has set it, the file
-- has, it is retired, or lives hang on it. Written down as every change of a limit is.
CREATE FUNCTION davy_budget_apply(definition int, wanted double precision, delay_s double precision, why text, at timestamptz) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    b public.budgeted_limit;
    d public.alarm_definition;
BEGIN
    IF wanted IS NULL OR wanted NOT BETWEEN 0 AND 1000000 OR delay_s IS NULL OR delay_s NOT BETWEEN 0 AND 86400 THEN
        RAISE check_violation USING MESSAGE = 'a setpoint of a budget is a number, and its delay a day at most';
    END IF;
    SELECT * INTO d FROM public.alarm_definition a WHERE a.definition_id = definition FOR UPDATE;
    SELECT * INTO b FROM public.budgeted_limit l WHERE l.definition_id = definition FOR UPDATE;
    IF b.definition_id IS NULL OR b.ended_at IS NOT NULL OR d.retired_at IS NOT NULL OR d.priority = 'life-safety' OR d.role <> 'alarm'
        OR d.direction <> 'high' OR davy_counts_for_life(definition) OR d.setpoint <> b.setpoint OR d.on_delay_s <> b.on_delay_s
        OR (d.setpoint = wanted AND d.on_delay_s = delay_s) THEN
        RETURN NULL;
    END IF;
    UPDATE public.alarm_definition a SET setpoint = wanted, on_delay_s = delay_s, version = a.version + 1, valid_from = at
        WHERE a.definition_id = definition;
    UPDATE public.budgeted_limit l SET setpoint = wanted, on_delay_s = delay_s WHERE l.definition_id = definition;
    INSERT INTO public.journal (at, company_id, actor, action, subject, old, new, reason)
        SELECT davy_budget_apply.at, d.company_id, 'Davy, false-alarm budget', 'limit_changed', 'limit ' || s.key || '/' || d.key,
               jsonb_build_object('setpoint', d.setpoint, 'on_delay_s', d.on_delay_s), jsonb_build_object('setpoint', wanted, 'on_delay_s', delay_s), why
        FROM public.site s WHERE s.site_id = d.site_id;
    RETURN davy_definitions_changed();
END
$$;
REVOKE ALL ON FUNCTION davy_budget_apply FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_budget_apply TO davy_alerting;

GRANT SELECT ON site_false_alarms, budgeted_limit TO davy_alerting, davy_web;
GRANT UPDATE (looked_at, state, share, expected, judged_s, far, calibrated, needs) ON budgeted_limit TO davy_alerting;
