-- What engagement publishes to others: the only thing of this schema that they may read.
-- Made anew at each migration and after a rebuild's swap. A breaking change makes engagement_v2 beside it.

DROP SCHEMA IF EXISTS engagement_v1 CASCADE;
CREATE SCHEMA engagement_v1;

CREATE VIEW engagement_v1.position AS
SELECT o.topic, o.partition, o.next_offset, o.epoch, o.close_offset, o.close_day, o.close_cursor, o.updated_at,
       p.closed_day, p.closed_offset, p.settings_number, p.settings, p.duplicates, l.cluster_id, l.partitions, l.time_zone,
       o.fenced
FROM engagement.stream_offset o
LEFT JOIN engagement.partition_state p USING (partition)
LEFT JOIN engagement.stream_log l USING (topic);

-- today: the evaluation day now. A membership that no close has touched since is carried to its partition's day.
CREATE VIEW engagement_v1.membership AS
SELECT m.*, greatest(m.eval_day, p.closed_day + 1) AS today
FROM engagement.membership m LEFT JOIN engagement.partition_state p USING (partition);

CREATE VIEW engagement_v1.standing AS SELECT * FROM engagement.standing;
CREATE VIEW engagement_v1.journal AS SELECT * FROM engagement.journal;
CREATE VIEW engagement_v1.transition AS SELECT * FROM engagement.transition;
CREATE VIEW engagement_v1.store_figure AS SELECT * FROM engagement.store_figure;
CREATE VIEW engagement_v1.store_tier AS SELECT * FROM engagement.store_tier;
CREATE VIEW engagement_v1.dead_letter AS SELECT * FROM engagement.dead_letter;
CREATE VIEW engagement_v1.outbox AS
SELECT partition, topic, target, count(*) AS messages FROM engagement.outbox GROUP BY partition, topic, target;

GRANT USAGE ON SCHEMA engagement_v1 TO qunli_gateway, qunli_ingest, qunli_segmentation;
GRANT SELECT ON ALL TABLES IN SCHEMA engagement_v1 TO qunli_gateway;
GRANT SELECT ON engagement_v1.position, engagement_v1.dead_letter TO qunli_ingest;
