-- What segmentation publishes to others: the only thing of this schema that they may read.
-- Made anew at each migration and after a rebuild's swap. A breaking change makes segmentation_v2 beside it.

DROP SCHEMA IF EXISTS segmentation_v1 CASCADE;
CREATE SCHEMA segmentation_v1;

-- close_offset: the record whose work is under way: a close, or a command that goes in slices (then close_day is null).
CREATE VIEW segmentation_v1.position AS
SELECT o.topic, o.partition, o.next_offset, o.epoch, o.close_offset, o.close_day, o.close_cursor, o.updated_at,
       f.closed AS closed_day, (f.body->>'half_life')::integer AS half_life, f.duplicates,
       l.cluster_id, l.partitions, l.time_zone, o.fenced
FROM segmentation.stream_offset o
LEFT JOIN segmentation.feed f USING (partition)
LEFT JOIN segmentation.stream_log l USING (topic);

-- day: the store day. design, request, proposal: the design in force, the plan that is asked for, the one to be decided.
-- settings: as a command gives them, each field there.
CREATE VIEW segmentation_v1.store AS
SELECT s.store_id, s.partition, (s.body->>'day')::integer AS day, (s.body->>'closed')::integer AS closed,
       (s.body->>'themes_version')::integer AS themes_version, s.body->'theme_ids' AS theme_ids,
       s.body->'settings' AS settings, s.body->'design' AS design, s.request, s.body->>'proposal' AS proposal,
       (s.body->>'short')::integer AS short
FROM segmentation.store s;

-- removed: the version of the set that it is not in any more; null: it is in the set in force.
CREATE VIEW segmentation_v1.theme AS
SELECT t.store_id, t.theme, t.body->>'name' AS name, t.body->>'name_en' AS name_en, t.body->'shown' AS tags,
       (t.body->>'since')::integer AS since, (t.body->>'removed')::integer AS removed
FROM segmentation.theme t;

-- Districts: how near a and b are, a < b, 0..1000; a pair that is missing has 0.
CREATE VIEW segmentation_v1.proximity AS
SELECT p.store_id, p.a, p.b, p.body::integer AS value FROM segmentation.proximity p;

CREATE VIEW segmentation_v1.area AS
SELECT a.store_id, a.area, a.body->'districts' AS districts FROM segmentation.area a;

CREATE VIEW segmentation_v1.block AS
SELECT b.store_id, b.theme, b.area, (b.body->>'opens_from')::integer AS opens_from,
       (b.body->>'is_designed')::boolean AS is_designed
FROM segmentation.block b;

-- A group as it is, with its last row of health. theme and area: in the matrix; overlay: seeds or vips; else outside.
-- is_ready: has a manager and a way in (a QR that expires before the store day is none).
CREATE VIEW segmentation_v1.store_group AS
SELECT g.store_id, g.group_id, g.body->>'name' AS name, g.body->>'theme' AS theme, g.body->>'area' AS area,
       g.body->>'overlay' AS overlay, g.body->>'platform_id' AS platform_id, g.body->>'join_url' AS join_url,
       g.body->>'qr_url' AS qr_url, (g.body->>'qr_expires')::integer AS qr_expires, g.body->'managers' AS managers,
       g.body->>'state' AS state, (g.body->>'opened')::integer AS opened,
       (g.body->>'left_forming')::integer AS left_forming, (g.body->>'closed_on')::integer AS closed_on,
       (g.body->>'heads')::integer AS heads, (g.body->>'seats')::integer AS seats,
       (g.body->>'heads')::integer + (g.body->>'seats')::integer AS size,
       (g.body->>'snapshot_at')::bigint AS snapshot_at, (g.body->>'last_message')::integer AS last_message,
       h.day AS health_day, h.body AS health
FROM segmentation.chat_group g
LEFT JOIN LATERAL (
    SELECT day, body FROM segmentation.group_health h
    WHERE h.store_id = g.store_id AND h.group_id = g.group_id ORDER BY day DESC LIMIT 1
) h ON true;

-- Members by tier of each themed group; kind seed counts whatever the tier.
CREATE VIEW segmentation_v1.group_tier AS
SELECT t.store_id, t.group_id, t.tier, t.members, t.seeds FROM segmentation.group_tier t WHERE t.members > 0;

-- The same of each block, over its groups that are not archived.
CREATE VIEW segmentation_v1.block_tier AS
SELECT g.store_id, g.body->>'theme' AS theme, g.body->>'area' AS area, t.tier, sum(t.members)::bigint AS members
FROM segmentation.chat_group g
JOIN segmentation_v1.group_tier t ON t.store_id = g.store_id AND t.group_id = g.group_id
WHERE g.body->>'theme' IS NOT NULL AND g.body->>'state' <> 'archived'
GROUP BY g.store_id, g.body->>'theme', g.body->>'area', t.tier;

