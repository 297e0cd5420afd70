-- One line per table that a replay of the log must give again: rows, and the sum of their hashes, in any order.
-- Left out: where the service stands (stream_offset, outbox), dead letters, counters of duplicates, write times.

-- name: hashes
SELECT 'journal' AS name, count(*) AS rows, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text AS hash
FROM (SELECT member_id, id, body_hash, partition, log_offset, store_id, type, occurred_at, received_at, day, outcome, trace_id FROM journal) t
UNION ALL
SELECT 'membership', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM membership t
UNION ALL
SELECT 'standing', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM standing t
UNION ALL
SELECT 'transition', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM transition t
UNION ALL
SELECT 'store_figure', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM store_figure t
UNION ALL
SELECT 'store_tier', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM store_tier t
UNION ALL
SELECT 'group_message', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM group_message t
UNION ALL
SELECT 'partition_state', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text
FROM (SELECT partition, closed_day, closed_offset, applied_offset, settings_number, settings, previous_settings
      FROM partition_state) t
