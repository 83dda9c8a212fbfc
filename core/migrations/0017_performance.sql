-- Lists that stay quick beside a long past. Owner: alerting.

-- What the alarm list shows; beside it every alarm of every site would be looked at.
CREATE INDEX alarm_listed ON alarm (company_id) WHERE occurrence_id IS NOT NULL OR suppression <> 'none';
-- What happened at one site, by time: its newest occurrences, and a month of them to be counted.
CREATE INDEX occurrence_by_site ON occurrence (site_id, began_at);
-- How many sensors of a company are heard from; neither column changes, so that a new value is still written beside the old.
CREATE INDEX sensor_by_company ON sensor (company_id);
CREATE INDEX latest_by_company ON latest (company_id);

-- What a gateway's backlog brought is told once, from the transition after the last that was told of (alerting/store/backlogs.py).
CREATE INDEX notification_of_backlogs ON notification (((tally ->> 'device_id')::int)) WHERE subject = 'backlog';
CREATE INDEX transition_learnt_late ON transition (recorded_at) WHERE event = 'raise' AND recorded_at - at > interval '15 minutes';
-- The week of a duty position: one message a person and week.
CREATE INDEX notification_of_weeks ON notification (person_id, onset) WHERE subject = 'weekly';
