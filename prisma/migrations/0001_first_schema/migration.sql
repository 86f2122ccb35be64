-- Names this database: the prefix of its queue in a shared Redis.
CREATE TABLE "instance" (
    "id" TEXT NOT NULL DEFAULT gen_random_uuid(),

    CONSTRAINT "instance_pkey" PRIMARY KEY ("id")
);
INSERT INTO "instance" DEFAULT VALUES;

CREATE TABLE "experiments" (
    "id" TEXT NOT NULL,
    "sequence" BIGSERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "revision" INTEGER NOT NULL DEFAULT 0,
    "spec" JSON NOT NULL,
    "plan" JSONB NOT NULL,
    "provenance" JSONB NOT NULL,
    "dataset_sha256" TEXT NOT NULL,
    "numerics" TEXT NOT NULL,
    "worker_fingerprint" TEXT,
    "aggregator_fingerprint" TEXT,
    "error" TEXT,
    "tiles_total" INTEGER NOT NULL,
    "tiles_done" INTEGER NOT NULL DEFAULT 0,
    "tiles_failed" INTEGER NOT NULL DEFAULT 0,
    "analyses_total" INTEGER NOT NULL,
    "analyses_done" INTEGER NOT NULL DEFAULT 0,
    "analyses_failed" INTEGER NOT NULL DEFAULT 0,
    "strips_total" INTEGER NOT NULL,
    "strips_done" INTEGER NOT NULL DEFAULT 0,
    "strips_failed" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "experiments_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "experiments_state_check" CHECK ("state" IN ('queued', 'running', 'cancelling', 'completed', 'failed', 'cancelled')),
    CONSTRAINT "experiments_counts_check" CHECK ("tiles_done" <= "tiles_total" AND "analyses_done" <= "analyses_total" AND "strips_done" <= "strips_total")
);
CREATE UNIQUE INDEX "experiments_sequence_key" ON "experiments"("sequence");
CREATE INDEX "experiments_state_idx" ON "experiments"("state");
CREATE INDEX "experiments_dataset_sha256_idx" ON "experiments"("dataset_sha256");

