-- What the gateway asks of segmentation's published views. Days are days since 1970-01-01, instants UTC milliseconds.
-- Pages are keyset: the parameters after the store are the key of the last row seen.

-- name: invitations
-- $1 text member, $2 text[] stores or null. Open invitations, with the store's day.
SELECT p.store_id, p.placement_id, p.member_id, p.group_id, p.group_name, p.from_group, p.ticket, p.invited, p.expires,
       p.seen_at, p.join_url, p.qr_url, p.qr_expires, s.day AS today
FROM segmentation_v1.placement p
JOIN segmentation_v1.store s USING (store_id)
WHERE p.member_id = $1 AND ($2::text[] IS NULL OR p.store_id = ANY($2)) AND p.state = 'invited'
ORDER BY p.store_id, p.placement_id

-- name: store_is_known
-- $1 text store. By a membership, or by a command that was given for it. By the index, as store_exists.
SELECT EXISTS (SELECT FROM segmentation_v1.store WHERE store_id = $1)
    OR EXISTS (SELECT FROM (SELECT FROM segmentation_v1.command WHERE store_id = $1 ORDER BY store_id, command_id LIMIT 1) c)
    OR EXISTS (SELECT FROM (SELECT FROM engagement_v1.membership WHERE store_id = $1
                            ORDER BY store_id, member_id LIMIT 1) m)

-- name: matrix_store
-- $1 text store. What there is once of it; no row before its first record.
SELECT store_id, day, themes_version, theme_ids::text AS theme_ids, settings::text AS settings,
       design::text AS design, request, proposal
FROM segmentation_v1.store WHERE store_id = $1

-- name: themes
-- $1 text store. Every theme that ever was in its set.
SELECT theme, name, name_en, tags::text AS tags, since, removed
FROM segmentation_v1.theme WHERE store_id = $1 ORDER BY theme

-- name: areas
-- $1 text store
SELECT area, districts::text AS districts FROM segmentation_v1.area WHERE store_id = $1 ORDER BY area

-- name: cells
-- $1 text store. Each block of the matrix, those without a living group included.
SELECT b.theme, b.area, b.is_designed, coalesce(m.groups, 0) AS groups, coalesce(m.heads, 0) AS heads,
       coalesce(m.seats, 0) AS seats, coalesce(m.states, '{}')::text AS states, m.active_share, m.seeds, m.messages,
       m.writers
FROM segmentation_v1.block b
LEFT JOIN segmentation_v1.matrix m USING (store_id, theme, area)
WHERE b.store_id = $1 ORDER BY b.theme, b.area

-- name: cell_tiers
-- $1 text store. Members that count for the groups of a block, by tier.
SELECT theme, area, tier, members FROM segmentation_v1.block_tier WHERE store_id = $1

-- name: districts
-- $1 text store, $2 text and $3 text districts of the last row seen, $4 int rows
SELECT a, b, value FROM segmentation_v1.proximity
WHERE store_id = $1 AND (a, b) > ($2::text, $3::text) ORDER BY a, b LIMIT $4

-- name: waiting
-- $1 text store, $2 bigint day and $3 text member of the last row seen, $4 int rows. Those who wait longest first.
SELECT member_id, since, tier, free_from, offers FROM segmentation_v1.waiting
WHERE store_id = $1 AND (since, member_id) > ($2::bigint, $3::text) ORDER BY since, member_id LIMIT $4

-- name: seeds
-- $1 text store, $2 text member of the last row seen, $3 int rows
SELECT member_id, since, value, value_day, tier, group_id FROM segmentation_v1.seed
WHERE store_id = $1 AND member_id > $2 ORDER BY member_id LIMIT $3

-- name: vips
-- $1 text store, $2 text member of the last row seen, $3 int rows
SELECT member_id, since, value, value_day, tier, group_id FROM segmentation_v1.vip
WHERE store_id = $1 AND member_id > $2 ORDER BY member_id LIMIT $3

-- name: freeloaders
-- $1 text store, $2 text member of the last row seen, $3 int rows
SELECT member_id, group_id, proposed, last_acted, tier FROM segmentation_v1.freeloader
WHERE store_id = $1 AND member_id > $2 ORDER BY member_id LIMIT $3

