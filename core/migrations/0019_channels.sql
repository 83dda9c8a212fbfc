-- Channels: addresses that are dead, how fast each may be written to, what fails again and again, how far a message has come.
-- Owner: alerting.

-- Nothing will ever arrive there: the receiver said so. Whoever corrects the address makes it live again.
ALTER TABLE channel_address
    ADD COLUMN dead_at timestamptz,
    ADD COLUMN dead_why text,
    ADD CONSTRAINT dead_for_a_reason CHECK ((dead_at IS NULL) = (dead_why IS NULL));
COMMENT ON COLUMN channel_address.address IS 'sealed where the settings have a key for addresses: alerting/vault.py';

-- What stands at the other end, shared by all dispatchers: a gateway (its mark is empty) or one address of a channel.
CREATE TABLE channel_peer (
    channel     text NOT NULL,
    mark        text NOT NULL,                 -- of the address; says nothing about it to who has not its key
    tokens      double precision,              -- alerting/pace.py: what may still be sent; null: the vendor sets no pace
    filled_at   timestamptz,                   -- tokens are as of then
    failures    int NOT NULL DEFAULT 0 CHECK (failures >= 0),       -- alerting/circuit.py: in a row
    failed_at   timestamptz,
    opened_at   timestamptz,                   -- since when nothing but probes is sent
    probe_at    timestamptz,                   -- when the next probe may be
    why         text,                          -- the last failure, without secrets
    PRIMARY KEY (channel, mark),
    CHECK ((tokens IS NULL) = (filled_at IS NULL)),
    CHECK ((opened_at IS NULL) = (probe_at IS NULL))
) WITH (fillfactor = 50);

-- How far it has come, as far as the channel tells (alerting/receipts.py): queued and sent are its state, an answer is a transition.
ALTER TABLE notification ADD COLUMN delivered_at timestamptz;

GRANT UPDATE (dead_at, dead_why) ON channel_address TO davy_alerting;
GRANT SELECT, INSERT, UPDATE ON channel_peer TO davy_alerting;
GRANT UPDATE (delivered_at) ON notification TO davy_alerting;
GRANT SELECT (delivered_at) ON notification TO davy_web;
