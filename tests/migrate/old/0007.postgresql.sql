CREATE FUNCTION public.runstore_json_terms(document json) RETURNS integer[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    SELECT pg_catalog.array_agg(pg_catalog.hashtext(m.key) OPERATOR(pg_catalog.&) 65535)
        OPERATOR(pg_catalog.||) pg_catalog.array_agg(pg_catalog.hashtext(
            m.key OPERATOR(pg_catalog.||) '=' OPERATOR(pg_catalog.||) m.value) OPERATOR(pg_catalog.&) 65535)
    FROM pg_catalog.json_each_text(
        CASE WHEN pg_catalog.json_typeof(document) OPERATOR(pg_catalog.=) 'object' THEN document ELSE '{}' END) AS m
$$;
CREATE TABLE public.run_completion_usage (
    run_object text NOT NULL COLLATE pg_catalog."C",
    completion_tokens bigint,
    prompt_tokens bigint,
    total_tokens bigint,
    extra json
);
COMMENT ON TABLE public.run_completion_usage IS 'Documented RunCompletionUsage: tokens a run used.';
COMMENT ON COLUMN public.run_completion_usage.run_object IS 'The run''s id.';
COMMENT ON COLUMN public.run_completion_usage.completion_tokens IS 'Tokens of the completions.';
COMMENT ON COLUMN public.run_completion_usage.prompt_tokens IS 'Tokens of the prompts.';
COMMENT ON COLUMN public.run_completion_usage.total_tokens IS 'Tokens in all.';
COMMENT ON COLUMN public.run_completion_usage.extra IS 'Members that no column holds, as a JSON object; NULL if none.';
CREATE TABLE public.run_object (
    id text NOT NULL COLLATE pg_catalog."C",
    object text,
    created_at bigint,
    thread_id text COLLATE pg_catalog."C",
    assistant_id text COLLATE pg_catalog."C",
    status text COLLATE pg_catalog."C",
    expires_at bigint,
    started_at bigint,
    cancelled_at bigint,
    failed_at bigint,
    completed_at bigint,
    model text COLLATE pg_catalog."C",
    instructions_id bigint,
    metadata json,
    max_prompt_tokens bigint,
    max_completion_tokens bigint,
    truncation_strategy bigint,
    tool_choice bigint,
    response_format bigint,
    temperature numeric,
    top_p numeric,
    parallel_tool_calls boolean,
    extra json,
    shape bigint NOT NULL,
    digest bytea NOT NULL,
    observed_at bigint NOT NULL,
    archived_at bigint NOT NULL,
    source text COLLATE pg_catalog."C"
);
COMMENT ON TABLE public.run_object IS 'Documented RunObject: assistant runs, each as its newest look has it.';
COMMENT ON COLUMN public.run_object.id IS 'Identifier of the run.';
COMMENT ON COLUMN public.run_object.object IS 'Type of the object: thread.run.';
COMMENT ON COLUMN public.run_object.created_at IS 'When the run was created (Unix seconds).';
COMMENT ON COLUMN public.run_object.thread_id IS 'The thread the run was executed on.';
COMMENT ON COLUMN public.run_object.assistant_id IS 'The assistant that executed the run.';
COMMENT ON COLUMN public.run_object.status IS 'queued, in_progress, requires_action, cancelling, or how the run ended.';
COMMENT ON COLUMN public.run_object.expires_at IS 'When the run will expire (Unix seconds).';
COMMENT ON COLUMN public.run_object.started_at IS 'When the run was started (Unix seconds).';
COMMENT ON COLUMN public.run_object.cancelled_at IS 'When the run was cancelled (Unix seconds).';
COMMENT ON COLUMN public.run_object.failed_at IS 'When the run failed (Unix seconds).';
COMMENT ON COLUMN public.run_object.completed_at IS 'When the run was completed (Unix seconds).';
COMMENT ON COLUMN public.run_object.model IS 'The model of the run.';
COMMENT ON COLUMN public.run_object.instructions_id IS 'Documented instructions: key of their text.';
COMMENT ON COLUMN public.run_object.metadata IS 'The user''s own key-value pairs.';
COMMENT ON COLUMN public.run_object.max_prompt_tokens IS 'Most prompt tokens the run may use.';
COMMENT ON COLUMN public.run_object.max_completion_tokens IS 'Most completion tokens the run may use.';
COMMENT ON COLUMN public.run_object.truncation_strategy IS 'Key in truncation_object.';
COMMENT ON COLUMN public.run_object.tool_choice IS 'Key in assistants_api_tool_choice_option.';
COMMENT ON COLUMN public.run_object.response_format IS 'Key in assistants_api_response_format_option.';
COMMENT ON COLUMN public.run_object.temperature IS 'Sampling temperature.';
COMMENT ON COLUMN public.run_object.top_p IS 'Nucleus sampling mass (since April 2024).';
COMMENT ON COLUMN public.run_object.parallel_tool_calls IS 'Whether tools may run in parallel (since June 2024).';
COMMENT ON COLUMN public.run_object.extra IS 'Members that no column holds, as a JSON object; NULL if none.';
COMMENT ON COLUMN public.run_object.shape IS 'Key in run_object_shape: the order of the keys.';
COMMENT ON COLUMN public.run_object.digest IS 'BLAKE2b (32 bytes) of the run''s canonical text, each shared value replaced by its digest.';
COMMENT ON COLUMN public.run_object.observed_at IS 'When the run was last seen so (Unix microseconds).';
COMMENT ON COLUMN public.run_object.archived_at IS 'When the run was first stored here (Unix microseconds).';
COMMENT ON COLUMN public.run_object.source IS 'Where this look came from, as the importer named it.';
CREATE TABLE public.run_object_incomplete_details (
    run_object text NOT NULL COLLATE pg_catalog."C",
    reason text COLLATE pg_catalog."C",
    extra json
);
COMMENT ON TABLE public.run_object_incomplete_details IS 'Documented RunObject_incomplete_details: why a run is incomplete.';
COMMENT ON COLUMN public.run_object_incomplete_details.run_object IS 'The run''s id.';
COMMENT ON COLUMN public.run_object_incomplete_details.reason IS 'max_completion_tokens, max_prompt_tokens and others.';
COMMENT ON COLUMN public.run_object_incomplete_details.extra IS 'Members that no column holds, as a JSON object; NULL if none.';
CREATE TABLE public.run_object_instructions (
    id bigint NOT NULL,
    digest bytea NOT NULL,
    instructions text NOT NULL
);
COMMENT ON TABLE public.run_object_instructions IS 'The texts of RunObject.instructions, each once.';
COMMENT ON COLUMN public.run_object_instructions.id IS 'The first 63 bits of digest: the same value has the same id in every archive.';
COMMENT ON COLUMN public.run_object_instructions.digest IS 'BLAKE2b (32 bytes) of the value''s canonical text.';
COMMENT ON COLUMN public.run_object_instructions.instructions IS 'The system message of the runs that refer to it.';
CREATE TABLE public.run_object_last_error (
    run_object text NOT NULL COLLATE pg_catalog."C",
    code text COLLATE pg_catalog."C",
    message text,
    extra json
);
COMMENT ON TABLE public.run_object_last_error IS 'Documented RunObject_last_error: why a run failed.';
COMMENT ON COLUMN public.run_object_last_error.run_object IS 'The run''s id.';
COMMENT ON COLUMN public.run_object_last_error.code IS 'server_error, rate_limit_exceeded, invalid_prompt and others.';
COMMENT ON COLUMN public.run_object_last_error.message IS 'The error for a person to read.';
COMMENT ON COLUMN public.run_object_last_error.extra IS 'Members that no column holds, as a JSON object; NULL if none.';
CREATE TABLE public.run_object_required_action (
    run_object text NOT NULL COLLATE pg_catalog."C",
    type text,
    extra json
);
COMMENT ON TABLE public.run_object_required_action IS 'Documented RunObject_required_action: what the run waits for.';
COMMENT ON COLUMN public.run_object_required_action.run_object IS 'The run''s id.';
COMMENT ON COLUMN public.run_object_required_action.type IS 'submit_tool_outputs, or another server''s action.';
COMMENT ON COLUMN public.run_object_required_action.extra IS 'Members that no column holds; submit_tool_outputs stands here only if it is of another form.';
CREATE VIEW public."RunObject" AS
 SELECT r.id,
    r.object,
    r.created_at,
    r.thread_id,
    r.assistant_id,
    r.status,
    a.run_object AS required_action,
    e.run_object AS last_error,
    r.expires_at,
    r.started_at,
    r.cancelled_at,
    r.failed_at,
    r.completed_at,
    d.run_object AS incomplete_details,
    r.model,
    i.instructions,
    r.metadata,
    u.run_object AS usage,
    r.max_prompt_tokens,
    r.max_completion_tokens,
    r.truncation_strategy,
    r.tool_choice,
    r.response_format,
    r.temperature
   FROM (((((public.run_object r
     LEFT JOIN public.run_object_required_action a ON ((a.run_object = r.id)))
     LEFT JOIN public.run_object_last_error e ON ((e.run_object = r.id)))
     LEFT JOIN public.run_object_incomplete_details d ON ((d.run_object = r.id)))
     LEFT JOIN public.run_completion_usage u ON ((u.run_object = r.id)))
     LEFT JOIN public.run_object_instructions i ON ((i.id = r.instructions_id)));
CREATE TABLE public.run_object_assistant_object_tools_inner (
    run_object text NOT NULL COLLATE pg_catalog."C",
    "position" integer NOT NULL,
    assistant_object_tools_inner bigint NOT NULL
);
COMMENT ON TABLE public.run_object_assistant_object_tools_inner IS 'Documented link RunObjectAssistantObjectToolsInner: the tools of runs, in order.';
COMMENT ON COLUMN public.run_object_assistant_object_tools_inner.run_object IS 'The run''s id.';
COMMENT ON COLUMN public.run_object_assistant_object_tools_inner."position" IS 'Place, from 0.';
COMMENT ON COLUMN public.run_object_assistant_object_tools_inner.assistant_object_tools_inner IS 'Key in assistant_object_tools_inner.';
CREATE VIEW public."RunObjectAssistantObjectToolsInner" AS
 SELECT run_object AS "runObject",
    assistant_object_tools_inner AS "assistantObjectToolsInner"
   FROM public.run_object_assistant_object_tools_inner;
CREATE TABLE public.run_object_file_ids (
    run_object text NOT NULL COLLATE pg_catalog."C",
    "position" integer NOT NULL,
    file_ids text NOT NULL COLLATE pg_catalog."C"
);
COMMENT ON TABLE public.run_object_file_ids IS 'Documented link RunObjectFileIds: the files of v1 runs, in order.';
COMMENT ON COLUMN public.run_object_file_ids.run_object IS 'The run''s id.';
COMMENT ON COLUMN public.run_object_file_ids."position" IS 'Place, from 0.';
COMMENT ON COLUMN public.run_object_file_ids.file_ids IS 'Id of one file.';
CREATE VIEW public."RunObjectFileIds" AS
 SELECT run_object AS "runObject",
    file_ids AS "fileIds"
   FROM public.run_object_file_ids;
CREATE TABLE public.assistant_object_tools_inner (
    id bigint NOT NULL,
    digest bytea NOT NULL,
    type text COLLATE pg_catalog."C",
    function bigint,
    document text NOT NULL
);
COMMENT ON TABLE public.assistant_object_tools_inner IS 'Documented AssistantObject_tools_inner: the tools runs were given.';
COMMENT ON COLUMN public.assistant_object_tools_inner.id IS 'The first 63 bits of digest: the same value has the same id in every archive.';
COMMENT ON COLUMN public.assistant_object_tools_inner.digest IS 'BLAKE2b (32 bytes) of the value''s canonical text.';
COMMENT ON COLUMN public.assistant_object_tools_inner.type IS 'code_interpreter, retrieval, file_search, function ...';
COMMENT ON COLUMN public.assistant_object_tools_inner.function IS 'Key in function_object.';
COMMENT ON COLUMN public.assistant_object_tools_inner.document IS 'Canonical JSON text of the tool, with null for a function that stands in function_object.';
CREATE TABLE public.assistants_api_response_format_option (
    id bigint NOT NULL,
    digest bytea NOT NULL,
    type text,
    document text NOT NULL
);
COMMENT ON TABLE public.assistants_api_response_format_option IS 'Documented AssistantsApiResponseFormatOption: the format of the answer.';
COMMENT ON COLUMN public.assistants_api_response_format_option.id IS 'The first 63 bits of digest: the same value has the same id in every archive.';
COMMENT ON COLUMN public.assistants_api_response_format_option.digest IS 'BLAKE2b (32 bytes) of the value''s canonical text.';
COMMENT ON COLUMN public.assistants_api_response_format_option.type IS 'text, json_object, json_schema; NULL for the string forms.';
COMMENT ON COLUMN public.assistants_api_response_format_option.document IS 'Canonical JSON text of the value.';
CREATE TABLE public.assistants_api_tool_choice_option (
    id bigint NOT NULL,
    digest bytea NOT NULL,
    type text,
    function bigint,
    document text NOT NULL
);
COMMENT ON TABLE public.assistants_api_tool_choice_option IS 'Documented AssistantsApiToolChoiceOption: which tool the model had to call.';
COMMENT ON COLUMN public.assistants_api_tool_choice_option.id IS 'The first 63 bits of digest: the same value has the same id in every archive.';
COMMENT ON COLUMN public.assistants_api_tool_choice_option.digest IS 'BLAKE2b (32 bytes) of the value''s canonical text.';
COMMENT ON COLUMN public.assistants_api_tool_choice_option.type IS 'Type of the named tool; NULL for the string forms (see document).';
COMMENT ON COLUMN public.assistants_api_tool_choice_option.function IS 'Key in function_object.';
COMMENT ON COLUMN public.assistants_api_tool_choice_option.document IS 'Canonical JSON text: "none", "auto", "required" or an object, with null for its function.';
CREATE TABLE public.function_object (
    id bigint NOT NULL,
    digest bytea NOT NULL,
    name text COLLATE pg_catalog."C",
    description text,
    parameters json,
    strict boolean,
    document text NOT NULL
);
COMMENT ON TABLE public.function_object IS 'Documented FunctionObject: functions that tools describe.';
COMMENT ON COLUMN public.function_object.id IS 'The first 63 bits of digest: the same value has the same id in every archive.';
COMMENT ON COLUMN public.function_object.digest IS 'BLAKE2b (32 bytes) of the value''s canonical text.';
COMMENT ON COLUMN public.function_object.name IS 'Name of the function.';
COMMENT ON COLUMN public.function_object.description IS 'What the function does, for the model to choose it.';
COMMENT ON COLUMN public.function_object.parameters IS 'JSON Schema of the parameters, order of keys kept.';
COMMENT ON COLUMN public.function_object.strict IS 'Whether the model must follow the schema exactly (v2).';
COMMENT ON COLUMN public.function_object.document IS 'Canonical JSON text of the value.';
CREATE TABLE public.model_price (
    model text NOT NULL COLLATE pg_catalog."C",
    valid_from bigint NOT NULL,
    prompt numeric NOT NULL,
    cached numeric,
    completion numeric NOT NULL,
    currency text NOT NULL
);
COMMENT ON TABLE public.model_price IS 'What tokens cost, filled by the user (own table).';
COMMENT ON COLUMN public.model_price.model IS 'A model, or the beginning of its name and a *.';
COMMENT ON COLUMN public.model_price.valid_from IS 'Runs created then or later (Unix seconds).';
COMMENT ON COLUMN public.model_price.prompt IS 'Price of a million prompt tokens.';
COMMENT ON COLUMN public.model_price.cached IS 'Price of a million cached prompt tokens; NULL: as the others.';
COMMENT ON COLUMN public.model_price.completion IS 'Price of a million completion tokens.';
COMMENT ON COLUMN public.model_price.currency IS 'What the prices are in, as EUR.';
CREATE TABLE public.run_object_change (
    run_object text NOT NULL COLLATE pg_catalog."C",
    digest bytea NOT NULL,
    observed_at bigint NOT NULL,
    status text COLLATE pg_catalog."C",
    members json NOT NULL,
    absent json
);
COMMENT ON TABLE public.run_object_change IS 'Earlier looks at runs, as what differs from the next newer look (own table).';
COMMENT ON COLUMN public.run_object_change.run_object IS 'The run''s id.';
COMMENT ON COLUMN public.run_object_change.digest IS 'Digest of the earlier look.';
COMMENT ON COLUMN public.run_object_change.observed_at IS 'When it was last seen so: Unix microseconds.';
COMMENT ON COLUMN public.run_object_change.status IS 'The run''s status in this look.';
COMMENT ON COLUMN public.run_object_change.members IS 'Members whose value differs in the next newer look, with their value in this one.';
COMMENT ON COLUMN public.run_object_change.absent IS 'Keys that the next newer look has and this one had not, as a JSON array; NULL if none.';
CREATE VIEW public.run_changes AS
 SELECT run_id,
    (row_number() OVER (PARTITION BY run_id ORDER BY status_rank, observed_at, digest) - 1) AS "position",
    status,
    lag(status) OVER (PARTITION BY run_id ORDER BY status_rank, observed_at, digest) AS previous_status,
    observed_at,
        CASE
            WHEN ((observed_at >= '-62135510400000000'::bigint) AND (observed_at <= '253402214399000000'::bigint)) THEN to_timestamp((((observed_at - (((observed_at % (1000000)::bigint) + 1000000) % (1000000)::bigint)) / 1000000))::double precision)
            ELSE NULL::timestamp with time zone
        END AS observed_time,
    is_current,
    members
   FROM ( SELECT run_object_change.run_object AS run_id,
            run_object_change.status,
            run_object_change.observed_at,
            run_object_change.digest,
            false AS is_current,
            run_object_change.members,
                CASE
                    WHEN (run_object_change.status = 'cancelling'::text) THEN 1
                    WHEN (run_object_change.status = ANY (ARRAY['cancelled'::text, 'failed'::text, 'completed'::text, 'expired'::text, 'incomplete'::text])) THEN 2
                    ELSE 0
                END AS status_rank
           FROM public.run_object_change
        UNION ALL
         SELECT run_object.id,
            run_object.status,
            run_object.observed_at,
            run_object.digest,
            true,
            NULL::json,
            3
           FROM public.run_object) looks;
CREATE VIEW public.run_files AS
 SELECT run_object AS run_id,
    "position",
    file_ids AS file_id
   FROM public.run_object_file_ids;
CREATE TABLE public.run_object_shape (
    id bigint NOT NULL,
    digest bytea NOT NULL,
    document text NOT NULL
);
COMMENT ON TABLE public.run_object_shape IS 'Order of keys in runs, at the levels that stand in columns (own table).';
COMMENT ON COLUMN public.run_object_shape.id IS 'The first 63 bits of digest: the same value has the same id in every archive.';
COMMENT ON COLUMN public.run_object_shape.digest IS 'BLAKE2b (32 bytes) of the value''s canonical text.';
COMMENT ON COLUMN public.run_object_shape.document IS 'Canonical JSON text of the value.';
CREATE TABLE public.truncation_object (
    id bigint NOT NULL,
    digest bytea NOT NULL,
    type text,
    last_messages bigint,
    document text NOT NULL
);
COMMENT ON TABLE public.truncation_object IS 'Documented TruncationObject: how a thread is cut before the run.';
COMMENT ON COLUMN public.truncation_object.id IS 'The first 63 bits of digest: the same value has the same id in every archive.';
COMMENT ON COLUMN public.truncation_object.digest IS 'BLAKE2b (32 bytes) of the value''s canonical text.';
COMMENT ON COLUMN public.truncation_object.type IS 'auto or last_messages.';
COMMENT ON COLUMN public.truncation_object.last_messages IS 'Number of most recent messages kept.';
COMMENT ON COLUMN public.truncation_object.document IS 'Canonical JSON text of the value.';
CREATE VIEW public.run_findings AS
 SELECT r.id AS run_id,
    'object'::text AS rule,
    '$.object'::text AS path,
    COALESCE(((('unknown object '::text || '"'::text) || substr(r.object, 1, 100)) || '"'::text), 'is null'::text) AS detail
   FROM public.run_object r
  WHERE (((r.object IS NULL) OR (r.object <> ALL (ARRAY['thread.run'::text, 'assistant.run'::text]))) AND (r.shape IN ( SELECT s.id
           FROM public.run_object_shape s
          WHERE ('object'::text IN ( SELECT
                        CASE json_typeof(k.value)
                            WHEN 'array'::text THEN (k.value ->> 1)
                            ELSE (k.value #>> '{}'::text[])
                        END AS "case"
                   FROM json_array_elements(((s.document)::json -> 'keys'::text)) k(value))))))
UNION ALL
 SELECT r.id AS run_id,
    'status'::text AS rule,
    '$.status'::text AS path,
    ((('unknown status '::text || '"'::text) || substr(r.status, 1, 100)) || '"'::text) AS detail
   FROM public.run_object r
  WHERE (r.status <> ALL (ARRAY['queued'::text, 'in_progress'::text, 'requires_action'::text, 'cancelling'::text, 'cancelled'::text, 'failed'::text, 'completed'::text, 'incomplete'::text, 'expired'::text]))
UNION ALL
 SELECT r.id AS run_id,
    'missing'::text AS rule,
    ('$.'::text || q.name) AS path,
    'a required member is absent'::text AS detail
   FROM (public.run_object r
     JOIN ( SELECT DISTINCT s.id,
            w.name
           FROM (public.run_object_shape s
             CROSS JOIN ( SELECT 'object'::text AS name
                UNION ALL
                 SELECT 'created_at'::text AS name
                UNION ALL
                 SELECT 'thread_id'::text AS name
                UNION ALL
                 SELECT 'assistant_id'::text AS name
                UNION ALL
                 SELECT 'status'::text AS name
                UNION ALL
                 SELECT 'required_action'::text AS name
                UNION ALL
                 SELECT 'last_error'::text AS name
                UNION ALL
                 SELECT 'expires_at'::text AS name
                UNION ALL
                 SELECT 'started_at'::text AS name
                UNION ALL
                 SELECT 'cancelled_at'::text AS name
                UNION ALL
                 SELECT 'failed_at'::text AS name
                UNION ALL
                 SELECT 'completed_at'::text AS name
                UNION ALL
                 SELECT 'model'::text AS name
                UNION ALL
                 SELECT 'instructions'::text AS name
                UNION ALL
                 SELECT 'tools'::text AS name
                UNION ALL
                 SELECT 'metadata'::text AS name) w)
          WHERE (NOT (w.name IN ( SELECT
                        CASE json_typeof(k.value)
                            WHEN 'array'::text THEN (k.value ->> 1)
                            ELSE (k.value #>> '{}'::text[])
                        END AS "case"
                   FROM json_array_elements(((s.document)::json -> 'keys'::text)) k(value))))) q ON ((q.id = r.shape)))
  WHERE (1 = 1)
UNION ALL
 SELECT r.id AS run_id,
    'null'::text AS rule,
    ('$.'::text || q.name) AS path,
    'may not be null'::text AS detail
   FROM (public.run_object r
     JOIN ( SELECT DISTINCT s.id,
            w.name
           FROM (public.run_object_shape s
             CROSS JOIN ( SELECT 'tools'::text AS name
                UNION ALL
                 SELECT 'file_ids'::text) w)
          WHERE (w.name IN ( SELECT k.value
                   FROM json_array_elements_text(COALESCE(((s.document)::json -> 'null'::text), '[]'::json)) k(value)))) q ON ((q.id = r.shape)))
  WHERE (1 = 1)
UNION ALL
 SELECT r.id AS run_id,
    'null'::text AS rule,
    '$.created_at'::text AS path,
    'may not be null'::text AS detail
   FROM public.run_object r
  WHERE ((r.created_at IS NULL) AND (r.shape IN ( SELECT s.id
           FROM public.run_object_shape s
          WHERE ('created_at'::text IN ( SELECT
                        CASE json_typeof(k.value)
                            WHEN 'array'::text THEN (k.value ->> 1)
                            ELSE (k.value #>> '{}'::text[])
                        END AS "case"
                   FROM json_array_elements(((s.document)::json -> 'keys'::text)) k(value))))) AND (json_typeof(COALESCE((r.extra -> 'created_at'::text), (r.extra -> 'createdAt'::text), (r.extra -> 'CreatedAt'::text))) IS NULL))
UNION ALL
 SELECT r.id AS run_id,
    'null'::text AS rule,
    '$.thread_id'::text AS path,
    'may not be null'::text AS detail
   FROM public.run_object r
  WHERE ((r.thread_id IS NULL) AND (r.shape IN ( SELECT s.id
           FROM public.run_object_shape s
          WHERE ('thread_id'::text IN ( SELECT
                        CASE json_typeof(k.value)
                            WHEN 'array'::text THEN (k.value ->> 1)
                            ELSE (k.value #>> '{}'::text[])
                        END AS "case"
                   FROM json_array_elements(((s.document)::json -> 'keys'::text)) k(value))))) AND (json_typeof(COALESCE((r.extra -> 'thread_id'::text), (r.extra -> 'threadId'::text), (r.extra -> 'ThreadId'::text))) IS NULL))
UNION ALL
 SELECT r.id AS run_id,
    'null'::text AS rule,
    '$.assistant_id'::text AS path,
    'may not be null'::text AS detail
   FROM public.run_object r
  WHERE ((r.assistant_id IS NULL) AND (r.shape IN ( SELECT s.id
           FROM public.run_object_shape s
          WHERE ('assistant_id'::text IN ( SELECT
                        CASE json_typeof(k.value)
                            WHEN 'array'::text THEN (k.value ->> 1)
                            ELSE (k.value #>> '{}'::text[])
                        END AS "case"
                   FROM json_array_elements(((s.document)::json -> 'keys'::text)) k(value))))) AND (json_typeof(COALESCE((r.extra -> 'assistant_id'::text), (r.extra -> 'assistantId'::text), (r.extra -> 'AssistantId'::text))) IS NULL))
UNION ALL
 SELECT r.id AS run_id,
    'null'::text AS rule,
    '$.status'::text AS path,
    'may not be null'::text AS detail
   FROM public.run_object r
  WHERE ((r.status IS NULL) AND (r.shape IN ( SELECT s.id
           FROM public.run_object_shape s
          WHERE ('status'::text IN ( SELECT
                        CASE json_typeof(k.value)
                            WHEN 'array'::text THEN (k.value ->> 1)
                            ELSE (k.value #>> '{}'::text[])
                        END AS "case"
                   FROM json_array_elements(((s.document)::json -> 'keys'::text)) k(value))))) AND (json_typeof(COALESCE((r.extra -> 'status'::text), (r.extra -> 'Status'::text))) IS NULL))
UNION ALL
 SELECT r.id AS run_id,
    'null'::text AS rule,
    '$.model'::text AS path,
    'may not be null'::text AS detail
   FROM public.run_object r
  WHERE ((r.model IS NULL) AND (r.shape IN ( SELECT s.id
           FROM public.run_object_shape s
          WHERE ('model'::text IN ( SELECT
                        CASE json_typeof(k.value)
                            WHEN 'array'::text THEN (k.value ->> 1)
                            ELSE (k.value #>> '{}'::text[])
                        END AS "case"
                   FROM json_array_elements(((s.document)::json -> 'keys'::text)) k(value))))) AND (json_typeof(COALESCE((r.extra -> 'model'::text), (r.extra -> 'Model'::text))) IS NULL))
UNION ALL
 SELECT r.id AS run_id,
    'null'::text AS rule,
    '$.instructions'::text AS path,
    'may not be null'::text AS detail
   FROM public.run_object r
  WHERE ((r.instructions_id IS NULL) AND (r.shape IN ( SELECT s.id
           FROM public.run_object_shape s
          WHERE ('instructions'::text IN ( SELECT
                        CASE json_typeof(k.value)
                            WHEN 'array'::text THEN (k.value ->> 1)
                            ELSE (k.value #>> '{}'::text[])
                        END AS "case"
                   FROM json_array_elements(((s.document)::json -> 'keys'::text)) k(value))))) AND (json_typeof(COALESCE((r.extra -> 'instructions'::text), (r.extra -> 'Instructions'::text))) IS NULL))
UNION ALL
 SELECT r.id AS run_id,
    'timestamp'::text AS rule,
    '$.completed_at'::text AS path,
    'is null or absent in a run that is completed'::text AS detail
   FROM public.run_object r
  WHERE ((r.status = 'completed'::text) AND (r.completed_at IS NULL) AND (json_typeof(COALESCE((r.extra -> 'completed_at'::text), (r.extra -> 'completedAt'::text), (r.extra -> 'CompletedAt'::text))) IS NULL))
UNION ALL
 SELECT r.id AS run_id,
    'timestamp'::text AS rule,
    '$.failed_at'::text AS path,
    'is null or absent in a run that is failed'::text AS detail
   FROM public.run_object r
  WHERE ((r.status = 'failed'::text) AND (r.failed_at IS NULL) AND (json_typeof(COALESCE((r.extra -> 'failed_at'::text), (r.extra -> 'failedAt'::text), (r.extra -> 'FailedAt'::text))) IS NULL))
UNION ALL
 SELECT r.id AS run_id,
    'timestamp'::text AS rule,
    '$.cancelled_at'::text AS path,
    'is null or absent in a run that is cancelled'::text AS detail
   FROM public.run_object r
  WHERE ((r.status = 'cancelled'::text) AND (r.cancelled_at IS NULL) AND (json_typeof(COALESCE((r.extra -> 'cancelled_at'::text), (r.extra -> 'cancelledAt'::text), (r.extra -> 'CancelledAt'::text))) IS NULL))
UNION ALL
 SELECT r.id AS run_id,
    'timestamp'::text AS rule,
    '$.created_at'::text AS path,
    ((r.created_at)::text || ' is beyond the year 9999: documented are seconds, not milliseconds'::text) AS detail
   FROM public.run_object r
  WHERE (r.created_at > '253402300799'::bigint)
UNION ALL
 SELECT r.id AS run_id,
    'timestamp'::text AS rule,
    '$.started_at'::text AS path,
    ((r.started_at)::text || ' is beyond the year 9999: documented are seconds, not milliseconds'::text) AS detail
   FROM public.run_object r
  WHERE (r.started_at > '253402300799'::bigint)
UNION ALL
 SELECT r.id AS run_id,
    'timestamp'::text AS rule,
    '$.expires_at'::text AS path,
    ((r.expires_at)::text || ' is beyond the year 9999: documented are seconds, not milliseconds'::text) AS detail
   FROM public.run_object r
  WHERE (r.expires_at > '253402300799'::bigint)
UNION ALL
 SELECT r.id AS run_id,
    'timestamp'::text AS rule,
    '$.cancelled_at'::text AS path,
    ((r.cancelled_at)::text || ' is beyond the year 9999: documented are seconds, not milliseconds'::text) AS detail
   FROM public.run_object r
  WHERE (r.cancelled_at > '253402300799'::bigint)
UNION ALL
 SELECT r.id AS run_id,
    'timestamp'::text AS rule,
    '$.failed_at'::text AS path,
    ((r.failed_at)::text || ' is beyond the year 9999: documented are seconds, not milliseconds'::text) AS detail
   FROM public.run_object r
  WHERE (r.failed_at > '253402300799'::bigint)
UNION ALL
 SELECT r.id AS run_id,
    'timestamp'::text AS rule,
    '$.completed_at'::text AS path,
    ((r.completed_at)::text || ' is beyond the year 9999: documented are seconds, not milliseconds'::text) AS detail
   FROM public.run_object r
  WHERE (r.completed_at > '253402300799'::bigint)
UNION ALL
 SELECT r.id AS run_id,
    'required_action'::text AS rule,
    '$.required_action'::text AS path,
    'is null or absent in a run that requires action'::text AS detail
   FROM public.run_object r
  WHERE ((r.status = 'requires_action'::text) AND (NOT (EXISTS ( SELECT 1
           FROM public.run_object_required_action a
          WHERE (a.run_object = r.id)))) AND (json_typeof(COALESCE((r.extra -> 'required_action'::text), (r.extra -> 'requiredAction'::text), (r.extra -> 'RequiredAction'::text))) IS NULL))
UNION ALL
 SELECT r.id AS run_id,
    'required_action'::text AS rule,
    '$.required_action'::text AS path,
    'stands in a run whose status is not requires_action'::text AS detail
   FROM (public.run_object r
     JOIN public.run_object_required_action a ON ((a.run_object = r.id)))
  WHERE (COALESCE(r.status, ''::text) <> 'requires_action'::text)
UNION ALL
 SELECT r.id AS run_id,
    'required_action'::text AS rule,
    '$.required_action.type'::text AS path,
    COALESCE(((('unknown type '::text || '"'::text) || substr(a.type, 1, 100)) || '"'::text), 'is null, absent or no string'::text) AS detail
   FROM (public.run_object r
     JOIN public.run_object_required_action a ON ((a.run_object = r.id)))
  WHERE ((COALESCE(a.type, ''::text) <> 'submit_tool_outputs'::text) AND (json_typeof(COALESCE((a.extra -> 'type'::text), (a.extra -> 'Type'::text))) IS NULL))
UNION ALL
 SELECT r.id AS run_id,
    'usage'::text AS rule,
    '$.usage'::text AS path,
    'stands in a run that has not ended'::text AS detail
   FROM (public.run_object r
     JOIN public.run_completion_usage u ON ((u.run_object = r.id)))
  WHERE (COALESCE(r.status, ''::text) <> ALL (ARRAY['cancelled'::text, 'failed'::text, 'completed'::text, 'incomplete'::text, 'expired'::text]))
UNION ALL
 SELECT r.id AS run_id,
    'usage'::text AS rule,
    '$.usage.prompt_tokens'::text AS path,
    'is null or absent'::text AS detail
   FROM (public.run_object r
     JOIN public.run_completion_usage u ON ((u.run_object = r.id)))
  WHERE ((u.prompt_tokens IS NULL) AND (json_typeof(COALESCE((u.extra -> 'prompt_tokens'::text), (u.extra -> 'promptTokens'::text), (u.extra -> 'PromptTokens'::text))) IS NULL))
UNION ALL
 SELECT r.id AS run_id,
    'usage'::text AS rule,
    '$.usage.completion_tokens'::text AS path,
    'is null or absent'::text AS detail
   FROM (public.run_object r
     JOIN public.run_completion_usage u ON ((u.run_object = r.id)))
  WHERE ((u.completion_tokens IS NULL) AND (json_typeof(COALESCE((u.extra -> 'completion_tokens'::text), (u.extra -> 'completionTokens'::text), (u.extra -> 'CompletionTokens'::text))) IS NULL))
UNION ALL
 SELECT r.id AS run_id,
    'usage'::text AS rule,
    '$.usage.total_tokens'::text AS path,
    'is null or absent'::text AS detail
   FROM (public.run_object r
     JOIN public.run_completion_usage u ON ((u.run_object = r.id)))
  WHERE ((u.total_tokens IS NULL) AND (json_typeof(COALESCE((u.extra -> 'total_tokens'::text), (u.extra -> 'totalTokens'::text), (u.extra -> 'TotalTokens'::text))) IS NULL))
UNION ALL
 SELECT r.id AS run_id,
    'last_error'::text AS rule,
    '$.last_error.code'::text AS path,
    COALESCE(((('unknown code '::text || '"'::text) || substr(e.code, 1, 100)) || '"'::text), 'is null or absent'::text) AS detail
   FROM (public.run_object r
     JOIN public.run_object_last_error e ON ((e.run_object = r.id)))
  WHERE ((COALESCE(e.code, ''::text) <> ALL (ARRAY['server_error'::text, 'rate_limit_exceeded'::text, 'invalid_prompt'::text])) AND (json_typeof(COALESCE((e.extra -> 'code'::text), (e.extra -> 'Code'::text))) IS NULL))
UNION ALL
 SELECT r.id AS run_id,
    'incomplete_details'::text AS rule,
    '$.incomplete_details.reason'::text AS path,
    ((('unknown reason '::text || '"'::text) || substr(d.reason, 1, 100)) || '"'::text) AS detail
   FROM (public.run_object r
     JOIN public.run_object_incomplete_details d ON ((d.run_object = r.id)))
  WHERE (d.reason <> ALL (ARRAY['max_completion_tokens'::text, 'max_prompt_tokens'::text]))
UNION ALL
 SELECT r.id AS run_id,
    'metadata'::text AS rule,
    '$.metadata'::text AS path,
    ((( SELECT count(*) AS count
           FROM json_each(
                CASE
                    WHEN (json_typeof(r.metadata) = 'object'::text) THEN r.metadata
                    ELSE '{}'::json
                END) json_each(key, value)))::text || ' pairs, documented are 16 at most'::text) AS detail
   FROM public.run_object r
  WHERE ((r.metadata IS NOT NULL) AND (( SELECT count(*) AS count
           FROM json_each(
                CASE
                    WHEN (json_typeof(r.metadata) = 'object'::text) THEN r.metadata
                    ELSE '{}'::json
                END) json_each(key, value)) > 16))
UNION ALL
 SELECT r.id AS run_id,
    'metadata'::text AS rule,
    ('$.metadata.'::text || substr(m.key, 1, 100)) AS path,
    (('a key of '::text || (length(m.key))::text) || ' characters, documented are 64 at most'::text) AS detail
   FROM (public.run_object r
     CROSS JOIN LATERAL json_each(
        CASE
            WHEN (json_typeof(r.metadata) = 'object'::text) THEN r.metadata
            ELSE '{}'::json
        END) m(key, value))
  WHERE (length(m.key) > 64)
UNION ALL
 SELECT r.id AS run_id,
    'metadata'::text AS rule,
    ('$.metadata.'::text || substr(m.key, 1, 100)) AS path,
    'the value is no string'::text AS detail
   FROM (public.run_object r
     CROSS JOIN LATERAL json_each(
        CASE
            WHEN (json_typeof(r.metadata) = 'object'::text) THEN r.metadata
            ELSE '{}'::json
        END) m(key, value))
  WHERE (NOT (json_typeof(m.value) = 'string'::text))
UNION ALL
 SELECT r.id AS run_id,
    'metadata'::text AS rule,
    ('$.metadata.'::text || substr(m.key, 1, 100)) AS path,
    (('a value of '::text || (length((m.value #>> '{}'::text[])))::text) || ' characters, documented are 512 at most'::text) AS detail
   FROM (public.run_object r
     CROSS JOIN LATERAL json_each(
        CASE
            WHEN (json_typeof(r.metadata) = 'object'::text) THEN r.metadata
            ELSE '{}'::json
        END) m(key, value))
  WHERE ((json_typeof(m.value) = 'string'::text) AND (length((m.value #>> '{}'::text[])) > 512))
UNION ALL
 SELECT r.id AS run_id,
    'tools'::text AS rule,
    '$.tools'::text AS path,
    ((( SELECT count(*) AS count
           FROM public.run_object_assistant_object_tools_inner l
          WHERE (l.run_object = r.id)))::text || ' tools, documented are 128 at most, 20 in a run of the first generation'::text) AS detail
   FROM public.run_object r
  WHERE (( SELECT count(*) AS count
           FROM public.run_object_assistant_object_tools_inner l
          WHERE (l.run_object = r.id)) >
        CASE
            WHEN ((r.shape IN ( SELECT s.id
               FROM public.run_object_shape s
              WHERE ('file_ids'::text IN ( SELECT
                            CASE json_typeof(k.value)
                                WHEN 'array'::text THEN (k.value ->> 1)
                                ELSE (k.value #>> '{}'::text[])
                            END AS "case"
                       FROM json_array_elements(((s.document)::json -> 'keys'::text)) k(value))))) OR (EXISTS ( SELECT 1
               FROM (public.run_object_assistant_object_tools_inner l
                 JOIN public.assistant_object_tools_inner t ON ((t.id = l.assistant_object_tools_inner)))
              WHERE ((l.run_object = r.id) AND (t.type = 'retrieval'::text))))) THEN 20
            ELSE 128
        END)
UNION ALL
 SELECT r.run_object AS run_id,
    'tools'::text AS rule,
    (('$.tools['::text || (r."position")::text) || '].type'::text) AS path,
    COALESCE(((('unknown type '::text || '"'::text) || substr(t.type, 1, 100)) || '"'::text), 'is null, absent or no string'::text) AS detail
   FROM (public.run_object_assistant_object_tools_inner r
     JOIN public.assistant_object_tools_inner t ON ((t.id = r.assistant_object_tools_inner)))
  WHERE (COALESCE(t.type, ''::text) <> ALL (ARRAY['code_interpreter'::text, 'retrieval'::text, 'file_search'::text, 'function'::text]))
UNION ALL
 SELECT r.run_object AS run_id,
    'tools'::text AS rule,
    (('$.tools['::text || (r."position")::text) || '].function.name'::text) AS path,
    COALESCE(((('"'::text || substr(n.name, 1, 100)) || '"'::text) || ' is no name of a function'::text), 'is null, absent or no string'::text) AS detail
   FROM ((public.run_object_assistant_object_tools_inner r
     JOIN public.assistant_object_tools_inner t ON ((t.id = r.assistant_object_tools_inner)))
     LEFT JOIN public.function_object n ON ((n.id = t.function)))
  WHERE ((t.type = 'function'::text) AND ((n.name IS NULL) OR (NOT (n.name ~ '^[a-zA-Z0-9_-]{1,64}$'::text))))
UNION ALL
 SELECT r.id AS run_id,
    'file_ids'::text AS rule,
    '$.file_ids'::text AS path,
    ((( SELECT count(*) AS count
           FROM public.run_object_file_ids l
          WHERE (l.run_object = r.id)))::text || ' files, documented are 20 at most'::text) AS detail
   FROM public.run_object r
  WHERE (( SELECT count(*) AS count
           FROM public.run_object_file_ids l
          WHERE (l.run_object = r.id)) > 20)
UNION ALL
 SELECT r.id AS run_id,
    'instructions'::text AS rule,
    '$.instructions'::text AS path,
    ((length(i.instructions))::text || ' characters, documented are 256000 at most'::text) AS detail
   FROM (public.run_object r
     JOIN public.run_object_instructions i ON ((i.id = r.instructions_id)))
  WHERE (length(i.instructions) > 256000)
UNION ALL
 SELECT r.id AS run_id,
    'temperature'::text AS rule,
    '$.temperature'::text AS path,
    'documented are 0 to 2'::text AS detail
   FROM public.run_object r
  WHERE ((r.temperature < (0)::numeric) OR (r.temperature > (2)::numeric))
UNION ALL
 SELECT r.id AS run_id,
    'top_p'::text AS rule,
    '$.top_p'::text AS path,
    'documented are 0 to 1'::text AS detail
   FROM public.run_object r
  WHERE ((r.top_p < (0)::numeric) OR (r.top_p > (1)::numeric))
UNION ALL
 SELECT r.id AS run_id,
    'max_prompt_tokens'::text AS rule,
    '$.max_prompt_tokens'::text AS path,
    ((r.max_prompt_tokens)::text || ', documented are 256 or more'::text) AS detail
   FROM public.run_object r
  WHERE (r.max_prompt_tokens < 256)
UNION ALL
 SELECT r.id AS run_id,
    'max_completion_tokens'::text AS rule,
    '$.max_completion_tokens'::text AS path,
    ((r.max_completion_tokens)::text || ', documented are 256 or more'::text) AS detail
   FROM public.run_object r
  WHERE (r.max_completion_tokens < 256)
UNION ALL
 SELECT r.id AS run_id,
    'truncation_strategy'::text AS rule,
    '$.truncation_strategy.type'::text AS path,
    COALESCE(((('unknown type '::text || '"'::text) || substr(t.type, 1, 100)) || '"'::text), 'is null, absent or no string'::text) AS detail
   FROM (public.run_object r
     JOIN public.truncation_object t ON ((t.id = r.truncation_strategy)))
  WHERE (COALESCE(t.type, ''::text) <> ALL (ARRAY['auto'::text, 'last_messages'::text]))
UNION ALL
 SELECT r.id AS run_id,
    'truncation_strategy'::text AS rule,
    '$.truncation_strategy.last_messages'::text AS path,
    ((t.last_messages)::text || ', documented are 1 or more'::text) AS detail
   FROM (public.run_object r
     JOIN public.truncation_object t ON ((t.id = r.truncation_strategy)))
  WHERE (t.last_messages < 1)
UNION ALL
 SELECT r.id AS run_id,
    'tool_choice'::text AS rule,
    '$.tool_choice'::text AS path,
    ((('unknown '::text || '"'::text) || substr(c.document, 1, 100)) || '"'::text) AS detail
   FROM (public.run_object r
     JOIN public.assistants_api_tool_choice_option c ON ((c.id = r.tool_choice)))
  WHERE ((substr(c.document, 1, 1) = '"'::text) AND (c.document <> ALL (ARRAY['"none"'::text, '"auto"'::text, '"required"'::text])))
UNION ALL
 SELECT r.id AS run_id,
    'tool_choice'::text AS rule,
    '$.tool_choice.type'::text AS path,
    COALESCE(((('unknown type '::text || '"'::text) || substr(c.type, 1, 100)) || '"'::text), 'is null, absent or no string'::text) AS detail
   FROM (public.run_object r
     JOIN public.assistants_api_tool_choice_option c ON ((c.id = r.tool_choice)))
  WHERE ((substr(c.document, 1, 1) <> '"'::text) AND (COALESCE(c.type, ''::text) <> ALL (ARRAY['function'::text, 'code_interpreter'::text, 'file_search'::text, 'retrieval'::text])))
UNION ALL
 SELECT r.id AS run_id,
    'response_format'::text AS rule,
    '$.response_format'::text AS path,
    ((('unknown '::text || '"'::text) || substr(f.document, 1, 100)) || '"'::text) AS detail
   FROM (public.run_object r
     JOIN public.assistants_api_response_format_option f ON ((f.id = r.response_format)))
  WHERE ((substr(f.document, 1, 1) = '"'::text) AND (f.document <> ALL (ARRAY['"none"'::text, '"auto"'::text])))
UNION ALL
 SELECT r.id AS run_id,
    'response_format'::text AS rule,
    '$.response_format.type'::text AS path,
    COALESCE(((('unknown type '::text || '"'::text) || substr(f.type, 1, 100)) || '"'::text), 'is null, absent or no string'::text) AS detail
   FROM (public.run_object r
     JOIN public.assistants_api_response_format_option f ON ((f.id = r.response_format)))
  WHERE ((substr(f.document, 1, 1) <> '"'::text) AND (COALESCE(f.type, ''::text) <> ALL (ARRAY['text'::text, 'json_object'::text, 'json_schema'::text])));
CREATE VIEW public.run_metadata AS
 SELECT r.id AS run_id,
    m.key,
        CASE json_typeof(m.value)
            WHEN 'string'::text THEN (m.value #>> '{}'::text[])
            ELSE (m.value)::text
        END AS value
   FROM (public.run_object r
     CROSS JOIN LATERAL json_each(
        CASE
            WHEN (json_typeof(r.metadata) = 'object'::text) THEN r.metadata
            ELSE '{}'::json
        END) m(key, value));
CREATE TABLE public.run_tool_call_object (
    run_object text NOT NULL COLLATE pg_catalog."C",
    "position" integer NOT NULL,
    id text,
    type text,
    function_name text,
    function_arguments text,
    extra json
);
COMMENT ON TABLE public.run_tool_call_object IS 'Documented RunToolCallObject: tool calls whose output a run waits for.';
COMMENT ON COLUMN public.run_tool_call_object.run_object IS 'The run''s id.';
COMMENT ON COLUMN public.run_tool_call_object."position" IS 'Place, from 0.';
COMMENT ON COLUMN public.run_tool_call_object.id IS 'Id of the call.';
COMMENT ON COLUMN public.run_tool_call_object.type IS 'function.';
COMMENT ON COLUMN public.run_tool_call_object.function_name IS 'Documented RunToolCallObject_function.name.';
COMMENT ON COLUMN public.run_tool_call_object.function_arguments IS 'Documented RunToolCallObject_function.arguments: what the model wrote, meant to be JSON.';
COMMENT ON COLUMN public.run_tool_call_object.extra IS 'Members that no column holds, as a JSON object; NULL if none.';
CREATE VIEW public.run_tool_calls AS
 SELECT c.run_object AS run_id,
    c."position",
    c.id AS call_id,
    c.type,
    c.function_name,
    c.function_arguments AS arguments,
    r.observed_at,
        CASE
            WHEN ((r.observed_at >= '-62135510400000000'::bigint) AND (r.observed_at <= '253402214399000000'::bigint)) THEN to_timestamp((((r.observed_at - (((r.observed_at % (1000000)::bigint) + 1000000) % (1000000)::bigint)) / 1000000))::double precision)
            ELSE NULL::timestamp with time zone
        END AS observed_time,
    true AS pending
   FROM (public.run_tool_call_object c
     JOIN public.run_object r ON ((r.id = c.run_object)))
UNION ALL
 SELECT a.run_object AS run_id,
    ((e.place - 1))::integer AS "position",
    COALESCE(
        CASE
            WHEN (json_typeof((e.value #> '{id}'::text[])) = 'string'::text) THEN (e.value #>> '{id}'::text[])
            ELSE NULL::text
        END,
        CASE
            WHEN (json_typeof((e.value #> '{Id}'::text[])) = 'string'::text) THEN (e.value #>> '{Id}'::text[])
            ELSE NULL::text
        END) AS call_id,
    COALESCE(
        CASE
            WHEN (json_typeof((e.value #> '{type}'::text[])) = 'string'::text) THEN (e.value #>> '{type}'::text[])
            ELSE NULL::text
        END,
        CASE
            WHEN (json_typeof((e.value #> '{Type}'::text[])) = 'string'::text) THEN (e.value #>> '{Type}'::text[])
            ELSE NULL::text
        END) AS type,
    COALESCE(COALESCE(
        CASE
            WHEN (json_typeof((e.value #> '{function,name}'::text[])) = 'string'::text) THEN (e.value #>> '{function,name}'::text[])
            ELSE NULL::text
        END,
        CASE
            WHEN (json_typeof((e.value #> '{Function,Name}'::text[])) = 'string'::text) THEN (e.value #>> '{Function,Name}'::text[])
            ELSE NULL::text
        END), COALESCE(
        CASE
            WHEN (json_typeof((e.value #> '{name}'::text[])) = 'string'::text) THEN (e.value #>> '{name}'::text[])
            ELSE NULL::text
        END,
        CASE
            WHEN (json_typeof((e.value #> '{Name}'::text[])) = 'string'::text) THEN (e.value #>> '{Name}'::text[])
            ELSE NULL::text
        END)) AS function_name,
    COALESCE(COALESCE(
        CASE
            WHEN (json_typeof((e.value #> '{function,arguments}'::text[])) = 'string'::text) THEN (e.value #>> '{function,arguments}'::text[])
            ELSE NULL::text
        END,
        CASE
            WHEN (json_typeof((e.value #> '{Function,Arguments}'::text[])) = 'string'::text) THEN (e.value #>> '{Function,Arguments}'::text[])
            ELSE NULL::text
        END), COALESCE(
        CASE
            WHEN (json_typeof((e.value #> '{arguments}'::text[])) = 'string'::text) THEN (e.value #>> '{arguments}'::text[])
            ELSE NULL::text
        END,
        CASE
            WHEN (json_typeof((e.value #> '{Arguments}'::text[])) = 'string'::text) THEN (e.value #>> '{Arguments}'::text[])
            ELSE NULL::text
        END)) AS arguments,
    r.observed_at,
        CASE
            WHEN ((r.observed_at >= '-62135510400000000'::bigint) AND (r.observed_at <= '253402214399000000'::bigint)) THEN to_timestamp((((r.observed_at - (((r.observed_at % (1000000)::bigint) + 1000000) % (1000000)::bigint)) / 1000000))::double precision)
            ELSE NULL::timestamp with time zone
        END AS observed_time,
    true AS pending
   FROM (((public.run_object_required_action a
     JOIN public.run_object r ON ((r.id = a.run_object)))
     CROSS JOIN LATERAL json_each(
        CASE
            WHEN (a.extra IS NOT NULL) THEN a.extra
            ELSE '{}'::json
        END) m(name, value))
     CROSS JOIN LATERAL json_array_elements(
        CASE
            WHEN (json_typeof(COALESCE((m.value -> 'tool_calls'::text), (m.value -> 'toolCalls'::text), (m.value -> 'ToolCalls'::text))) = 'array'::text) THEN COALESCE((m.value -> 'tool_calls'::text), (m.value -> 'toolCalls'::text), (m.value -> 'ToolCalls'::text))
            ELSE '[]'::json
        END) WITH ORDINALITY e(value, place))
UNION ALL
 SELECT c.run_object AS run_id,
    ((e.place - 1))::integer AS "position",
    COALESCE(
        CASE
            WHEN (json_typeof((e.value #> '{id}'::text[])) = 'string'::text) THEN (e.value #>> '{id}'::text[])
            ELSE NULL::text
        END,
        CASE
            WHEN (json_typeof((e.value #> '{Id}'::text[])) = 'string'::text) THEN (e.value #>> '{Id}'::text[])
            ELSE NULL::text
        END) AS call_id,
    COALESCE(
        CASE
            WHEN (json_typeof((e.value #> '{type}'::text[])) = 'string'::text) THEN (e.value #>> '{type}'::text[])
            ELSE NULL::text
        END,
        CASE
            WHEN (json_typeof((e.value #> '{Type}'::text[])) = 'string'::text) THEN (e.value #>> '{Type}'::text[])
            ELSE NULL::text
        END) AS type,
    COALESCE(COALESCE(
        CASE
            WHEN (json_typeof((e.value #> '{function,name}'::text[])) = 'string'::text) THEN (e.value #>> '{function,name}'::text[])
            ELSE NULL::text
        END,
        CASE
            WHEN (json_typeof((e.value #> '{Function,Name}'::text[])) = 'string'::text) THEN (e.value #>> '{Function,Name}'::text[])
            ELSE NULL::text
        END), COALESCE(
        CASE
            WHEN (json_typeof((e.value #> '{name}'::text[])) = 'string'::text) THEN (e.value #>> '{name}'::text[])
            ELSE NULL::text
        END,
        CASE
            WHEN (json_typeof((e.value #> '{Name}'::text[])) = 'string'::text) THEN (e.value #>> '{Name}'::text[])
            ELSE NULL::text
        END)) AS function_name,
    COALESCE(COALESCE(
        CASE
            WHEN (json_typeof((e.value #> '{function,arguments}'::text[])) = 'string'::text) THEN (e.value #>> '{function,arguments}'::text[])
            ELSE NULL::text
        END,
        CASE
            WHEN (json_typeof((e.value #> '{Function,Arguments}'::text[])) = 'string'::text) THEN (e.value #>> '{Function,Arguments}'::text[])
            ELSE NULL::text
        END), COALESCE(
        CASE
            WHEN (json_typeof((e.value #> '{arguments}'::text[])) = 'string'::text) THEN (e.value #>> '{arguments}'::text[])
            ELSE NULL::text
        END,
        CASE
            WHEN (json_typeof((e.value #> '{Arguments}'::text[])) = 'string'::text) THEN (e.value #>> '{Arguments}'::text[])
            ELSE NULL::text
        END)) AS arguments,
    c.observed_at,
        CASE
            WHEN ((c.observed_at >= '-62135510400000000'::bigint) AND (c.observed_at <= '253402214399000000'::bigint)) THEN to_timestamp((((c.observed_at - (((c.observed_at % (1000000)::bigint) + 1000000) % (1000000)::bigint)) / 1000000))::double precision)
            ELSE NULL::timestamp with time zone
        END AS observed_time,
    false AS pending
   FROM ((public.run_object_change c
     CROSS JOIN LATERAL json_each(
        CASE
            WHEN (json_typeof(COALESCE((c.members -> 'required_action'::text), (c.members -> 'requiredAction'::text), (c.members -> 'RequiredAction'::text))) = 'object'::text) THEN COALESCE((c.members -> 'required_action'::text), (c.members -> 'requiredAction'::text), (c.members -> 'RequiredAction'::text))
            ELSE '{}'::json
        END) m(name, value))
     CROSS JOIN LATERAL json_array_elements(
        CASE
            WHEN (json_typeof(COALESCE((m.value -> 'tool_calls'::text), (m.value -> 'toolCalls'::text), (m.value -> 'ToolCalls'::text))) = 'array'::text) THEN COALESCE((m.value -> 'tool_calls'::text), (m.value -> 'toolCalls'::text), (m.value -> 'ToolCalls'::text))
            ELSE '[]'::json
        END) WITH ORDINALITY e(value, place));
CREATE VIEW public.run_tools AS
 SELECT l.run_object AS run_id,
    l."position",
    t.type,
    f.name AS function_name,
    f.description,
    f.strict,
    t.id AS tool_id
   FROM ((public.run_object_assistant_object_tools_inner l
     LEFT JOIN public.assistant_object_tools_inner t ON ((t.id = l.assistant_object_tools_inner)))
     LEFT JOIN public.function_object f ON ((f.id = t.function)));
CREATE VIEW public.runs AS
 SELECT r.id,
    r.object,
    r.created_at,
    r.thread_id,
    r.assistant_id,
    r.status,
    r.expires_at,
    r.started_at,
    r.cancelled_at,
    r.failed_at,
    r.completed_at,
    r.model,
    ( SELECT i.instructions
           FROM public.run_object_instructions i
          WHERE (i.id = r.instructions_id)) AS instructions,
    r.metadata,
    r.max_prompt_tokens,
    r.max_completion_tokens,
    r.temperature,
    r.top_p,
    r.parallel_tool_calls,
        CASE
            WHEN ((r.created_at >= '-62135510400'::bigint) AND (r.created_at <= '253402214399'::bigint)) THEN to_timestamp((r.created_at)::double precision)
            ELSE NULL::timestamp with time zone
        END AS created_time,
        CASE
            WHEN ((r.started_at >= '-62135510400'::bigint) AND (r.started_at <= '253402214399'::bigint)) THEN to_timestamp((r.started_at)::double precision)
            ELSE NULL::timestamp with time zone
        END AS started_time,
        CASE
            WHEN ((r.expires_at >= '-62135510400'::bigint) AND (r.expires_at <= '253402214399'::bigint)) THEN to_timestamp((r.expires_at)::double precision)
            ELSE NULL::timestamp with time zone
        END AS expires_time,
        CASE
            WHEN ((r.cancelled_at >= '-62135510400'::bigint) AND (r.cancelled_at <= '253402214399'::bigint)) THEN to_timestamp((r.cancelled_at)::double precision)
            ELSE NULL::timestamp with time zone
        END AS cancelled_time,
        CASE
            WHEN ((r.failed_at >= '-62135510400'::bigint) AND (r.failed_at <= '253402214399'::bigint)) THEN to_timestamp((r.failed_at)::double precision)
            ELSE NULL::timestamp with time zone
        END AS failed_time,
        CASE
            WHEN ((r.completed_at >= '-62135510400'::bigint) AND (r.completed_at <= '253402214399'::bigint)) THEN to_timestamp((r.completed_at)::double precision)
            ELSE NULL::timestamp with time zone
        END AS completed_time,
        CASE r.status
            WHEN 'completed'::text THEN r.completed_at
            WHEN 'incomplete'::text THEN r.completed_at
            WHEN 'failed'::text THEN r.failed_at
            WHEN 'cancelled'::text THEN r.cancelled_at
            WHEN 'expired'::text THEN r.expires_at
            ELSE NULL::bigint
        END AS finished_at,
        CASE
            WHEN ((
            CASE r.status
                WHEN 'completed'::text THEN r.completed_at
                WHEN 'incomplete'::text THEN r.completed_at
                WHEN 'failed'::text THEN r.failed_at
                WHEN 'cancelled'::text THEN r.cancelled_at
                WHEN 'expired'::text THEN r.expires_at
                ELSE NULL::bigint
            END >= '-62135510400'::bigint) AND (
            CASE r.status
                WHEN 'completed'::text THEN r.completed_at
                WHEN 'incomplete'::text THEN r.completed_at
                WHEN 'failed'::text THEN r.failed_at
                WHEN 'cancelled'::text THEN r.cancelled_at
                WHEN 'expired'::text THEN r.expires_at
                ELSE NULL::bigint
            END <= '253402214399'::bigint)) THEN to_timestamp((
            CASE r.status
                WHEN 'completed'::text THEN r.completed_at
                WHEN 'incomplete'::text THEN r.completed_at
                WHEN 'failed'::text THEN r.failed_at
                WHEN 'cancelled'::text THEN r.cancelled_at
                WHEN 'expired'::text THEN r.expires_at
                ELSE NULL::bigint
            END)::double precision)
            ELSE NULL::timestamp with time zone
        END AS finished_time,
        CASE
            WHEN (((r.created_at >= '-62135510400'::bigint) AND (r.created_at <= '253402214399'::bigint)) AND ((r.started_at >= '-62135510400'::bigint) AND (r.started_at <= '253402214399'::bigint))) THEN (r.started_at - r.created_at)
            ELSE NULL::bigint
        END AS queue_seconds,
        CASE
            WHEN (((r.started_at >= '-62135510400'::bigint) AND (r.started_at <= '253402214399'::bigint)) AND ((
            CASE r.status
                WHEN 'completed'::text THEN r.completed_at
                WHEN 'incomplete'::text THEN r.completed_at
                WHEN 'failed'::text THEN r.failed_at
                WHEN 'cancelled'::text THEN r.cancelled_at
                WHEN 'expired'::text THEN r.expires_at
                ELSE NULL::bigint
            END >= '-62135510400'::bigint) AND (
            CASE r.status
                WHEN 'completed'::text THEN r.completed_at
                WHEN 'incomplete'::text THEN r.completed_at
                WHEN 'failed'::text THEN r.failed_at
                WHEN 'cancelled'::text THEN r.cancelled_at
                WHEN 'expired'::text THEN r.expires_at
                ELSE NULL::bigint
            END <= '253402214399'::bigint))) THEN (
            CASE r.status
                WHEN 'completed'::text THEN r.completed_at
                WHEN 'incomplete'::text THEN r.completed_at
                WHEN 'failed'::text THEN r.failed_at
                WHEN 'cancelled'::text THEN r.cancelled_at
                WHEN 'expired'::text THEN r.expires_at
                ELSE NULL::bigint
            END - r.started_at)
            ELSE NULL::bigint
        END AS run_seconds,
        CASE
            WHEN (((r.created_at >= '-62135510400'::bigint) AND (r.created_at <= '253402214399'::bigint)) AND ((
            CASE r.status
                WHEN 'completed'::text THEN r.completed_at
                WHEN 'incomplete'::text THEN r.completed_at
                WHEN 'failed'::text THEN r.failed_at
                WHEN 'cancelled'::text THEN r.cancelled_at
                WHEN 'expired'::text THEN r.expires_at
                ELSE NULL::bigint
            END >= '-62135510400'::bigint) AND (
            CASE r.status
                WHEN 'completed'::text THEN r.completed_at
                WHEN 'incomplete'::text THEN r.completed_at
                WHEN 'failed'::text THEN r.failed_at
                WHEN 'cancelled'::text THEN r.cancelled_at
                WHEN 'expired'::text THEN r.expires_at
                ELSE NULL::bigint
            END <= '253402214399'::bigint))) THEN (
            CASE r.status
                WHEN 'completed'::text THEN r.completed_at
                WHEN 'incomplete'::text THEN r.completed_at
                WHEN 'failed'::text THEN r.failed_at
                WHEN 'cancelled'::text THEN r.cancelled_at
                WHEN 'expired'::text THEN r.expires_at
                ELSE NULL::bigint
            END - r.created_at)
            ELSE NULL::bigint
        END AS total_seconds,
        CASE
            WHEN ((r.created_at >= '-62135510400'::bigint) AND (r.created_at <= '253402214399'::bigint)) THEN to_char((to_timestamp((r.created_at)::double precision) AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD"T"HH24'::text)
            ELSE NULL::text
        END AS created_hour,
        CASE
            WHEN ((r.created_at >= '-62135510400'::bigint) AND (r.created_at <= '253402214399'::bigint)) THEN to_char((to_timestamp((r.created_at)::double precision) AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD'::text)
            ELSE NULL::text
        END AS created_day,
        CASE
            WHEN ((r.created_at >= '-62135510400'::bigint) AND (r.created_at <= '253402214399'::bigint)) THEN to_char((to_timestamp((r.created_at)::double precision) AT TIME ZONE 'UTC'::text), 'IYYY-"W"IW'::text)
            ELSE NULL::text
        END AS created_week,
        CASE
            WHEN ((r.created_at >= '-62135510400'::bigint) AND (r.created_at <= '253402214399'::bigint)) THEN to_char((to_timestamp((r.created_at)::double precision) AT TIME ZONE 'UTC'::text), 'YYYY-MM'::text)
            ELSE NULL::text
        END AS created_month,
    u.prompt_tokens,
    u.completion_tokens,
    u.total_tokens,
    COALESCE(
        CASE
            WHEN ((json_typeof((u.extra #> '{prompt_tokens_details,cached_tokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{prompt_tokens_details,cached_tokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{prompt_tokens_details,cached_tokens}'::text[]))::bigint
            ELSE NULL::bigint
        END,
        CASE
            WHEN ((json_typeof((u.extra #> '{promptTokensDetails,cachedTokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{promptTokensDetails,cachedTokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{promptTokensDetails,cachedTokens}'::text[]))::bigint
            ELSE NULL::bigint
        END,
        CASE
            WHEN ((json_typeof((u.extra #> '{PromptTokensDetails,CachedTokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{PromptTokensDetails,CachedTokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{PromptTokensDetails,CachedTokens}'::text[]))::bigint
            ELSE NULL::bigint
        END,
        CASE
            WHEN ((json_typeof((u.extra #> '{prompt_token_details,cached_tokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{prompt_token_details,cached_tokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{prompt_token_details,cached_tokens}'::text[]))::bigint
            ELSE NULL::bigint
        END,
        CASE
            WHEN ((json_typeof((u.extra #> '{promptTokenDetails,cachedTokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{promptTokenDetails,cachedTokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{promptTokenDetails,cachedTokens}'::text[]))::bigint
            ELSE NULL::bigint
        END,
        CASE
            WHEN ((json_typeof((u.extra #> '{PromptTokenDetails,CachedTokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{PromptTokenDetails,CachedTokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{PromptTokenDetails,CachedTokens}'::text[]))::bigint
            ELSE NULL::bigint
        END) AS cached_tokens,
        CASE
            WHEN (((u.prompt_tokens >= 0) AND (u.prompt_tokens <= '999999999999999999'::bigint)) AND ((u.completion_tokens >= 0) AND (u.completion_tokens <= '999999999999999999'::bigint)) AND ((COALESCE(COALESCE(
            CASE
                WHEN ((json_typeof((u.extra #> '{prompt_tokens_details,cached_tokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{prompt_tokens_details,cached_tokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{prompt_tokens_details,cached_tokens}'::text[]))::bigint
                ELSE NULL::bigint
            END,
            CASE
                WHEN ((json_typeof((u.extra #> '{promptTokensDetails,cachedTokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{promptTokensDetails,cachedTokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{promptTokensDetails,cachedTokens}'::text[]))::bigint
                ELSE NULL::bigint
            END,
            CASE
                WHEN ((json_typeof((u.extra #> '{PromptTokensDetails,CachedTokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{PromptTokensDetails,CachedTokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{PromptTokensDetails,CachedTokens}'::text[]))::bigint
                ELSE NULL::bigint
            END,
            CASE
                WHEN ((json_typeof((u.extra #> '{prompt_token_details,cached_tokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{prompt_token_details,cached_tokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{prompt_token_details,cached_tokens}'::text[]))::bigint
                ELSE NULL::bigint
            END,
            CASE
                WHEN ((json_typeof((u.extra #> '{promptTokenDetails,cachedTokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{promptTokenDetails,cachedTokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{promptTokenDetails,cachedTokens}'::text[]))::bigint
                ELSE NULL::bigint
            END,
            CASE
                WHEN ((json_typeof((u.extra #> '{PromptTokenDetails,CachedTokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{PromptTokenDetails,CachedTokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{PromptTokenDetails,CachedTokens}'::text[]))::bigint
                ELSE NULL::bigint
            END), (0)::bigint) >= 0) AND (COALESCE(COALESCE(
            CASE
                WHEN ((json_typeof((u.extra #> '{prompt_tokens_details,cached_tokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{prompt_tokens_details,cached_tokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{prompt_tokens_details,cached_tokens}'::text[]))::bigint
                ELSE NULL::bigint
            END,
            CASE
                WHEN ((json_typeof((u.extra #> '{promptTokensDetails,cachedTokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{promptTokensDetails,cachedTokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{promptTokensDetails,cachedTokens}'::text[]))::bigint
                ELSE NULL::bigint
            END,
            CASE
                WHEN ((json_typeof((u.extra #> '{PromptTokensDetails,CachedTokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{PromptTokensDetails,CachedTokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{PromptTokensDetails,CachedTokens}'::text[]))::bigint
                ELSE NULL::bigint
            END,
            CASE
                WHEN ((json_typeof((u.extra #> '{prompt_token_details,cached_tokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{prompt_token_details,cached_tokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{prompt_token_details,cached_tokens}'::text[]))::bigint
                ELSE NULL::bigint
            END,
            CASE
                WHEN ((json_typeof((u.extra #> '{promptTokenDetails,cachedTokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{promptTokenDetails,cachedTokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{promptTokenDetails,cachedTokens}'::text[]))::bigint
                ELSE NULL::bigint
            END,
            CASE
                WHEN ((json_typeof((u.extra #> '{PromptTokenDetails,CachedTokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{PromptTokenDetails,CachedTokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{PromptTokenDetails,CachedTokens}'::text[]))::bigint
                ELSE NULL::bigint
            END), (0)::bigint) <= u.prompt_tokens))) THEN ( SELECT ((((((u.prompt_tokens - COALESCE(COALESCE(
                    CASE
                        WHEN ((json_typeof((u.extra #> '{prompt_tokens_details,cached_tokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{prompt_tokens_details,cached_tokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{prompt_tokens_details,cached_tokens}'::text[]))::bigint
                        ELSE NULL::bigint
                    END,
                    CASE
                        WHEN ((json_typeof((u.extra #> '{promptTokensDetails,cachedTokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{promptTokensDetails,cachedTokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{promptTokensDetails,cachedTokens}'::text[]))::bigint
                        ELSE NULL::bigint
                    END,
                    CASE
                        WHEN ((json_typeof((u.extra #> '{PromptTokensDetails,CachedTokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{PromptTokensDetails,CachedTokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{PromptTokensDetails,CachedTokens}'::text[]))::bigint
                        ELSE NULL::bigint
                    END,
                    CASE
                        WHEN ((json_typeof((u.extra #> '{prompt_token_details,cached_tokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{prompt_token_details,cached_tokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{prompt_token_details,cached_tokens}'::text[]))::bigint
                        ELSE NULL::bigint
                    END,
                    CASE
                        WHEN ((json_typeof((u.extra #> '{promptTokenDetails,cachedTokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{promptTokenDetails,cachedTokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{promptTokenDetails,cachedTokens}'::text[]))::bigint
                        ELSE NULL::bigint
                    END,
                    CASE
                        WHEN ((json_typeof((u.extra #> '{PromptTokenDetails,CachedTokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{PromptTokenDetails,CachedTokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{PromptTokenDetails,CachedTokens}'::text[]))::bigint
                        ELSE NULL::bigint
                    END), (0)::bigint)))::numeric * p.prompt) + ((COALESCE(COALESCE(
                    CASE
                        WHEN ((json_typeof((u.extra #> '{prompt_tokens_details,cached_tokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{prompt_tokens_details,cached_tokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{prompt_tokens_details,cached_tokens}'::text[]))::bigint
                        ELSE NULL::bigint
                    END,
                    CASE
                        WHEN ((json_typeof((u.extra #> '{promptTokensDetails,cachedTokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{promptTokensDetails,cachedTokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{promptTokensDetails,cachedTokens}'::text[]))::bigint
                        ELSE NULL::bigint
                    END,
                    CASE
                        WHEN ((json_typeof((u.extra #> '{PromptTokensDetails,CachedTokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{PromptTokensDetails,CachedTokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{PromptTokensDetails,CachedTokens}'::text[]))::bigint
                        ELSE NULL::bigint
                    END,
                    CASE
                        WHEN ((json_typeof((u.extra #> '{prompt_token_details,cached_tokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{prompt_token_details,cached_tokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{prompt_token_details,cached_tokens}'::text[]))::bigint
                        ELSE NULL::bigint
                    END,
                    CASE
                        WHEN ((json_typeof((u.extra #> '{promptTokenDetails,cachedTokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{promptTokenDetails,cachedTokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{promptTokenDetails,cachedTokens}'::text[]))::bigint
                        ELSE NULL::bigint
                    END,
                    CASE
                        WHEN ((json_typeof((u.extra #> '{PromptTokenDetails,CachedTokens}'::text[])) = 'number'::text) AND ((u.extra #>> '{PromptTokenDetails,CachedTokens}'::text[]) ~ '^-?[0-9]{1,18}$'::text)) THEN ((u.extra #>> '{PromptTokenDetails,CachedTokens}'::text[]))::bigint
                        ELSE NULL::bigint
                    END), (0)::bigint))::numeric * COALESCE(p.cached, p.prompt))) + ((u.completion_tokens)::numeric * p.completion)) * 0.000001)
               FROM public.model_price p
              WHERE ((p.valid_from <= r.created_at) AND ((p.model = r.model) OR ((substr(p.model, length(p.model)) = '*'::text) AND (substr(p.model, 1, (length(p.model) - 1)) = substr(r.model, 1, (length(p.model) - 1))))))
              ORDER BY
                    CASE
                        WHEN (substr(p.model, length(p.model)) = '*'::text) THEN 1
                        ELSE 0
                    END, (length(p.model)) DESC, p.valid_from DESC
             LIMIT 1)
            ELSE NULL::numeric
        END AS cost,
    ( SELECT p.currency
           FROM public.model_price p
          WHERE ((p.valid_from <= r.created_at) AND ((p.model = r.model) OR ((substr(p.model, length(p.model)) = '*'::text) AND (substr(p.model, 1, (length(p.model) - 1)) = substr(r.model, 1, (length(p.model) - 1))))))
          ORDER BY
                CASE
                    WHEN (substr(p.model, length(p.model)) = '*'::text) THEN 1
                    ELSE 0
                END, (length(p.model)) DESC, p.valid_from DESC
         LIMIT 1) AS currency,
    e.code AS error_code,
    e.message AS error_message,
    d.reason AS incomplete_reason,
    ( SELECT
                CASE
                    WHEN (substr(c.document, 1, 1) = '"'::text) THEN ((c.document)::json #>> '{}'::text[])
                    WHEN (c.id IS NOT NULL) THEN (COALESCE(c.type, 'object'::text) || COALESCE((':'::text || ( SELECT n.name
                       FROM public.function_object n
                      WHERE (n.id = c.function))), ''::text))
                    ELSE NULL::text
                END AS "case"
           FROM public.assistants_api_tool_choice_option c
          WHERE (c.id = r.tool_choice)) AS tool_choice,
    ( SELECT
                CASE
                    WHEN (substr(f.document, 1, 1) = '"'::text) THEN ((f.document)::json #>> '{}'::text[])
                    WHEN (f.type = 'json_schema'::text) THEN (f.type || COALESCE((':'::text || COALESCE(
                    CASE
                        WHEN (json_typeof(((f.document)::json #> '{json_schema,name}'::text[])) = 'string'::text) THEN ((f.document)::json #>> '{json_schema,name}'::text[])
                        ELSE NULL::text
                    END,
                    CASE
                        WHEN (json_typeof(((f.document)::json #> '{jsonSchema,name}'::text[])) = 'string'::text) THEN ((f.document)::json #>> '{jsonSchema,name}'::text[])
                        ELSE NULL::text
                    END,
                    CASE
                        WHEN (json_typeof(((f.document)::json #> '{JsonSchema,Name}'::text[])) = 'string'::text) THEN ((f.document)::json #>> '{JsonSchema,Name}'::text[])
                        ELSE NULL::text
                    END)), ''::text))
                    WHEN (f.id IS NOT NULL) THEN COALESCE(f.type, 'object'::text)
                    ELSE NULL::text
                END AS "case"
           FROM public.assistants_api_response_format_option f
          WHERE (f.id = r.response_format)) AS response_format,
    ( SELECT
                CASE
                    WHEN (t.last_messages IS NOT NULL) THEN ((COALESCE(t.type, 'object'::text) || ':'::text) || (t.last_messages)::text)
                    WHEN (t.id IS NOT NULL) THEN COALESCE(t.type, 'object'::text)
                    ELSE NULL::text
                END AS "case"
           FROM public.truncation_object t
          WHERE (t.id = r.truncation_strategy)) AS truncation,
    ( SELECT count(*) AS count
           FROM public.run_object_assistant_object_tools_inner l
          WHERE (l.run_object = r.id)) AS tool_count,
    ( SELECT count(*) AS count
           FROM public.run_object_file_ids l
          WHERE (l.run_object = r.id)) AS file_count,
    ( SELECT count(*) AS count
           FROM public.run_tool_call_object l
          WHERE (l.run_object = r.id)) AS pending_tool_calls,
    r.source,
    r.observed_at,
        CASE
            WHEN ((r.observed_at >= '-62135510400000000'::bigint) AND (r.observed_at <= '253402214399000000'::bigint)) THEN to_timestamp((((r.observed_at - (((r.observed_at % (1000000)::bigint) + 1000000) % (1000000)::bigint)) / 1000000))::double precision)
            ELSE NULL::timestamp with time zone
        END AS observed_time,
    r.archived_at,
        CASE
            WHEN ((r.archived_at >= '-62135510400000000'::bigint) AND (r.archived_at <= '253402214399000000'::bigint)) THEN to_timestamp((((r.archived_at - (((r.archived_at % (1000000)::bigint) + 1000000) % (1000000)::bigint)) / 1000000))::double precision)
            ELSE NULL::timestamp with time zone
        END AS archived_time
   FROM (((public.run_object r
     LEFT JOIN public.run_completion_usage u ON ((u.run_object = r.id)))
     LEFT JOIN public.run_object_last_error e ON ((e.run_object = r.id)))
     LEFT JOIN public.run_object_incomplete_details d ON ((d.run_object = r.id)));
CREATE TABLE public.runstore_version (
    version_num character varying(32) NOT NULL,
    readable_by character varying(32),
    writable_by character varying(32),
    last_import bigint
);
INSERT INTO public.assistant_object_tools_inner VALUES (1773587287297586641, '\x313a187b5b0aeba2751ff7c37957f4685feb4abfe2437d7f605a6f6621d30095', 'function', 4518759935549170133, '{"type":"function","function":null}');
INSERT INTO public.assistant_object_tools_inner VALUES (3834931188158406135, '\x6a70d331d07f3bee70659ba5f0d9e76e2b06ab32198235f7070555502242825a', 'file_search', NULL, '{"type":"file_search","file_search":{"max_num_results":8,"ranking_options":{"ranker":"default_2024_08_21","score_threshold":0.35}}}');
INSERT INTO public.assistant_object_tools_inner VALUES (3878561478250135445, '\x6ba6d63add39ff2ae9675f2856c47cfa5122bae8f10113bd11d73b9451a29c3e', 'function', 7366175333973875119, '{"type":"function","function":null}');
INSERT INTO public.assistant_object_tools_inner VALUES (5716889704749490211, '\x9eacf1cb4f5cc0467326cb14b3a16e6bc65a4ddb0b6d700fa86a27791b70f19a', 'function', 7544739833493905151, '{"type":"function","function":null}');
INSERT INTO public.assistant_object_tools_inner VALUES (6381646070959185748, '\xb12052948b943ea90eae830689892f73acab43656d40cba9c353a014c4c83456', 'code_interpreter', NULL, '{"type":"code_interpreter"}');
INSERT INTO public.assistant_object_tools_inner VALUES (6814834196746183656, '\xbd264f30d87b47d0f658f38159a5de175193e6ba0792be0f5fed4d7c919a4e59', 'function', 3301681297349848876, '{"type":"function","function":null}');
INSERT INTO public.assistant_object_tools_inner VALUES (9134849871051623767, '\xfd8b031e511c1aae4e4557d3502d58baff96766cdbaa194fd095741472b8e98b', 'retrieval', NULL, '{"type":"retrieval"}');
INSERT INTO public.assistants_api_response_format_option VALUES (51934446772566083, '\x0171043556f870865b71f8361e778cd314aa0ed05d5c29abbacc4d9c5f31ad98', 'json_schema', '{"type":"json_schema","json_schema":{"name":"measurements","description":"What was measured, in the order of the protocol.","schema":{"type":"object","properties":{"series":{"type":"array","items":{"type":"object","properties":{"what":{"type":"string"},"value":{"type":"number"},"unit":{"type":"string"}},"required":["what","value","unit"],"additionalProperties":false}}},"required":["series"],"additionalProperties":false},"strict":true}}');
INSERT INTO public.assistants_api_response_format_option VALUES (376319613388865167, '\x0a71e9639c1c7d1eca53dbb5d33278f097af1d538cb7f3ecace7f60271b6c6f5', NULL, '"auto"');
INSERT INTO public.assistants_api_response_format_option VALUES (8391399169566741021, '\xe8e87a2b9d11243adb1e270b2ad427fedcc9add5d23ab1a049bb17c791ac4b2a', 'text', '{"type":"text"}');
INSERT INTO public.assistants_api_tool_choice_option VALUES (376319613388865167, '\x0a71e9639c1c7d1eca53dbb5d33278f097af1d538cb7f3ecace7f60271b6c6f5', NULL, NULL, '"auto"');
INSERT INTO public.assistants_api_tool_choice_option VALUES (2295075766590197532, '\x3fb37e7ff06e9e38c86d254fe7bf23d5600b7f4efd1a56ad470fd8c0a31e75b1', 'function', 4750972317229048334, '{"type":"function","function":null}');
INSERT INTO public.assistants_api_tool_choice_option VALUES (6381646070959185748, '\xb12052948b943ea90eae830689892f73acab43656d40cba9c353a014c4c83456', 'code_interpreter', NULL, '{"type":"code_interpreter"}');
INSERT INTO public.function_object VALUES (3301681297349848876, '\x5ba3db4b342d5e5930e8d48d845d7d92458a9ca2f5ea5e9c822cb5eba9735f1f', 'convert_unit', 'Converts a value into SI units.', '{"type":"object","properties":{"value":{"type":"number"},"unit":{"type":"string"}},"required":["value","unit"],"additionalProperties":false}', true, '{"name":"convert_unit","description":"Converts a value into SI units.","parameters":{"type":"object","properties":{"value":{"type":"number"},"unit":{"type":"string"}},"required":["value","unit"],"additionalProperties":false},"strict":true}');
INSERT INTO public.function_object VALUES (4518759935549170133, '\x7d6bb8709f59c3aa6272f88bd4e18e54cf461211c054083f52ec363b7f3e1a8a', 'get_route', 'Route between two places on foot.', '{"type":"object","properties":{"from":{"type":"string"},"to":{"type":"string"},"avoid":{"type":"array","items":{"type":"string"}}},"required":["from","to"]}', NULL, '{"name":"get_route","description":"Route between two places on foot.","parameters":{"type":"object","properties":{"from":{"type":"string"},"to":{"type":"string"},"avoid":{"type":"array","items":{"type":"string"}}},"required":["from","to"]}}');
INSERT INTO public.function_object VALUES (4750972317229048334, '\x83ddb04d344dc41ce527505cf6eb8b5197fd41e4daefae4dce49eafae6337f6f', 'get_route', NULL, NULL, NULL, '{"name":"get_route"}');
INSERT INTO public.function_object VALUES (7366175333973875119, '\xcc73d2e08d83b35eb180ea3e08d15c80a9123e8dff6d7b489462bf983b031186', 'renew_loan', 'Extends one loan by four weeks.', '{"type":"object","properties":{"loan":{"type":"integer"},"weeks":{"type":"integer","enum":[2,4]}},"required":["loan"]}', NULL, '{"name":"renew_loan","description":"Extends one loan by four weeks.","parameters":{"type":"object","properties":{"loan":{"type":"integer"},"weeks":{"type":"integer","enum":[2,4]}},"required":["loan"]}}');
INSERT INTO public.function_object VALUES (7544739833493905151, '\xd16899cf4449bdff4cc761191204141f9ad1c774680267ae9a0966ebff5206e0', 'find_loans', 'Lists the loans of one reader, the oldest first.', '{"type":"object","properties":{"reader":{"type":"string","description":"Number on the reader''s card."},"overdue_only":{"type":"boolean"}},"required":["reader"]}', NULL, '{"name":"find_loans","description":"Lists the loans of one reader, the oldest first.","parameters":{"type":"object","properties":{"reader":{"type":"string","description":"Number on the reader''s card."},"overdue_only":{"type":"boolean"}},"required":["reader"]}}');
INSERT INTO public.run_completion_usage VALUES ('run_J1xSvUq6YhTo4CmRk9WzBnE2', 41, 958, 999, NULL);
INSERT INTO public.run_completion_usage VALUES ('run_W5nGzQe8LtRy1VbXk3MhCs6D', 512, 7312, 7824, NULL);
INSERT INTO public.run_completion_usage VALUES ('run_Zk6BfT1oWcPr9yMhLs4NvGx0', 263, 4127, 4390, NULL);
INSERT INTO public.run_completion_usage VALUES ('run_c7YwEo5Kd0JxVnTq2RzLbPm9', 87, 1904, 1991, NULL);
INSERT INTO public.run_object VALUES ('', NULL, NULL, NULL, NULL, '💥', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 2027111786210015505, '\xf768f6f6a60ddf68a04f03b0a256ca45417dd80fba6726ee523fd29397e14755', 1700000000000011, 1795820965836362, 'kept');
INSERT INTO public.run_object VALUES ('run_J1xSvUq6YhTo4CmRk9WzBnE2', 'thread.run', 1714032600, 'thread_aX5LpGt0QbVw7FiKe8NyRcZd', 'asst_3BmHsOj9WrYq1TxUv6CzPkEf', 'cancelled', NULL, 1714032603, 1714032641, NULL, NULL, 'gpt-4-turbo-2024-04-09', 4383416606877258459, '{"channel":"kiosk 4","language":"de"}', 8000, 600, 6843651927107688151, 2295075766590197532, 8391399169566741021, 0.7, NULL, NULL, NULL, 7675639439739142005, '\xb71c00303698e08f5988b242741c66cea9d999b481162893898a52644c15f6a5', 1700000000000001, 1795820965836362, 'kept');
INSERT INTO public.run_object VALUES ('run_W5nGzQe8LtRy1VbXk3MhCs6D', 'thread.run', 1724238017, 'thread_0TjPoKm2YvBx9EwSfNcLqU7r', 'asst_gA6dHiZ4RkXt8VyWb1MpQe3J', 'incomplete', NULL, 1724238018, NULL, NULL, NULL, 'gpt-4o-2024-08-06', 2542439732799862337, '{"protocol":"KW-33/b"}', 20000, 512, 963331061478271840, 376319613388865167, 51934446772566083, 0, 0.95, false, NULL, 4978412198058885213, '\x9a76a44205504cc7fc80519fc8896913fca267e4759d28a93520c86ab27e60d6', 1700000000000009, 1795820965836362, 'kept');
INSERT INTO public.run_object VALUES ('run_Zk6BfT1oWcPr9yMhLs4NvGx0', 'thread.run', 1707998403, 'thread_uJ3eRq7XaVd2KtCy5GmBnSw8', 'asst_P0lFiYz6HbTvWx1MeKqRc4oN', 'completed', NULL, 1707998404, NULL, NULL, 1707998419, 'gpt-4-turbo-preview', 5100130044479177255, '{"desk":"procurement","ticket":"PR-1182"}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 5931770729208949944, '\xcc726e08566ee75788abb88e459d6c1e11843a696b49cb029016fb5be05b2fcd', 1700000000000005, 1795820965836362, 'kept');
INSERT INTO public.run_object VALUES ('run_c7YwEo5Kd0JxVnTq2RzLbPm9', 'thread.run', 1713358920, 'thread_fB8iNa3GsXh6UvQkZ1tCeWrM', 'asst_L4pOyD9jSgTm2KcVx7ZbHqEu', 'failed', NULL, 1713358922, NULL, 1713358951, NULL, 'gpt-4-turbo', 6411415765272427295, '{"report":"tide tables"}', 12000, 1500, 6615443988019013860, 6381646070959185748, 376319613388865167, 0.4, 1, NULL, NULL, 3519123981753311975, '\xa652f46063524c0748a48c24ccaccb86122af1afe50395b5b160542155adbbcd', 1700000000000007, 1795820965836362, 'kept');
INSERT INTO public.run_object VALUES ('run_odd', 'thread.run', -9223372036854775808, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"z":"ü\"''\\ \n","a":{"nested":[1,null,{}]}}', NULL, NULL, NULL, NULL, NULL, 0.0000001, NULL, NULL, '{"unknown":{"deep":[9007199254740993]}}', 2884757782999927286, '\xebfa6627a14ef7a3ab5c834f60f9322ce049594251e8cf08e1df02283278e6ec', 1700000000000010, 1795820965836362, 'kept');
INSERT INTO public.run_object VALUES ('run_q2VtN8LhXw0BzRcY5mJdKe7A', 'thread.run', 1705312847, 'thread_Hn4sWb91TgLxEo6QvCzPkU3f', 'asst_mD7yJr2KpXc5uZaN0tVeBq8i', 'requires_action', 1705313447, 1705312848, NULL, NULL, NULL, 'gpt-4-1106-preview', 5132581310454712800, '{}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 5243752228963052158, '\x58d0ddcbf0a9005a0362b570edbcfe75a22e6fc5238e496bf03b3aab705a013a', 1700000000000003, 1795820965836362, 'kept');
INSERT INTO public.run_object_assistant_object_tools_inner VALUES ('run_J1xSvUq6YhTo4CmRk9WzBnE2', 0, 9134849871051623767);
INSERT INTO public.run_object_assistant_object_tools_inner VALUES ('run_J1xSvUq6YhTo4CmRk9WzBnE2', 1, 1773587287297586641);
INSERT INTO public.run_object_assistant_object_tools_inner VALUES ('run_W5nGzQe8LtRy1VbXk3MhCs6D', 0, 3834931188158406135);
INSERT INTO public.run_object_assistant_object_tools_inner VALUES ('run_W5nGzQe8LtRy1VbXk3MhCs6D', 1, 6814834196746183656);
INSERT INTO public.run_object_assistant_object_tools_inner VALUES ('run_Zk6BfT1oWcPr9yMhLs4NvGx0', 0, 9134849871051623767);
INSERT INTO public.run_object_assistant_object_tools_inner VALUES ('run_c7YwEo5Kd0JxVnTq2RzLbPm9', 0, 6381646070959185748);
INSERT INTO public.run_object_assistant_object_tools_inner VALUES ('run_c7YwEo5Kd0JxVnTq2RzLbPm9', 1, 9134849871051623767);
INSERT INTO public.run_object_assistant_object_tools_inner VALUES ('run_odd', 0, 6381646070959185748);
INSERT INTO public.run_object_assistant_object_tools_inner VALUES ('run_odd', 1, 6381646070959185748);
INSERT INTO public.run_object_assistant_object_tools_inner VALUES ('run_q2VtN8LhXw0BzRcY5mJdKe7A', 0, 6381646070959185748);
INSERT INTO public.run_object_assistant_object_tools_inner VALUES ('run_q2VtN8LhXw0BzRcY5mJdKe7A', 1, 5716889704749490211);
INSERT INTO public.run_object_assistant_object_tools_inner VALUES ('run_q2VtN8LhXw0BzRcY5mJdKe7A', 2, 3878561478250135445);
INSERT INTO public.run_object_change VALUES ('run_J1xSvUq6YhTo4CmRk9WzBnE2', '\xb8c85a9ffe476291fee02c521e15a99e4234b62aa3c318f7a62790ebbb92741e', 1700000000000000, 'queued', '{"status":"queued"}', NULL);
INSERT INTO public.run_object_change VALUES ('run_W5nGzQe8LtRy1VbXk3MhCs6D', '\xc0ac43f8aa06fe1aa7996b7bcdee387f34575d25d9fd57cf20cd988620b4bdf5', 1700000000000008, 'queued', '{"status":"queued"}', NULL);
INSERT INTO public.run_object_change VALUES ('run_Zk6BfT1oWcPr9yMhLs4NvGx0', '\x7233c74bd3545f5a44104031bbf66eb7f39a76a11044c762867664943c07a100', 1700000000000004, 'queued', '{"completed_at":null,"status":"queued"}', NULL);
INSERT INTO public.run_object_change VALUES ('run_c7YwEo5Kd0JxVnTq2RzLbPm9', '\x25f02f717c0284d38ec5b43a16e89592111be3fc34233da1b3cd35eafe3b488b', 1700000000000006, 'queued', '{"status":"queued"}', NULL);
INSERT INTO public.run_object_change VALUES ('run_q2VtN8LhXw0BzRcY5mJdKe7A', '\xeb0546d931102cfc034e6f6589681638517758e07bcef314e5a49235a10305a2', 1700000000000002, 'queued', '{"status":"queued"}', NULL);
INSERT INTO public.run_object_file_ids VALUES ('run_J1xSvUq6YhTo4CmRk9WzBnE2', 0, 'file-QwE7rTyU2iOpAs5DfGh0JkLz');
INSERT INTO public.run_object_file_ids VALUES ('run_Zk6BfT1oWcPr9yMhLs4NvGx0', 0, 'file-Xa8RwQmUe3YtLzKj0VbNcP5s');
INSERT INTO public.run_object_file_ids VALUES ('run_Zk6BfT1oWcPr9yMhLs4NvGx0', 1, 'file-o1HdGf7TiBk9ZpMxWq2EyCvA');
INSERT INTO public.run_object_file_ids VALUES ('run_c7YwEo5Kd0JxVnTq2RzLbPm9', 0, 'file-9MvKcXrT4bQeYh2WzLpJo6Ua');
INSERT INTO public.run_object_incomplete_details VALUES ('run_W5nGzQe8LtRy1VbXk3MhCs6D', 'max_completion_tokens', NULL);
INSERT INTO public.run_object_instructions VALUES (2542439732799862337, '\x46911eeee0bfec83eee8fde08abadcabd650c9258d53d51c019d8bc9322048f5', 'Extract every measurement of the protocol. Leave nothing out.
Units as they stand: °C, µm, ‰.');
INSERT INTO public.run_object_instructions VALUES (4383416606877258459, '\x79aa0c5bf6ef25b65c2cd54d1e49a1e816d5cc5a34fd5bdce0f407599133f267', 'You plan walks. Ask for the distance first.');
INSERT INTO public.run_object_instructions VALUES (5100130044479177255, '\x8d8e9a81f2f5044e6e76b3d84598b68422d27c10f7e5698a609076a2a757d8a8', 'Answer from the attached price lists only. Give the page.');
INSERT INTO public.run_object_instructions VALUES (5132581310454712800, '\x8e752f043cec93c1c60062bb589c50847cbd8f904da556a7aba2c7fd761666e3', 'You answer for the lending desk of a town library. Look a loan up before you say anything about it.');
INSERT INTO public.run_object_instructions VALUES (6411415765272427295, '\xb1f3d956b8cdf63f75c232a0566197b95442cd181efe0ac2364b9affe6c9390b', 'Draw the chart that is asked for; name both axes.');
INSERT INTO public.run_object_last_error VALUES ('run_c7YwEo5Kd0JxVnTq2RzLbPm9', 'rate_limit_exceeded', 'Rate limit reached for tokens per minute. Limit: 30000, used: 29412, requested: 2210.', NULL);
INSERT INTO public.run_object_required_action VALUES ('run_q2VtN8LhXw0BzRcY5mJdKe7A', 'submit_tool_outputs', NULL);
INSERT INTO public.run_object_shape VALUES (2027111786210015505, '\x38437edbe21c7223743af8237c1f6a73870e63242b8b895462532e72088d7d60', '{"keys":["id","status"]}');
INSERT INTO public.run_object_shape VALUES (2884757782999927286, '\x50116fd6cd8213ec24cd10faa31e258b54c6b41585516cdac327d863d97fe5d4', '{"keys":["id","object","metadata","tools","file_ids","temperature","created_at","unknown"],"null":["file_ids"]}');
INSERT INTO public.run_object_shape VALUES (3519123981753311975, '\x61ace13b89edc5ce2a9826a60363fb870af453a999d7f293424107cc3437e895', '{"keys":["id","object","created_at","thread_id","assistant_id","status","required_action","last_error","expires_at","started_at","cancelled_at","failed_at","completed_at","incomplete_details","model","instructions","tools","file_ids","metadata","usage","temperature","top_p","max_prompt_tokens","max_completion_tokens","truncation_strategy","tool_choice","response_format"],"last_error":["code","message"],"usage":["prompt_tokens","completion_tokens","total_tokens"]}');
INSERT INTO public.run_object_shape VALUES (4978412198058885213, '\x8a2dbf08e58b00ba9111360f417cff9ae94a5e844eb38fa06ef42b8f1e6ef931', '{"keys":["id","object","created_at","thread_id","assistant_id","status","required_action","last_error","expires_at","started_at","cancelled_at","failed_at","completed_at","incomplete_details","model","instructions","tools","metadata","usage","temperature","top_p","max_prompt_tokens","max_completion_tokens","truncation_strategy","tool_choice","parallel_tool_calls","response_format"],"incomplete_details":["reason"],"usage":["prompt_tokens","completion_tokens","total_tokens"]}');
INSERT INTO public.run_object_shape VALUES (5243752228963052158, '\x918b19bd4302d4fce09094148f80f6e5f19dea614390452520eee11066d84035', '{"keys":["id","object","created_at","thread_id","assistant_id","status","required_action","last_error","expires_at","started_at","cancelled_at","failed_at","completed_at","model","instructions","tools","file_ids","metadata"],"tool_calls":[[["id","type","function"],["name","arguments"]]],"required_action":["type","submit_tool_outputs"]}');
INSERT INTO public.run_object_shape VALUES (5931770729208949944, '\xa4a3c419c71e5970cc8feeb5ff43ff78bf926c7eb32731e457f6615cdc6d11f3', '{"keys":["id","object","created_at","thread_id","assistant_id","status","required_action","last_error","expires_at","started_at","cancelled_at","failed_at","completed_at","model","instructions","tools","file_ids","metadata","usage"],"usage":["prompt_tokens","completion_tokens","total_tokens"]}');
INSERT INTO public.run_object_shape VALUES (7675639439739142005, '\xd50ab2ce6b427eeb721b1dd20e973b944e3162be7448cfc3779adf0bd774719f', '{"keys":["id","object","created_at","thread_id","assistant_id","status","required_action","last_error","expires_at","started_at","cancelled_at","failed_at","completed_at","incomplete_details","model","instructions","tools","file_ids","metadata","usage","max_prompt_tokens","max_completion_tokens","truncation_strategy","tool_choice","response_format","temperature"],"usage":["completion_tokens","prompt_tokens","total_tokens"]}');
INSERT INTO public.run_tool_call_object VALUES ('run_q2VtN8LhXw0BzRcY5mJdKe7A', 0, 'call_e9FzLq3vRtWmY1sKxBn6PoUd', 'function', 'find_loans', '{"reader": "B-20417", "overdue_only": true}', NULL);
INSERT INTO public.run_tool_call_object VALUES ('run_q2VtN8LhXw0BzRcY5mJdKe7A', 1, 'call_T5jGh0CkXaVw2NrEiZy8MlQb', 'function', 'renew_loan', '{"loan": 90311, "weeks": 4}', NULL);
INSERT INTO public.runstore_version VALUES ('0007', '0001..0007', '0006..0007', 1795820965872111);
INSERT INTO public.truncation_object VALUES (963331061478271840, '\x1abce0fe310656c0f9f2286bc3f927281c3e5abde038f070767091e3261904de', 'auto', NULL, '{"type":"auto","last_messages":null}');
INSERT INTO public.truncation_object VALUES (6615443988019013860, '\xb79d8e8392bbd1c912eca8fecefe9b0dc62117ee902247c7d2fc92feade40203', 'last_messages', 12, '{"type":"last_messages","last_messages":12}');
INSERT INTO public.truncation_object VALUES (6843651927107688151, '\xbdf312564357adaf7f8f68dcb0ef8e9b4187ff8233321f4192e3a11c73379023', 'auto', NULL, '{"type":"auto"}');
ALTER TABLE ONLY public.assistant_object_tools_inner
    ADD CONSTRAINT pk_assistant_object_tools_inner PRIMARY KEY (id);
ALTER TABLE ONLY public.assistants_api_response_format_option
    ADD CONSTRAINT pk_assistants_api_response_format_option PRIMARY KEY (id);
ALTER TABLE ONLY public.assistants_api_tool_choice_option
    ADD CONSTRAINT pk_assistants_api_tool_choice_option PRIMARY KEY (id);
ALTER TABLE ONLY public.function_object
    ADD CONSTRAINT pk_function_object PRIMARY KEY (id);
ALTER TABLE ONLY public.model_price
    ADD CONSTRAINT pk_model_price PRIMARY KEY (model, valid_from);
ALTER TABLE ONLY public.run_completion_usage
    ADD CONSTRAINT pk_run_completion_usage PRIMARY KEY (run_object);
ALTER TABLE ONLY public.run_object
    ADD CONSTRAINT pk_run_object PRIMARY KEY (id);
ALTER TABLE ONLY public.run_object_assistant_object_tools_inner
    ADD CONSTRAINT pk_run_object_assistant_object_tools_inner PRIMARY KEY (run_object, "position");
ALTER TABLE ONLY public.run_object_change
    ADD CONSTRAINT pk_run_object_change PRIMARY KEY (run_object, digest);
ALTER TABLE ONLY public.run_object_file_ids
    ADD CONSTRAINT pk_run_object_file_ids PRIMARY KEY (run_object, "position");
ALTER TABLE ONLY public.run_object_incomplete_details
    ADD CONSTRAINT pk_run_object_incomplete_details PRIMARY KEY (run_object);
ALTER TABLE ONLY public.run_object_instructions
    ADD CONSTRAINT pk_run_object_instructions PRIMARY KEY (id);
ALTER TABLE ONLY public.run_object_last_error
    ADD CONSTRAINT pk_run_object_last_error PRIMARY KEY (run_object);
ALTER TABLE ONLY public.run_object_required_action
    ADD CONSTRAINT pk_run_object_required_action PRIMARY KEY (run_object);
ALTER TABLE ONLY public.run_object_shape
    ADD CONSTRAINT pk_run_object_shape PRIMARY KEY (id);
ALTER TABLE ONLY public.run_tool_call_object
    ADD CONSTRAINT pk_run_tool_call_object PRIMARY KEY (run_object, "position");
ALTER TABLE ONLY public.truncation_object
    ADD CONSTRAINT pk_truncation_object PRIMARY KEY (id);
ALTER TABLE ONLY public.runstore_version
    ADD CONSTRAINT runstore_version_pkc PRIMARY KEY (version_num);
CREATE INDEX ix_assistant_object_tools_inner_function ON public.assistant_object_tools_inner USING btree (function);
CREATE INDEX ix_assistant_object_tools_inner_type ON public.assistant_object_tools_inner USING btree (type);
CREATE INDEX ix_assistants_api_tool_choice_option_function ON public.assistants_api_tool_choice_option USING btree (function);
CREATE INDEX ix_function_object_name ON public.function_object USING btree (name);
CREATE INDEX ix_run_completion_usage_total_tokens ON public.run_completion_usage USING btree (total_tokens);
CREATE INDEX ix_run_object_assistant_id ON public.run_object USING btree (assistant_id, COALESCE(created_at, '-9223372036854775808'::bigint));
CREATE INDEX ix_run_object_assistant_object_tools_inner_tool ON public.run_object_assistant_object_tools_inner USING btree (assistant_object_tools_inner);
CREATE INDEX ix_run_object_created ON public.run_object USING btree (created_at);
CREATE INDEX ix_run_object_created_at ON public.run_object USING btree (COALESCE(created_at, '-9223372036854775808'::bigint), id);
CREATE INDEX ix_run_object_file_ids_file_ids ON public.run_object_file_ids USING btree (file_ids);
CREATE INDEX ix_run_object_incomplete_details_reason ON public.run_object_incomplete_details USING btree (reason);
CREATE INDEX ix_run_object_instructions_id ON public.run_object USING btree (instructions_id);
CREATE INDEX ix_run_object_irregular ON public.run_object USING btree (COALESCE(created_at, '-9223372036854775808'::bigint), id) WHERE (((created_at IS NULL) AND (COALESCE(started_at, completed_at, failed_at, cancelled_at, expires_at) IS NOT NULL)) OR ((((started_at / 2) - (created_at / 2)) < 0) OR (((started_at / 2) - (created_at / 2)) > 43200)) OR ((((completed_at / 2) - (created_at / 2)) < 0) OR (((completed_at / 2) - (created_at / 2)) > 43200)) OR ((((failed_at / 2) - (created_at / 2)) < 0) OR (((failed_at / 2) - (created_at / 2)) > 43200)) OR ((((cancelled_at / 2) - (created_at / 2)) < 0) OR (((cancelled_at / 2) - (created_at / 2)) > 43200)) OR ((status = 'expired'::text) AND ((((expires_at / 2) - (created_at / 2)) < 0) OR (((expires_at / 2) - (created_at / 2)) > 43200))));
CREATE INDEX ix_run_object_last_error_code ON public.run_object_last_error USING btree (code);
CREATE INDEX ix_run_object_metadata ON public.run_object USING gin (public.runstore_json_terms(metadata));
CREATE INDEX ix_run_object_model ON public.run_object USING btree (model, COALESCE(created_at, '-9223372036854775808'::bigint));
CREATE INDEX ix_run_object_seconds ON public.run_object USING btree ((
CASE
    WHEN (((created_at >= '-62135510400'::bigint) AND (created_at <= '253402214399'::bigint)) AND ((
    CASE status
        WHEN 'completed'::text THEN completed_at
        WHEN 'incomplete'::text THEN completed_at
        WHEN 'failed'::text THEN failed_at
        WHEN 'cancelled'::text THEN cancelled_at
        WHEN 'expired'::text THEN expires_at
        ELSE NULL::bigint
    END >= '-62135510400'::bigint) AND (
    CASE status
        WHEN 'completed'::text THEN completed_at
        WHEN 'incomplete'::text THEN completed_at
        WHEN 'failed'::text THEN failed_at
        WHEN 'cancelled'::text THEN cancelled_at
        WHEN 'expired'::text THEN expires_at
        ELSE NULL::bigint
    END <= '253402214399'::bigint))) THEN (
    CASE status
        WHEN 'completed'::text THEN completed_at
        WHEN 'incomplete'::text THEN completed_at
        WHEN 'failed'::text THEN failed_at
        WHEN 'cancelled'::text THEN cancelled_at
        WHEN 'expired'::text THEN expires_at
        ELSE NULL::bigint
    END - created_at)
    ELSE NULL::bigint
END));
CREATE INDEX ix_run_object_status ON public.run_object USING btree (status, COALESCE(created_at, '-9223372036854775808'::bigint));
CREATE INDEX ix_run_object_thread_id ON public.run_object USING btree (thread_id, COALESCE(created_at, '-9223372036854775808'::bigint));
ALTER TABLE ONLY public.assistant_object_tools_inner
    ADD CONSTRAINT fk_assistant_object_tools_inner_function FOREIGN KEY (function) REFERENCES public.function_object(id);
ALTER TABLE ONLY public.assistants_api_tool_choice_option
    ADD CONSTRAINT fk_assistants_api_tool_choice_option_function FOREIGN KEY (function) REFERENCES public.function_object(id);
ALTER TABLE ONLY public.run_completion_usage
    ADD CONSTRAINT fk_run_completion_usage_run_object FOREIGN KEY (run_object) REFERENCES public.run_object(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.run_object_assistant_object_tools_inner
    ADD CONSTRAINT fk_run_object_assistant_object_tools_inner_run_object FOREIGN KEY (run_object) REFERENCES public.run_object(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.run_object_assistant_object_tools_inner
    ADD CONSTRAINT fk_run_object_assistant_object_tools_inner_tool FOREIGN KEY (assistant_object_tools_inner) REFERENCES public.assistant_object_tools_inner(id);
ALTER TABLE ONLY public.run_object_change
    ADD CONSTRAINT fk_run_object_change_run_object FOREIGN KEY (run_object) REFERENCES public.run_object(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.run_object_file_ids
    ADD CONSTRAINT fk_run_object_file_ids_run_object FOREIGN KEY (run_object) REFERENCES public.run_object(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.run_object_incomplete_details
    ADD CONSTRAINT fk_run_object_incomplete_details_run_object FOREIGN KEY (run_object) REFERENCES public.run_object(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.run_object
    ADD CONSTRAINT fk_run_object_instructions_id FOREIGN KEY (instructions_id) REFERENCES public.run_object_instructions(id);
ALTER TABLE ONLY public.run_object_last_error
    ADD CONSTRAINT fk_run_object_last_error_run_object FOREIGN KEY (run_object) REFERENCES public.run_object(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.run_object_required_action
    ADD CONSTRAINT fk_run_object_required_action_run_object FOREIGN KEY (run_object) REFERENCES public.run_object(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.run_object
    ADD CONSTRAINT fk_run_object_response_format FOREIGN KEY (response_format) REFERENCES public.assistants_api_response_format_option(id);
ALTER TABLE ONLY public.run_object
    ADD CONSTRAINT fk_run_object_shape FOREIGN KEY (shape) REFERENCES public.run_object_shape(id);
ALTER TABLE ONLY public.run_object
    ADD CONSTRAINT fk_run_object_tool_choice FOREIGN KEY (tool_choice) REFERENCES public.assistants_api_tool_choice_option(id);
ALTER TABLE ONLY public.run_object
    ADD CONSTRAINT fk_run_object_truncation_strategy FOREIGN KEY (truncation_strategy) REFERENCES public.truncation_object(id);
ALTER TABLE ONLY public.run_tool_call_object
    ADD CONSTRAINT fk_run_tool_call_object_run_object FOREIGN KEY (run_object) REFERENCES public.run_object_required_action(run_object) ON DELETE CASCADE;
