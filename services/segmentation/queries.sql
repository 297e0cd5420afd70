-- Segmentation's own tables. Arrays are one per column, rows sorted by key: two transactions never wait in a circle.
-- Of each table of a store: load_ gives the rows of store $1; save_ takes one array per column, stores first and bodies
-- last; drop_ takes one array per column of the key.

-- name: load_feed
-- $1 partition
SELECT body, duplicates FROM feed WHERE partition = $1

-- name: save_feed
-- $1 partition, $2 body, $3 duplicates
INSERT INTO feed (partition, body, duplicates) VALUES ($1, $2::text::jsonb, $3)
ON CONFLICT (partition) DO UPDATE SET body = excluded.body, duplicates = excluded.duplicates

-- name: load_feed_seqs
-- $1 partition
SELECT source_partition, seq FROM feed_seq WHERE partition = $1

-- name: save_feed_seqs
-- $1 partition, $2 source partitions, $3 the last seq of each
INSERT INTO feed_seq (partition, source_partition, seq)
SELECT $1, * FROM unnest($2::text::int[], $3::text::bigint[])
ON CONFLICT (partition, source_partition) DO UPDATE SET seq = excluded.seq

-- name: list_stores
-- $1 partition
SELECT store_id, request FROM store WHERE partition = $1 ORDER BY store_id

-- name: load_store
SELECT store_id, body FROM store WHERE store_id = $1

-- name: save_store
-- $4 partition
INSERT INTO store (store_id, body, partition)
SELECT store_id, body, $4 FROM unnest($1::text::text[], $2::text::text[], $3::text::jsonb[]) AS k (store_id, again, body)
ON CONFLICT (store_id) DO UPDATE SET body = excluded.body

-- name: load_theme
SELECT theme, body FROM theme WHERE store_id = $1

-- name: save_theme
INSERT INTO theme (store_id, theme, body)
SELECT * FROM unnest($1::text::text[], $2::text::text[], $3::text::jsonb[])
ON CONFLICT (store_id, theme) DO UPDATE SET body = excluded.body

-- name: drop_theme
DELETE FROM theme t USING unnest($1::text::text[], $2::text::text[]) AS k (store_id, theme)
WHERE t.store_id = k.store_id AND t.theme = k.theme

-- name: load_proximity
SELECT a, b, body FROM proximity WHERE store_id = $1

-- name: save_proximity
INSERT INTO proximity (store_id, a, b, body)
SELECT * FROM unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::jsonb[])
ON CONFLICT (store_id, a, b) DO UPDATE SET body = excluded.body

-- name: drop_proximity
DELETE FROM proximity t USING unnest($1::text::text[], $2::text::text[], $3::text::text[]) AS k (store_id, a, b)
WHERE t.store_id = k.store_id AND t.a = k.a AND t.b = k.b

-- name: load_area
SELECT area, body FROM area WHERE store_id = $1

-- name: save_area
INSERT INTO area (store_id, area, body)
SELECT * FROM unnest($1::text::text[], $2::text::text[], $3::text::jsonb[])
ON CONFLICT (store_id, area) DO UPDATE SET body = excluded.body

-- name: drop_area
DELETE FROM area t USING unnest($1::text::text[], $2::text::text[]) AS k (store_id, area)
WHERE t.store_id = k.store_id AND t.area = k.area

-- name: load_block
SELECT theme, area, body FROM block WHERE store_id = $1

-- name: save_block
INSERT INTO block (store_id, theme, area, body)
SELECT * FROM unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::jsonb[])
ON CONFLICT (store_id, theme, area) DO UPDATE SET body = excluded.body

-- name: drop_block
DELETE FROM block t USING unnest($1::text::text[], $2::text::text[], $3::text::text[]) AS k (store_id, theme, area)
WHERE t.store_id = k.store_id AND t.theme = k.theme AND t.area = k.area

-- name: load_chat_group
SELECT group_id, body FROM chat_group WHERE store_id = $1

-- name: save_chat_group
INSERT INTO chat_group (store_id, group_id, body)
SELECT * FROM unnest($1::text::text[], $2::text::text[], $3::text::jsonb[])
ON CONFLICT (store_id, group_id) DO UPDATE SET body = excluded.body

-- name: drop_chat_group
DELETE FROM chat_group t USING unnest($1::text::text[], $2::text::text[]) AS k (store_id, group_id)
WHERE t.store_id = k.store_id AND t.group_id = k.group_id

-- name: load_member
SELECT member_id, body FROM member WHERE store_id = $1

-- name: save_member
INSERT INTO member (store_id, member_id, body)
SELECT * FROM unnest($1::text::text[], $2::text::text[], $3::text::jsonb[])
ON CONFLICT (store_id, member_id) DO UPDATE SET body = excluded.body

-- name: drop_member
DELETE FROM member t USING unnest($1::text::text[], $2::text::text[]) AS k (store_id, member_id)
WHERE t.store_id = k.store_id AND t.member_id = k.member_id

-- name: load_presence
SELECT group_id, person, body FROM presence WHERE store_id = $1

-- name: save_presence
INSERT INTO presence (store_id, group_id, person, body)
SELECT * FROM unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::jsonb[])
ON CONFLICT (store_id, group_id, person) DO UPDATE SET body = excluded.body

