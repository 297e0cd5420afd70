-- Login links that were used, and sessions that ended before their time: each can be spent once.

CREATE TABLE spent (
    kind text NOT NULL CHECK (kind IN ('login', 'session')),
    id text COLLATE "C" NOT NULL,
    valid_until timestamptz NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX spent_valid_until ON spent (valid_until);
COMMENT ON COLUMN spent.valid_until IS 'From then on nobody takes it anyway: a day later the row goes';

CREATE FUNCTION spend(what text, its_id text, its_end timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = auth, pg_temp
AS $$
    WITH past AS (DELETE FROM spent WHERE valid_until < now() - interval '1 day'),
         added AS (
             INSERT INTO spent (kind, id, valid_until) VALUES (what, its_id, its_end)
             ON CONFLICT DO NOTHING RETURNING id
         )
    SELECT EXISTS (SELECT FROM added)
$$;
