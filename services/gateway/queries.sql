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

-- name: load_profiles
-- $1 text[] members. All that their pages show. One statement sees one moment, as a transaction of several would at six
-- times the cost; so each row says where both services stand, as X-Qunli-As-Of does, and the settings of its partition.
-- The array comes out of a subquery: the plan does not depend on its length then, and is made once.
SELECT m.store_id, m.member_id, m.partition, m.alive, m.today, m.tier, m.since_day, m.first_day, m.left_at,
       m.last_active, m.days, m.run_start, m.interests::text AS interests, m.district, m.invited_by,
       p.settings::text AS settings,
       g.is_member IS NOT NULL AS placed, g.group_id, g.waiting, g.seed, g.vip, g.no_invitations,
       (SELECT json_agg(o ORDER BY o.number DESC)
        FROM (SELECT placement_id, group_id, group_name, from_group, state, ticket, day, expires, seen_at, number
              FROM segmentation_v1.placement WHERE member_id = m.member_id AND store_id = m.store_id) o
       )::text AS placements,
       (SELECT string_agg(topic || '/' || partition || '=' || next_offset || coalesce(';close=' || close_offset, ''), ','
                          ORDER BY service, topic, partition)
        FROM (SELECT 1 AS service, topic, partition, next_offset, close_offset FROM engagement_v1.position
              UNION ALL
              SELECT 2, topic, partition, next_offset, close_offset FROM segmentation_v1.position) s
       ) AS stands
FROM engagement_v1.membership m
LEFT JOIN engagement_v1.position p USING (partition)
LEFT JOIN segmentation_v1.member g ON g.store_id = m.store_id AND g.member_id = m.member_id AND g.is_member
WHERE m.member_id = ANY(ARRAY(SELECT unnest($1::text[])))
ORDER BY m.member_id, m.store_id

-- name: load_memberships
-- $1 text store, $2 text[] members. The rows of one page of a list.
SELECT store_id, member_id, partition, alive, today, tier, since_day, first_day, created_at, left_at,
       last_active, days, run_start, interests::text AS interests, district, invited_by
FROM engagement_v1.membership
WHERE store_id = $1 AND member_id = ANY($2::text[])

-- name: rank_all
-- $1 text store, $2 float8 rank key and $3 text member of the last row seen ('infinity' and '' at first), $4 int rows,
-- $5 text beginning of the ids ('': any), $6 text[] groups or null. A walk by score until the page is full.
-- Two ranges, ties first: one range over both would read a long tie from its start on every page.
SELECT member_id, rank_key FROM (
    (SELECT s.member_id, s.rank_key FROM engagement_v1.standing s
     WHERE s.store_id = $1 AND s.rank_key = $2 AND s.member_id > $3 AND starts_with(s.member_id, $5)
       AND ($6::text[] IS NULL OR (SELECT m.group_id FROM segmentation_v1.member m
                                   WHERE m.store_id = $1 AND m.member_id = s.member_id) = ANY($6))
     ORDER BY s.rank_key DESC, s.member_id LIMIT $4)
    UNION ALL
    (SELECT s.member_id, s.rank_key FROM engagement_v1.standing s
     WHERE s.store_id = $1 AND s.rank_key < $2 AND starts_with(s.member_id, $5)
       AND ($6::text[] IS NULL OR (SELECT m.group_id FROM segmentation_v1.member m
                                   WHERE m.store_id = $1 AND m.member_id = s.member_id) = ANY($6))
     ORDER BY s.rank_key DESC, s.member_id LIMIT $4)
) AS page
ORDER BY rank_key DESC, member_id LIMIT $4

-- name: rank_tier
-- $1 to $6 as rank_all, $7 text tier.
SELECT member_id, rank_key FROM (
    (SELECT s.member_id, s.rank_key FROM engagement_v1.standing s
     WHERE s.store_id = $1 AND s.tier = $7 AND s.rank_key = $2 AND s.member_id > $3 AND starts_with(s.member_id, $5)
       AND ($6::text[] IS NULL OR (SELECT m.group_id FROM segmentation_v1.member m
                                   WHERE m.store_id = $1 AND m.member_id = s.member_id) = ANY($6))
     ORDER BY s.rank_key DESC, s.member_id LIMIT $4)
    UNION ALL
    (SELECT s.member_id, s.rank_key FROM engagement_v1.standing s
     WHERE s.store_id = $1 AND s.tier = $7 AND s.rank_key < $2 AND starts_with(s.member_id, $5)
       AND ($6::text[] IS NULL OR (SELECT m.group_id FROM segmentation_v1.member m
                                   WHERE m.store_id = $1 AND m.member_id = s.member_id) = ANY($6))
     ORDER BY s.rank_key DESC, s.member_id LIMIT $4)
) AS page
ORDER BY rank_key DESC, member_id LIMIT $4

-- name: list_by_id
-- $1 text store, $2 text last member seen ('' at first), $3 text first and $4 text end (excluded) of the ids,
-- $5 text tier or null, $6 int rows, $7 text[] groups or null. A walk by id until the page is full.
SELECT s.member_id, s.rank_key FROM engagement_v1.standing s
WHERE s.store_id = $1 AND s.member_id > $2 AND s.member_id >= $3 AND s.member_id < $4 AND ($5::text IS NULL OR s.tier = $5)
  AND ($7::text[] IS NULL OR (SELECT m.group_id FROM segmentation_v1.member m
                              WHERE m.store_id = $1 AND m.member_id = s.member_id) = ANY($7))
