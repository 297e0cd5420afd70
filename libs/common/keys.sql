-- name: load_keys
-- every key that is not revoked
SELECT id, name, secret_sha256, next_secret_sha256, scopes, stores FROM auth.server_key WHERE revoked_at IS NULL

-- name: note_key_use
-- $1: ids of keys
SELECT auth.note_key_use(used) FROM unnest($1::text[]) AS used

-- name: ended_sessions
-- ids of sessions that ended before their time
SELECT id FROM auth.spent WHERE kind = 'session'

-- name: spend
-- $1: login or session, $2: its id, $3: until when it would be valid; false: it was spent before
SELECT auth.spend($1, $2, $3)

-- name: insert_key
-- $1: id, $2: name, $3: SHA-256 of the secret, $4: scopes, $5: stores
INSERT INTO auth.server_key (id, name, secret_sha256, scopes, stores) VALUES ($1, $2, $3, $4, $5)

-- name: list_keys
SELECT id, name, scopes, stores, created_at, revoked_at, last_used_at, next_secret_sha256 IS NOT NULL AS rotating
FROM auth.server_key ORDER BY created_at, id

-- name: revoke_key
-- $1: id; no row: unknown or revoked already
UPDATE auth.server_key SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL RETURNING id

-- name: begin_rotation
-- $1: id, $2: SHA-256 of the second secret; no row: unknown, revoked, or in rotation already
UPDATE auth.server_key SET next_secret_sha256 = $2
WHERE id = $1 AND revoked_at IS NULL AND next_secret_sha256 IS NULL RETURNING id

-- name: end_rotation
-- $1: id; the first secret ceases; no row: unknown, revoked, or not in rotation
UPDATE auth.server_key SET secret_sha256 = next_secret_sha256, next_secret_sha256 = NULL
WHERE id = $1 AND revoked_at IS NULL AND next_secret_sha256 IS NOT NULL RETURNING id
