-- Engagement's own tables. Arrays are one per column, rows sorted by key: two transactions never wait in a circle.

-- name: load_partition
-- $1 partition
SELECT closed_day, closed_offset, applied_offset, settings_number, settings, previous_settings, duplicates
FROM partition_state WHERE partition = $1

-- name: save_partition
-- $1 partition, then the columns
INSERT INTO partition_state (partition, closed_day, closed_offset, applied_offset, settings_number, settings,
                             previous_settings, duplicates)
VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7::jsonb, $8)
ON CONFLICT (partition) DO UPDATE SET
    closed_day = excluded.closed_day, closed_offset = excluded.closed_offset,
    applied_offset = excluded.applied_offset, settings_number = excluded.settings_number,
    settings = excluded.settings, previous_settings = excluded.previous_settings, duplicates = excluded.duplicates

-- name: load_tiers
-- $1 partition
SELECT store_id, tier, members, ahead FROM store_tier WHERE partition = $1

-- name: insert_journal
-- $1 partition, then one array per column. Gives back what is new; the rest were there.
INSERT INTO journal (partition, member_id, id, body_hash, log_offset, store_id, type, occurred_at, received_at, day,
                     trace_id, payload)
SELECT $1, * FROM unnest($2::text::text[], $3::text::text[], $4::text::bytea[], $5::text::bigint[], $6::text::text[], $7::text::text[], $8::text::bigint[],
                         $9::text::bigint[], $10::text::int[], $11::text::text[], $12::text::text[])
ON CONFLICT (member_id, id) DO NOTHING
RETURNING log_offset

-- name: load_hashes
-- $1 members, $2 ids
SELECT j.member_id, j.id, j.body_hash
FROM journal j JOIN unnest($1::text::text[], $2::text::text[]) AS k (member_id, id) USING (member_id, id)

-- name: save_outcomes
-- $1 members, $2 ids, $3 outcomes: those that were not simply counted
UPDATE journal SET outcome = k.outcome
FROM unnest($1::text::text[], $2::text::text[], $3::text::text[]) AS k (member_id, id, outcome)
WHERE journal.member_id = k.member_id AND journal.id = k.id

-- name: load_memberships
-- $1 stores, $2 members
SELECT m.store_id, m.member_id, m.alive, m.eval_day, m.applied_offset, m.first_day, m.created_at, m.created_offset,
       m.left_at, m.tier, m.start_tier, m.since_day, m.unsent, m.ahead, m.last_active, m.days, m.run_start, m.former_days,
       m.interests, m.district, m.invited_by
FROM membership m JOIN unnest($1::text::text[], $2::text::text[]) AS k (store_id, member_id) USING (store_id, member_id)

-- name: due
-- $1 partition, $2 the day a close leads to, $3 the close's offset, $4 how many. Those it was applied to already may
-- have been active since, and owe a message to the next close: they are not due for this one.
SELECT store_id, member_id FROM membership
WHERE partition = $1 AND due_day <= $2 AND applied_offset < $3 LIMIT $4

-- name: living_after
-- $1 partition, $2 store and $3 member that were last, $4 how many
SELECT store_id, member_id FROM membership
WHERE partition = $1 AND alive AND (store_id, member_id) > ($2, $3)
ORDER BY store_id, member_id LIMIT $4

-- name: save_memberships
-- $1 partition, then one array per column
INSERT INTO membership (partition, store_id, member_id, alive, eval_day, due_day, applied_offset, first_day,
                        created_at, created_offset, left_at, tier, start_tier, since_day, unsent, ahead, score,
                        last_active, days, run_start, former_days, interests, district, invited_by)
SELECT $1, * FROM unnest($2::text::text[], $3::text::text[], $4::text::bool[], $5::text::int[], $6::text::int[], $7::text::bigint[], $8::text::int[],
                         $9::text::bigint[], $10::text::bigint[], $11::text::bigint[], $12::text::text[], $13::text::text[], $14::text::int[],
                         $15::text::bool[], $16::text::bool[], $17::text::bigint[], $18::text::int[], $19::text::bytea[], $20::text::int[],
                         $21::text::bytea[], $22::text::text[], $23::text::text[], $24::text::text[])
