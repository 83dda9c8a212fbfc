-- What becomes of a message once it is sent: what a gateway reports, that its reader has seen it, that its link was used.
-- Owner: alerting.

-- The gateway's name and its own number of what it took: under these it reports. What ingest sent by itself has none.
ALTER TABLE notification ADD COLUMN sent_as text CHECK (length(sent_as) <= 64);
CREATE INDEX notification_sent_as ON notification (sent_as) WHERE sent_as IS NOT NULL;
GRANT UPDATE (sent_as) ON notification TO davy_alerting;

-- What the reader has done with it: a row a stage, never changed. The key makes a link work once.
CREATE TABLE message_receipt (
    notification_id bigint NOT NULL REFERENCES notification ON DELETE CASCADE,
    stage       text NOT NULL CHECK (stage IN ('seen', 'answered')), -- alerting/receipts.py
    company_id  int NOT NULL REFERENCES company,
    person_id   int NOT NULL REFERENCES person,
    at          timestamptz NOT NULL CHECK (isfinite(at)),
    PRIMARY KEY (notification_id, stage)
);
CALL davy_wall('message_receipt');
-- Of one's own messages, in one's own name and now. Whether it was marked as sent does not matter: who sent it may have died before that.
CREATE POLICY in_ones_own_name ON message_receipt AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK (person_id = (SELECT davy_person()) AND davy_just_now(at)
        AND EXISTS (SELECT FROM notification n WHERE n.notification_id = message_receipt.notification_id
                    AND n.company_id = message_receipt.company_id AND n.person_id = message_receipt.person_id));
GRANT SELECT, INSERT ON message_receipt TO davy_web;
GRANT SELECT ON message_receipt TO davy_alerting;

-- What a gateway says became of a text or a call, until alerting has taken it. The gateway is nobody's person: web writes it under a
-- principal that it signs for a callback whose signature held, and reads none.
CREATE TABLE gateway_receipt (
    sent_as     text NOT NULL CHECK (length(sent_as) BETWEEN 3 AND 64),
    arrived     boolean NOT NULL,
    said        text NOT NULL CHECK (length(said) <= 100), -- its code, no words and no number
    at          timestamptz NOT NULL CHECK (isfinite(at)), -- when we heard it
    PRIMARY KEY (sent_as, arrived)             -- a callback that is repeated is one
);
CALL davy_wall('gateway_receipt', '((SELECT davy_everything()) OR (SELECT davy_role()) = ''gateway'')');
CREATE POLICY by_gateway ON gateway_receipt AS RESTRICTIVE FOR INSERT TO davy_web
    WITH CHECK ((SELECT davy_role()) = 'gateway' AND davy_just_now(at));
GRANT INSERT ON gateway_receipt TO davy_web;
GRANT SELECT, DELETE ON gateway_receipt TO davy_alerting;
