-- When an archived experiment was brought back; null for all others. Retention counts from it.
ALTER TABLE "experiments" ADD COLUMN "restored_at" TIMESTAMPTZ(3);