-- name: duplicates
-- $1 text store, $2 text member of the last row seen, $3 int rows
SELECT member_id, keep, others::text AS others FROM segmentation_v1.duplicate
WHERE store_id = $1 AND member_id > $2 ORDER BY member_id LIMIT $3

-- name: tasks
-- $1 text store, $2 text kind, $3 text person and $4 text group of the last row seen, $5 int rows, $6 text kind or null.
-- All but strangers. A person has at most one task of a kind in a group.
SELECT * FROM (
    SELECT kind COLLATE "C" AS kind, person COLLATE "C" AS person, group_id COLLATE "C" AS group_id, subject, since
    FROM segmentation_v1.task WHERE store_id = $1 AND kind <> 'stranger' AND ($6::text IS NULL OR kind = $6)
) AS task
WHERE (kind, person, group_id) > ($2::text, $3::text, $4::text) ORDER BY kind, person, group_id LIMIT $5

-- name: strangers
-- $1 text store, $2 text group and $3 text person of the last row seen, $4 int how many people to look at, $5 int rows.
-- Group by group. Whether somebody is a stranger stands in no index, so there is a limit to who is looked at: the last of
-- them comes along, without a kind where it is no stranger.
SELECT CASE WHEN is_stranger THEN 'stranger' END AS kind, person, group_id, NULL AS subject, day AS since, n = $4 AS is_last
FROM (
    SELECT person, group_id, day, is_stranger, row_number() OVER (ORDER BY group_id, person) AS n
    FROM (SELECT person, group_id, day, is_stranger FROM segmentation_v1.group_member
          WHERE store_id = $1 AND (group_id, person) > ($2::text, $3::text) ORDER BY group_id, person LIMIT $4) AS people
) AS looked_at
WHERE is_stranger OR n = $4 ORDER BY group_id, person LIMIT $5

-- name: commands
-- $1 text store, $2 bigint offset of the last row seen, $3 int rows. Latest first.
SELECT command_id, command, body_hash, outcome, reason, subject, counts::text AS counts, partition, log_offset
FROM segmentation_v1.command WHERE store_id = $1 AND log_offset < $2::bigint ORDER BY log_offset DESC LIMIT $3

-- name: one_command
-- $1 text store, $2 text command
SELECT command_id, command, body_hash, outcome, reason, subject, counts::text AS counts, partition, log_offset
FROM segmentation_v1.command WHERE store_id = $1 AND command_id = $2

-- name: groups
-- $1 text store, $2 text group of the last row seen, $3 int rows, $4 text theme, $5 text area and $6 text state or null
SELECT g.group_id, g.name, g.theme, g.area, g.overlay, g.platform_id, g.state, g.heads, g.seats, g.managers::text AS managers,
       g.join_url, g.qr_url, g.qr_expires, g.opened, g.closed_on, g.last_message, s.day AS today
FROM segmentation_v1.store_group g
JOIN segmentation_v1.store s USING (store_id)
WHERE g.store_id = $1 AND g.group_id > $2 AND ($4::text IS NULL OR g.theme = $4) AND ($5::text IS NULL OR g.area = $5)
  AND ($6::text IS NULL OR g.state = $6)
ORDER BY g.group_id LIMIT $3

-- name: one_group
-- $1 text store, $2 text group
SELECT g.group_id, g.name, g.theme, g.area, g.overlay, g.platform_id, g.state, g.heads, g.seats, g.managers::text AS managers,
       g.join_url, g.qr_url, g.qr_expires, g.opened, g.left_forming, g.closed_on, g.last_message, g.snapshot_at,
       g.health_day, s.day AS today
FROM segmentation_v1.store_group g
JOIN segmentation_v1.store s USING (store_id)
WHERE g.store_id = $1 AND g.group_id = $2

-- name: group_tiers
-- $1 text store, $2 text group
SELECT tier, members FROM segmentation_v1.group_tier WHERE store_id = $1 AND group_id = $2

-- name: group_members
-- $1 text store, $2 text group, $3 text person of the last row seen, $4 int rows
SELECT person, is_member, is_manager, is_stranger, since, day, tier, seed, vip, counts
FROM segmentation_v1.group_member WHERE store_id = $1 AND group_id = $2 AND person > $3 ORDER BY person LIMIT $4

