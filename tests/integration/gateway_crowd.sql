-- A chain large enough that a query without its index shows: one store of 100,000 members and 20 of 1,000, a journal
-- and transitions of 240,000 rows each (one member has 5,000 events), two years of figures.

-- name: calm
-- Nobody counts the rows anew meanwhile.
DO $$ BEGIN EXECUTE (
    SELECT string_agg(format('ALTER TABLE %I.%I SET (autovacuum_enabled = off)', schemaname, relname), ';')
    FROM pg_stat_user_tables WHERE schemaname IN ('engagement', 'segmentation')
); END $$

-- name: memberships
INSERT INTO engagement.membership (store_id, member_id, partition, alive, eval_day, applied_offset, first_day, created_at,
    created_offset, tier, since_day, unsent, ahead, score, last_active, days, former_days, interests)
SELECT store, 'm-' || lpad(n::text, 6, '0'), n % 12, true, 20500, 0, 20000, 0, 0,
    (ARRAY['daily', 'weekly', 'monthly', 'dormant', 'lost'])[1 + n % 5], 20500, false, false, n, 20500,
    decode(repeat('00', 160), 'hex'), '', '{}'
FROM (SELECT 'big' AS store, n FROM generate_series(1, 100000) n
      UNION ALL
      SELECT 'small-' || s, n FROM generate_series(1, 20) s, generate_series(1, 1000) n) AS rows

-- name: standings
INSERT INTO engagement.standing (store_id, member_id, tier, rank_key, ranked_day)
SELECT store_id, member_id, tier, CASE tier WHEN 'lost' THEN '-infinity' ELSE score / 100.0 END, 20500
FROM engagement.membership

-- name: journal
INSERT INTO engagement.journal (member_id, id, body_hash, partition, log_offset, store_id, type, occurred_at,
    received_at, day, payload)
SELECT member_id, store_id || k, '', partition, k * 1000000 + row_number() OVER (), store_id, 'check_in',
    (20500 - k * 200) * 86400000::bigint, 0, 20500 - k * 200, '{"method": "qr"}'
FROM engagement.membership, generate_series(0, 1) k

-- name: busy_member
INSERT INTO engagement.journal (member_id, id, body_hash, partition, log_offset, store_id, type, occurred_at,
    received_at, day)
SELECT 'm-000777', 'busy-' || k, '', 777 % 12, 10000000 + k, 'big', 'message', 20292 * 86400000::bigint + k * 3600000::bigint, 0, 20292 + k / 24
FROM generate_series(1, 5000) k

-- name: transitions
INSERT INTO engagement.transition (partition, log_offset, store_id, member_id, index, day, from_tier, to_tier, occurred_at)
SELECT partition, log_offset, store_id, member_id, 0, day - (log_offset % 30)::int, 'weekly', 'daily', occurred_at
FROM engagement.journal

-- name: figures
INSERT INTO engagement.store_figure (store_id, day, figure, partition, n)
SELECT store, day, figure, partition, 5
FROM unnest(ARRAY['big', 'small-1', 'small-2']) store, generate_series(19800, 20500) day, generate_series(0, 11) partition,
    unnest(ARRAY['active', 'wau', 'mau', 'tier:weekly', 'move:weekly>daily', 'cohort_size', 'cohort:20260302']) figure

-- name: letters
INSERT INTO engagement.dead_letter (id, topic, partition, log_offset, code, detail)
SELECT 'member-events-0-' || n, 'member-events', 0, n, 'unreadable', '' FROM generate_series(1, 20000) n

-- name: feed_letters
INSERT INTO segmentation.dead_letter (id, topic, partition, log_offset, code, detail)
SELECT 'store-feed-0-' || n, 'store-feed', 0, n, 'malformed', '' FROM generate_series(1, 20000) n

-- name: groups
INSERT INTO segmentation.chat_group (store_id, group_id, body)
SELECT 'big', 'big~g' || g, jsonb_build_object('name', 'g', 'theme', 't' || g % 8, 'area', 'a' || g % 4, 'heads', 200,
    'seats', 0, 'state', 'open', 'managers', '[]'::jsonb, 'snapshot_at', -1, 'opened', 20400)
