-- What the gateway asks of the published views. Days are days since 1970-01-01, instants UTC milliseconds.
-- "Stores" as a parameter: the stores the caller may read, or null for every store.

-- name: positions
-- no parameters. Where each source partition stands; first in every snapshot.
SELECT 'engagement' AS service, topic, partition, partitions, next_offset, close_offset, closed_day,
       settings::text AS settings
FROM engagement_v1.position
UNION ALL
SELECT 'segmentation', topic, partition, partitions, next_offset, close_offset, closed_day, NULL
FROM segmentation_v1.position
ORDER BY service, topic, partition

-- name: load_members
-- $1 text[] members. Every membership of theirs, living or ended; the caller's rights are applied by the reader.
SELECT store_id, member_id, partition, alive, today, tier, since_day, first_day, created_at, left_at,
       last_active, days, run_start, interests::text AS interests, district, invited_by
FROM engagement_v1.membership
WHERE member_id = ANY($1::text[])
ORDER BY member_id, store_id

-- name: load_memberships
-- $1 text store, $2 text[] members. The rows of one page of a list.
SELECT store_id, member_id, partition, alive, today, tier, since_day, first_day, created_at, left_at,
       last_active, days, run_start, interests::text AS interests, district, invited_by
FROM engagement_v1.membership
WHERE store_id = $1 AND member_id = ANY($2::text[])

-- name: rank_all
-- $1 text store, $2 float8 rank key and $3 text member of the last row seen ('infinity' and '' at first), $4 int rows.
-- Two ranges, ties first: one range over both would read a long tie from its start on every page.
SELECT member_id, rank_key FROM (
    (SELECT member_id, rank_key FROM engagement_v1.standing
     WHERE store_id = $1 AND rank_key = $2 AND member_id > $3 ORDER BY rank_key DESC, member_id LIMIT $4)
    UNION ALL
    (SELECT member_id, rank_key FROM engagement_v1.standing
     WHERE store_id = $1 AND rank_key < $2 ORDER BY rank_key DESC, member_id LIMIT $4)
) AS page
ORDER BY rank_key DESC, member_id LIMIT $4

-- name: rank_tier
-- $1 to $4 as rank_all, $5 text tier.
SELECT member_id, rank_key FROM (
    (SELECT member_id, rank_key FROM engagement_v1.standing
     WHERE store_id = $1 AND tier = $5 AND rank_key = $2 AND member_id > $3
     ORDER BY rank_key DESC, member_id LIMIT $4)
    UNION ALL
    (SELECT member_id, rank_key FROM engagement_v1.standing
     WHERE store_id = $1 AND tier = $5 AND rank_key < $2 ORDER BY rank_key DESC, member_id LIMIT $4)
) AS page
ORDER BY rank_key DESC, member_id LIMIT $4

-- name: rank_like
-- $1 to $4 as rank_all, $5 text tier or null, $6 text first and $7 text end (excluded) of the member ids.
SELECT member_id, rank_key FROM engagement_v1.standing
WHERE store_id = $1 AND member_id >= $6 AND member_id < $7 AND ($5::text IS NULL OR tier = $5)
  AND (rank_key < $2 OR rank_key = $2 AND member_id > $3)
ORDER BY rank_key DESC, member_id LIMIT $4

-- name: list_by_id
-- $1 text store, $2 text last member seen ('' at first), $3 text first and $4 text end (excluded) of the ids,
-- $5 text tier or null, $6 int rows.
SELECT member_id, rank_key FROM engagement_v1.standing
WHERE store_id = $1 AND member_id > $2 AND member_id >= $3 AND member_id < $4 AND ($5::text IS NULL OR tier = $5)
ORDER BY member_id LIMIT $6

