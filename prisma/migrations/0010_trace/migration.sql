-- The W3C traceparent of the request that made an experiment, where it was traced: dispatches follow it.
ALTER TABLE "experiments" ADD COLUMN "trace_parent" TEXT;
