-- Items of a plan are listed by gain and counted by kind and state; a first design of a large store has one a member.

ALTER TABLE plan_item
    ADD COLUMN gain bigint GENERATED ALWAYS AS ((body->>'gain')::bigint) STORED,
    ADD COLUMN kind text COLLATE "C" GENERATED ALWAYS AS (body->>'kind') STORED,
    ADD COLUMN state text COLLATE "C" GENERATED ALWAYS AS (body->>'state') STORED;
CREATE INDEX plan_item_gain ON plan_item (store_id, plan_id, gain DESC, item_id);
CREATE INDEX plan_item_state ON plan_item (store_id, plan_id, kind, state);

-- The matrix counts the members of each group by tier: out of the index alone.
DROP INDEX member_group;
CREATE INDEX member_group ON member (store_id, group_id, member_id) INCLUDE (tier) WHERE group_id IS NOT NULL;
