-- Engagement's state. Days are days since 1970-01-01 in the retailer's zone, instants are UTC milliseconds,
-- scores are in units of 2^-20. Ids are compared by bytes.

CREATE TABLE partition_state (
    partition integer PRIMARY KEY,
    closed_day integer,
    closed_offset bigint,
    applied_offset bigint NOT NULL DEFAULT -1,
    settings_number integer NOT NULL DEFAULT 0,
    settings jsonb NOT NULL,
    previous_settings jsonb,
    duplicates bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE partition_state IS 'The last day closed and the settings in force, per source partition';
COMMENT ON COLUMN partition_state.applied_offset IS 'The last close or settings change that changed anything';
COMMENT ON COLUMN partition_state.previous_settings IS 'What a settings change in slices compares with; null when none is open';

CREATE TABLE journal (
    member_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    body_hash bytea NOT NULL,
    partition integer NOT NULL,
    log_offset bigint NOT NULL,
    store_id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    occurred_at bigint NOT NULL,
    received_at bigint NOT NULL,
    day integer NOT NULL,
    outcome text COLLATE "C" NOT NULL DEFAULT 'counted',
    trace_id text COLLATE "C",
    payload text,
    PRIMARY KEY (member_id, id)
);
COMMENT ON TABLE journal IS 'Every valid record once, for ever: (member_id, id) is the idempotency key. Payloads are trimmed, ids and hashes never';
COMMENT ON COLUMN journal.outcome IS 'counted, too_late, after_leave, left (a leave that ended a membership) or no_effect';

CREATE INDEX journal_timeline ON journal (member_id, occurred_at DESC, log_offset DESC);
CREATE INDEX journal_trim ON journal USING brin (received_at);

CREATE TABLE membership (
    store_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    alive boolean NOT NULL,
    eval_day integer NOT NULL,
    due_day integer,
    applied_offset bigint NOT NULL,
    first_day integer NOT NULL,
    created_at bigint NOT NULL,
    created_offset bigint NOT NULL,
    left_at bigint,
    tier text COLLATE "C",
    start_tier text COLLATE "C",
    since_day integer,
    unsent boolean NOT NULL,
    ahead boolean NOT NULL,
    score bigint NOT NULL,
    last_active integer,
    days bytea NOT NULL,
    run_start integer,
    former_days bytea NOT NULL,
    interests text NOT NULL,
    district text,
    invited_by text COLLATE "C",
    PRIMARY KEY (store_id, member_id)
) WITH (fillfactor = 70);
COMMENT ON TABLE membership IS 'One row per (store, member), kept when the membership ends';
COMMENT ON COLUMN membership.eval_day IS 'Its evaluation day when it was last touched; today it is the later of this and the partition''s';
COMMENT ON COLUMN membership.due_day IS 'The first evaluation day at which a close has something to do here; null = never';
COMMENT ON COLUMN membership.applied_offset IS 'The last close or settings change of its partition when it was last touched';
COMMENT ON COLUMN membership.start_tier IS 'The tier right after its last move, before the events of eval_day; null when it was created there';
COMMENT ON COLUMN membership.unsent IS 'An event was counted since the last message about it';
COMMENT ON COLUMN membership.ahead IS 'Its evaluation day is later than its partition''s';
COMMENT ON COLUMN membership.days IS 'The active days that count, 16 bytes each (libs.common.activity.pack_days)';
COMMENT ON COLUMN membership.run_start IS 'Where the run of days that the first of days belongs to began, if earlier';
COMMENT ON COLUMN membership.interests IS 'JSON: tag -> [weight, the day it stands for]';
COMMENT ON COLUMN membership.former_days IS 'Active days of lives that ended, u32 each: a pair active twice a day counts once';

CREATE INDEX membership_due ON membership (partition, due_day) WHERE due_day IS NOT NULL;
CREATE INDEX membership_member ON membership (member_id);

-- What lists by tier and score read: narrow, rewritten at a tier change and when a close touches the membership.
CREATE TABLE standing (
    store_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    tier text COLLATE "C" NOT NULL,
    rank_key double precision NOT NULL,
    ranked_day integer NOT NULL,
    PRIMARY KEY (store_id, member_id)
) WITH (fillfactor = 70);
CREATE INDEX standing_rank ON standing (store_id, tier, rank_key DESC, member_id);
CREATE INDEX standing_score ON standing (store_id, rank_key DESC, member_id);

CREATE TABLE transition (
    partition integer NOT NULL,
    log_offset bigint NOT NULL,
    store_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    index integer NOT NULL,
    day integer NOT NULL,
    from_tier text COLLATE "C",
    to_tier text COLLATE "C",
    cause text COLLATE "C",
    occurred_at bigint NOT NULL,
    trace_id text COLLATE "C",
    PRIMARY KEY (partition, log_offset, store_id, member_id, index)
);
COMMENT ON COLUMN transition.occurred_at IS 'When its cause occurred; for time alone, local midnight at the start of its day';
CREATE INDEX transition_store ON transition (store_id, day DESC, partition, log_offset, member_id, index);
CREATE INDEX transition_member ON transition (member_id, occurred_at DESC, log_offset DESC);

-- Counts of a store, per source partition, added up when read: two partitions never write the same row.
CREATE TABLE store_figure (
    store_id text COLLATE "C" NOT NULL,
    day integer NOT NULL,
    figure text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (store_id, day, figure, partition)
) WITH (fillfactor = 70);
COMMENT ON TABLE store_figure IS 'figure: active, wau, mau, visits, purchases, joins, amount:CUR, tier:T, move:FROM>TO (transitions), net:FROM>TO (start to end of day), cohort:YYYYMMDD (pairs of that cohort active in the week that begins on day)';

CREATE TABLE store_tier (
    store_id text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    tier text COLLATE "C" NOT NULL,
    members bigint NOT NULL,
    ahead bigint NOT NULL,
    PRIMARY KEY (store_id, partition, tier)
) WITH (fillfactor = 50);
COMMENT ON TABLE store_tier IS 'Living memberships by tier now; ahead = those whose evaluation day is later than their partition''s';

CREATE TABLE group_message (
    partition integer NOT NULL,
    log_offset bigint NOT NULL,
    store_id text COLLATE "C" NOT NULL,
    group_id text COLLATE "C" NOT NULL,
    member_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    occurred_at bigint NOT NULL,
    reply_to text COLLATE "C",
    mentions jsonb NOT NULL,
    PRIMARY KEY (partition, log_offset)
);
COMMENT ON TABLE group_message IS 'Counted messages that named a group, until the close that publishes them';
