-- Plans tell the kind of their analyses and what each kind of work costs; those made before, of dense analyses, get a third
-- of their core-seconds for each.
UPDATE "experiments" SET "plan" = "plan" || jsonb_build_object(
  'analysisMode', 'dense',
  'seconds', "plan"->'coreSeconds',
  'bytes', "plan"->'bytes' || '{"analysis": 0}',
  'workSeconds', jsonb_build_object(
    'tiles', ("plan"->>'coreSeconds')::float8 / 3,
    'analyses', ("plan"->>'coreSeconds')::float8 / 3,
    'strips', ("plan"->>'coreSeconds')::float8 / 3,
    'finishes', 0))
WHERE "plan" ? 'coreSeconds' AND NOT "plan" ? 'workSeconds';
