-- What has happened to an experiment, and how fast it went: for people who watch. Nothing that computes reads it.
CREATE TABLE experiment_events (
  id bigserial PRIMARY KEY,
  experiment_id text NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
  at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  kind text NOT NULL,
  kernel_index integer,
  wave text,
  task_index integer,
  worker_id text,
  message text
);
CREATE INDEX experiment_events_experiment_id_id_idx ON experiment_events (experiment_id, id);

CREATE TABLE progress_samples (
  experiment_id text NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
  at timestamptz(3) NOT NULL DEFAULT now(),
  tiles integer NOT NULL,
  analyses integer NOT NULL,
  strips integer NOT NULL,
  PRIMARY KEY (experiment_id, at)
);

-- Tasks accepted a second over the last minute, as the worker counts them.
ALTER TABLE workers ADD COLUMN tasks_per_second double precision;

-- The log is written where the rows change, whoever changes them. Each experiment keeps about the last 2,000 entries.
CREATE FUNCTION log_experiment_event(experiment text, kind text, kernel integer, wave text, task integer, worker text, message text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE made bigint;
BEGIN
  INSERT INTO experiment_events (experiment_id, kind, kernel_index, wave, task_index, worker_id, message)
  VALUES (experiment, kind, kernel, wave, task, worker, message) RETURNING id INTO made;
  IF made % 100 = 0 THEN
    DELETE FROM experiment_events WHERE experiment_id = experiment AND id <= (
      SELECT e.id FROM experiment_events e WHERE e.experiment_id = experiment ORDER BY e.id DESC OFFSET 2000 LIMIT 1);
  END IF;
END $$;

CREATE FUNCTION log_experiment_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM log_experiment_event(NEW.id, NEW.state, NULL, NULL, NULL, NULL, CASE WHEN NEW.state = 'failed' THEN NEW.error END);
  RETURN NULL;
END $$;
CREATE TRIGGER experiment_created AFTER INSERT ON experiments
  FOR EACH ROW EXECUTE FUNCTION log_experiment_state();
CREATE TRIGGER experiment_moved AFTER UPDATE OF state ON experiments
  FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION log_experiment_state();

CREATE FUNCTION log_kernel_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM log_experiment_event(NEW.experiment_id, 'kernel-' || NEW.state, NEW.index, NULL, NULL, NULL, NULL);
  RETURN NULL;
END $$;
CREATE TRIGGER kernel_moved AFTER UPDATE OF state ON kernels
  FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION log_kernel_state();

CREATE FUNCTION log_task_failure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM log_experiment_event(NEW.experiment_id, CASE WHEN NEW.state = 'failed' THEN 'task-failed' ELSE 'task-again' END,
    NEW.kernel_index, NEW.wave, NEW.index, OLD.worker_id, NEW.last_error);
  RETURN NULL;
END $$;
CREATE TRIGGER task_failed AFTER UPDATE OF last_error ON tasks
  FOR EACH ROW WHEN (NEW.last_error IS NOT NULL AND NEW.generation > OLD.generation)
  EXECUTE FUNCTION log_task_failure();
