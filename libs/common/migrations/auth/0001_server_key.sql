-- Server keys: who may call, and for what. The secret itself is never stored.

CREATE TABLE server_key (
    id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    secret_sha256 bytea NOT NULL,
    next_secret_sha256 bytea,
    scopes text[] NOT NULL,
    stores text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    last_used_at timestamptz
);
COMMENT ON COLUMN server_key.stores IS 'The stores it may touch; {*} is every store';
COMMENT ON COLUMN server_key.next_secret_sha256 IS 'A second active secret while a key is rotated';

CREATE FUNCTION note_key_use(key_id text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = auth, pg_temp
AS $$ UPDATE server_key SET last_used_at = now() WHERE id = key_id $$;
