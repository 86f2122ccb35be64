-- What a process measured of its machine at its start (packages/plan: Rates); null where it measured nothing.
ALTER TABLE "workers" ADD COLUMN "rates" JSONB;
