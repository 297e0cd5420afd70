-- Least privilege: each service its own role, its own schema, and the published views of others.
-- (What a schema publishes is granted where its views are made.)

REVOKE ALL ON SCHEMA public FROM PUBLIC;

GRANT USAGE ON SCHEMA meta TO qunli_ingest, qunli_engagement, qunli_segmentation, qunli_gateway;
GRANT SELECT ON meta.version TO qunli_ingest, qunli_engagement, qunli_segmentation, qunli_gateway;

GRANT USAGE ON SCHEMA engagement TO qunli_engagement;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA engagement TO qunli_engagement;

GRANT USAGE ON SCHEMA segmentation TO qunli_segmentation;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA segmentation TO qunli_segmentation;

GRANT USAGE ON SCHEMA auth TO qunli_ingest, qunli_gateway;
GRANT SELECT (id, name, secret_sha256, next_secret_sha256, scopes, stores, revoked_at) ON auth.server_key TO qunli_ingest, qunli_gateway;
REVOKE ALL ON FUNCTION auth.note_key_use(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.note_key_use(text) TO qunli_ingest, qunli_gateway;
GRANT SELECT (kind, id) ON auth.spent TO qunli_gateway;
REVOKE ALL ON FUNCTION auth.spend(text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.spend(text, text, timestamptz) TO qunli_gateway;
