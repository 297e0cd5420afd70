-- Segmentation's state: of each store its rows, by the keys that the domain has (services/segmentation/domain/rows.py).
-- `body` is a row as the domain has it; the other columns are its key, and what lists are read by. Days are days since
-- 1970-01-01, instants UTC milliseconds, shares, affinities and gains 1/1000. Ids are compared by bytes.

CREATE TABLE feed (
    partition integer PRIMARY KEY,
    body jsonb NOT NULL,
    closed integer GENERATED ALWAYS AS ((body->>'closed')::integer) STORED,
    duplicates bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE feed IS 'What a partition of store-feed knows of the closes of engagement''s partitions';
COMMENT ON COLUMN feed.closed IS 'The last day that all of them have closed';
COMMENT ON COLUMN feed.duplicates IS 'Messages that came again, and were dropped';

CREATE TABLE feed_seq (
    partition integer NOT NULL,
    source_partition integer NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (partition, source_partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE feed_seq IS 'The last seq applied of each of engagement''s partitions: the next one is due, those up to it are known';

CREATE TABLE store (
    store_id text COLLATE "C" PRIMARY KEY,
    partition integer NOT NULL,
    body jsonb NOT NULL,
    request text COLLATE "C" GENERATED ALWAYS AS (body->>'request') STORED
) WITH (fillfactor = 50);
COMMENT ON COLUMN store.request IS 'The plan that is asked for and not answered';
CREATE INDEX store_partition ON store (partition);

CREATE TABLE theme (
    store_id text COLLATE "C" NOT NULL,
    theme text COLLATE "C" NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (store_id, theme)
);

CREATE TABLE proximity (
    store_id text COLLATE "C" NOT NULL,
    a text COLLATE "C" NOT NULL,
    b text COLLATE "C" NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (store_id, a, b)
);
COMMENT ON TABLE proximity IS 'Of districts a < b; body: 0..1000';

CREATE TABLE area (
    store_id text COLLATE "C" NOT NULL,
    area text COLLATE "C" NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (store_id, area)
);

CREATE TABLE block (
    store_id text COLLATE "C" NOT NULL,
    theme text COLLATE "C" NOT NULL,
    area text COLLATE "C" NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (store_id, theme, area)
);

CREATE TABLE chat_group (
    store_id text COLLATE "C" NOT NULL,
    group_id text COLLATE "C" NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (store_id, group_id)
) WITH (fillfactor = 50);

CREATE TABLE member (
    store_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    body jsonb NOT NULL,
    group_id text COLLATE "C" GENERATED ALWAYS AS (body->>'group') STORED,
    tier text COLLATE "C" GENERATED ALWAYS AS (body->>'tier') STORED,
    waiting integer GENERATED ALWAYS AS ((body->>'waiting')::integer) STORED,
    seed boolean GENERATED ALWAYS AS ((body->>'seed')::boolean) STORED,
    vip boolean GENERATED ALWAYS AS ((body->>'vip')::boolean) STORED,
    freeloader boolean GENERATED ALWAYS AS ((body->>'freeloader')::boolean) STORED,
    leaves boolean GENERATED ALWAYS AS (body->'leave_due' <> '[]'::jsonb OR body->'removals' <> '[]'::jsonb) STORED,
    PRIMARY KEY (store_id, member_id)
) WITH (fillfactor = 70);
COMMENT ON COLUMN member.group_id IS 'The themed group that counts';
COMMENT ON COLUMN member.waiting IS 'Waits for a group since this day';
COMMENT ON COLUMN member.leaves IS 'Is in a group that it should leave';
CREATE INDEX member_group ON member (store_id, group_id, member_id) WHERE group_id IS NOT NULL;
CREATE INDEX member_waiting ON member (store_id, waiting, member_id) WHERE waiting IS NOT NULL;
CREATE INDEX member_seed ON member (store_id, member_id) WHERE seed;
CREATE INDEX member_vip ON member (store_id, member_id) WHERE vip;
CREATE INDEX member_freeloader ON member (store_id, member_id) WHERE freeloader;
CREATE INDEX member_leaves ON member (store_id, member_id) WHERE leaves;
CREATE INDEX member_member ON member (member_id);

CREATE TABLE presence (
    store_id text COLLATE "C" NOT NULL,
    group_id text COLLATE "C" NOT NULL,
    person text COLLATE "C" NOT NULL,
    body jsonb NOT NULL,
    present boolean GENERATED ALWAYS AS ((body->>'present')::boolean) STORED,
    PRIMARY KEY (store_id, group_id, person)
);
COMMENT ON TABLE presence IS 'The last fact about a person in a group, as the chat platform reported it';
CREATE INDEX presence_person ON presence (store_id, person) WHERE present;

CREATE TABLE placement (
    store_id text COLLATE "C" NOT NULL,
    placement_id text COLLATE "C" NOT NULL,
    body jsonb NOT NULL,
    member_id text COLLATE "C" GENERATED ALWAYS AS (body->>'member') STORED,
    group_id text COLLATE "C" GENERATED ALWAYS AS (body->>'group') STORED,
    state text COLLATE "C" GENERATED ALWAYS AS (body->>'state') STORED,
    ticket text COLLATE "C" GENERATED ALWAYS AS (body->>'ticket') STORED,
    PRIMARY KEY (store_id, placement_id)
) WITH (fillfactor = 70);
CREATE INDEX placement_member ON placement (member_id, store_id);
CREATE INDEX placement_open ON placement (store_id, group_id) WHERE state IN ('proposed', 'invited');
CREATE INDEX placement_personal ON placement (store_id, placement_id) WHERE state = 'invited' AND ticket = 'personal';

CREATE TABLE plan (
    store_id text COLLATE "C" NOT NULL,
    plan_id text COLLATE "C" NOT NULL,
    body jsonb NOT NULL,
    requested_at bigint GENERATED ALWAYS AS ((body->>'requested_at')::bigint) STORED,
    PRIMARY KEY (store_id, plan_id)
);
CREATE INDEX plan_requested ON plan (store_id, requested_at DESC);

CREATE TABLE plan_part (
    store_id text COLLATE "C" NOT NULL,
    plan_id text COLLATE "C" NOT NULL,
    attempt text COLLATE "C" NOT NULL,
    part integer NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (store_id, plan_id, attempt, part)
);
COMMENT ON TABLE plan_part IS 'Parts of a solver''s answer, until it is whole and proposed';

CREATE TABLE plan_item (
    store_id text COLLATE "C" NOT NULL,
    item_id text COLLATE "C" NOT NULL,
    body jsonb NOT NULL,
    plan_id text COLLATE "C" GENERATED ALWAYS AS (body->>'plan') STORED,
    number integer GENERATED ALWAYS AS ((body->>'number')::integer) STORED,
    PRIMARY KEY (store_id, item_id)
);
COMMENT ON COLUMN plan_item.plan_id IS 'The last plan that proposed it';
CREATE INDEX plan_item_plan ON plan_item (store_id, plan_id, number, item_id);

CREATE TABLE command (
    store_id text COLLATE "C" NOT NULL,
    command_id text COLLATE "C" NOT NULL,
    body jsonb NOT NULL,
    log_offset bigint GENERATED ALWAYS AS ((body->>'offset')::bigint) STORED,
    PRIMARY KEY (store_id, command_id)
);
COMMENT ON TABLE command IS 'What became of each command, for ever: the same one again does nothing';
CREATE INDEX command_latest ON command (store_id, log_offset DESC, command_id);

CREATE TABLE group_health (
    store_id text COLLATE "C" NOT NULL,
    group_id text COLLATE "C" NOT NULL,
    day integer NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (store_id, group_id, day)
);

CREATE TABLE group_talk (
    store_id text COLLATE "C" NOT NULL,
    group_id text COLLATE "C" NOT NULL,
    day integer NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (store_id, group_id, day)
);
COMMENT ON TABLE group_talk IS 'A group''s messages of a day, as long as late ones correct its figures';

CREATE TABLE mention (
    store_id text COLLATE "C" NOT NULL,
    target text COLLATE "C" NOT NULL,
    author text COLLATE "C" NOT NULL,
    day integer NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (store_id, target, author, day)
);
COMMENT ON TABLE mention IS 'An author spoke to a member on a day: counted once';