-- Theme x area: the groups that are not archived. states: state -> how many; figures of health: of their last rows.
CREATE VIEW segmentation_v1.matrix AS
SELECT c.store_id, c.theme, c.area, sum(c.groups)::integer AS groups, sum(c.heads)::integer AS heads,
       sum(c.seats)::integer AS seats, jsonb_object_agg(c.state, c.groups) AS states,
       (sum(c.active) / nullif(sum(c.judged), 0))::integer AS active_share, sum(c.seeds)::integer AS seeds,
       sum(c.messages)::integer AS messages, sum(c.writers)::integer AS writers
FROM (
    SELECT store_id, theme, area, state, count(*) AS groups, sum(heads) AS heads, sum(seats) AS seats,
           sum((health->>'active_share')::integer) AS active, count(health) AS judged,
           sum((health->>'seeds')::integer) AS seeds, sum((health->>'messages')::integer) AS messages,
           sum((health->>'writers')::integer) AS writers
    FROM segmentation_v1.store_group WHERE theme IS NOT NULL AND area IS NOT NULL AND state <> 'archived'
    GROUP BY store_id, theme, area, state
) c GROUP BY c.store_id, c.theme, c.area;

-- Who the platform has in a group. A person without a living membership who is no manager is a stranger.
-- counts: the group is the one that counts for the member.
CREATE VIEW segmentation_v1.group_member AS
SELECT p.store_id, p.group_id, p.person, coalesce((m.body->>'is_member')::boolean, false) AS is_member,
       g.body->'managers' ? p.person AS is_manager,
       NOT coalesce((m.body->>'is_member')::boolean, false) AND NOT g.body->'managers' ? p.person AS is_stranger,
       (p.body->>'since')::bigint AS since, (p.body->>'day')::integer AS day,
       m.tier, coalesce(m.seed, false) AS seed, coalesce(m.vip, false) AS vip,
       coalesce(m.group_id = p.group_id, false) AS counts
FROM segmentation.presence p
JOIN segmentation.chat_group g ON g.store_id = p.store_id AND g.group_id = p.group_id
LEFT JOIN segmentation.member m ON m.store_id = p.store_id AND m.member_id = p.person
WHERE p.present;

-- A membership as segmentation has it. seat: the open placement in a themed group, seat_group its group.
-- affinity: 0..1000 for each of the store's theme_ids.
CREATE VIEW segmentation_v1.member AS
SELECT m.store_id, m.member_id, (m.body->>'is_member')::boolean AS is_member, m.tier,
       (m.body->>'score')::bigint AS score, (m.body->>'score_day')::integer AS score_day, m.body->>'district' AS district,
       m.body->'affinity' AS affinity, m.group_id, m.body->>'seat' AS seat, m.body->>'seat_group' AS seat_group,
       m.waiting, (m.body->>'no_invitations')::boolean AS no_invitations, (m.body->>'offers')::integer AS offers,
       (m.body->>'free_from')::integer AS free_from, (m.body->>'moves_from')::integer AS moves_from,
       m.seed, (m.body->>'seed_day')::integer AS seed_day, (m.body->>'propagation')::bigint AS propagation,
       (m.body->>'propagation_day')::integer AS propagation_day, m.vip, (m.body->>'vip_day')::integer AS vip_day,
       m.freeloader, (m.body->>'removal_day')::integer AS removal_day, m.leaves,
       m.body->'leave_due' AS leave_due, m.body->'removals' AS removals
FROM segmentation.member m;

-- An invitation and what became of it. ticket: qr or personal, of one that was invited; expires: the day whose close
-- ends it. join_url, qr_url, qr_expires: the way into its group now. The group is looked up by its key (LIMIT): for the one or
-- two placements of a member a join would rather walk through all groups of the store.
CREATE VIEW segmentation_v1.placement AS
SELECT p.store_id, p.placement_id, p.member_id, p.group_id, p.body->>'from_group' AS from_group, p.state, p.ticket,
       p.body->>'by' AS by, (p.body->>'day')::integer AS day, (p.body->>'invited')::integer AS invited,
       (p.body->>'invited')::integer + 7 AS expires, (p.body->>'seen_at')::bigint AS seen_at,
       p.body->>'item' AS item_id, p.body->>'reason' AS reason, (p.body->>'number')::integer AS number,
       g.body->>'name' AS group_name, g.body->>'join_url' AS join_url, g.body->>'qr_url' AS qr_url,
       (g.body->>'qr_expires')::integer AS qr_expires
FROM segmentation.placement p
JOIN LATERAL (SELECT body FROM segmentation.chat_group g
              WHERE g.store_id = p.store_id AND g.group_id = p.group_id LIMIT 1) g ON true;

-- The lists.
CREATE VIEW segmentation_v1.waiting AS
SELECT store_id, member_id, waiting AS since, tier, (body->>'free_from')::integer AS free_from,
       (body->>'offers')::integer AS offers
FROM segmentation.member WHERE waiting IS NOT NULL;

CREATE VIEW segmentation_v1.seed AS
SELECT store_id, member_id, (body->>'seed_day')::integer AS since, (body->>'propagation')::bigint AS value,
       (body->>'propagation_day')::integer AS value_day, tier, group_id
