-- Versions of what workers and the API say to each other through these tables (packages/database/src/protocol.ts). Rows
-- written by workers that do not know the column are of the first.
ALTER TABLE "workers" ADD COLUMN "protocol" INTEGER NOT NULL DEFAULT 1;
ALTER TABLE "instance" ADD COLUMN "protocol" INTEGER NOT NULL DEFAULT 1;
