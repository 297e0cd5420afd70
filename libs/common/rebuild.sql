-- Queries of a rebuild. Run by the database's owner. <live> stands for the service's schema, <live>_rebuild for the one
-- that is being made.

-- name: drop_rebuilt
DROP SCHEMA IF EXISTS <live>_rebuild CASCADE

-- name: drop_old
DROP SCHEMA IF EXISTS <live>_old CASCADE

-- name: make_standing_messages
-- What stands on the topics, or is about to: by source, with its seq and the hash of its content.
CREATE UNLOGGED TABLE <live>_rebuild.standing_message (
    partition integer NOT NULL,
    topic text COLLATE "C" NOT NULL,
    target integer NOT NULL,
    source_offset bigint NOT NULL,
    source_store text COLLATE "C" NOT NULL,
    source_subject text COLLATE "C" NOT NULL,
    source_index integer NOT NULL,
    seq bigint NOT NULL,
    content_hash bytea NOT NULL
)

-- name: index_standing_messages
CREATE INDEX ON <live>_rebuild.standing_message
    (partition, topic, target, source_offset, source_store, source_subject, source_index)

-- name: add_standing_messages
-- one array per column
INSERT INTO <live>_rebuild.standing_message
SELECT * FROM unnest($1::text::int[], $2::text::text[], $3::text::int[], $4::text::bigint[], $5::text::text[],
                     $6::text::text[], $7::text::int[], $8::text::bigint[], $9::text::bytea[])

-- name: live_exists
SELECT to_regclass('<live>.stream_offset') IS NOT NULL

-- name: fence_live
-- $1 group: the row locks wait for running steps, and every later step of the old owners finds another epoch
UPDATE <live>.stream_offset SET epoch = epoch + 1 WHERE group_name = $1

-- name: live_positions
-- $1 group
SELECT partition, next_offset, epoch, close_offset FROM <live>.stream_offset WHERE group_name = $1

-- name: live_outbox
SELECT partition, topic, target, seq, source_offset, source_store, source_subject, source_index, content
FROM <live>.outbox

-- name: differences
-- Messages that the rebuilt tables would publish otherwise than they stand, or that stand and would not be published.
-- At most $1.
SELECT coalesce(o.partition, s.partition) AS partition, coalesce(o.source_offset, s.source_offset) AS source_offset,
       coalesce(o.topic, s.topic) AS topic, coalesce(o.source_store, s.source_store) AS source_store,
       coalesce(o.source_subject, s.source_subject) AS source_subject,
       coalesce(o.source_index, s.source_index) AS source_index,
       CASE WHEN o.partition IS NULL THEN 'stands, would not be published' ELSE 'differs' END AS what
FROM <live>_rebuild.outbox o
FULL JOIN <live>_rebuild.standing_message s
    USING (partition, topic, target, source_offset, source_store, source_subject, source_index)
LEFT JOIN <live>_rebuild.stream_offset p ON p.partition = s.partition
WHERE (o.partition IS NULL AND s.source_offset < coalesce(p.next_offset, 0))
   OR (o.partition IS NOT NULL AND s.partition IS NOT NULL AND sha256(o.content) <> s.content_hash)
ORDER BY 1, 2
LIMIT $1

-- name: missing
-- Rebuilt messages that stand nowhere, with the seq they get.
CREATE TEMPORARY TABLE missing ON COMMIT DROP AS
SELECT o.*, coalesce(e.next, 0)
       + row_number() OVER (PARTITION BY o.partition, o.topic, o.target ORDER BY o.seq) - 1 AS new_seq
FROM <live>_rebuild.outbox o
LEFT JOIN (
    SELECT partition, topic, target, max(seq) + 1 AS next
    FROM <live>_rebuild.standing_message GROUP BY 1, 2, 3
) e USING (partition, topic, target)
WHERE NOT EXISTS (
    SELECT FROM <live>_rebuild.standing_message s
    WHERE s.partition = o.partition AND s.topic = o.topic AND s.target = o.target
      AND s.source_offset = o.source_offset AND s.source_store = o.source_store
      AND s.source_subject = o.source_subject AND s.source_index = o.source_index
)

-- name: count_missing
SELECT count(*) FROM missing

-- name: empty_outbox
TRUNCATE <live>_rebuild.outbox

-- name: keep_live_outbox
INSERT INTO <live>_rebuild.outbox SELECT * FROM <live>.outbox

-- name: keep_missing
INSERT INTO <live>_rebuild.outbox (partition, topic, target, seq, source_offset, source_store, source_subject,
                                       source_index, key, content, traceparent)
SELECT partition, topic, target, new_seq, source_offset, source_store, source_subject, source_index, key, content,
       traceparent
FROM missing

-- name: empty_seqs
TRUNCATE <live>_rebuild.outbox_seq

-- name: keep_seqs
-- The counters go on from what stands on the topics and in the outbox.
INSERT INTO <live>_rebuild.outbox_seq (partition, topic, target, next_seq)
SELECT partition, topic, target, max(next) FROM (
    SELECT partition, topic, target, max(seq) + 1 AS next FROM <live>_rebuild.standing_message GROUP BY 1, 2, 3
    UNION ALL
    SELECT partition, topic, target, max(seq) + 1 FROM <live>_rebuild.outbox GROUP BY 1, 2, 3
) AS counters GROUP BY 1, 2, 3

-- name: keep_live_seqs
INSERT INTO <live>_rebuild.outbox_seq SELECT * FROM <live>.outbox_seq
ON CONFLICT (partition, topic, target)
DO UPDATE SET next_seq = greatest(outbox_seq.next_seq, excluded.next_seq)

-- name: keep_replays
UPDATE <live>_rebuild.dead_letter r SET written_at = l.written_at
FROM <live>.dead_letter l WHERE l.id = r.id

-- name: raise_epochs
-- $1 group: above every epoch that the live rows have had
UPDATE <live>_rebuild.stream_offset r SET epoch = l.epoch + 1, fenced = l.fenced
FROM <live>.stream_offset l
WHERE r.group_name = $1 AND l.group_name = $1 AND l.partition = r.partition AND l.topic = r.topic

-- name: keep_log
INSERT INTO <live>_rebuild.stream_log SELECT * FROM <live>.stream_log
ON CONFLICT (topic) DO NOTHING

-- name: keep_told
-- one array per column: what stands up to here is known
INSERT INTO <live>_rebuild.stream_told (partition, topic, target, log_end)
SELECT * FROM unnest($1::text::int[], $2::text::text[], $3::text::int[], $4::text::bigint[])

-- name: drop_standing_messages
DROP TABLE <live>_rebuild.standing_message

-- name: put_aside
ALTER SCHEMA <live> RENAME TO <live>_old

-- name: put_in_place
ALTER SCHEMA <live>_rebuild RENAME TO <live>
