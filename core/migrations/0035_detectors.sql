-- What each detector takes, so that the database itself refuses a limit by which nobody could judge. Owner: detectors.

-- Written by `davy migrate` from detectors/registry.py, which says it; tests/detectors/test_rules_db.py holds both to each other.
CREATE TABLE detector_rule (
    name        text PRIMARY KEY,
    takes       jsonb NOT NULL,                -- parameter -> [least, most]; it knows no other
    needs       jsonb NOT NULL                 -- groups of parameters: of each, exactly one is given
);
COMMENT ON TABLE detector_rule IS 'detectors/registry.py, for who does not come by way of it';

CREATE FUNCTION davy_takes(detector text, given jsonb) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    of public.detector_rule;
BEGIN
    SELECT * INTO of FROM public.detector_rule t WHERE t.name = davy_takes.detector;
    IF NOT FOUND OR jsonb_typeof(given) IS DISTINCT FROM 'object' THEN
        RETURN false;
    END IF;
    IF given = '{}' AND of.needs = '[]' THEN
        RETURN true;
    END IF;
    RETURN NOT EXISTS (SELECT FROM jsonb_each(given) p WHERE NOT coalesce(CASE WHEN jsonb_typeof(p.value) = 'number'
            THEN (p.value #>> '{}')::numeric BETWEEN (of.takes #>> ARRAY[p.key, '0'])::numeric AND (of.takes #>> ARRAY[p.key, '1'])::numeric END, false))
        AND NOT EXISTS (SELECT FROM jsonb_array_elements(of.needs) n
            WHERE (SELECT count(*) FROM jsonb_array_elements_text(n.value) one WHERE given ? one.value) <> 1);
END
$$;
REVOKE ALL ON FUNCTION davy_takes FROM PUBLIC;

-- Whoever writes: an import, the function that applies a change, those that raise faults and set budgets.
CREATE FUNCTION davy_definition_is_taken() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.detector = OLD.detector AND NEW.parameters = OLD.parameters THEN
        RETURN NEW;
    END IF;
    IF NOT davy_takes(NEW.detector, NEW.parameters) AND NOT (TG_OP = 'INSERT' AND EXISTS ( -- ON CONFLICT: of one that stands, something else changes
            SELECT FROM public.alarm_definition a WHERE a.site_id = NEW.site_id AND a.key = NEW.key AND a.detector = NEW.detector AND a.parameters = NEW.parameters)) THEN
        RAISE check_violation USING MESSAGE = format('the detector %s does not take %s of the limit %s', NEW.detector, left(NEW.parameters::text, 200), NEW.key),
            HINT = 'docs/reference/site-file.md says what it takes. After an upgrade, `davy migrate` says it to the database.';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION davy_definition_is_taken FROM PUBLIC;
CREATE TRIGGER taken_by_its_detector BEFORE INSERT OR UPDATE OF detector, parameters ON alarm_definition
    FOR EACH ROW EXECUTE FUNCTION davy_definition_is_taken();

-- A setpoint that is no number is never passed; NaN is greater than all others to PostgreSQL. What stands already is ingest's to set aside:
-- not valid, it keeps no upgrade from its end.
ALTER TABLE alarm_definition ADD CONSTRAINT numbers_are_finite CHECK (setpoint > '-Infinity' AND setpoint < 'Infinity' AND deadband < 'Infinity') NOT VALID;
ALTER TABLE compound_part ADD CONSTRAINT numbers_are_finite CHECK (setpoint > '-Infinity' AND setpoint < 'Infinity' AND deadband < 'Infinity'
    AND greatest(on_delay_s, off_delay_s) <= 1e9) NOT VALID;
ALTER TABLE compound ADD CONSTRAINT numbers_are_finite CHECK (window_s <= 1e9) NOT VALID;

-- Whether ingest can judge by a limit as it stands; a compound: by each condition of its own too.
CREATE FUNCTION davy_judged(d alarm_definition) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT davy_takes(d.detector, d.parameters) AND (d.detector <> 'compound' OR NOT EXISTS (
        SELECT FROM public.compound c JOIN public.compound_part p USING (compound_id)
        WHERE c.sensor_id = d.sensor_id AND ((SELECT davy_everything()) OR c.company_id = ANY ((SELECT davy_companies())::int[])) -- whatever row is asked of
          AND p.detector IS NOT NULL AND NOT davy_takes(p.detector, coalesce(p.parameters, '{}'))))
$$;
REVOKE ALL ON FUNCTION davy_judged FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_judged TO davy_web;