FROM generate_series(1, 500) g

-- name: grouped_members
INSERT INTO segmentation.member (store_id, member_id, body)
SELECT store_id, member_id, jsonb_build_object('tier', tier, 'is_member', true, 'leave_due', '[]'::jsonb, 'removals', '[]'::jsonb,
    'seed', n % 50 = 0, 'vip', n % 50 = 1, 'freeloader', n % 50 = 2, 'no_invitations', false, 'offers', 0, 'free_from', 0)
    || CASE WHEN n % 10 = 0 THEN jsonb_build_object('waiting', 20000 + n % 400) ELSE jsonb_build_object('group', 'big~g' || 1 + n % 500) END
    || CASE WHEN n % 50 = 3 THEN '{"leave_due": ["big~g1"]}'::jsonb ELSE '{}' END
FROM (SELECT *, score AS n FROM engagement.membership) m

-- name: presences
INSERT INTO segmentation.presence (store_id, group_id, person, body)
SELECT store_id, group_id, member_id, '{"present": true, "since": 0, "day": 20400}' FROM segmentation.member
WHERE group_id IS NOT NULL AND store_id = 'big'

-- name: placements
INSERT INTO segmentation.placement (store_id, placement_id, body)
SELECT store_id, store_id || '~' || member_id || '~' || k, jsonb_build_object('member', member_id, 'group', 'big~g1', 'number', k,
    'state', CASE WHEN k = 2 AND member_id < 'm-000100' THEN 'invited' ELSE 'joined' END, 'ticket', 'personal', 'day', 20400,
    'invited', 20400)
FROM segmentation.member, generate_series(1, 2) k

-- name: items
INSERT INTO segmentation.plan_item (store_id, item_id, body)
SELECT 'big', 'big~p' || p || '~' || n, jsonb_build_object('plan', 'big~p' || p, 'number', n, 'kind', 'move', 'state', 'proposed',
    'gain', n % 997, 'needs', '[]'::jsonb, 'arguments', '{}'::jsonb, 'first_day', 20400)
FROM generate_series(1, 100) p, generate_series(1, 1000) n

-- name: commands
INSERT INTO segmentation.command (store_id, command_id, body)
SELECT 'big', 'big~c' || n, jsonb_build_object('offset', n, 'partition', 0, 'outcome', 'done', 'counts', '{}'::jsonb)
FROM generate_series(1, 100000) n

-- name: health
INSERT INTO segmentation.group_health (store_id, group_id, day, body)
SELECT 'big', 'big~g' || g, day, '{"heads": 200}' FROM generate_series(1, 500) g, generate_series(20300, 20500) day

-- name: proximities
INSERT INTO segmentation.proximity (store_id, a, b, body)
SELECT 'big', 'd' || a, 'e' || b, '500' FROM generate_series(1, 200) a, generate_series(1, 200) b

-- name: stores
INSERT INTO segmentation.store (store_id, partition, body) VALUES ('big', 0, '{"day": 20500, "theme_ids": [], "settings": {}}')

-- name: blocks
INSERT INTO segmentation.block (store_id, theme, area, body)
SELECT 'big', 't' || t, 'a' || a, '{"is_designed": true}' FROM generate_series(0, 7) t, generate_series(0, 3) a

-- name: analyze
VACUUM (ANALYZE)

-- name: ten_times
-- What the planner counts with: a table's rows, by the pages that it has. Ten times as many where members make them.
SELECT pg_restore_relation_stats('schemaname', s.schemaname::text, 'relname', s.relname::text, 'reltuples', (c.reltuples * 10)::real)
FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
WHERE s.relname IN ('membership', 'standing', 'journal', 'transition', 'member', 'presence', 'placement', 'plan_item')

-- name: explain
-- the query follows
EXPLAIN (FORMAT JSON)

-- name: explain_analyze
EXPLAIN (ANALYZE, FORMAT JSON)

-- name: explain_for_any
EXPLAIN (GENERIC_PLAN, FORMAT JSON)
