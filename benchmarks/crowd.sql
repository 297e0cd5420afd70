-- What the gateway's routes read beside memberships, for the chain that stands in engagement's tables: groups and who is
-- in them, plans, events, transitions, figures.

-- name: standing_on_the_log
-- partitions that both services have taken
SELECT least((SELECT count(*) FROM engagement_v1.position), (SELECT count(*) FROM segmentation_v1.position))

-- name: closed
-- the last closed day
INSERT INTO engagement.partition_state (partition, closed_day, closed_offset, settings)
SELECT partition, %s, -1, '{"half_life": 7, "weights": {"join": 5, "message": 1, "check_in": 3, "purchase": 10},
    "caps": {"join": 1, "message": 10, "check_in": 3, "purchase": 3}}' FROM engagement.stream_offset
ON CONFLICT (partition) DO UPDATE SET closed_day = excluded.closed_day

-- name: people
-- each membership with its number within its store; the groups are cut from it
CREATE TABLE crowd AS
SELECT store_id, member_id, partition, tier, k, k / 200 AS g, k %% 10 = 0 AS waits, %s::integer AS day
FROM (SELECT *, substr(member_id, 3)::integer / CASE store_id WHEN 's-large' THEN 1 ELSE 40 END AS k
      FROM engagement.membership) m

-- name: members
INSERT INTO segmentation.member (store_id, member_id, body)
SELECT store_id, member_id, jsonb_build_object('tier', tier, 'is_member', true, 'score', k, 'score_day', day - 1,
    'district', 'd-' || k % 40, 'affinity', '[100, 200, 300, 400, 500, 600, 700, 800]'::jsonb, 'leave_due',
    CASE WHEN k % 200 = 3 THEN jsonb_build_array(store_id || '~g0') ELSE '[]' END, 'removals', '[]'::jsonb,
    'seed', k % 50 = 1, 'seed_day', day - 5, 'propagation', k, 'propagation_day', day - 1, 'vip', k % 50 = 2, 'vip_day',
    day - 5, 'freeloader', k % 50 = 4, 'removal_day', day - 2, 'acted', day - 100, 'no_invitations', false, 'offers', 1,
    'free_from', 0) || CASE WHEN waits THEN jsonb_build_object('waiting', day - k % 60)
                       ELSE jsonb_build_object('group', store_id || '~g' || g) END
FROM crowd

-- name: groups
INSERT INTO segmentation.chat_group (store_id, group_id, body)
SELECT DISTINCT store_id, store_id || '~g' || g, jsonb_build_object('name', 'Group ' || g, 'theme', 't' || g % 8, 'area',
    store_id || '~a' || g / 8 % 8, 'heads', 182, 'seats', 2, 'state', 'open', 'managers', '["boss"]'::jsonb, 'snapshot_at',
    1700000000000, 'opened', day - 60, 'platform_id', 'wx-' || g, 'join_url', 'https://chat.example/' || g, 'qr_url',
    'https://chat.example/q' || g, 'qr_expires', day + 5, 'last_message', day - 1)
FROM crowd

-- name: presences
INSERT INTO segmentation.presence (store_id, group_id, person, body)
SELECT store_id, store_id || '~g' || g, member_id, jsonb_build_object('present', true, 'since', 1700000000000, 'day', day - 50)
FROM crowd WHERE NOT waits
UNION ALL
SELECT DISTINCT store_id, store_id || '~g' || g, person, jsonb_build_object('present', true, 'since', 1700000000000, 'day', day - 50)
FROM crowd, LATERAL (VALUES ('boss'), ('stranger-' || g)) AS who (person)

-- name: placements
INSERT INTO segmentation.placement (store_id, placement_id, body)
SELECT store_id, store_id || '~' || member_id || '~1', jsonb_build_object('member', member_id, 'group', store_id || '~g' || g,
    'number', 1, 'state', CASE WHEN k % 100 = 1 THEN 'invited' ELSE 'joined' END, 'ticket',
    CASE WHEN k % 200 = 1 THEN 'personal' ELSE 'qr' END, 'day', day - 3, 'invited', day - 5, 'by', 'plan')
