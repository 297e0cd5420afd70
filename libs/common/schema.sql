-- name: versions
-- which version of each part the database has
SELECT part, number FROM meta.version
