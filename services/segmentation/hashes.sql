-- One line per table that a replay of the log must give again: rows, and the sum of their hashes, in any order.
-- Left out: where the service stands (stream_offset, outbox), dead letters, counters of duplicates.

-- name: hashes
SELECT 'feed' AS name, count(*) AS rows, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text AS hash
FROM (SELECT partition, body FROM feed) t
UNION ALL
SELECT 'store', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM store t
UNION ALL
SELECT 'theme', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM theme t
UNION ALL
SELECT 'proximity', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM proximity t
UNION ALL
SELECT 'area', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM area t
UNION ALL
SELECT 'block', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM block t
UNION ALL
SELECT 'chat_group', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM chat_group t
UNION ALL
SELECT 'member', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM member t
UNION ALL
SELECT 'group_tier', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM group_tier t WHERE members > 0
UNION ALL
SELECT 'presence', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM presence t
UNION ALL
SELECT 'placement', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM placement t
UNION ALL
SELECT 'plan', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM plan t
UNION ALL
SELECT 'plan_part', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM plan_part t
UNION ALL
SELECT 'plan_item', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM plan_item t
UNION ALL
SELECT 'command', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM command t
UNION ALL
SELECT 'group_health', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM group_health t
UNION ALL
SELECT 'group_talk', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM group_talk t
UNION ALL
SELECT 'mention', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM mention t
UNION ALL
SELECT 'feed_seq', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM feed_seq t
