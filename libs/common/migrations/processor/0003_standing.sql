-- What stands on the topics that a processor writes to, as far as its tables must be told: after a restored backup.

CREATE TABLE stream_told (
    partition integer NOT NULL,
    topic text COLLATE "C" NOT NULL,
    target integer NOT NULL,
    log_end bigint NOT NULL,
    PRIMARY KEY (partition, topic, target)
) WITH (fillfactor = 50);
COMMENT ON TABLE stream_told IS 'Up to this offset of each target these tables know every message of theirs: where a takeover looks on from';

CREATE TABLE stream_standing (
    partition integer NOT NULL,
    topic text COLLATE "C" NOT NULL,
    target integer NOT NULL,
    seq bigint NOT NULL,
    source_offset bigint NOT NULL,
    source_store text COLLATE "C" NOT NULL,
    source_subject text COLLATE "C" NOT NULL,
    source_index integer NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (partition, topic, target, seq)
);
CREATE INDEX stream_standing_source ON stream_standing (partition, source_offset);
COMMENT ON TABLE stream_standing IS 'After a restored backup: messages that stand on the topics already, until the steps that derive them have come again';