-- name: drop_presence
DELETE FROM presence t USING unnest($1::text::text[], $2::text::text[], $3::text::text[]) AS k (store_id, group_id, person)
WHERE t.store_id = k.store_id AND t.group_id = k.group_id AND t.person = k.person

-- name: load_placement
SELECT placement_id, body FROM placement WHERE store_id = $1

-- name: save_placement
INSERT INTO placement (store_id, placement_id, body)
SELECT * FROM unnest($1::text::text[], $2::text::text[], $3::text::jsonb[])
ON CONFLICT (store_id, placement_id) DO UPDATE SET body = excluded.body

-- name: drop_placement
DELETE FROM placement t USING unnest($1::text::text[], $2::text::text[]) AS k (store_id, placement_id)
WHERE t.store_id = k.store_id AND t.placement_id = k.placement_id

-- name: load_plan
SELECT plan_id, body FROM plan WHERE store_id = $1

-- name: save_plan
INSERT INTO plan (store_id, plan_id, body)
SELECT * FROM unnest($1::text::text[], $2::text::text[], $3::text::jsonb[])
ON CONFLICT (store_id, plan_id) DO UPDATE SET body = excluded.body

-- name: drop_plan
DELETE FROM plan t USING unnest($1::text::text[], $2::text::text[]) AS k (store_id, plan_id)
WHERE t.store_id = k.store_id AND t.plan_id = k.plan_id

-- name: load_plan_part
SELECT plan_id, attempt, part, body FROM plan_part WHERE store_id = $1

-- name: save_plan_part
INSERT INTO plan_part (store_id, plan_id, attempt, part, body)
SELECT * FROM unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::int[], $5::text::jsonb[])
ON CONFLICT (store_id, plan_id, attempt, part) DO UPDATE SET body = excluded.body

-- name: drop_plan_part
DELETE FROM plan_part t USING unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::int[]) AS k (store_id, plan_id, attempt, part)
WHERE t.store_id = k.store_id AND t.plan_id = k.plan_id AND t.attempt = k.attempt AND t.part = k.part

-- name: load_plan_item
SELECT item_id, body FROM plan_item WHERE store_id = $1

-- name: save_plan_item
INSERT INTO plan_item (store_id, item_id, body)
SELECT * FROM unnest($1::text::text[], $2::text::text[], $3::text::jsonb[])
ON CONFLICT (store_id, item_id) DO UPDATE SET body = excluded.body

-- name: drop_plan_item
DELETE FROM plan_item t USING unnest($1::text::text[], $2::text::text[]) AS k (store_id, item_id)
WHERE t.store_id = k.store_id AND t.item_id = k.item_id

-- name: load_command
SELECT command_id, body FROM command WHERE store_id = $1

-- name: save_command
INSERT INTO command (store_id, command_id, body)
SELECT * FROM unnest($1::text::text[], $2::text::text[], $3::text::jsonb[])
ON CONFLICT (store_id, command_id) DO UPDATE SET body = excluded.body

-- name: drop_command
DELETE FROM command t USING unnest($1::text::text[], $2::text::text[]) AS k (store_id, command_id)
WHERE t.store_id = k.store_id AND t.command_id = k.command_id

-- name: load_group_health
SELECT group_id, day, body FROM group_health WHERE store_id = $1

-- name: save_group_health
INSERT INTO group_health (store_id, group_id, day, body)
SELECT * FROM unnest($1::text::text[], $2::text::text[], $3::text::int[], $4::text::jsonb[])
ON CONFLICT (store_id, group_id, day) DO UPDATE SET body = excluded.body

-- name: drop_group_health
DELETE FROM group_health t USING unnest($1::text::text[], $2::text::text[], $3::text::int[]) AS k (store_id, group_id, day)
WHERE t.store_id = k.store_id AND t.group_id = k.group_id AND t.day = k.day

-- name: load_group_talk
SELECT group_id, day, body FROM group_talk WHERE store_id = $1

-- name: save_group_talk
INSERT INTO group_talk (store_id, group_id, day, body)
SELECT * FROM unnest($1::text::text[], $2::text::text[], $3::text::int[], $4::text::jsonb[])
ON CONFLICT (store_id, group_id, day) DO UPDATE SET body = excluded.body

-- name: drop_group_talk
DELETE FROM group_talk t USING unnest($1::text::text[], $2::text::text[], $3::text::int[]) AS k (store_id, group_id, day)
WHERE t.store_id = k.store_id AND t.group_id = k.group_id AND t.day = k.day

-- name: load_mention
SELECT target, author, day, body FROM mention WHERE store_id = $1

-- name: save_mention
INSERT INTO mention (store_id, target, author, day, body)
SELECT * FROM unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::int[], $5::text::jsonb[])
ON CONFLICT (store_id, target, author, day) DO UPDATE SET body = excluded.body

-- name: drop_mention
DELETE FROM mention t USING unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::int[]) AS k (store_id, target, author, day)
WHERE t.store_id = k.store_id AND t.target = k.target AND t.author = k.author AND t.day = k.day

-- name: next_offset
-- $1 group, $2 topic, $3 partition
SELECT next_offset FROM stream_offset WHERE group_name = $1 AND topic = $2 AND partition = $3
