-- Whose key an experiment was posted with: its name, or its id where it has none. NULL: without a key, or before this.
ALTER TABLE "experiments" ADD COLUMN "created_by" TEXT;