FROM segmentation.member WHERE seed;

CREATE VIEW segmentation_v1.vip AS
SELECT store_id, member_id, (body->>'vip_day')::integer AS since, (body->>'score')::bigint AS value,
       (body->>'score_day')::integer AS value_day, tier, group_id
FROM segmentation.member WHERE vip;

CREATE VIEW segmentation_v1.freeloader AS
SELECT store_id, member_id, group_id, (body->>'removal_day')::integer AS proposed, (body->>'acted')::integer AS last_acted,
       tier
FROM segmentation.member WHERE freeloader;

-- Members that are in more than one themed group: keep is the one that counts, others those to be left.
CREATE VIEW segmentation_v1.duplicate AS
SELECT store_id, member_id, group_id AS keep, body->'leave_due' AS others
FROM segmentation.member WHERE leaves AND body->'leave_due' <> '[]'::jsonb;

-- What a manager has to do. kind: personal_ticket (invite member into group_id), leave_due (move on: another group
-- counts), removal (nobody sees the member there), stranger (no membership). subject: the placement, where there is one.
CREATE VIEW segmentation_v1.task AS
SELECT store_id, 'personal_ticket' AS kind, member_id AS person, group_id, placement_id AS subject,
       (body->>'invited')::integer AS since
FROM segmentation.placement WHERE state = 'invited' AND ticket = 'personal'
UNION ALL
SELECT m.store_id, 'leave_due', m.member_id, due.group_id, NULL, NULL
FROM segmentation.member m CROSS JOIN LATERAL jsonb_array_elements_text(m.body->'leave_due') AS due (group_id) WHERE m.leaves
UNION ALL
SELECT m.store_id, 'removal', m.member_id, due.group_id, NULL, NULL
FROM segmentation.member m CROSS JOIN LATERAL jsonb_array_elements_text(m.body->'removals') AS due (group_id) WHERE m.leaves
UNION ALL
SELECT store_id, 'stranger', person, group_id, NULL, day FROM segmentation_v1.group_member WHERE is_stranger;

CREATE VIEW segmentation_v1.plan AS
SELECT p.store_id, p.plan_id, p.body->>'mode' AS mode, p.body->>'state' AS state,
       (p.body->>'requested_day')::integer AS requested_day, p.requested_at, (p.body->>'solved_at')::bigint AS solved_at,
       (p.body->>'day')::integer AS day, p.body->'head' AS head, p.body->'shares' AS shares, p.body->>'before' AS before,
       (p.body->>'dropped')::integer AS dropped
FROM segmentation.plan p;

-- gain in 1/1000 of utility; needs: items to be approved first; first_day: since when it has been proposed.
CREATE VIEW segmentation_v1.plan_item AS
SELECT i.store_id, i.item_id, i.plan_id, i.number, i.kind, i.body->>'member' AS member_id,
       i.body->>'from_group' AS from_group, i.body->>'to_group' AS to_group, i.body->>'theme' AS theme,
       i.body->>'area' AS area, i.gain, i.body->>'reason' AS reason,
       i.body->'arguments' AS arguments, i.body->'needs' AS needs, i.state,
       (i.body->>'first_day')::integer AS first_day
FROM segmentation.plan_item i;

-- Of each closed day. Shares 1/1000; answer_median in minutes; silent_days null: nobody ever spoke.
CREATE VIEW segmentation_v1.group_health AS
SELECT h.store_id, h.group_id, h.day, (h.body->>'heads')::integer AS heads, (h.body->>'seats')::integer AS seats,
       (h.body->>'strangers')::integer AS strangers, (h.body->>'active_share')::integer AS active_share,
       (h.body->>'seeds')::integer AS seeds, (h.body->>'messages')::integer AS messages,
       (h.body->>'writers')::integer AS writers, (h.body->>'silent_days')::integer AS silent_days,
       (h.body->>'answer_median')::integer AS answer_median, (h.body->>'answered_in_15')::integer AS answered_in_15,
       (h.body->>'unanswered')::integer AS unanswered
FROM segmentation.group_health h;

-- What became of a command; partition and log_offset: where on store-feed it stands.
CREATE VIEW segmentation_v1.command AS
SELECT c.store_id, c.command_id, c.body->>'command' AS command, c.body->>'body_hash' AS body_hash,
       c.body->>'outcome' AS outcome, c.body->>'reason' AS reason, c.body->>'subject' AS subject,
       c.body->'counts' AS counts, (c.body->>'partition')::integer AS partition, c.log_offset
FROM segmentation.command c;

CREATE VIEW segmentation_v1.dead_letter AS SELECT * FROM segmentation.dead_letter;
CREATE VIEW segmentation_v1.outbox AS
SELECT partition, topic, target, count(*) AS messages FROM segmentation.outbox GROUP BY partition, topic, target;

GRANT USAGE ON SCHEMA segmentation_v1 TO qunli_gateway;
GRANT SELECT ON ALL TABLES IN SCHEMA segmentation_v1 TO qunli_gateway;