FROM crowd WHERE NOT waits

-- name: healths
INSERT INTO segmentation.group_health (store_id, group_id, day, body)
SELECT store_id, group_id, (body->>'opened')::integer + ago, jsonb_build_object('heads', 182, 'seats', 2, 'strangers', 1,
    'active_share', 400, 'seeds', 4, 'messages', 90, 'writers', 20, 'silent_days', 0, 'answer_median', 5,
    'answered_in_15', 800, 'unanswered', 1)
FROM segmentation.chat_group, generate_series(30, 59) ago

-- name: heads
INSERT INTO segmentation.store (store_id, partition, body)
SELECT DISTINCT store_id, 0, jsonb_build_object('day', day, 'closed', day - 1, 'themes_version', 1, 'theme_ids',
    '["t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7"]'::jsonb, 'settings', '{}'::jsonb, 'design',
    jsonb_build_object('day', day - 60), 'proposal', store_id || '~p0-9')
FROM crowd

-- name: themes
INSERT INTO segmentation.theme (store_id, theme, body)
SELECT store_id, 't' || t, jsonb_build_object('name', 'Theme ' || t, 'shown', '["tea", "baby"]'::jsonb, 'since', 1)
FROM segmentation.store, generate_series(0, 7) t

-- name: areas
INSERT INTO segmentation.area (store_id, area, body)
SELECT store_id, store_id || '~a' || a, jsonb_build_object('districts', jsonb_build_array('d-' || a, 'd-' || a + 8))
FROM segmentation.store, generate_series(0, 7) a

-- name: blocks
INSERT INTO segmentation.block (store_id, theme, area, body)
SELECT store_id, 't' || t, store_id || '~a' || a, '{"opens_from": 0, "is_designed": true}'
FROM segmentation.store, generate_series(0, 7) t, generate_series(0, 7) a

-- name: proximities
INSERT INTO segmentation.proximity (store_id, a, b, body)
SELECT store_id, 'd-' || lpad(a::text, 2, '0'), 'd-' || lpad(b::text, 2, '0'), '500'
FROM segmentation.store, generate_series(0, 39) a, generate_series(0, 39) b WHERE a < b

-- name: plans
INSERT INTO segmentation.plan (store_id, plan_id, body)
SELECT s.store_id, s.store_id || '~p0-' || p, jsonb_build_object('mode', 'design', 'state',
    CASE p WHEN 9 THEN 'proposed' ELSE 'superseded' END, 'requested_day', (body->>'day')::integer, 'requested_at', p, 'solved_at', p,
    'day', (body->>'day')::integer, 'dropped', 0, 'shares', '{"t0": 1000000}'::jsonb, 'head', '{"status": "optimal",
    "solved_at": 1, "algorithm": "flow", "library": "ortools", "objective": 900}'::jsonb)
FROM segmentation.store s, generate_series(0, 9) p

-- name: items
-- a quarter of each store's members
INSERT INTO segmentation.plan_item (store_id, item_id, body)
SELECT store_id, store_id || '~p0-9~' || k, jsonb_build_object('plan', store_id || '~p0-9', 'number', k, 'kind', 'move', 'state',
    CASE k % 5 WHEN 0 THEN 'approved' ELSE 'proposed' END, 'member', member_id, 'from_group', store_id || '~g0', 'to_group',
    store_id || '~g' || g, 'gain', k * 7919 % 1000, 'reason', 'interest', 'needs', '[]'::jsonb, 'arguments',
    '{"theme": "t1", "affinity": 900}'::jsonb, 'first_day', day - 1)
FROM crowd WHERE k % 4 = 1

