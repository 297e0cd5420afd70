-- Which version of each part this database has: written last by a migration, read by services before they begin.

CREATE TABLE version (
    part text COLLATE "C" PRIMARY KEY,
    number int NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now()
);
