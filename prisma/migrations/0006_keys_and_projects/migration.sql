-- Who may ask: projects, their limits, keys and browser sessions. What was there before belongs to the project "default";
-- the data sets that the service imports itself belong to every project, written "*".
CREATE TABLE "projects" (
    "name" TEXT NOT NULL,
    "max_running_tiles" INTEGER,
    "max_stored_bytes" BIGINT,
    "max_experiments" INTEGER,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "projects_pkey" PRIMARY KEY ("name"),
    CONSTRAINT "projects_name_check" CHECK ("name" ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    CONSTRAINT "projects_limits_check" CHECK ("max_running_tiles" >= 0 AND "max_stored_bytes" >= 0 AND "max_experiments" >= 0)
);
INSERT INTO "projects" ("name") VALUES ('default');

CREATE TABLE "api_keys" (
    "id" TEXT NOT NULL,
    "sequence" BIGSERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "project" TEXT NOT NULL,
    "secret_sha256" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "api_keys_role_check" CHECK ("role" IN ('viewer', 'submitter', 'admin'))
);
CREATE UNIQUE INDEX "api_keys_sequence_key" ON "api_keys"("sequence");

CREATE TABLE "sessions" (
    "secret_sha256" BYTEA NOT NULL,
    "key_id" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "sessions_pkey" PRIMARY KEY ("secret_sha256"),
    CONSTRAINT "sessions_key_id_fkey" FOREIGN KEY ("key_id") REFERENCES "api_keys"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX "sessions_expires_at_idx" ON "sessions"("expires_at");

ALTER TABLE "experiments"
    ADD COLUMN "project" TEXT NOT NULL DEFAULT 'default',
    ADD COLUMN "stored_bytes" BIGINT NOT NULL DEFAULT 0,
    ADD CONSTRAINT "experiments_project_fkey" FOREIGN KEY ("project") REFERENCES "projects"("name") ON DELETE RESTRICT ON UPDATE CASCADE;
UPDATE "experiments" SET "stored_bytes" = ceil(("plan" #>> '{bytes,kept}')::numeric) WHERE "plan" #>> '{bytes,kept}' IS NOT NULL;
CREATE INDEX "experiments_project_sequence_idx" ON "experiments"("project", "sequence");

ALTER TABLE "datasets" ADD COLUMN "project" TEXT NOT NULL DEFAULT 'default';
UPDATE "datasets" SET "project" = '*' WHERE "name" IN ('cifar10', 'synthetic');
ALTER TABLE "datasets" DROP CONSTRAINT "datasets_pkey";
ALTER TABLE "datasets" ADD CONSTRAINT "datasets_pkey" PRIMARY KEY ("project", "name");

ALTER TABLE "idempotency_keys" ADD COLUMN "project" TEXT NOT NULL DEFAULT 'default';
ALTER TABLE "idempotency_keys" DROP CONSTRAINT "idempotency_keys_pkey";
ALTER TABLE "idempotency_keys" ADD CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY ("project", "key");