-- name: group_invitations
-- $1 text store, $2 text group, $3 text placement of the last row seen, $4 int rows. Who is asked and has not answered.
-- All of the group's first: a walk by placement until a page is full would be one through the store.
WITH invited AS MATERIALIZED (
    SELECT placement_id, member_id, from_group, ticket, invited, expires, seen_at
    FROM segmentation_v1.placement WHERE store_id = $1 AND group_id = $2 AND state = 'invited'
)
SELECT * FROM invited WHERE placement_id > $3 ORDER BY placement_id LIMIT $4

-- name: group_activity
-- $1 text store, $2 text group, $3 int first and $4 int last day, $5 bigint day of the last row seen, $6 int rows
SELECT day, heads, seats, strangers, active_share, seeds, messages, writers, silent_days, answer_median, answered_in_15,
       unanswered
FROM segmentation_v1.group_health
WHERE store_id = $1 AND group_id = $2 AND day BETWEEN $3 AND $4 AND day > $5::bigint ORDER BY day LIMIT $6

-- name: plans
-- $1 text store, $2 bigint request of the last row seen, $3 int rows. Latest first.
SELECT plan_id, mode, state, requested_day, requested_at, solved_at, day, before, dropped, head::text AS head,
       shares::text AS shares
FROM segmentation_v1.plan WHERE store_id = $1 AND requested_at < $2::bigint ORDER BY requested_at DESC LIMIT $3

-- name: one_plan
-- $1 text store, $2 text plan
SELECT plan_id, mode, state, requested_day, requested_at, solved_at, day, before, dropped, head::text AS head,
       shares::text AS shares
FROM segmentation_v1.plan WHERE store_id = $1 AND plan_id = $2

-- name: item_counts
-- $1 text store, $2 text[] plans. Items by kind and state; those that a later plan says again are that plan's.
SELECT plan_id, kind, state, count(*) AS items
FROM segmentation_v1.plan_item WHERE store_id = $1 AND plan_id = ANY($2::text[]) GROUP BY plan_id, kind, state

-- name: items_by_number
-- $1 text store, $2 text plan, $3 bigint number and $4 text item of the last row seen, $5 int rows,
-- $6 text kind and $7 text state or null. As the plan has them.
SELECT item_id, number, kind, member_id, from_group, to_group, theme, area, gain, reason, arguments::text AS arguments,
       needs::text AS needs, state, first_day
FROM segmentation_v1.plan_item
WHERE store_id = $1 AND plan_id = $2 AND (number, item_id) > ($3::bigint, $4::text)
  AND ($6::text IS NULL OR kind = $6) AND ($7::text IS NULL OR state = $7)
ORDER BY number, item_id LIMIT $5

-- name: items_by_gain
-- $1 text store, $2 text plan, $3 bigint gain and $4 text item of the last row seen, $5 int rows,
-- $6 text kind and $7 text state or null. Largest gain first. Two ranges, as rank_all has them.
SELECT * FROM (
    (SELECT item_id, number, kind, member_id, from_group, to_group, theme, area, gain, reason, arguments::text AS arguments,
            needs::text AS needs, state, first_day
     FROM segmentation_v1.plan_item
     WHERE store_id = $1 AND plan_id = $2 AND gain = $3::bigint AND item_id > $4
       AND ($6::text IS NULL OR kind = $6) AND ($7::text IS NULL OR state = $7)
     ORDER BY gain DESC, item_id LIMIT $5)
    UNION ALL
    (SELECT item_id, number, kind, member_id, from_group, to_group, theme, area, gain, reason, arguments::text AS arguments,
            needs::text AS needs, state, first_day
     FROM segmentation_v1.plan_item
     WHERE store_id = $1 AND plan_id = $2 AND gain < $3::bigint
       AND ($6::text IS NULL OR kind = $6) AND ($7::text IS NULL OR state = $7)
     ORDER BY gain DESC, item_id LIMIT $5)
) AS page
ORDER BY gain DESC, item_id LIMIT $5

-- name: groups_within
-- $1 text store, $2 text group or null, $3 text theme or null
SELECT group_id FROM segmentation_v1.store_group
WHERE store_id = $1 AND ($2::text IS NULL OR group_id = $2) AND ($3::text IS NULL OR theme = $3)
