-- What every processor asks of its schema (the pool's search_path says which).

-- name: record_log
-- $1 topic, $2 cluster id, $3 partitions, $4 time zone
INSERT INTO stream_log (topic, cluster_id, partitions, time_zone) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING

-- name: recorded_log
-- $1 topic
SELECT cluster_id, partitions, time_zone FROM stream_log WHERE topic = $1

-- name: take_partition
-- $1 group, $2 topic, $3 partition. The only place where an epoch moves: its last owner is fenced from here on.
INSERT INTO stream_offset (group_name, topic, partition, epoch) VALUES ($1, $2, $3, 1)
ON CONFLICT (group_name, topic, partition) DO UPDATE SET epoch = stream_offset.epoch + 1, updated_at = now()
RETURNING next_offset, epoch, close_offset, close_day, close_after, close_traceparent, close_cursor

-- name: read_partition
-- $1 group, $2 topic, $3 partition
SELECT next_offset, epoch, close_offset, close_day, close_after, close_traceparent, close_cursor
FROM stream_offset WHERE group_name = $1 AND topic = $2 AND partition = $3

-- name: compare_and_set
-- $1 group, $2 topic, $3 partition, $4 next offset, then what must still stand: $5 offset, $6 epoch, $7 cursor
UPDATE stream_offset SET next_offset = $4, updated_at = now()
WHERE group_name = $1 AND topic = $2 AND partition = $3 AND next_offset = $5 AND epoch = $6 AND close_cursor = $7
RETURNING next_offset

-- name: note_fenced
-- $1 group, $2 topic, $3 partition
UPDATE stream_offset SET fenced = fenced + 1 WHERE group_name = $1 AND topic = $2 AND partition = $3

-- name: set_work
-- $1 group, $2 topic, $3 partition, $4 close offset, $5 close day, $6 last key done, $7 traceparent, $8 cursor; we hold the row
UPDATE stream_offset SET close_offset = $4, close_day = $5, close_after = $6, close_traceparent = $7, close_cursor = $8
WHERE group_name = $1 AND topic = $2 AND partition = $3

-- name: insert_outbox
-- $1 partition, one array per column; then the counters that moved: $12 topics, $13 targets, $14 next seqs
WITH counters AS (
    INSERT INTO outbox_seq (partition, topic, target, next_seq)
    SELECT $1, * FROM unnest($12::text::text[], $13::text::int[], $14::text::bigint[])
    ON CONFLICT (partition, topic, target) DO UPDATE SET next_seq = excluded.next_seq
)
INSERT INTO outbox (partition, topic, target, seq, source_offset, source_store, source_subject, source_index,
                    key, content, traceparent)
SELECT $1, * FROM unnest($2::text::text[], $3::text::int[], $4::text::bigint[], $5::text::bigint[],
                         $6::text::text[], $7::text::text[], $8::text::int[],
                         $9::text::bytea[], $10::text::bytea[], $11::text::text[])

-- name: load_seqs
-- $1 partition
SELECT topic, target, next_seq FROM outbox_seq WHERE partition = $1

-- name: load_outbox
-- $1 partition
SELECT topic, target, seq, key, content, traceparent FROM outbox WHERE partition = $1 ORDER BY topic, target, seq

-- name: load_told
-- $1 partition
SELECT topic, target, log_end FROM stream_told WHERE partition = $1

-- name: save_told
-- $1 partition, $2 topics, $3 targets, $4 up to where their messages are known
INSERT INTO stream_told (partition, topic, target, log_end)
SELECT $1, * FROM unnest($2::text::text[], $3::text::int[], $4::text::bigint[])
ON CONFLICT (partition, topic, target) DO UPDATE SET log_end = excluded.log_end

-- name: delete_published
-- $1 partition, $2 topics, $3 targets, $4 first seqs, $5 last seqs: both ends included
DELETE FROM outbox o
USING unnest($2::text::text[], $3::text::int[], $4::text::bigint[], $5::text::bigint[]) AS done (topic, target, first, last)
WHERE o.partition = $1 AND o.topic = done.topic AND o.target = done.target AND o.seq BETWEEN done.first AND done.last

-- name: insert_letters
-- one array per column
INSERT INTO dead_letter (id, topic, partition, log_offset, code, detail, key, value, headers)
SELECT * FROM unnest($1::text::text[], $2::text::text[], $3::text::int[], $4::text::bigint[], $5::text::text[], $6::text::text[], $7::text::bytea[],
                     $8::text::bytea[], $9::text::jsonb[])
ON CONFLICT (id) DO NOTHING

-- name: mark_replayed
-- $1 letter ids, $2 the offsets at which their replays were applied
UPDATE dead_letter SET replayed_offset = done.at
FROM unnest($1::text::text[], $2::text::bigint[]) AS done (id, at)
WHERE dead_letter.id = done.id AND replayed_offset IS NULL
