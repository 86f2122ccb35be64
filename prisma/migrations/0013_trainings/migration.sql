-- Networks of finite width: a wave of tasks, and a row for each network. Processes of the version before never make such tasks,
-- and do not claim those of experiments whose needs name them. Old rows meet the new checks, which are wider: none is read.
ALTER TABLE "kernels" DROP CONSTRAINT "kernels_wave_check",
  ADD CONSTRAINT "kernels_wave_check" CHECK ("wave" IN ('train', 'analysis', 'strip', 'training', 'finish')) NOT VALID;
-- The step that a training has reached.
ALTER TABLE "tasks" ADD COLUMN "step" INTEGER, DROP CONSTRAINT "tasks_wave_check",
  ADD CONSTRAINT "tasks_wave_check" CHECK ("wave" IN ('train', 'analysis', 'strip', 'training', 'finish')) NOT VALID;
ALTER TABLE "experiments"
  ADD COLUMN "trainings_total" INTEGER NOT NULL DEFAULT 0,
  ADD COLUMN "trainings_done" INTEGER NOT NULL DEFAULT 0,
  ADD COLUMN "trainings_failed" INTEGER NOT NULL DEFAULT 0,
  ADD CONSTRAINT "experiments_trainings_check" CHECK ("trainings_done" <= "trainings_total") NOT VALID;

CREATE TABLE "trainings" (
    "experiment_id" TEXT NOT NULL,
    "ordinal" INTEGER NOT NULL,
    "kernel_index" INTEGER NOT NULL,
    "weight_variance" DOUBLE PRECISION NOT NULL,
    "bias_variance" DOUBLE PRECISION NOT NULL,
    "depth" INTEGER NOT NULL,
    "seed" INTEGER NOT NULL,
    "row" JSON NOT NULL,

    CONSTRAINT "trainings_pkey" PRIMARY KEY ("experiment_id", "ordinal"),
    CONSTRAINT "trainings_experiment_id_fkey" FOREIGN KEY ("experiment_id") REFERENCES "experiments"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
