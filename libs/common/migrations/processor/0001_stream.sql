-- What every processor keeps in its own schema: where it stands on its topic, and what it still has to publish.

CREATE TABLE stream_log (
    topic text COLLATE "C" PRIMARY KEY,
    cluster_id text NOT NULL,
    partitions integer NOT NULL,
    time_zone text NOT NULL
);
COMMENT ON TABLE stream_log IS 'The log that this schema was made from; a processor refuses to run on another';

CREATE TABLE stream_offset (
    group_name text COLLATE "C" NOT NULL,
    topic text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL DEFAULT 0,
    epoch bigint NOT NULL DEFAULT 0,
    -- long work in slices (a day close, a settings change): the record that asks for it, how far it is, slices ever done
    close_offset bigint,
    close_day integer,
    close_after text[],
    close_traceparent text,
    close_cursor bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (group_name, topic, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE stream_offset IS 'One row per partition: the compare-and-set that makes a step happen once';

CREATE TABLE outbox (
    partition integer NOT NULL,
    topic text COLLATE "C" NOT NULL,
    target integer NOT NULL,
    seq bigint NOT NULL,
    source_offset bigint NOT NULL,
    source_store text COLLATE "C" NOT NULL,
    source_subject text COLLATE "C" NOT NULL,
    source_index integer NOT NULL,
    key bytea NOT NULL,
    content bytea NOT NULL,
    traceparent text COLLATE "C",
    PRIMARY KEY (partition, topic, target, seq)
);
COMMENT ON TABLE outbox IS 'Messages of committed steps that the log has not acknowledged yet; content stands without its seq';

CREATE TABLE outbox_seq (
    partition integer NOT NULL,
    topic text COLLATE "C" NOT NULL,
    target integer NOT NULL,
    next_seq bigint NOT NULL,
    PRIMARY KEY (partition, topic, target)
) WITH (fillfactor = 50);
COMMENT ON TABLE outbox_seq IS 'The next seq of each (source partition, target partition): gapless, given once';

CREATE TABLE dead_letter (
    id text COLLATE "C" PRIMARY KEY,
    topic text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    log_offset bigint NOT NULL,
    code text COLLATE "C" NOT NULL,
    detail text NOT NULL,
    key bytea,
    value bytea,
    headers jsonb NOT NULL DEFAULT '[]',
    replayed_offset bigint,
    written_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE dead_letter IS 'Records that could not be applied, as they stood on the log; replayed_offset: where a replay was applied';
