-- The matrix shows the members of each group by tier: kept as they change, for a large store has too many to count each
-- time that somebody looks. Kept by triggers, so that a version which knows nothing of it keeps it right as well.

CREATE TABLE group_tier (
    store_id text COLLATE "C" NOT NULL,
    group_id text COLLATE "C" NOT NULL,
    tier text COLLATE "C" NOT NULL,
    members bigint NOT NULL,
    seeds bigint NOT NULL,
    PRIMARY KEY (store_id, group_id, tier)
) WITH (fillfactor = 50);
COMMENT ON TABLE group_tier IS 'Members for whom a themed group counts, by tier; seeds: those of them who are seed users. A row may say 0';

-- Names its table by the schema that it stands in: a rebuild makes all in another one, and renames it. With the owner's
-- rights: a service that is running has none on a new table until the migration's end.
CREATE FUNCTION keep_group_tier() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    came CONSTANT text := 'SELECT store_id, group_id, tier, 1 AS n, coalesce(seed, false)::integer AS s FROM after';
    went CONSTANT text := 'SELECT store_id, group_id, tier, -1 AS n, -coalesce(seed, false)::integer AS s FROM before';
    moves CONSTANT text := CASE TG_OP WHEN 'INSERT' THEN came WHEN 'DELETE' THEN went ELSE came || ' UNION ALL ' || went END;
BEGIN
    EXECUTE format(
        'INSERT INTO %I.group_tier AS t (store_id, group_id, tier, members, seeds) '
        'SELECT store_id, group_id, tier, sum(n), sum(s) FROM (%s) AS moves '
        'WHERE group_id IS NOT NULL AND tier IS NOT NULL GROUP BY store_id, group_id, tier '
        'HAVING sum(n) <> 0 OR sum(s) <> 0 ORDER BY store_id, group_id, tier '
        'ON CONFLICT (store_id, group_id, tier) '
        'DO UPDATE SET members = t.members + excluded.members, seeds = t.seeds + excluded.seeds',
        TG_TABLE_SCHEMA, moves);
    RETURN NULL;
END
$$;

-- From here to the end of the migration nobody writes members: what is counted below is what the triggers go on from.
CREATE TRIGGER group_tier_of_new AFTER INSERT ON member
    REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION keep_group_tier();
CREATE TRIGGER group_tier_of_changed AFTER UPDATE ON member
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION keep_group_tier();
CREATE TRIGGER group_tier_of_gone AFTER DELETE ON member
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION keep_group_tier();

INSERT INTO group_tier (store_id, group_id, tier, members, seeds)
SELECT store_id, group_id, tier, count(*), count(*) FILTER (WHERE seed)
FROM member WHERE group_id IS NOT NULL AND tier IS NOT NULL GROUP BY store_id, group_id, tier;