CREATE TABLE "kernels" (
    "experiment_id" TEXT NOT NULL,
    "index" INTEGER NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'waiting',
    "wave" TEXT NOT NULL DEFAULT 'train',
    "wave_total" INTEGER NOT NULL DEFAULT 0,
    "wave_done" INTEGER NOT NULL DEFAULT 0,
    "summary" JSONB,

    CONSTRAINT "kernels_pkey" PRIMARY KEY ("experiment_id", "index"),
    CONSTRAINT "kernels_state_check" CHECK ("state" IN ('waiting', 'active', 'done', 'failed')),
    CONSTRAINT "kernels_wave_check" CHECK ("wave" IN ('train', 'analysis', 'strip', 'finish')),
    CONSTRAINT "kernels_counts_check" CHECK ("wave_done" BETWEEN 0 AND "wave_total"),
    CONSTRAINT "kernels_experiment_id_fkey" FOREIGN KEY ("experiment_id") REFERENCES "experiments"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX "kernels_open_idx" ON "kernels"("experiment_id", "index") WHERE "state" IN ('waiting', 'active');

CREATE TABLE "tasks" (
    "id" BIGSERIAL NOT NULL,
    "experiment_id" TEXT NOT NULL,
    "kernel_index" INTEGER NOT NULL,
    "wave" TEXT NOT NULL,
    "index" INTEGER NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'pending',
    "generation" INTEGER NOT NULL DEFAULT 1,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "expiries" INTEGER NOT NULL DEFAULT 0,
    "units" INTEGER NOT NULL DEFAULT 1,
    "queued_at" TIMESTAMPTZ(3),
    "leased_until" TIMESTAMPTZ(3),
    "worker_id" TEXT,
    "engine" TEXT,
    "device" TEXT,
    "fingerprint" TEXT,
    "milliseconds" INTEGER,
    "bytes" BIGINT,
    "pieces" JSONB,
    "result" BYTEA,
    "last_error" TEXT,

    CONSTRAINT "tasks_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "tasks_state_check" CHECK ("state" IN ('pending', 'leased', 'done', 'failed')),
    CONSTRAINT "tasks_wave_check" CHECK ("wave" IN ('train', 'analysis', 'strip', 'finish')),
    CONSTRAINT "tasks_lease_check" CHECK (("state" = 'leased') = ("leased_until" IS NOT NULL)),
    CONSTRAINT "tasks_experiment_id_fkey" FOREIGN KEY ("experiment_id") REFERENCES "experiments"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX "tasks_experiment_id_kernel_index_wave_index_key" ON "tasks"("experiment_id", "kernel_index", "wave", "index");
CREATE INDEX "tasks_unqueued_idx" ON "tasks"("experiment_id", "kernel_index", "index") WHERE "state" = 'pending' AND "queued_at" IS NULL;
CREATE INDEX "tasks_queued_idx" ON "tasks"("queued_at") WHERE "state" = 'pending' AND "queued_at" IS NOT NULL;
CREATE INDEX "tasks_leased_idx" ON "tasks"("leased_until") WHERE "state" = 'leased';

CREATE TABLE "analyses" (
    "experiment_id" TEXT NOT NULL,
    "ordinal" INTEGER NOT NULL,
    "kernel" TEXT NOT NULL,
    "weight_variance" DOUBLE PRECISION NOT NULL,
    "bias_variance" DOUBLE PRECISION NOT NULL,
    "depth" INTEGER NOT NULL,
    "kernel_index" INTEGER NOT NULL,
    "complete" BOOLEAN NOT NULL DEFAULT false,
    "phase" TEXT NOT NULL,
    "q_star" DOUBLE PRECISION,
    "c_star" DOUBLE PRECISION,
    "chi_1" DOUBLE PRECISION,
    "xi_1" DOUBLE PRECISION,
    "xi_star" DOUBLE PRECISION,
    "lambda_max" DOUBLE PRECISION,
    "lambda_min" DOUBLE PRECISION,
    "lambda_bulk" DOUBLE PRECISION,
    "kappa" DOUBLE PRECISION,
    "condition_number" DOUBLE PRECISION,
    "max_learning_rate" DOUBLE PRECISION,
    "trace" DOUBLE PRECISION,
    "mean_predictor_norm" DOUBLE PRECISION,
    "regression" JSON NOT NULL,
    "dynamics" JSON NOT NULL,
    "status" TEXT NOT NULL,
    "warnings" JSONB NOT NULL,

    CONSTRAINT "analyses_pkey" PRIMARY KEY ("experiment_id", "ordinal"),
    CONSTRAINT "analyses_experiment_id_fkey" FOREIGN KEY ("experiment_id") REFERENCES "experiments"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX "analyses_experiment_id_kernel_index_idx" ON "analyses"("experiment_id", "kernel_index");

CREATE TABLE "datasets" (
    "name" TEXT NOT NULL,
    "sequence" BIGSERIAL NOT NULL,
    "sha256" TEXT NOT NULL,
    "upload_sha256" TEXT,
    "manifest" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "datasets_pkey" PRIMARY KEY ("name")
);
CREATE UNIQUE INDEX "datasets_sequence_key" ON "datasets"("sequence");
CREATE INDEX "datasets_sha256_idx" ON "datasets"("sha256");

CREATE TABLE "workers" (
    "id" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "engine" TEXT NOT NULL,
    "device" TEXT NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "version" TEXT NOT NULL,
    "slots" INTEGER NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "heartbeat_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "workers_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "idempotency_keys" (
    "key" TEXT NOT NULL,
    "body_sha256" TEXT NOT NULL,
    "experiment_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY ("key"),
    CONSTRAINT "idempotency_keys_experiment_id_fkey" FOREIGN KEY ("experiment_id") REFERENCES "experiments"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
