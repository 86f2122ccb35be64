-- The weight of an experiment among those that wait for workers.
ALTER TABLE "experiments" ADD COLUMN "priority" INTEGER NOT NULL DEFAULT 5;
