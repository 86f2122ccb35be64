-- Networks that were trained, beside the other waves. What processes of the version before sample says 0.
ALTER TABLE "progress_samples" ADD COLUMN "trainings" INTEGER NOT NULL DEFAULT 0;
