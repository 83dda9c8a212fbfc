-- Logging in. Owner: api. Both tables are seen only under a principal that api has signed for exactly this login or person.

CREATE TABLE web_login (
    login       text PRIMARY KEY,
    person_id   int NOT NULL UNIQUE REFERENCES person,
    password_hash text NOT NULL,               -- argon2id
    changed_at  timestamptz NOT NULL
);
CALL davy_wall('web_login', '(login = (SELECT davy_login()))');

CREATE TABLE web_session (
    session_hash bytea PRIMARY KEY,            -- sha256 of the cookie's random part
    person_id   int NOT NULL REFERENCES person,
    created_at  timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    ended_at    timestamptz
);
CALL davy_wall('web_session', '(person_id = (SELECT davy_person()))');

GRANT SELECT ON web_login TO davy_web;
GRANT SELECT, INSERT, UPDATE ON web_session TO davy_web;