ORDER BY s.member_id LIMIT $6

-- name: count_candidates
-- $1 text store, $2 text tier, $3 text first and $4 text end (excluded) of the ids, $5 text[] groups, $6 int most.
-- How many members each of them leaves, at most $6.
SELECT (SELECT count(*) FROM (SELECT FROM engagement_v1.standing WHERE store_id = $1 AND tier = $2 LIMIT $6) s) AS tier,
       (SELECT count(*) FROM (SELECT FROM engagement_v1.standing
                              WHERE store_id = $1 AND member_id >= $3 AND member_id < $4 LIMIT $6) s) AS prefix,
       (SELECT count(*) FROM (SELECT FROM segmentation_v1.member
                              WHERE store_id = $1 AND group_id = ANY($5::text[]) LIMIT $6) m) AS groups

-- name: few_members
-- $1 text store, $2 text tier or null, $3 text first and $4 text end (excluded) of the ids, $5 text[] groups or null,
-- $6 text which of the three leaves the fewest (tier, prefix, groups), $7 int how many it leaves at most. All of them.
-- Each is looked up by itself (LATERAL ... LIMIT): a join might read the whole store instead.
WITH found AS MATERIALIZED (
    (SELECT member_id FROM engagement_v1.standing WHERE $6 = 'tier' AND store_id = $1 AND tier = $2 LIMIT $7)
    UNION ALL
    (SELECT member_id FROM engagement_v1.standing
     WHERE $6 = 'prefix' AND store_id = $1 AND member_id >= $3 AND member_id < $4 LIMIT $7)
    UNION ALL
    (SELECT member_id FROM segmentation_v1.member WHERE $6 = 'groups' AND store_id = $1 AND group_id = ANY($5::text[]) LIMIT $7)
)
SELECT s.member_id, s.rank_key
FROM found, LATERAL (SELECT * FROM engagement_v1.standing WHERE store_id = $1 AND member_id = found.member_id LIMIT 1) s
WHERE ($2::text IS NULL OR s.tier = $2) AND s.member_id >= $3 AND s.member_id < $4
  AND ($5::text[] IS NULL OR (SELECT m.group_id FROM segmentation_v1.member m
                              WHERE m.store_id = $1 AND m.member_id = s.member_id) = ANY($5))

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
-- $1 text store. A store is known from its first membership on. The first by the index: any would do, but might be looked
-- for from the start of the table.
SELECT EXISTS (SELECT FROM (SELECT FROM engagement_v1.membership WHERE store_id = $1 ORDER BY store_id, member_id LIMIT 1) m)

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
-- $6 int day, $7 int partition, $8 bigint offset, $9 text member, $10 int index of the last row seen, $11 int rows,
-- $12 to $16 the same of the last row that may be read ($12 null: any).
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
     WHERE store_id = $1 AND day < $6 AND day BETWEEN greatest($2, $12::int) AND $3
       AND ($4::text IS NULL OR coalesce(from_tier, 'none') = $4)
       AND ($5::text IS NULL OR coalesce(to_tier, 'none') = $5)
     ORDER BY day DESC, partition, log_offset, member_id, index LIMIT $11)
) AS page
WHERE $12::int IS NULL OR day > $12
   OR (partition, log_offset, member_id, index) <= ($13::int, $14::bigint, $15::text, $16::int)
ORDER BY day DESC, partition, log_offset, member_id, index LIMIT $11

-- name: transitions_until
-- $1 text store, $2 int first and $3 int last day, $4 int day, $5 int partition, $6 bigint offset, $7 text member, $8 int
-- index of the last row seen, $9 int rows. The row so many rows further on, out of the index alone.
SELECT * FROM (
    (SELECT day, partition, log_offset, member_id, index FROM engagement_v1.transition
     WHERE store_id = $1 AND day = $4 AND day BETWEEN $2 AND $3
       AND (partition, log_offset, member_id, index) > ($5::int, $6::bigint, $7::text, $8::int)
     ORDER BY day DESC, partition, log_offset, member_id, index LIMIT $9)
    UNION ALL
    (SELECT day, partition, log_offset, member_id, index FROM engagement_v1.transition
     WHERE store_id = $1 AND day < $4 AND day BETWEEN $2 AND $3
     ORDER BY day DESC, partition, log_offset, member_id, index LIMIT $9)
) AS page
ORDER BY day DESC, partition, log_offset, member_id, index OFFSET $9 - 1 LIMIT 1

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

-- name: standing_of_groups
-- no parameters. What /metrics tells of each source partition: by the service that works on it, which is its group's name.
SELECT 'engagement' AS service, p.topic, p.partition, p.partitions, p.next_offset, p.epoch, p.fenced, p.close_offset,
       p.closed_day, coalesce(o.messages, 0)::bigint AS outbox
FROM engagement_v1.position p
LEFT JOIN (SELECT partition, sum(messages) AS messages FROM engagement_v1.outbox GROUP BY partition) o USING (partition)
UNION ALL
SELECT 'segmentation', p.topic, p.partition, p.partitions, p.next_offset, p.epoch, p.fenced, p.close_offset,
       p.closed_day, coalesce(o.messages, 0)::bigint
FROM segmentation_v1.position p
LEFT JOIN (SELECT partition, sum(messages) AS messages FROM segmentation_v1.outbox GROUP BY partition) o USING (partition)
ORDER BY service, topic, partition

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
