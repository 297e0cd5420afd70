-- What a processor asks of its schema about messages that stand on its topics already.

-- name: hold_partition
-- $1 group, $2 topic, $3 partition. The row lock keeps a new owner out until the transaction ends.
SELECT epoch FROM stream_offset WHERE group_name = $1 AND topic = $2 AND partition = $3 FOR UPDATE

-- name: add_standing
-- $1 partition, one array per column
INSERT INTO stream_standing (partition, topic, target, seq, source_offset, source_store, source_subject, source_index,
                             content)
SELECT $1, * FROM unnest($2::text::text[], $3::text::int[], $4::text::bigint[], $5::text::bigint[], $6::text::text[],
                         $7::text::text[], $8::text::int[], $9::text::bytea[])
ON CONFLICT DO NOTHING

-- name: new_standing
-- $1 partition. Per target, the messages that stand beyond what the counters know.
SELECT s.topic, s.target, coalesce(q.next_seq, 0) AS due, min(s.seq) AS first, max(s.seq) AS last,
       count(*) AS messages
FROM stream_standing s
LEFT JOIN outbox_seq q ON q.partition = s.partition AND q.topic = s.topic AND q.target = s.target
WHERE s.partition = $1 AND s.seq >= coalesce(q.next_seq, 0)
GROUP BY 1, 2, 3 ORDER BY 1, 2

-- name: drop_standing_outbox
-- $1 partition. What waits to be published and stands already: at or below the last seq that stands on its target.
DELETE FROM outbox o
USING (SELECT topic, target, max(seq) AS last FROM stream_standing WHERE partition = $1 GROUP BY 1, 2) s
WHERE o.partition = $1 AND o.topic = s.topic AND o.target = s.target AND o.seq <= s.last

-- name: raise_seqs
-- $1 partition. The counters go on behind what stands.
INSERT INTO outbox_seq (partition, topic, target, next_seq)
SELECT partition, topic, target, max(seq) + 1 FROM stream_standing WHERE partition = $1 GROUP BY 1, 2, 3
ON CONFLICT (partition, topic, target) DO UPDATE SET next_seq = greatest(outbox_seq.next_seq, excluded.next_seq)

-- name: raise_epoch
-- $1 group, $2 topic, $3 partition, $4 by how much
UPDATE stream_offset SET epoch = epoch + $4 WHERE group_name = $1 AND topic = $2 AND partition = $3

-- name: count_standing
-- $1 partition
SELECT count(*) FROM stream_standing WHERE partition = $1

-- name: decided
-- $1 partition, $2 first and $3 last offset of the records of a step, $4 topics
SELECT source_offset, topic, content FROM stream_standing
WHERE partition = $1 AND source_offset BETWEEN $2 AND $3 AND topic = ANY($4::text::text[])
ORDER BY topic, target, seq

-- name: take_standing
-- $1 partition, one array per column of a source. Those of these messages that stand.
DELETE FROM stream_standing s
USING unnest($2::text::text[], $3::text::int[], $4::text::bigint[], $5::text::text[], $6::text::text[],
             $7::text::int[]) AS m (topic, target, source_offset, source_store, source_subject, source_index)
WHERE s.partition = $1 AND s.source_offset = m.source_offset AND s.topic = m.topic AND s.target = m.target
  AND s.source_store = m.source_store AND s.source_subject = m.source_subject AND s.source_index = m.source_index
RETURNING s.topic, s.target, s.source_offset, s.source_store, s.source_subject, s.source_index, s.content

-- name: left_standing
-- $1 partition, $2 next offset, $3 the offset of open work, or -1. The first that should have come again, if one should;
-- else the last of all that are left.
SELECT topic, target, source_offset, source_index, in_vain FROM (
    (SELECT *, true AS in_vain FROM stream_standing
     WHERE partition = $1 AND source_offset < least($2::bigint, $3::bigint) ORDER BY source_offset LIMIT 1)
    UNION ALL
    (SELECT *, true FROM stream_standing
     WHERE partition = $1 AND source_offset > $3::bigint AND source_offset < $2::bigint ORDER BY source_offset LIMIT 1)
    UNION ALL
    (SELECT *, false FROM stream_standing WHERE partition = $1 ORDER BY source_offset DESC LIMIT 1)
) AS left_over ORDER BY in_vain DESC, source_offset LIMIT 1
