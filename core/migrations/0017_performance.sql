-- Lists that stay quick beside a long past. Owner: alerting.

-- What the alarm list shows; beside it every alarm of every site would be looked at.
CREATE INDEX alarm_listed ON alarm (company_id) WHERE occurrence_id IS NOT NULL OR suppression <> 'none';
-- What happened at one site, by time: its newest occurrences, and a month of them to be counted.
CREATE INDEX occurrence_by_site ON occurrence (site_id, began_at);
-- How many sensors of a company are heard from; neither column changes, so that a new value is still written beside the old.
CREATE INDEX sensor_by_company ON sensor (company_id);
CREATE INDEX latest_by_company ON latest (company_id);

-- The week of a duty position: one message a person and week, numbers only; the insurer's people get theirs of several companies.
ALTER TABLE notification DROP CONSTRAINT about_one_thing;
ALTER TABLE notification ADD CONSTRAINT about_one_thing CHECK (CASE subject
    WHEN 'alarm' THEN num_nulls(company_id, occurrence_id, definition_id, sensor_id) = 0
        AND num_nonnulls(event, finding_id, impairment_id, tally) = 0
    WHEN 'finding' THEN num_nulls(company_id, finding_id) = 0 AND event IS NOT NULL AND event IN ('assigned', 'overdue')
        AND num_nonnulls(occurrence_id, definition_id, sensor_id, impairment_id, tally) = 0
    WHEN 'impairment' THEN num_nulls(company_id, impairment_id) = 0 AND event IS NOT NULL AND event IN ('begun', 'overrun', 'restored')
        AND num_nonnulls(occurrence_id, definition_id, sensor_id, finding_id, tally) = 0
    WHEN 'digest' THEN tally IS NOT NULL AND audience = 'insurer'
        AND num_nonnulls(company_id, event, occurrence_id, definition_id, sensor_id, finding_id, impairment_id) = 0
    WHEN 'weekly' THEN tally IS NOT NULL AND (audience = 'insurer') = (company_id IS NULL)
        AND num_nonnulls(event, occurrence_id, definition_id, sensor_id, finding_id, impairment_id) = 0
    WHEN 'backlog' THEN tally IS NOT NULL AND audience = 'client' AND company_id IS NOT NULL
        AND num_nonnulls(event, occurrence_id, definition_id, sensor_id, finding_id, impairment_id) = 0
    ELSE false END);
-- What a gateway's backlog brought is told once, from the transition after the last that was told of (alerting/store/backlogs.py).
CREATE INDEX notification_of_backlogs ON notification (((tally ->> 'device_id')::int)) WHERE subject = 'backlog';
CREATE INDEX transition_learnt_late ON transition (recorded_at) WHERE event = 'raise' AND recorded_at - at > interval '15 minutes';
CREATE INDEX notification_of_weeks ON notification (person_id, onset) WHERE subject = 'weekly';
