-- What an experiment needs of an engine (precision, family, activation, padding) and how much one of its tiles is
-- (pair-layers); what a worker's engine has. NULL, as processes of the version before leave them: everything is computed.
ALTER TABLE "experiments" ADD COLUMN "needs" TEXT, ADD COLUMN "tile_work" DOUBLE PRECISION;
ALTER TABLE "workers" ADD COLUMN "precisions" TEXT[], ADD COLUMN "abilities" TEXT[], ADD COLUMN "memory_bytes" BIGINT,
  ADD COLUMN "speed" DOUBLE PRECISION;