-- name: timeline
-- $1 text member, $2 text[] stores or null, $3 bigint instant, $4 bigint offset, $5 int kind (1 transition, 0 event),
-- $6 text store and $7 int index of the last row seen, $8 int rows.
SELECT * FROM (
    (SELECT occurred_at, log_offset, 1 AS kind, store_id, index, partition, day, trace_id,
            from_tier, to_tier, cause, NULL AS id, NULL AS type, NULL::bigint AS received_at, NULL AS outcome,
            NULL AS payload
     FROM engagement_v1.transition
     WHERE member_id = $1 AND ($2::text[] IS NULL OR store_id = ANY($2))
       AND (occurred_at, log_offset, 1, store_id, index) < ($3::bigint, $4::bigint, $5::int, $6::text, $7::int)
     ORDER BY occurred_at DESC, log_offset DESC, store_id DESC, index DESC LIMIT $8)
    UNION ALL
    (SELECT occurred_at, log_offset, 0, store_id, 0, partition, day, trace_id,
            NULL, NULL, NULL, id, type, received_at, outcome, payload
     FROM engagement_v1.journal
     WHERE member_id = $1 AND ($2::text[] IS NULL OR store_id = ANY($2))
       AND (occurred_at, log_offset, 0, store_id, 0) < ($3::bigint, $4::bigint, $5::int, $6::text, $7::int)
     ORDER BY occurred_at DESC, log_offset DESC, store_id DESC LIMIT $8)
) AS page
ORDER BY occurred_at DESC, log_offset DESC, kind DESC, store_id DESC, index DESC LIMIT $8

-- name: counted_events
-- $1 text member, $2 text[] stores or null, $3 bigint earliest instant, $4 int rows.
-- What counts for the living memberships of a member, newest first.
SELECT j.store_id, j.day, j.id, j.type, j.occurred_at, j.trace_id
FROM engagement_v1.journal j
JOIN engagement_v1.membership m ON m.store_id = j.store_id AND m.member_id = j.member_id
WHERE j.member_id = $1 AND ($2::text[] IS NULL OR j.store_id = ANY($2))
  AND j.occurred_at >= $3 AND j.outcome = 'counted' AND m.alive AND j.log_offset >= m.created_offset
ORDER BY j.occurred_at DESC, j.log_offset DESC LIMIT $4

-- name: counted_days
-- $1 text member, $2 text[] stores or null, $3 bigint earliest instant.
-- Counted events of the living memberships of a member, by day and type.
SELECT j.store_id, j.day,
       count(*) FILTER (WHERE j.type = 'join') AS joins,
       count(*) FILTER (WHERE j.type = 'message') AS messages,
       count(*) FILTER (WHERE j.type = 'check_in') AS check_ins,
       count(*) FILTER (WHERE j.type = 'purchase') AS purchases
FROM engagement_v1.journal j
JOIN engagement_v1.membership m ON m.store_id = j.store_id AND m.member_id = j.member_id
WHERE j.member_id = $1 AND ($2::text[] IS NULL OR j.store_id = ANY($2))
  AND j.occurred_at >= $3 AND j.outcome = 'counted' AND m.alive AND j.log_offset >= m.created_offset
GROUP BY j.store_id, j.day
ORDER BY j.store_id, j.day

-- name: store_exists
-- $1 text store. A store is known from its first membership on.
SELECT EXISTS (SELECT FROM engagement_v1.membership WHERE store_id = $1)

-- name: page_of_every_store
-- $1 text last store seen ('' at first), $2 int rows. Jumps from store to store instead of reading every membership.
WITH RECURSIVE jump (store_id, n) AS (
    (SELECT store_id, 1 FROM engagement_v1.membership WHERE store_id > $1 ORDER BY store_id LIMIT 1)
    UNION ALL
    SELECT (SELECT m.store_id FROM engagement_v1.membership m
            WHERE m.store_id > jump.store_id ORDER BY m.store_id LIMIT 1), jump.n + 1
    FROM jump WHERE jump.store_id IS NOT NULL AND jump.n < $2::int
)
SELECT store_id FROM jump WHERE store_id IS NOT NULL ORDER BY store_id

-- name: page_of_some_stores
-- $1 text last store seen, $2 int rows, $3 text[] stores.
SELECT s.store_id
FROM (SELECT DISTINCT unnest($3::text[]) COLLATE "C" AS store_id) s
WHERE s.store_id > $1 AND EXISTS (SELECT FROM engagement_v1.membership m WHERE m.store_id = s.store_id)
ORDER BY s.store_id LIMIT $2

-- name: store_spans
-- $1 text[] stores. First and last day on which anything counted.
SELECT s.store_id,
       (SELECT f.day FROM engagement_v1.store_figure f
        WHERE f.store_id = s.store_id AND f.figure = 'active' ORDER BY f.day LIMIT 1) AS first_day,
       (SELECT f.day FROM engagement_v1.store_figure f
        WHERE f.store_id = s.store_id AND f.figure = 'active' ORDER BY f.day DESC LIMIT 1) AS last_day
FROM (SELECT unnest($1::text[]) COLLATE "C" AS store_id) s

