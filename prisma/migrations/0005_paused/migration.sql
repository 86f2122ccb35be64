-- Why new work of an open experiment waits (a store that is nearly full); null where it does not.
ALTER TABLE "experiments" ADD COLUMN "paused" TEXT;
