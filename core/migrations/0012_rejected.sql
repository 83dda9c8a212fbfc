-- Rejected messages: taken in again once the map of their site is mended, and forgotten in time. Owner: ingest.

CREATE TABLE rejected_replay (                 -- somebody asked for a device's messages of one reason to go through ingest again
    replay_id   bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    company_id  int NOT NULL REFERENCES company,
    site_id     int NOT NULL,
    device      text NOT NULL,                 -- its id in the topic: it may not have been known when the messages came
    reason      text NOT NULL,                 -- core.wire_rules.MENDABLE
    upto_id     bigint NOT NULL,               -- the newest message then: what is rejected later is not asked for
    asked_at    timestamptz NOT NULL,
    person_id   int REFERENCES person,         -- null: the command line of the operator
    asked_by    text NOT NULL,
    done_id     bigint NOT NULL DEFAULT 0,     -- the last message that went through; moves in its batch's transaction
    taken       int NOT NULL DEFAULT 0,
    refused     int NOT NULL DEFAULT 0,
    finished_at timestamptz,
    FOREIGN KEY (site_id, company_id) REFERENCES site (site_id, company_id)
);
-- Who asks while the same is asked for already asks for nothing new.
CREATE UNIQUE INDEX one_replay_at_a_time ON rejected_replay (site_id, device, reason) WHERE finished_at IS NULL;
CREATE INDEX rejected_replay_by_company ON rejected_replay (company_id, replay_id);
CALL davy_wall('rejected_replay', '((SELECT davy_everything()) OR (company_id = ANY ((SELECT davy_companies())::int[])
    AND (SELECT davy_role()) IN (''safety_officer'', ''integrator'', ''admin'')))');
-- What is asked for names no content: ingest reads the messages as it has kept them, and web can change none.
CREATE POLICY in_ones_own_name ON rejected_replay AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK ((SELECT davy_role()) = 'integrator' AND person_id = (SELECT davy_person())
        AND asked_at BETWEEN now() - interval '5 minutes' AND now() + interval '1 minute'
        AND done_id = 0 AND taken = 0 AND refused = 0 AND finished_at IS NULL);

-- The messages of a device's reason in the order in which they came, and the copies of one message.
CREATE INDEX rejected_message_open ON rejected_message (split_part(topic, '/', 4), reason, rejected_id) WHERE taken_at IS NULL;
CREATE INDEX rejected_message_by_content ON rejected_message (sha256);
CREATE INDEX rejected_message_by_time ON rejected_message (received_at);

-- Deletes rejected messages that are older than asked for, and of each device those beyond its newest `most_a_device`, `most` at
-- once. Holds to floors of its own, and to legal holds, whoever calls it. A device that nobody knows is the one that the topic names;
-- those of a site, or of no site that is known, have ten such allowances in all: names cost nothing.
CREATE FUNCTION davy_rejected_forget(older_than timestamptz, most_a_device int, most int) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    bound timestamptz := least(older_than, now() - interval '1 day');
    gone bigint;
BEGIN
    DELETE FROM rejected_message WHERE rejected_id IN (
        SELECT old.rejected_id FROM (
            SELECT r.rejected_id, r.received_at, r.site_id FROM rejected_message r WHERE r.received_at < bound
            UNION
            SELECT r.rejected_id, r.received_at, r.site_id
            FROM device d CROSS JOIN LATERAL (
                SELECT m.received_at FROM rejected_message m WHERE m.device_id = d.device_id
                ORDER BY m.received_at DESC OFFSET greatest(most_a_device, 100) LIMIT 1) edge
            JOIN rejected_message r ON r.device_id = d.device_id AND r.received_at <= edge.received_at
            UNION
            SELECT s.rejected_id, s.received_at, s.site_id
            FROM (SELECT m.rejected_id, m.received_at, m.site_id,
                         row_number() OVER (PARTITION BY m.site_id, split_part(m.topic, '/', 3), split_part(m.topic, '/', 4)
                                            ORDER BY m.received_at DESC, m.rejected_id DESC) AS of_device,
                         row_number() OVER (PARTITION BY m.site_id ORDER BY m.received_at DESC, m.rejected_id DESC) AS of_site
                  FROM rejected_message m WHERE m.device_id IS NULL
                    AND EXISTS (SELECT FROM rejected_message x WHERE x.device_id IS NULL OFFSET greatest(most_a_device, 100))) s
            WHERE s.of_device > greatest(most_a_device, 100) OR s.of_site > 10 * greatest(most_a_device, 100)) old
        WHERE NOT davy_is_held(old.received_at, old.received_at, old.site_id) LIMIT most);
    GET DIAGNOSTICS gone = ROW_COUNT;
    DELETE FROM rejected_replay WHERE finished_at < bound;
    RETURN gone;
END
$$;
REVOKE ALL ON FUNCTION davy_rejected_forget FROM PUBLIC;
GRANT EXECUTE ON FUNCTION davy_rejected_forget TO davy_alerting;

GRANT SELECT, INSERT ON rejected_replay TO davy_web;
GRANT USAGE ON SEQUENCE rejected_replay_replay_id_seq TO davy_web;
GRANT SELECT, UPDATE (done_id, taken, refused, finished_at) ON rejected_replay TO davy_ingest;