-- name: store_tiers
-- $1 text[] stores. Living memberships by tier, now.
SELECT store_id, tier, sum(members)::bigint AS members
FROM engagement_v1.store_tier WHERE store_id = ANY($1::text[]) GROUP BY store_id, tier

-- name: figures_at
-- $1 text[] stores, $2 int[] days, $3 text[] figures.
SELECT store_id, day, figure, sum(n)::bigint AS n
FROM engagement_v1.store_figure
WHERE store_id = ANY($1::text[]) AND day = ANY($2::int[]) AND figure = ANY($3::text[])
GROUP BY store_id, day, figure

-- name: figures_between
-- $1 text store, $2 int first and $3 int last day. Every figure by day but the cohorts'.
SELECT day, figure, sum(n)::bigint AS n
FROM engagement_v1.store_figure
WHERE store_id = $1 AND day BETWEEN $2 AND $3 AND figure NOT LIKE 'cohort%'
GROUP BY day, figure

-- name: transitions
-- $1 text store, $2 int first and $3 int last day, $4 text from or null, $5 text to or null ('none' is no tier),
-- $6 int day, $7 int partition, $8 bigint offset, $9 text member, $10 int index of the last row seen, $11 int rows.
SELECT * FROM (
    (SELECT day, partition, log_offset, member_id, index, from_tier, to_tier, cause, occurred_at, trace_id
     FROM engagement_v1.transition
     WHERE store_id = $1 AND day = $6 AND day BETWEEN $2 AND $3
       AND (partition, log_offset, member_id, index) > ($7::int, $8::bigint, $9::text, $10::int)
       AND ($4::text IS NULL OR coalesce(from_tier, 'none') = $4)
       AND ($5::text IS NULL OR coalesce(to_tier, 'none') = $5)
     ORDER BY day DESC, partition, log_offset, member_id, index LIMIT $11)
    UNION ALL
    (SELECT day, partition, log_offset, member_id, index, from_tier, to_tier, cause, occurred_at, trace_id
     FROM engagement_v1.transition
     WHERE store_id = $1 AND day < $6 AND day BETWEEN $2 AND $3
       AND ($4::text IS NULL OR coalesce(from_tier, 'none') = $4)
       AND ($5::text IS NULL OR coalesce(to_tier, 'none') = $5)
     ORDER BY day DESC, partition, log_offset, member_id, index LIMIT $11)
) AS page
ORDER BY day DESC, partition, log_offset, member_id, index LIMIT $11

-- name: partitions_lag
-- no parameters. What an operator sees of each source partition, engagement's first.
SELECT p.topic, p.partition, p.next_offset, p.epoch, p.close_offset, p.close_day, p.closed_day, p.settings_number,
       p.duplicates, (extract(epoch FROM p.updated_at) * 1000)::bigint AS updated_at,
       coalesce(o.messages, 0)::bigint AS outbox
FROM engagement_v1.position p
LEFT JOIN (SELECT partition, sum(messages) AS messages FROM engagement_v1.outbox GROUP BY partition) o USING (partition)
UNION ALL
SELECT p.topic, p.partition, p.next_offset, p.epoch, p.close_offset, p.close_day, p.closed_day, NULL,
       p.duplicates, (extract(epoch FROM p.updated_at) * 1000)::bigint, coalesce(o.messages, 0)::bigint
FROM segmentation_v1.position p
LEFT JOIN (SELECT partition, sum(messages) AS messages FROM segmentation_v1.outbox GROUP BY partition) o USING (partition)
ORDER BY topic, partition

-- name: dead_letters
-- $1 text last id seen ('' at first), $2 int rows. Only the first bytes of a letter: a list shows what it is.
SELECT id, topic, partition, log_offset, code, detail, key, octet_length(value) AS value_bytes,
       substring(value FOR 512) AS head, headers::text AS headers, replayed_offset,
       (extract(epoch FROM written_at) * 1000)::bigint AS written_at
FROM (
    (SELECT * FROM engagement_v1.dead_letter WHERE id > $1 ORDER BY id LIMIT $2)
    UNION ALL
    (SELECT * FROM segmentation_v1.dead_letter WHERE id > $1 ORDER BY id LIMIT $2)
) AS letters
ORDER BY id LIMIT $2

-- name: load_letter
-- $1 text id of the letter, $2 text topic
SELECT partition, code, key, value, headers::text AS headers, replayed_offset
FROM segmentation_v1.dead_letter WHERE id = $1 AND topic = $2
