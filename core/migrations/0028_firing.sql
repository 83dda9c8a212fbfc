-- Why it fired, for every detector: worked out from stored readings when it began, then kept, because readings go. Owner: detectors.

CREATE TABLE firing (
    occurrence_id bigint PRIMARY KEY,
    company_id  int NOT NULL REFERENCES company,
    told        jsonb NOT NULL,                -- detectors/why/told.py: what was in force, the number, what is usual, what a sentence needs
    series      jsonb,                         -- [[ms, lowest, highest, number, other], ...]: what is drawn; null: no longer kept
    worked_at   timestamptz NOT NULL,
    FOREIGN KEY (company_id, occurrence_id) REFERENCES occurrence (company_id, occurrence_id)
);
CREATE INDEX firing_drawn ON firing (worked_at) WHERE series <> '[]';
CALL davy_wall('firing', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');

-- The insurer's people see it as they see the readings it comes from: once the occurrence is resolved or shared, and drawn no further
-- than its own window.
CREATE VIEW v_firing WITH (security_barrier) AS
    SELECT f.occurrence_id, f.company_id, f.told, f.worked_at,
           CASE WHEN e.own OR f.series IS NULL THEN f.series ELSE (
               SELECT coalesce(jsonb_agg(p.point ORDER BY p.place), '[]') FROM jsonb_array_elements(f.series) WITH ORDINALITY AS p (point, place)
               WHERE to_timestamp((p.point ->> 0)::float8 / 1000) BETWEEN o.evidence_from AND coalesce(o.evidence_until, o.resolved_at, 'infinity')
           ) END AS series
    FROM firing f JOIN occurrence o ON o.occurrence_id = f.occurrence_id
    CROSS JOIN LATERAL (SELECT (SELECT davy_everything()) OR current_user = 'davy_owner'
        OR coalesce((SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin'), false) AS own) e
    WHERE (SELECT davy_everything()) OR current_user = 'davy_owner'
       OR (f.company_id = ANY ((SELECT davy_companies())::int[]) AND (e.own OR o.resolved_at IS NOT NULL OR o.shared));

-- What is drawn is made of readings and goes with them, as evidence does: old enough by the end of its occurrence's window, the
-- occurrence resolved, and no legal hold on it or on its site in what is drawn or in that window. What is told stays as long as the occurrence.
CREATE FUNCTION davy_firing_forget(older_than timestamptz, most int) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    bound timestamptz := least(older_than, now() - interval '3 years');
    gone bigint;
BEGIN
    UPDATE firing SET series = NULL WHERE occurrence_id IN (
        SELECT f.occurrence_id FROM firing f JOIN occurrence o ON o.occurrence_id = f.occurrence_id
        WHERE f.worked_at < bound AND f.series <> '[]' AND o.resolved_at IS NOT NULL AND coalesce(o.evidence_until, o.resolved_at) < bound
          AND NOT davy_is_held(least(o.evidence_from, to_timestamp((f.series -> 0 ->> 0)::float8 / 1000)),
                               coalesce(o.evidence_until, o.resolved_at), o.site_id)
          AND NOT EXISTS (SELECT FROM legal_hold h WHERE h.occurrence_id = o.occurrence_id AND h.released_at IS NULL)
        ORDER BY f.worked_at LIMIT most);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$$;
REVOKE ALL ON FUNCTION davy_firing_forget FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_firing_forget TO davy_alerting;

GRANT SELECT, INSERT ON firing TO davy_alerting;
GRANT SELECT ON v_firing TO davy_web, davy_alerting;
GRANT SELECT ON v_limit_history, evidence_reading TO davy_alerting;  -- what was in force then; readings whose day is dropped

-- What pages say of a model: never its parameters, some of which are readings. Who fitted it and in which words stays with the client.
CREATE VIEW v_model_version WITH (security_barrier) AS
    SELECT d.model_id, d.company_id, d.asset_id, d.version, d.kind, d.members, d.window_s, d.trained_from, d.trained_until, d.windows,
           d.highest, d.notices, d.fitted_at, jsonb_array_length(d.parameters -> 'calibration') AS calibrated_on,
           coalesce(d.parameters -> 'setup', '{}') AS setup,  -- what it was fitted for: of the site file, no reading in it
           CASE WHEN e.own THEN d.cut END AS cut, CASE WHEN e.own THEN d.contamination END AS contamination,
           CASE WHEN e.own THEN d.fitted_by END AS fitted_by, CASE WHEN e.own THEN d.reason END AS reason
    FROM detector_model d
    CROSS JOIN LATERAL (SELECT (SELECT davy_everything()) OR current_user = 'davy_owner'
        OR coalesce((SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin'), false) AS own) e
    WHERE (SELECT davy_everything()) OR current_user = 'davy_owner' OR d.company_id = ANY ((SELECT davy_companies())::int[]);

CREATE VIEW v_model_promotion WITH (security_barrier) AS
    SELECT p.promotion_id, p.company_id, p.asset_id, p.version, p.promoted_at, p.shadow_windows, p.overruled IS NOT NULL AS is_overruled,
           CASE WHEN e.own THEN p.promoted_by END AS promoted_by, CASE WHEN e.own THEN p.reason END AS reason,
           CASE WHEN e.own THEN p.overruled END AS overruled
    FROM model_promotion p
    CROSS JOIN LATERAL (SELECT (SELECT davy_everything()) OR current_user = 'davy_owner'
        OR coalesce((SELECT davy_role()) IN ('safety_officer', 'integrator', 'admin'), false) AS own) e
    WHERE (SELECT davy_everything()) OR current_user = 'davy_owner' OR p.company_id = ANY ((SELECT davy_companies())::int[]);

GRANT SELECT ON asset_model, asset_model_member, v_model_version, v_model_promotion TO davy_web;
