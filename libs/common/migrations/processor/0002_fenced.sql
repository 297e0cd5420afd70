-- A process that was fenced ends before anybody could read a counter of it: the partition's row keeps the number.

ALTER TABLE stream_offset ADD COLUMN fenced bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN stream_offset.fenced IS 'Steps of an owner that had been replaced, and so had no effect';
