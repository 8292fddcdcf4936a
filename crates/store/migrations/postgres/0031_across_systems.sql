-- Who holds a group or policy, over all systems: in the order of systems and holders, so that a page costs what is on it.
-- The empty text makes it an expression that no other index has: a database takes no longer way that looks shorter to it.
CREATE INDEX assignment_versions_everywhere ON assignment_versions_now (lower(resource_name || ''), system_key, subject_name, subject_external_id)
    WHERE valid_to_run = 9223372036854775807;

-- What a search over all systems begins with: who is called so, or whose name begins so.
CREATE INDEX account_versions_everywhere ON account_versions_now (lower(name), system_key, external_id)
    WHERE valid_to_run = 9223372036854775807;
CREATE INDEX resource_versions_everywhere ON resource_versions_now (lower(name), system_key, external_id)
    WHERE valid_to_run = 9223372036854775807;

-- And what it goes on with: any part of a name, path, ARN or tag. That takes an extension that not every server has or
-- lets everybody have; without it such a search reads through all that there is. The extension goes where all schemas find
-- it, or into ours; its operators are named with its schema, so that the search path need not have it. A search reads what
-- waits to be put into such an index, so that little may wait.
DO $$
DECLARE
    place TEXT;
BEGIN
    BEGIN
        CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
    EXCEPTION WHEN OTHERS THEN
        BEGIN
            CREATE EXTENSION IF NOT EXISTS pg_trgm;
        EXCEPTION WHEN OTHERS THEN
            RAISE NOTICE 'pg_trgm cannot be had: %', SQLERRM;
        END;
    END;
    SELECT n.nspname INTO place FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
    IF place IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format(
        'CREATE INDEX account_versions_by_text ON account_versions_now USING gin '
        '(lower(name || E''\n'' || path || E''\n'' || arn || E''\n'' || COALESCE(tags, '''')) %I.gin_trgm_ops) '
        'WITH (gin_pending_list_limit = 256) WHERE valid_to_run = 9223372036854775807', place);
    EXECUTE format(
        'CREATE INDEX resource_versions_by_text ON resource_versions_now USING gin '
        '(lower(name || E''\n'' || path || E''\n'' || arn) %I.gin_trgm_ops) '
        'WITH (gin_pending_list_limit = 256) WHERE valid_to_run = 9223372036854775807', place);
EXCEPTION WHEN insufficient_privilege OR undefined_object OR invalid_schema_name THEN
    RAISE NOTICE 'the indexes over texts cannot be made: %', SQLERRM;
END $$;
