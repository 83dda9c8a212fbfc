-- What waits for a second person, whichever of the three it is: alarms that are to go out of service, a limit, a route. And what became of it.
-- Owner: alerting.

-- Whether an open change of a limit waits for a second person, and for nothing else: it is as its proposer saw it, two people answer for it, and a
-- back-test speaks for it where it needs one, or its proposer has overruled that. "life": it would call people sooner or more often to save
-- lives; "other": while it waits, people are called as before. Null: it waits for no second person.
CREATE FUNCTION davy_limit_waits(change bigint) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    c public.limit_change;
    d public.alarm_definition;
    is_grave boolean;
    loosens boolean;
    later boolean;                             -- heard again later than now
BEGIN
    SELECT * INTO c FROM public.limit_change l WHERE l.change_id = change;
    SELECT * INTO d FROM public.alarm_definition a WHERE a.definition_id = c.definition_id;
    IF NOT davy_limit_as_seen(c, d) OR (c.proposed ? 'parameters' AND NOT davy_takes(d.detector, c.proposed -> 'parameters')) THEN
        RETURN NULL;
    END IF;
    is_grave := davy_limit_grave(d, c.proposed);
    loosens := davy_limit_loosens(d, c.proposed);
    later := c.proposed ? 'realarm_after_s'
        AND coalesce((c.proposed ->> 'realarm_after_s')::float8, 'Infinity') > coalesce(d.realarm_after_s, 'Infinity');
    IF NOT is_grave AND c.overruling IS NULL THEN
        RETURN NULL;
    END IF;
    IF c.overruling IS NULL AND loosens AND (d.retired_at IS NOT NULL OR NOT (davy_limit_proven(d, NULL, now()) OR EXISTS (
            SELECT FROM public.backtest b WHERE b.site_id = c.site_id AND b.definition_key = d.key AND b.state = 'done'
                AND b.definition_version = c.base_version AND b.proposed = davy_limit_judged(c.proposed)
                AND davy_limit_proven(d, b.backtest_id, now())))) THEN
        RETURN NULL;
    END IF;
    RETURN CASE WHEN is_grave AND NOT loosens AND NOT later AND (davy_limit_judged(c.proposed) <> '{}' OR c.proposed ? 'realarm_after_s')
        THEN 'life' ELSE 'other' END;
END
$$;
REVOKE ALL ON FUNCTION davy_limit_waits FROM PUBLIC;

-- Whether an open change of a route does: where one person is enough it was applied when it was proposed.
CREATE FUNCTION davy_route_waits(change bigint) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce((SELECT c.state = 'proposed' AND davy_route_steps(r.route_id) = c.old AND davy_route_sound(r, c.proposed)
        FROM public.route_change c JOIN public.route r ON r.route_id = c.route_id AND r.company_id = c.company_id WHERE c.change_id = change), false)
$$;
REVOKE ALL ON FUNCTION davy_route_waits FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_limit_waits, davy_route_waits TO davy_alerting, davy_web;

-- For the client's own people, as the three tables are. `page`: the number in the address of its page. `lapses_at`: when it is over, answered or
-- not; null: never. `waits` does not look at that. What came with a site file was asked of nobody.
CREATE VIEW v_approval WITH (security_barrier) AS
    SELECT * FROM (
        SELECT 'order' AS subject, o.order_id AS number, o.company_id, o.site_id, o.order_id AS page, o.requested_by AS asked_by, o.recorded_at AS asked_at,
               o.reason, o.ends_at AS lapses_at, s.step IS NULL AS waits, false AS guards_life, true AS needs_officer, s.step AS outcome, s.at AS settled_at,
               s.person_id AS settled_by, s.note AS answer,
               (SELECT d.title FROM suppression_scope p JOIN alarm_definition d USING (definition_id) WHERE p.order_id = o.order_id ORDER BY d.definition_id LIMIT 1) AS title,
               (SELECT d.title_zh FROM suppression_scope p JOIN alarm_definition d USING (definition_id) WHERE p.order_id = o.order_id ORDER BY d.definition_id LIMIT 1) AS title_zh,
               (SELECT count(*)::int FROM suppression_scope p WHERE p.order_id = o.order_id) AS alarms
        FROM suppression_order o
        LEFT JOIN LATERAL (SELECT t.step, t.at, t.person_id, t.note FROM suppression_step t WHERE t.order_id = o.order_id ORDER BY t.at, t.step LIMIT 1) s ON true
        WHERE o.kind = 'out_of_service'
        UNION ALL
        SELECT 'limit_change', c.change_id, c.company_id, c.site_id, c.definition_id, c.proposed_by, c.proposed_at, c.reason, NULL,
               c.settled_at IS NULL AND w.waits IS NOT NULL, coalesce(w.waits = 'life', false), p.role <> 'safety_officer',
               CASE WHEN c.state <> 'proposed' THEN c.state END, c.settled_at, c.settled_by, coalesce(c.answer, ''), d.title, d.title_zh, 1
        FROM limit_change c JOIN alarm_definition d USING (definition_id) JOIN person p ON p.person_id = c.proposed_by
        CROSS JOIN LATERAL (SELECT CASE WHEN c.settled_at IS NULL THEN davy_limit_waits(c.change_id) END AS waits) w
        WHERE NOT c.by_file
        UNION ALL
        SELECT 'route_change', c.change_id, c.company_id, c.site_id, c.route_id, c.proposed_by, c.proposed_at, c.reason, NULL,
               c.settled_at IS NULL AND CASE WHEN c.settled_at IS NULL THEN davy_route_waits(c.change_id) END, false, p.role <> 'safety_officer',
               CASE WHEN c.state <> 'proposed' THEN c.state END, c.settled_at, c.settled_by, coalesce(c.answer, ''), r.key, r.key, 1
        FROM route_change c JOIN route r USING (route_id) JOIN person p ON p.person_id = c.proposed_by
        WHERE NOT c.by_file
    ) a
    WHERE (SELECT davy_everything()) OR current_user = 'davy_owner' OR (a.company_id = ANY ((SELECT davy_companies())::int[])
        AND coalesce((SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin'), false));
GRANT SELECT ON v_approval TO davy_alerting, davy_web;

-- What is told of it hangs on it by its number, with the subject for the table. The check of the other subjects stays as it is.
ALTER TABLE notification ADD COLUMN approval_id bigint;
COMMENT ON COLUMN notification.approval_id IS 'of subject order: suppression_order; limit_change and route_change: of the table of that name (v_approval)';
DO $$
DECLARE others text := (SELECT substr(pg_get_constraintdef(oid), 6) FROM pg_constraint
                        WHERE conrelid = 'notification'::regclass AND conname = 'about_one_thing');
BEGIN
    ALTER TABLE notification DROP CONSTRAINT about_one_thing;
    EXECUTE format($sql$ALTER TABLE notification ADD CONSTRAINT about_one_thing CHECK (CASE
        WHEN subject IN ('order', 'limit_change', 'route_change') THEN num_nulls(company_id, approval_id) = 0 AND event IS NOT NULL
            AND event IN ('waits', 'lapses', 'approved', 'refused', 'ended', 'lapsed') AND audience = 'client' AND urgency BETWEEN 1 AND 3
            AND num_nonnulls(occurrence_id, definition_id, sensor_id, finding_id, impairment_id, assigned_id, tally, complaint_id, request_id, told_back_id) = 0
        ELSE approval_id IS NULL AND %s END)$sql$, others);
END
$$;
GRANT SELECT (approval_id) ON notification TO davy_web;