ON CONFLICT (store_id, member_id) DO UPDATE SET
    alive = excluded.alive, eval_day = excluded.eval_day, due_day = excluded.due_day,
    applied_offset = excluded.applied_offset, created_at = excluded.created_at,
    created_offset = excluded.created_offset, left_at = excluded.left_at, tier = excluded.tier,
    start_tier = excluded.start_tier, since_day = excluded.since_day, unsent = excluded.unsent,
    ahead = excluded.ahead, score = excluded.score, last_active = excluded.last_active, days = excluded.days,
    run_start = excluded.run_start,
    former_days = excluded.former_days, interests = excluded.interests, district = excluded.district,
    invited_by = excluded.invited_by

-- name: save_standings
-- one array per column
INSERT INTO standing (store_id, member_id, tier, rank_key, ranked_day)
SELECT * FROM unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::float8[], $5::text::int[])
ON CONFLICT (store_id, member_id) DO UPDATE SET
    tier = excluded.tier, rank_key = excluded.rank_key, ranked_day = excluded.ranked_day

-- name: delete_standings
-- $1 stores, $2 members
DELETE FROM standing s USING unnest($1::text::text[], $2::text::text[]) AS k (store_id, member_id)
WHERE s.store_id = k.store_id AND s.member_id = k.member_id

-- name: insert_transitions
-- $1 partition, then one array per column
INSERT INTO transition (partition, log_offset, store_id, member_id, index, day, from_tier, to_tier, cause,
                        occurred_at, trace_id)
SELECT $1, * FROM unnest($2::text::bigint[], $3::text::text[], $4::text::text[], $5::text::int[], $6::text::int[], $7::text::text[], $8::text::text[],
                         $9::text::text[], $10::text::bigint[], $11::text::text[])

-- name: load_figures
-- $1 partition, $2 stores, $3 days, $4 figures
SELECT f.store_id, f.day, f.figure, f.n
FROM store_figure f JOIN unnest($2::text::text[], $3::text::int[], $4::text::text[]) AS k (store_id, day, figure)
    USING (store_id, day, figure)
WHERE f.partition = $1

-- name: save_figures
-- $1 partition, then one array per column, absolute values
INSERT INTO store_figure (partition, store_id, day, figure, n)
SELECT $1, * FROM unnest($2::text::text[], $3::text::int[], $4::text::text[], $5::text::bigint[])
ON CONFLICT (store_id, day, figure, partition) DO UPDATE SET n = excluded.n

-- name: save_tiers
-- $1 partition, then one array per column, absolute values
INSERT INTO store_tier (partition, store_id, tier, members, ahead)
SELECT $1, * FROM unnest($2::text::text[], $3::text::text[], $4::text::bigint[], $5::text::bigint[])
ON CONFLICT (store_id, partition, tier) DO UPDATE SET members = excluded.members, ahead = excluded.ahead

-- name: insert_group_messages
-- $1 partition, then one array per column; mentions as JSON
INSERT INTO group_message (partition, log_offset, store_id, group_id, member_id, id, occurred_at, reply_to, mentions)
SELECT $1, * FROM unnest($2::text::bigint[], $3::text::text[], $4::text::text[], $5::text::text[], $6::text::text[], $7::text::bigint[], $8::text::text[],
                         $9::text::jsonb[])

-- name: has_group_messages
-- $1 partition
SELECT EXISTS (SELECT FROM group_message WHERE partition = $1)

-- name: group_messages
-- $1 partition, $2 the offset of the close that publishes them
SELECT log_offset, store_id, group_id, member_id, id, occurred_at, reply_to, mentions
FROM group_message WHERE partition = $1 AND log_offset < $2 ORDER BY store_id, group_id, log_offset

-- name: delete_group_messages
-- $1 partition, $2 the offset of the close that published them
DELETE FROM group_message WHERE partition = $1 AND log_offset < $2
