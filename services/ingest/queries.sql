-- name: load_positions
-- $1: topic; where engagement stands, and the last close it has applied, by partition
SELECT partition, next_offset, closed_day, closed_offset, settings_number
FROM engagement_v1.position WHERE topic = $1 ORDER BY partition

-- name: load_letter
-- $1: id of the letter, $2: topic
SELECT partition, code, key, value, headers, replayed_offset
FROM engagement_v1.dead_letter WHERE id = $1 AND topic = $2

-- name: lock_settings
-- one process at a time gives a settings change its number; held by the session
SELECT pg_try_advisory_lock(hashtext('qunli.settings'))

-- name: unlock_settings
SELECT pg_advisory_unlock(hashtext('qunli.settings'))