-- name: commands
INSERT INTO segmentation.command (store_id, command_id, body)
SELECT store_id, store_id || '~c' || n, jsonb_build_object('command', 'move', 'body_hash', md5(n::text), 'outcome', 'done',
    'subject', store_id || '~g0', 'counts', '{}'::jsonb, 'partition', 0, 'offset', n)
FROM segmentation.store, generate_series(1, 5000) n

-- name: events
-- of a few members of the large store, 200 each
INSERT INTO engagement.journal (member_id, id, body_hash, partition, log_offset, store_id, type, occurred_at, received_at,
    day, payload)
SELECT member_id, 'e-' || n, '\x00'::bytea, partition, k * 1000 + n, store_id, 'check_in', (day - n / 3)::bigint * 86400000 + n, 0,
    day - n / 3, '{"method": "qr"}'
FROM crowd, generate_series(1, 200) n WHERE store_id = 's-large' AND k % 200 = 7

-- name: transitions
-- one in fifty memberships moves on a day
INSERT INTO engagement.transition (partition, log_offset, store_id, member_id, index, day, from_tier, to_tier, cause,
    occurred_at)
SELECT partition, ago * 1000000 + k, store_id, member_id, 0, day - ago, (ARRAY['weekly', 'monthly', 'weekly', 'daily'])[kind],
    (ARRAY['monthly', 'weekly', 'daily', 'thrice_daily'])[kind], 'e-1', (day - ago)::bigint * 86400000
FROM (SELECT *, CASE WHEN h % 100 < 45 THEN 1 WHEN h % 100 < 90 THEN 2 WHEN h % 100 < 99 THEN 3 ELSE 4 END AS kind
      FROM (SELECT *, (hashtext(member_id || ago) & 2147483647) / 50 AS h
            FROM crowd, generate_series(0, 27) ago WHERE (hashtext(member_id || ago) & 2147483647) % 50 = 0) drawn) moved

-- name: moves
-- what engagement counts of them
INSERT INTO engagement.store_figure (store_id, day, figure, partition, n)
SELECT store_id, day, figure || from_tier || '>' || to_tier, partition, count(*)
FROM engagement.transition, unnest(ARRAY['move:', 'net:']) figure
GROUP BY store_id, day, figure, from_tier, to_tier, partition

-- name: figures
-- a year of the large store, a month of the others
INSERT INTO engagement.store_figure (store_id, day, figure, partition, n)
SELECT store_id, day - ago, figure, partition, 50
FROM (SELECT DISTINCT store_id, day FROM crowd) s, generate_series(0, 399) ago, generate_series(0, 11) partition,
    unnest(ARRAY['active', 'wau', 'mau', 'visits', 'purchases', 'joins', 'amount:CNY', 'tier:thrice_daily', 'tier:daily',
    'tier:weekly', 'tier:monthly', 'tier:dormant', 'tier:lost']) figure
WHERE store_id = 's-large' OR ago < 30

-- name: cohorts
-- Mondays: 1970-01-05 was one
INSERT INTO engagement.store_figure (store_id, day, figure, partition, n)
SELECT store_id, week, figure, partition, 10
FROM (SELECT DISTINCT store_id, day FROM crowd) s, generate_series(0, 11) partition, generate_series(0, 56) w,
    LATERAL (SELECT (day + 3) / 7 * 7 - 3 - w * 7 AS week) m, LATERAL (
        SELECT 'cohort_size' AS figure
        UNION ALL
        SELECT 'cohort:' || to_char('1970-01-01'::date + week - back * 7, 'YYYYMMDD') FROM generate_series(0, 56 - w) back) f
WHERE store_id = 's-large' OR w < 4

-- name: letters
INSERT INTO engagement.dead_letter (id, topic, partition, log_offset, code, detail, value)
SELECT 'member-events-0-' || n, 'member-events', 0, n, 'unreadable', 'not JSON', '\x7b' FROM generate_series(1, 10000) n

-- name: settled
VACUUM (ANALYZE)

-- name: written
CHECKPOINT
