-- What the benchmarks ask of engagement's tables, as the database's owner.

-- name: positions
-- how far each partition is, and whether it is idle
SELECT partition, next_offset, close_offset IS NULL AS idle FROM engagement.stream_offset ORDER BY partition

-- name: journal_rows
SELECT count(*) FROM engagement.journal

-- name: letters
SELECT count(*) FROM engagement.dead_letter

-- name: unpublished
SELECT count(*) FROM engagement.outbox

-- name: unpublished_of_close
-- partitions, the offset of the close in each
SELECT count(*) FROM engagement.outbox o
JOIN unnest(%s::int[], %s::bigint[]) AS c (partition, at) ON c.partition = o.partition AND c.at = o.source_offset

-- name: unclosed
-- partitions, the offset of the close in each, the day it led to: memberships that it passed over
SELECT count(*) FROM engagement.membership m
JOIN unnest(%s::int[], %s::bigint[]) AS c (partition, at) USING (partition)
WHERE m.due_day <= %s AND m.applied_offset < c.at

-- name: empty_memberships
TRUNCATE engagement.membership, engagement.standing, engagement.store_tier

-- name: copy_memberships
COPY engagement.membership (
    partition, store_id, member_id, alive, eval_day, due_day, applied_offset, first_day, created_at, created_offset,
    left_at, tier, start_tier, since_day, unsent, ahead, score, last_active, days, run_start, former_days, interests,
    district, invited_by
) FROM STDIN

-- name: copy_standings
COPY engagement.standing (store_id, member_id, tier, rank_key, ranked_day) FROM STDIN

-- name: copy_tiers
COPY engagement.store_tier (store_id, partition, tier, members, ahead) FROM STDIN

-- name: analyze
VACUUM (ANALYZE) engagement.membership, engagement.standing

-- name: checkpoint
CHECKPOINT

-- name: feed_position
-- a partition of store-feed: how far segmentation is
SELECT coalesce((SELECT next_offset FROM segmentation.stream_offset WHERE topic = 'store-feed' AND partition = %s), 0)

-- name: feed_applied
SELECT coalesce(sum(next_offset), 0) FROM segmentation.stream_offset

-- name: placed_newcomers
-- a store
SELECT count(DISTINCT member_id) FROM segmentation_v1.placement WHERE store_id = %s AND member_id LIKE 'newcomer-%%'

-- name: largest_group
-- a store: people and seats of its largest group
SELECT coalesce(max(size), 0) FROM segmentation_v1.store_group WHERE store_id = %s
