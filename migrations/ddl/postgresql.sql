CREATE TABLE assistants_api_response_format_option (
	id BIGINT NOT NULL,
	digest BYTEA NOT NULL,
	type TEXT,
	document TEXT NOT NULL,
	CONSTRAINT pk_assistants_api_response_format_option PRIMARY KEY (id)
);
COMMENT ON TABLE assistants_api_response_format_option IS 'Documented AssistantsApiResponseFormatOption: the format of the answer.';
COMMENT ON COLUMN assistants_api_response_format_option.id IS 'The first 63 bits of digest: the same value has the same id in every archive.';
COMMENT ON COLUMN assistants_api_response_format_option.digest IS 'BLAKE2b (32 bytes) of the value''s canonical text.';
COMMENT ON COLUMN assistants_api_response_format_option.type IS 'text, json_object, json_schema; NULL for the string forms.';
COMMENT ON COLUMN assistants_api_response_format_option.document IS 'Canonical JSON text of the value.';
CREATE TABLE fetched_thread (
	server TEXT COLLATE "C" NOT NULL,
	source TEXT COLLATE "C" NOT NULL,
	thread_id TEXT COLLATE "C" NOT NULL,
	cursor TEXT,
	created_from BIGINT,
	done BOOLEAN NOT NULL,
	failures BIGINT NOT NULL,
	error TEXT,
	asked_at BIGINT NOT NULL,
	completed_at BIGINT,
	CONSTRAINT pk_fetched_thread PRIMARY KEY (server, source, thread_id)
);
COMMENT ON TABLE fetched_thread IS 'How far ''runstore fetch'' has read each thread (own table).';
COMMENT ON COLUMN fetched_thread.server IS 'Base URL of the server.';
COMMENT ON COLUMN fetched_thread.source IS 'The source that is stored with the runs; empty if there is none.';
COMMENT ON COLUMN fetched_thread.thread_id IS 'The thread on the server.';
COMMENT ON COLUMN fetched_thread.cursor IS 'All runs up to this one are stored; NULL: the next fetch reads all.';
COMMENT ON COLUMN fetched_thread.created_from IS 'Runs created before this time were left out (Unix seconds); NULL if none.';
COMMENT ON COLUMN fetched_thread.done IS 'Whether the last fetch has reached the last page.';
COMMENT ON COLUMN fetched_thread.failures IS 'Failed fetches since the last one that reached the last page.';
COMMENT ON COLUMN fetched_thread.error IS 'Why the last fetch failed; NULL if it did not.';
COMMENT ON COLUMN fetched_thread.asked_at IS 'When the server was last asked for runs (Unix microseconds).';
COMMENT ON COLUMN fetched_thread.completed_at IS 'When the last page was last reached (Unix microseconds).';
CREATE TABLE function_object (
	id BIGINT NOT NULL,
	digest BYTEA NOT NULL,
	name TEXT COLLATE "C",
	description TEXT,
	parameters JSON,
	strict BOOLEAN,
	document TEXT NOT NULL,
	CONSTRAINT pk_function_object PRIMARY KEY (id)
);
CREATE INDEX ix_function_object_name ON function_object (name);
COMMENT ON TABLE function_object IS 'Documented FunctionObject: functions that tools describe.';
COMMENT ON COLUMN function_object.id IS 'The first 63 bits of digest: the same value has the same id in every archive.';
COMMENT ON COLUMN function_object.digest IS 'BLAKE2b (32 bytes) of the value''s canonical text.';
COMMENT ON COLUMN function_object.name IS 'Name of the function.';
COMMENT ON COLUMN function_object.description IS 'What the function does, for the model to choose it.';
COMMENT ON COLUMN function_object.parameters IS 'JSON Schema of the parameters, order of keys kept.';
COMMENT ON COLUMN function_object.strict IS 'Whether the model must follow the schema exactly (v2).';
COMMENT ON COLUMN function_object.document IS 'Canonical JSON text of the value.';
CREATE TABLE model_price (
	model TEXT COLLATE "C" NOT NULL,
	valid_from BIGINT NOT NULL,
	prompt NUMERIC NOT NULL,
	cached NUMERIC,
	completion NUMERIC NOT NULL,
	currency TEXT NOT NULL,
	CONSTRAINT pk_model_price PRIMARY KEY (model, valid_from)
);
COMMENT ON TABLE model_price IS 'What tokens cost, as imported by the user (own table).';
COMMENT ON COLUMN model_price.model IS 'The name of a model, or its beginning followed by *.';
COMMENT ON COLUMN model_price.valid_from IS 'The price applies to runs created at this time or later (Unix seconds).';
COMMENT ON COLUMN model_price.prompt IS 'Price of a million prompt tokens.';
COMMENT ON COLUMN model_price.cached IS 'Price of a million cached prompt tokens; NULL if they cost as much as the others.';
COMMENT ON COLUMN model_price.completion IS 'Price of a million completion tokens.';
COMMENT ON COLUMN model_price.currency IS 'Currency of the prices, for example EUR.';
CREATE TABLE run_object_instructions (
	id BIGINT NOT NULL,
	digest BYTEA NOT NULL,
	instructions TEXT NOT NULL,
	CONSTRAINT pk_run_object_instructions PRIMARY KEY (id)
);
COMMENT ON TABLE run_object_instructions IS 'The texts of RunObject.instructions, each stored once.';
COMMENT ON COLUMN run_object_instructions.id IS 'The first 63 bits of digest: the same value has the same id in every archive.';
COMMENT ON COLUMN run_object_instructions.digest IS 'BLAKE2b (32 bytes) of the value''s canonical text.';
COMMENT ON COLUMN run_object_instructions.instructions IS 'The system message of the runs that refer to it.';
CREATE TABLE run_object_shape (
	id BIGINT NOT NULL,
	digest BYTEA NOT NULL,
	document TEXT NOT NULL,
	CONSTRAINT pk_run_object_shape PRIMARY KEY (id)
);
COMMENT ON TABLE run_object_shape IS 'Key layouts of runs: which keys their objects have, in which order (own table).';
COMMENT ON COLUMN run_object_shape.id IS 'The first 63 bits of digest: the same value has the same id in every archive.';
COMMENT ON COLUMN run_object_shape.digest IS 'BLAKE2b (32 bytes) of the value''s canonical text.';
COMMENT ON COLUMN run_object_shape.document IS 'Canonical JSON text of the value.';
CREATE TABLE truncation_object (
	id BIGINT NOT NULL,
	digest BYTEA NOT NULL,
	type TEXT,
	last_messages BIGINT,
	document TEXT NOT NULL,
	CONSTRAINT pk_truncation_object PRIMARY KEY (id)
);
COMMENT ON TABLE truncation_object IS 'Documented TruncationObject: how a thread is cut before the run.';
COMMENT ON COLUMN truncation_object.id IS 'The first 63 bits of digest: the same value has the same id in every archive.';
COMMENT ON COLUMN truncation_object.digest IS 'BLAKE2b (32 bytes) of the value''s canonical text.';
COMMENT ON COLUMN truncation_object.type IS 'auto or last_messages.';
COMMENT ON COLUMN truncation_object.last_messages IS 'Number of most recent messages kept.';
COMMENT ON COLUMN truncation_object.document IS 'Canonical JSON text of the value.';
CREATE TABLE assistant_object_tools_inner (
	id BIGINT NOT NULL,
	digest BYTEA NOT NULL,
	type TEXT COLLATE "C",
	function BIGINT,
	document TEXT NOT NULL,
	CONSTRAINT pk_assistant_object_tools_inner PRIMARY KEY (id),
	CONSTRAINT fk_assistant_object_tools_inner_function FOREIGN KEY(function) REFERENCES function_object (id)
);
CREATE INDEX ix_assistant_object_tools_inner_function ON assistant_object_tools_inner (function);
CREATE INDEX ix_assistant_object_tools_inner_type ON assistant_object_tools_inner (type);
COMMENT ON TABLE assistant_object_tools_inner IS 'Documented AssistantObject_tools_inner: the tools runs were given.';
COMMENT ON COLUMN assistant_object_tools_inner.id IS 'The first 63 bits of digest: the same value has the same id in every archive.';
COMMENT ON COLUMN assistant_object_tools_inner.digest IS 'BLAKE2b (32 bytes) of the value''s canonical text.';
COMMENT ON COLUMN assistant_object_tools_inner.type IS 'code_interpreter, retrieval, file_search, function ...';
COMMENT ON COLUMN assistant_object_tools_inner.function IS 'Key in function_object.';
COMMENT ON COLUMN assistant_object_tools_inner.document IS 'Canonical JSON text of the tool, with null for a function that is stored in function_object.';
CREATE TABLE assistants_api_tool_choice_option (
	id BIGINT NOT NULL,
	digest BYTEA NOT NULL,
	type TEXT,
	function BIGINT,
	document TEXT NOT NULL,
	CONSTRAINT pk_assistants_api_tool_choice_option PRIMARY KEY (id),
	CONSTRAINT fk_assistants_api_tool_choice_option_function FOREIGN KEY(function) REFERENCES function_object (id)
);
CREATE INDEX ix_assistants_api_tool_choice_option_function ON assistants_api_tool_choice_option (function);
COMMENT ON TABLE assistants_api_tool_choice_option IS 'Documented AssistantsApiToolChoiceOption: which tool the model had to call.';
COMMENT ON COLUMN assistants_api_tool_choice_option.id IS 'The first 63 bits of digest: the same value has the same id in every archive.';
COMMENT ON COLUMN assistants_api_tool_choice_option.digest IS 'BLAKE2b (32 bytes) of the value''s canonical text.';
COMMENT ON COLUMN assistants_api_tool_choice_option.type IS 'Type of the named tool; NULL for the string forms (see document).';
COMMENT ON COLUMN assistants_api_tool_choice_option.function IS 'Key in function_object.';
COMMENT ON COLUMN assistants_api_tool_choice_option.document IS 'Canonical JSON text: "none", "auto", "required" or an object, with null for its function.';
CREATE TABLE run_object (
	id TEXT COLLATE "C" NOT NULL,
	object TEXT,
	created_at BIGINT,
	thread_id TEXT COLLATE "C",
	assistant_id TEXT COLLATE "C",
	status TEXT COLLATE "C",
	expires_at BIGINT,
	started_at BIGINT,
	cancelled_at BIGINT,
	failed_at BIGINT,
	completed_at BIGINT,
	model TEXT COLLATE "C",
	instructions_id BIGINT,
	metadata JSON,
	max_prompt_tokens BIGINT,
	max_completion_tokens BIGINT,
	truncation_strategy BIGINT,
	tool_choice BIGINT,
	response_format BIGINT,
	temperature NUMERIC,
	top_p NUMERIC,
	parallel_tool_calls BOOLEAN,
	extra JSON,
	shape BIGINT NOT NULL,
	digest BYTEA NOT NULL,
	observed_at BIGINT NOT NULL,
	archived_at BIGINT NOT NULL,
	source TEXT COLLATE "C",
	number BIGINT GENERATED BY DEFAULT AS IDENTITY,
	CONSTRAINT pk_run_object PRIMARY KEY (id),
	CONSTRAINT uq_run_object_number UNIQUE (number),
	CONSTRAINT fk_run_object_instructions_id FOREIGN KEY(instructions_id) REFERENCES run_object_instructions (id),
	CONSTRAINT fk_run_object_truncation_strategy FOREIGN KEY(truncation_strategy) REFERENCES truncation_object (id),
	CONSTRAINT fk_run_object_tool_choice FOREIGN KEY(tool_choice) REFERENCES assistants_api_tool_choice_option (id),
	CONSTRAINT fk_run_object_response_format FOREIGN KEY(response_format) REFERENCES assistants_api_response_format_option (id),
	CONSTRAINT fk_run_object_shape FOREIGN KEY(shape) REFERENCES run_object_shape (id)
);
CREATE FUNCTION runstore_json_terms(document json) RETURNS integer[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT pg_catalog.array_agg(pg_catalog.hashtext(m.key) OPERATOR(pg_catalog.&) 65535)
        OPERATOR(pg_catalog.||) pg_catalog.array_agg(pg_catalog.hashtext(
            m.key OPERATOR(pg_catalog.||) '=' OPERATOR(pg_catalog.||) m.value) OPERATOR(pg_catalog.&) 65535)
    FROM pg_catalog.json_each_text(
        CASE WHEN pg_catalog.json_typeof(document) OPERATOR(pg_catalog.=) 'object' THEN document ELSE '{}' END) AS m
$$;
CREATE INDEX ix_run_object_assistant_id ON run_object (assistant_id, coalesce(created_at, -9223372036854775808));
CREATE INDEX ix_run_object_created ON run_object (created_at);
CREATE INDEX ix_run_object_created_at ON run_object (coalesce(created_at, -9223372036854775808), id);
CREATE INDEX ix_run_object_instructions_id ON run_object (instructions_id);
CREATE INDEX ix_run_object_irregular ON run_object (coalesce(created_at, -9223372036854775808), id) WHERE created_at IS NULL AND coalesce(started_at, completed_at, failed_at, cancelled_at, expires_at) IS NOT NULL OR started_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200 OR completed_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200 OR failed_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200 OR cancelled_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200 OR status = 'expired' AND expires_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200;
CREATE INDEX ix_run_object_metadata ON run_object USING gin (runstore_json_terms(metadata));
CREATE INDEX ix_run_object_model ON run_object (model, coalesce(created_at, -9223372036854775808));
CREATE INDEX ix_run_object_seconds ON run_object ((CASE WHEN created_at BETWEEN -62135510400 AND 253402214399 AND CASE status WHEN 'completed' THEN completed_at WHEN 'incomplete' THEN completed_at WHEN 'failed' THEN failed_at WHEN 'cancelled' THEN cancelled_at WHEN 'expired' THEN expires_at END BETWEEN -62135510400 AND 253402214399 THEN CASE status WHEN 'completed' THEN completed_at WHEN 'incomplete' THEN completed_at WHEN 'failed' THEN failed_at WHEN 'cancelled' THEN cancelled_at WHEN 'expired' THEN expires_at END - created_at END));
CREATE INDEX ix_run_object_status ON run_object (status, coalesce(created_at, -9223372036854775808));
CREATE INDEX ix_run_object_thread_id ON run_object (thread_id, coalesce(created_at, -9223372036854775808));
COMMENT ON TABLE run_object IS 'Documented RunObject: the newest snapshot of each assistant run.';
COMMENT ON COLUMN run_object.id IS 'Identifier of the run.';
COMMENT ON COLUMN run_object.object IS 'Type of the object: thread.run.';
COMMENT ON COLUMN run_object.created_at IS 'When the run was created (Unix seconds).';
COMMENT ON COLUMN run_object.thread_id IS 'The thread the run was executed on.';
COMMENT ON COLUMN run_object.assistant_id IS 'The assistant that executed the run.';
COMMENT ON COLUMN run_object.status IS 'queued, in_progress, requires_action, cancelling, or how the run ended.';
COMMENT ON COLUMN run_object.expires_at IS 'When the run will expire (Unix seconds).';
COMMENT ON COLUMN run_object.started_at IS 'When the run was started (Unix seconds).';
COMMENT ON COLUMN run_object.cancelled_at IS 'When the run was cancelled (Unix seconds).';
COMMENT ON COLUMN run_object.failed_at IS 'When the run failed (Unix seconds).';
COMMENT ON COLUMN run_object.completed_at IS 'When the run was completed (Unix seconds).';
COMMENT ON COLUMN run_object.model IS 'The model of the run.';
COMMENT ON COLUMN run_object.instructions_id IS 'Documented instructions: key of their text.';
COMMENT ON COLUMN run_object.metadata IS 'The user''s own key-value pairs.';
COMMENT ON COLUMN run_object.max_prompt_tokens IS 'Most prompt tokens the run may use.';
COMMENT ON COLUMN run_object.max_completion_tokens IS 'Most completion tokens the run may use.';
COMMENT ON COLUMN run_object.truncation_strategy IS 'Key in truncation_object.';
COMMENT ON COLUMN run_object.tool_choice IS 'Key in assistants_api_tool_choice_option.';
COMMENT ON COLUMN run_object.response_format IS 'Key in assistants_api_response_format_option.';
COMMENT ON COLUMN run_object.temperature IS 'Sampling temperature.';
COMMENT ON COLUMN run_object.top_p IS 'Nucleus sampling mass (since April 2024).';
COMMENT ON COLUMN run_object.parallel_tool_calls IS 'Whether tools may run in parallel (since June 2024).';
COMMENT ON COLUMN run_object.extra IS 'Members that no column holds, as a JSON object; NULL if none.';
COMMENT ON COLUMN run_object.shape IS 'Key in run_object_shape: the key layout.';
COMMENT ON COLUMN run_object.digest IS 'BLAKE2b (32 bytes) of the run''s canonical text, each shared value replaced by its digest.';
COMMENT ON COLUMN run_object.observed_at IS 'When this snapshot was last observed (Unix microseconds).';
COMMENT ON COLUMN run_object.archived_at IS 'When the run was first stored here (Unix microseconds).';
COMMENT ON COLUMN run_object.source IS 'Where this snapshot came from, as the import was told.';
COMMENT ON COLUMN run_object.number IS 'Number of the run in this archive, to which other tables refer.';
CREATE TABLE run_completion_usage (
	run_object BIGINT NOT NULL,
	completion_tokens BIGINT,
	prompt_tokens BIGINT,
	total_tokens BIGINT,
	extra JSON,
	CONSTRAINT pk_run_completion_usage PRIMARY KEY (run_object),
	CONSTRAINT fk_run_completion_usage_run_object FOREIGN KEY(run_object) REFERENCES run_object (number) ON DELETE CASCADE
);
CREATE INDEX ix_run_completion_usage_total_tokens ON run_completion_usage (total_tokens);
COMMENT ON TABLE run_completion_usage IS 'Documented RunCompletionUsage: tokens a run used.';
COMMENT ON COLUMN run_completion_usage.run_object IS 'Number of the run.';
COMMENT ON COLUMN run_completion_usage.completion_tokens IS 'Tokens of the completions.';
COMMENT ON COLUMN run_completion_usage.prompt_tokens IS 'Tokens of the prompts.';
COMMENT ON COLUMN run_completion_usage.total_tokens IS 'Tokens in all.';
COMMENT ON COLUMN run_completion_usage.extra IS 'Members that no column holds, as a JSON object; NULL if none.';
CREATE TABLE run_object_assistant_object_tools_inner (
	run_object BIGINT NOT NULL,
	position INTEGER NOT NULL,
	assistant_object_tools_inner BIGINT NOT NULL,
	CONSTRAINT pk_run_object_assistant_object_tools_inner PRIMARY KEY (run_object, position),
	CONSTRAINT fk_run_object_assistant_object_tools_inner_run_object FOREIGN KEY(run_object) REFERENCES run_object (number) ON DELETE CASCADE,
	CONSTRAINT fk_run_object_assistant_object_tools_inner_tool FOREIGN KEY(assistant_object_tools_inner) REFERENCES assistant_object_tools_inner (id)
);
CREATE INDEX ix_run_object_assistant_object_tools_inner_tool ON run_object_assistant_object_tools_inner (assistant_object_tools_inner);
COMMENT ON TABLE run_object_assistant_object_tools_inner IS 'Documented link RunObjectAssistantObjectToolsInner: the tools of runs, in order.';
COMMENT ON COLUMN run_object_assistant_object_tools_inner.run_object IS 'Number of the run.';
COMMENT ON COLUMN run_object_assistant_object_tools_inner.position IS 'Place, from 0.';
COMMENT ON COLUMN run_object_assistant_object_tools_inner.assistant_object_tools_inner IS 'Key in assistant_object_tools_inner.';
CREATE TABLE run_object_change (
	run_object BIGINT NOT NULL,
	digest BYTEA NOT NULL,
	observed_at BIGINT NOT NULL,
	status TEXT COLLATE "C",
	members JSON NOT NULL,
	absent JSON,
	CONSTRAINT pk_run_object_change PRIMARY KEY (run_object, digest),
	CONSTRAINT fk_run_object_change_run_object FOREIGN KEY(run_object) REFERENCES run_object (number) ON DELETE CASCADE
);
COMMENT ON TABLE run_object_change IS 'History of runs: earlier snapshots, each as its difference from the next newer one (own table).';
COMMENT ON COLUMN run_object_change.run_object IS 'Number of the run.';
COMMENT ON COLUMN run_object_change.digest IS 'Digest of the earlier snapshot.';
COMMENT ON COLUMN run_object_change.observed_at IS 'When this snapshot was last observed (Unix microseconds).';
COMMENT ON COLUMN run_object_change.status IS 'The run''s status in this snapshot.';
COMMENT ON COLUMN run_object_change.members IS 'Members whose value differs in the next newer snapshot, with their value in this one.';
COMMENT ON COLUMN run_object_change.absent IS 'Keys of the next newer snapshot that this one does not have, as a JSON array; NULL if none.';
CREATE TABLE run_object_file_ids (
	run_object BIGINT NOT NULL,
	position INTEGER NOT NULL,
	file_ids TEXT COLLATE "C" NOT NULL,
	CONSTRAINT pk_run_object_file_ids PRIMARY KEY (run_object, position),
	CONSTRAINT fk_run_object_file_ids_run_object FOREIGN KEY(run_object) REFERENCES run_object (number) ON DELETE CASCADE
);
CREATE INDEX ix_run_object_file_ids_file_ids ON run_object_file_ids (file_ids);
COMMENT ON TABLE run_object_file_ids IS 'Documented link RunObjectFileIds: the files of v1 runs, in order.';
COMMENT ON COLUMN run_object_file_ids.run_object IS 'Number of the run.';
COMMENT ON COLUMN run_object_file_ids.position IS 'Place, from 0.';
COMMENT ON COLUMN run_object_file_ids.file_ids IS 'Id of one file.';
CREATE TABLE run_object_incomplete_details (
	run_object BIGINT NOT NULL,
	reason TEXT COLLATE "C",
	extra JSON,
	CONSTRAINT pk_run_object_incomplete_details PRIMARY KEY (run_object),
	CONSTRAINT fk_run_object_incomplete_details_run_object FOREIGN KEY(run_object) REFERENCES run_object (number) ON DELETE CASCADE
);
CREATE INDEX ix_run_object_incomplete_details_reason ON run_object_incomplete_details (reason);
COMMENT ON TABLE run_object_incomplete_details IS 'Documented RunObject_incomplete_details: why a run is incomplete.';
COMMENT ON COLUMN run_object_incomplete_details.run_object IS 'Number of the run.';
COMMENT ON COLUMN run_object_incomplete_details.reason IS 'max_completion_tokens, max_prompt_tokens and others.';
COMMENT ON COLUMN run_object_incomplete_details.extra IS 'Members that no column holds, as a JSON object; NULL if none.';
CREATE TABLE run_object_last_error (
	run_object BIGINT NOT NULL,
	code TEXT COLLATE "C",
	message TEXT,
	extra JSON,
	CONSTRAINT pk_run_object_last_error PRIMARY KEY (run_object),
	CONSTRAINT fk_run_object_last_error_run_object FOREIGN KEY(run_object) REFERENCES run_object (number) ON DELETE CASCADE
);
CREATE INDEX ix_run_object_last_error_code ON run_object_last_error (code);
COMMENT ON TABLE run_object_last_error IS 'Documented RunObject_last_error: why a run failed.';
COMMENT ON COLUMN run_object_last_error.run_object IS 'Number of the run.';
COMMENT ON COLUMN run_object_last_error.code IS 'server_error, rate_limit_exceeded, invalid_prompt and others.';
COMMENT ON COLUMN run_object_last_error.message IS 'The error for a person to read.';
COMMENT ON COLUMN run_object_last_error.extra IS 'Members that no column holds, as a JSON object; NULL if none.';
CREATE TABLE run_object_required_action (
	run_object BIGINT NOT NULL,
	type TEXT,
	extra JSON,
	CONSTRAINT pk_run_object_required_action PRIMARY KEY (run_object),
	CONSTRAINT fk_run_object_required_action_run_object FOREIGN KEY(run_object) REFERENCES run_object (number) ON DELETE CASCADE
);
COMMENT ON TABLE run_object_required_action IS 'Documented RunObject_required_action: what the run waits for.';
COMMENT ON COLUMN run_object_required_action.run_object IS 'Number of the run.';
COMMENT ON COLUMN run_object_required_action.type IS 'submit_tool_outputs, or another server''s action.';
COMMENT ON COLUMN run_object_required_action.extra IS 'Members that no column holds, and submit_tool_outputs if its form is not the documented one.';
CREATE TABLE run_tool_call_object (
	run_object BIGINT NOT NULL,
	position INTEGER NOT NULL,
	id TEXT,
	type TEXT,
	function_name TEXT,
	function_arguments TEXT,
	extra JSON,
	CONSTRAINT pk_run_tool_call_object PRIMARY KEY (run_object, position),
	CONSTRAINT fk_run_tool_call_object_run_object FOREIGN KEY(run_object) REFERENCES run_object_required_action (run_object) ON DELETE CASCADE
);
COMMENT ON TABLE run_tool_call_object IS 'Documented RunToolCallObject: tool calls whose output a run waits for.';
COMMENT ON COLUMN run_tool_call_object.run_object IS 'Number of the run.';
COMMENT ON COLUMN run_tool_call_object.position IS 'Place, from 0.';
COMMENT ON COLUMN run_tool_call_object.id IS 'Id of the call.';
COMMENT ON COLUMN run_tool_call_object.type IS 'function.';
COMMENT ON COLUMN run_tool_call_object.function_name IS 'Documented RunToolCallObject_function.name.';
COMMENT ON COLUMN run_tool_call_object.function_arguments IS 'Documented RunToolCallObject_function.arguments: what the model wrote, meant to be JSON.';
COMMENT ON COLUMN run_tool_call_object.extra IS 'Members that no column holds, as a JSON object; NULL if none.';
CREATE VIEW "RunObject" AS
SELECT r.id, r.object, r.created_at, r.thread_id, r.assistant_id, r.status,
               a.run_object AS required_action, e.run_object AS last_error,
               r.expires_at, r.started_at, r.cancelled_at, r.failed_at, r.completed_at,
               d.run_object AS incomplete_details, r.model, i.instructions, r.metadata, u.run_object AS usage,
               r.max_prompt_tokens, r.max_completion_tokens,
               r.truncation_strategy, r.tool_choice, r.response_format, r.temperature, r.number
        FROM run_object r
        LEFT JOIN run_object_required_action a ON a.run_object = r.number
        LEFT JOIN run_object_last_error e ON e.run_object = r.number
        LEFT JOIN run_object_incomplete_details d ON d.run_object = r.number
        LEFT JOIN run_completion_usage u ON u.run_object = r.number
        LEFT JOIN run_object_instructions i ON i.id = r.instructions_id;
CREATE VIEW "RunObjectAssistantObjectToolsInner" AS
SELECT run_object AS "runObject", assistant_object_tools_inner AS "assistantObjectToolsInner"
        FROM run_object_assistant_object_tools_inner;
CREATE VIEW "RunObjectFileIds" AS
SELECT run_object AS "runObject", file_ids AS "fileIds" FROM run_object_file_ids;
CREATE VIEW "runs" AS
SELECT
            r.id, r.object, r.created_at, r.thread_id, r.assistant_id, r.status,
            r.expires_at, r.started_at, r.cancelled_at, r.failed_at, r.completed_at,
            r.model, (SELECT i.instructions FROM run_object_instructions i WHERE i.id = r.instructions_id) AS instructions,
            r.metadata, r.max_prompt_tokens, r.max_completion_tokens,
            r.temperature, r.top_p, r.parallel_tool_calls,
            CASE WHEN r.created_at BETWEEN -62135510400 AND 253402214399 THEN to_timestamp(r.created_at) END AS created_time,
            CASE WHEN r.started_at BETWEEN -62135510400 AND 253402214399 THEN to_timestamp(r.started_at) END AS started_time,
            CASE WHEN r.expires_at BETWEEN -62135510400 AND 253402214399 THEN to_timestamp(r.expires_at) END AS expires_time,
            CASE WHEN r.cancelled_at BETWEEN -62135510400 AND 253402214399 THEN to_timestamp(r.cancelled_at) END AS cancelled_time,
            CASE WHEN r.failed_at BETWEEN -62135510400 AND 253402214399 THEN to_timestamp(r.failed_at) END AS failed_time,
            CASE WHEN r.completed_at BETWEEN -62135510400 AND 253402214399 THEN to_timestamp(r.completed_at) END AS completed_time,
            (CASE r.status WHEN 'completed' THEN r.completed_at WHEN 'incomplete' THEN r.completed_at
            WHEN 'failed' THEN r.failed_at WHEN 'cancelled' THEN r.cancelled_at
            WHEN 'expired' THEN r.expires_at END) AS finished_at,
            CASE WHEN (CASE r.status WHEN 'completed' THEN r.completed_at WHEN 'incomplete' THEN r.completed_at
            WHEN 'failed' THEN r.failed_at WHEN 'cancelled' THEN r.cancelled_at
            WHEN 'expired' THEN r.expires_at END) BETWEEN -62135510400 AND 253402214399 THEN to_timestamp((CASE r.status WHEN 'completed' THEN r.completed_at WHEN 'incomplete' THEN r.completed_at
            WHEN 'failed' THEN r.failed_at WHEN 'cancelled' THEN r.cancelled_at
            WHEN 'expired' THEN r.expires_at END)) END AS finished_time,
            CASE WHEN r.created_at BETWEEN -62135510400 AND 253402214399 AND r.started_at BETWEEN -62135510400 AND 253402214399 THEN r.started_at - r.created_at END AS queue_seconds,
            CASE WHEN r.started_at BETWEEN -62135510400 AND 253402214399 AND (CASE r.status WHEN 'completed' THEN r.completed_at WHEN 'incomplete' THEN r.completed_at
            WHEN 'failed' THEN r.failed_at WHEN 'cancelled' THEN r.cancelled_at
            WHEN 'expired' THEN r.expires_at END) BETWEEN -62135510400 AND 253402214399 THEN (CASE r.status WHEN 'completed' THEN r.completed_at WHEN 'incomplete' THEN r.completed_at
            WHEN 'failed' THEN r.failed_at WHEN 'cancelled' THEN r.cancelled_at
            WHEN 'expired' THEN r.expires_at END) - r.started_at END AS run_seconds,
            CASE WHEN r.created_at BETWEEN -62135510400 AND 253402214399 AND (CASE r.status WHEN 'completed' THEN r.completed_at WHEN 'incomplete' THEN r.completed_at
            WHEN 'failed' THEN r.failed_at WHEN 'cancelled' THEN r.cancelled_at
            WHEN 'expired' THEN r.expires_at END) BETWEEN -62135510400 AND 253402214399 THEN (CASE r.status WHEN 'completed' THEN r.completed_at WHEN 'incomplete' THEN r.completed_at
            WHEN 'failed' THEN r.failed_at WHEN 'cancelled' THEN r.cancelled_at
            WHEN 'expired' THEN r.expires_at END) - r.created_at END AS total_seconds,
            CASE WHEN r.created_at BETWEEN -62135510400 AND 253402214399 THEN to_char(to_timestamp(r.created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24') END AS created_hour,
            CASE WHEN r.created_at BETWEEN -62135510400 AND 253402214399 THEN to_char(to_timestamp(r.created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD') END AS created_day,
            CASE WHEN r.created_at BETWEEN -62135510400 AND 253402214399 THEN to_char(to_timestamp(r.created_at) AT TIME ZONE 'UTC', 'IYYY-"W"IW') END AS created_week,
            CASE WHEN r.created_at BETWEEN -62135510400 AND 253402214399 THEN to_char(to_timestamp(r.created_at) AT TIME ZONE 'UTC', 'YYYY-MM') END AS created_month,
            u.prompt_tokens, u.completion_tokens, u.total_tokens,
            coalesce(CASE WHEN json_typeof(u.extra #> '{prompt_tokens_details,cached_tokens}') = 'number' AND u.extra #>> '{prompt_tokens_details,cached_tokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{prompt_tokens_details,cached_tokens}')::bigint END,
                     CASE WHEN json_typeof(u.extra #> '{promptTokensDetails,cachedTokens}') = 'number' AND u.extra #>> '{promptTokensDetails,cachedTokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{promptTokensDetails,cachedTokens}')::bigint END,
                     CASE WHEN json_typeof(u.extra #> '{PromptTokensDetails,CachedTokens}') = 'number' AND u.extra #>> '{PromptTokensDetails,CachedTokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{PromptTokensDetails,CachedTokens}')::bigint END,
                     CASE WHEN json_typeof(u.extra #> '{prompt_token_details,cached_tokens}') = 'number' AND u.extra #>> '{prompt_token_details,cached_tokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{prompt_token_details,cached_tokens}')::bigint END,
                     CASE WHEN json_typeof(u.extra #> '{promptTokenDetails,cachedTokens}') = 'number' AND u.extra #>> '{promptTokenDetails,cachedTokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{promptTokenDetails,cachedTokens}')::bigint END,
                     CASE WHEN json_typeof(u.extra #> '{PromptTokenDetails,CachedTokens}') = 'number' AND u.extra #>> '{PromptTokenDetails,CachedTokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{PromptTokenDetails,CachedTokens}')::bigint END) AS cached_tokens,
            CASE WHEN u.prompt_tokens BETWEEN 0 AND 999999999999999999
                  AND u.completion_tokens BETWEEN 0 AND 999999999999999999
                  AND coalesce(coalesce(CASE WHEN json_typeof(u.extra #> '{prompt_tokens_details,cached_tokens}') = 'number' AND u.extra #>> '{prompt_tokens_details,cached_tokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{prompt_tokens_details,cached_tokens}')::bigint END,
                     CASE WHEN json_typeof(u.extra #> '{promptTokensDetails,cachedTokens}') = 'number' AND u.extra #>> '{promptTokensDetails,cachedTokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{promptTokensDetails,cachedTokens}')::bigint END,
                     CASE WHEN json_typeof(u.extra #> '{PromptTokensDetails,CachedTokens}') = 'number' AND u.extra #>> '{PromptTokensDetails,CachedTokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{PromptTokensDetails,CachedTokens}')::bigint END,
                     CASE WHEN json_typeof(u.extra #> '{prompt_token_details,cached_tokens}') = 'number' AND u.extra #>> '{prompt_token_details,cached_tokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{prompt_token_details,cached_tokens}')::bigint END,
                     CASE WHEN json_typeof(u.extra #> '{promptTokenDetails,cachedTokens}') = 'number' AND u.extra #>> '{promptTokenDetails,cachedTokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{promptTokenDetails,cachedTokens}')::bigint END,
                     CASE WHEN json_typeof(u.extra #> '{PromptTokenDetails,CachedTokens}') = 'number' AND u.extra #>> '{PromptTokenDetails,CachedTokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{PromptTokenDetails,CachedTokens}')::bigint END), 0) BETWEEN 0 AND u.prompt_tokens
            THEN (SELECT ((u.prompt_tokens - coalesce(coalesce(CASE WHEN json_typeof(u.extra #> '{prompt_tokens_details,cached_tokens}') = 'number' AND u.extra #>> '{prompt_tokens_details,cached_tokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{prompt_tokens_details,cached_tokens}')::bigint END,
                     CASE WHEN json_typeof(u.extra #> '{promptTokensDetails,cachedTokens}') = 'number' AND u.extra #>> '{promptTokensDetails,cachedTokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{promptTokensDetails,cachedTokens}')::bigint END,
                     CASE WHEN json_typeof(u.extra #> '{PromptTokensDetails,CachedTokens}') = 'number' AND u.extra #>> '{PromptTokensDetails,CachedTokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{PromptTokensDetails,CachedTokens}')::bigint END,
                     CASE WHEN json_typeof(u.extra #> '{prompt_token_details,cached_tokens}') = 'number' AND u.extra #>> '{prompt_token_details,cached_tokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{prompt_token_details,cached_tokens}')::bigint END,
                     CASE WHEN json_typeof(u.extra #> '{promptTokenDetails,cachedTokens}') = 'number' AND u.extra #>> '{promptTokenDetails,cachedTokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{promptTokenDetails,cachedTokens}')::bigint END,
                     CASE WHEN json_typeof(u.extra #> '{PromptTokenDetails,CachedTokens}') = 'number' AND u.extra #>> '{PromptTokenDetails,CachedTokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{PromptTokenDetails,CachedTokens}')::bigint END), 0)) * p.prompt
                     + coalesce(coalesce(CASE WHEN json_typeof(u.extra #> '{prompt_tokens_details,cached_tokens}') = 'number' AND u.extra #>> '{prompt_tokens_details,cached_tokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{prompt_tokens_details,cached_tokens}')::bigint END,
                     CASE WHEN json_typeof(u.extra #> '{promptTokensDetails,cachedTokens}') = 'number' AND u.extra #>> '{promptTokensDetails,cachedTokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{promptTokensDetails,cachedTokens}')::bigint END,
                     CASE WHEN json_typeof(u.extra #> '{PromptTokensDetails,CachedTokens}') = 'number' AND u.extra #>> '{PromptTokensDetails,CachedTokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{PromptTokensDetails,CachedTokens}')::bigint END,
                     CASE WHEN json_typeof(u.extra #> '{prompt_token_details,cached_tokens}') = 'number' AND u.extra #>> '{prompt_token_details,cached_tokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{prompt_token_details,cached_tokens}')::bigint END,
                     CASE WHEN json_typeof(u.extra #> '{promptTokenDetails,cachedTokens}') = 'number' AND u.extra #>> '{promptTokenDetails,cachedTokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{promptTokenDetails,cachedTokens}')::bigint END,
                     CASE WHEN json_typeof(u.extra #> '{PromptTokenDetails,CachedTokens}') = 'number' AND u.extra #>> '{PromptTokenDetails,CachedTokens}' ~ '^-?[0-9]{1,18}$' THEN (u.extra #>> '{PromptTokenDetails,CachedTokens}')::bigint END), 0) * coalesce(p.cached, p.prompt)
                     + u.completion_tokens * p.completion) * 0.000001
              FROM model_price p
              WHERE p.valid_from <= r.created_at
                AND (p.model = r.model OR (substr(p.model, length(p.model)) = '*'
                     AND substr(p.model, 1, length(p.model) - 1) = substr(r.model, 1, length(p.model) - 1)))
              ORDER BY CASE WHEN substr(p.model, length(p.model)) = '*' THEN 1 ELSE 0 END, length(p.model) DESC,
                       p.valid_from DESC
              LIMIT 1) END AS cost,
            (SELECT p.currency
              FROM model_price p
              WHERE p.valid_from <= r.created_at
                AND (p.model = r.model OR (substr(p.model, length(p.model)) = '*'
                     AND substr(p.model, 1, length(p.model) - 1) = substr(r.model, 1, length(p.model) - 1)))
              ORDER BY CASE WHEN substr(p.model, length(p.model)) = '*' THEN 1 ELSE 0 END, length(p.model) DESC,
                       p.valid_from DESC
              LIMIT 1) AS currency,
            e.code AS error_code, e.message AS error_message,
            d.reason AS incomplete_reason,
            (SELECT CASE WHEN substr(c.document, 1, 1) = '"' THEN c.document::json #>> '{}'
                 WHEN c.id IS NOT NULL THEN coalesce(c.type, 'object') || coalesce(':' ||
                     (SELECT n.name FROM function_object n WHERE n.id = c.function), '') END FROM assistants_api_tool_choice_option c WHERE c.id = r.tool_choice) AS tool_choice,
            (SELECT CASE WHEN substr(f.document, 1, 1) = '"' THEN f.document::json #>> '{}'
                 WHEN f.type = 'json_schema' THEN f.type || coalesce(':' || coalesce(CASE WHEN json_typeof(f.document::json #> '{json_schema,name}') = 'string' THEN f.document::json #>> '{json_schema,name}' END, CASE WHEN json_typeof(f.document::json #> '{jsonSchema,name}') = 'string' THEN f.document::json #>> '{jsonSchema,name}' END, CASE WHEN json_typeof(f.document::json #> '{JsonSchema,Name}') = 'string' THEN f.document::json #>> '{JsonSchema,Name}' END), '')
                 WHEN f.id IS NOT NULL THEN coalesce(f.type, 'object') END FROM assistants_api_response_format_option f WHERE f.id = r.response_format) AS response_format,
            (SELECT CASE WHEN t.last_messages IS NOT NULL
                 THEN coalesce(t.type, 'object') || ':' || CAST(t.last_messages AS text)
                 WHEN t.id IS NOT NULL THEN coalesce(t.type, 'object') END FROM truncation_object t WHERE t.id = r.truncation_strategy) AS truncation,
            (SELECT count(*) FROM run_object_assistant_object_tools_inner l
             WHERE l.run_object = r.number) AS tool_count,
            (SELECT count(*) FROM run_object_file_ids l WHERE l.run_object = r.number) AS file_count,
            (SELECT count(*) FROM run_tool_call_object l WHERE l.run_object = r.number) AS pending_tool_calls,
            r.source, r.observed_at, CASE WHEN r.observed_at BETWEEN -62135510400000000 AND 253402214399000000 THEN to_timestamp((r.observed_at - ((r.observed_at % 1000000) + 1000000) % 1000000) / 1000000) END AS observed_time,
            r.archived_at, CASE WHEN r.archived_at BETWEEN -62135510400000000 AND 253402214399000000 THEN to_timestamp((r.archived_at - ((r.archived_at % 1000000) + 1000000) % 1000000) / 1000000) END AS archived_time
        FROM run_object r
        LEFT JOIN run_completion_usage u ON u.run_object = r.number
        LEFT JOIN run_object_last_error e ON e.run_object = r.number
        LEFT JOIN run_object_incomplete_details d ON d.run_object = r.number;
CREATE VIEW "run_tools" AS
SELECT r.id AS run_id, l.position, t.type, f.name AS function_name, f.description, f.strict,
               t.id AS tool_id
        FROM run_object_assistant_object_tools_inner l
        JOIN run_object r ON r.number = l.run_object
        LEFT JOIN assistant_object_tools_inner t ON t.id = l.assistant_object_tools_inner
        LEFT JOIN function_object f ON f.id = t.function;
CREATE VIEW "run_files" AS
SELECT r.id AS run_id, l.position, l.file_ids AS file_id FROM run_object_file_ids l JOIN run_object r ON r.number = l.run_object;
CREATE VIEW "run_tool_calls" AS
SELECT r.id AS run_id, c.position, c.id AS call_id, c.type, c.function_name,
            c.function_arguments AS arguments, r.observed_at, CASE WHEN r.observed_at BETWEEN -62135510400000000 AND 253402214399000000 THEN to_timestamp((r.observed_at - ((r.observed_at % 1000000) + 1000000) % 1000000) / 1000000) END AS observed_time,
            true AS pending
        FROM run_tool_call_object c JOIN run_object r ON r.number = c.run_object
        UNION ALL
        SELECT r.id AS run_id, CAST(e.place - 1 AS integer) AS position, coalesce(CASE WHEN json_typeof(e.value #> '{id}') = 'string' THEN e.value #>> '{id}' END, CASE WHEN json_typeof(e.value #> '{Id}') = 'string' THEN e.value #>> '{Id}' END) AS call_id, coalesce(CASE WHEN json_typeof(e.value #> '{type}') = 'string' THEN e.value #>> '{type}' END, CASE WHEN json_typeof(e.value #> '{Type}') = 'string' THEN e.value #>> '{Type}' END) AS type,
            coalesce(coalesce(CASE WHEN json_typeof(e.value #> '{function,name}') = 'string' THEN e.value #>> '{function,name}' END, CASE WHEN json_typeof(e.value #> '{Function,Name}') = 'string' THEN e.value #>> '{Function,Name}' END), coalesce(CASE WHEN json_typeof(e.value #> '{name}') = 'string' THEN e.value #>> '{name}' END, CASE WHEN json_typeof(e.value #> '{Name}') = 'string' THEN e.value #>> '{Name}' END)) AS function_name,
            coalesce(coalesce(CASE WHEN json_typeof(e.value #> '{function,arguments}') = 'string' THEN e.value #>> '{function,arguments}' END, CASE WHEN json_typeof(e.value #> '{Function,Arguments}') = 'string' THEN e.value #>> '{Function,Arguments}' END), coalesce(CASE WHEN json_typeof(e.value #> '{arguments}') = 'string' THEN e.value #>> '{arguments}' END, CASE WHEN json_typeof(e.value #> '{Arguments}') = 'string' THEN e.value #>> '{Arguments}' END)) AS arguments, r.observed_at,
            CASE WHEN r.observed_at BETWEEN -62135510400000000 AND 253402214399000000 THEN to_timestamp((r.observed_at - ((r.observed_at % 1000000) + 1000000) % 1000000) / 1000000) END AS observed_time, true AS pending
        FROM run_object_required_action a JOIN run_object r ON r.number = a.run_object
        CROSS JOIN LATERAL json_each(CASE WHEN a.extra IS NOT NULL THEN a.extra ELSE '{}' END) AS m (name, value)
        CROSS JOIN LATERAL json_array_elements(
            CASE WHEN json_typeof(coalesce(m.value -> 'tool_calls', m.value -> 'toolCalls', m.value -> 'ToolCalls')) = 'array' THEN coalesce(m.value -> 'tool_calls', m.value -> 'toolCalls', m.value -> 'ToolCalls') ELSE '[]' END
        ) WITH ORDINALITY AS e (value, place)
        UNION ALL
        SELECT r.id AS run_id, CAST(e.place - 1 AS integer) AS position, coalesce(CASE WHEN json_typeof(e.value #> '{id}') = 'string' THEN e.value #>> '{id}' END, CASE WHEN json_typeof(e.value #> '{Id}') = 'string' THEN e.value #>> '{Id}' END) AS call_id, coalesce(CASE WHEN json_typeof(e.value #> '{type}') = 'string' THEN e.value #>> '{type}' END, CASE WHEN json_typeof(e.value #> '{Type}') = 'string' THEN e.value #>> '{Type}' END) AS type,
            coalesce(coalesce(CASE WHEN json_typeof(e.value #> '{function,name}') = 'string' THEN e.value #>> '{function,name}' END, CASE WHEN json_typeof(e.value #> '{Function,Name}') = 'string' THEN e.value #>> '{Function,Name}' END), coalesce(CASE WHEN json_typeof(e.value #> '{name}') = 'string' THEN e.value #>> '{name}' END, CASE WHEN json_typeof(e.value #> '{Name}') = 'string' THEN e.value #>> '{Name}' END)) AS function_name,
            coalesce(coalesce(CASE WHEN json_typeof(e.value #> '{function,arguments}') = 'string' THEN e.value #>> '{function,arguments}' END, CASE WHEN json_typeof(e.value #> '{Function,Arguments}') = 'string' THEN e.value #>> '{Function,Arguments}' END), coalesce(CASE WHEN json_typeof(e.value #> '{arguments}') = 'string' THEN e.value #>> '{arguments}' END, CASE WHEN json_typeof(e.value #> '{Arguments}') = 'string' THEN e.value #>> '{Arguments}' END)) AS arguments, c.observed_at,
            CASE WHEN c.observed_at BETWEEN -62135510400000000 AND 253402214399000000 THEN to_timestamp((c.observed_at - ((c.observed_at % 1000000) + 1000000) % 1000000) / 1000000) END AS observed_time, false AS pending
        FROM run_object_change c JOIN run_object r ON r.number = c.run_object
        CROSS JOIN LATERAL json_each(CASE WHEN json_typeof(coalesce(c.members -> 'required_action', c.members -> 'requiredAction', c.members -> 'RequiredAction')) = 'object' THEN coalesce(c.members -> 'required_action', c.members -> 'requiredAction', c.members -> 'RequiredAction') ELSE '{}' END) AS m (name, value)
        CROSS JOIN LATERAL json_array_elements(
            CASE WHEN json_typeof(coalesce(m.value -> 'tool_calls', m.value -> 'toolCalls', m.value -> 'ToolCalls')) = 'array' THEN coalesce(m.value -> 'tool_calls', m.value -> 'toolCalls', m.value -> 'ToolCalls') ELSE '[]' END
        ) WITH ORDINALITY AS e (value, place);
CREATE VIEW "run_metadata" AS
SELECT r.id AS run_id, m.key, CASE json_typeof(m.value) WHEN 'string' THEN m.value #>> '{}'
            ELSE m.value::text END AS value
        FROM run_object r
        CROSS JOIN LATERAL json_each(CASE WHEN json_typeof(r.metadata) = 'object' THEN r.metadata ELSE '{}' END) AS m;
CREATE VIEW "run_changes" AS
SELECT run_id, row_number() OVER (PARTITION BY run_id ORDER BY status_rank, observed_at, digest) - 1 AS position, status,
            lag(status) OVER (PARTITION BY run_id ORDER BY status_rank, observed_at, digest) AS previous_status,
            observed_at, CASE WHEN observed_at BETWEEN -62135510400000000 AND 253402214399000000 THEN to_timestamp((observed_at - ((observed_at % 1000000) + 1000000) % 1000000) / 1000000) END AS observed_time, is_current, members
        FROM (
            SELECT r.id AS run_id, c.status, c.observed_at, c.digest, false AS is_current, c.members,
                CASE WHEN c.status = 'cancelling' THEN 1
               WHEN c.status IN ('cancelled', 'failed', 'completed', 'expired', 'incomplete') THEN 2 ELSE 0 END AS status_rank
            FROM run_object_change c JOIN run_object r ON r.number = c.run_object
            UNION ALL
            SELECT id, status, observed_at, digest, true, NULL, 3 FROM run_object
        ) looks;
CREATE VIEW "run_findings" AS
SELECT r.id AS run_id, 'object' AS rule, '$.object' AS path,
            coalesce('unknown object ' || '"' || substr(r.object, 1, 100) || '"', 'is null') AS detail
        FROM run_object r
        WHERE (r.object IS NULL OR r.object NOT IN ('thread.run', 'assistant.run')) AND r.shape IN (SELECT s.id FROM run_object_shape s WHERE 'object' IN (SELECT CASE json_typeof(k.value) WHEN 'array' THEN k.value ->> 1 ELSE k.value #>> '{}' END FROM json_array_elements(s.document::json -> 'keys') AS k (value))) UNION ALL
        SELECT r.id AS run_id, 'status' AS rule, '$.status' AS path,
            'unknown status ' || '"' || substr(r.status, 1, 100) || '"' AS detail
        FROM run_object r
        WHERE r.status NOT IN ('queued', 'in_progress', 'requires_action', 'cancelling', 'cancelled', 'failed', 'completed', 'incomplete', 'expired') UNION ALL
        SELECT r.id AS run_id, 'missing' AS rule, '$.' || q.name AS path,
            'a required member is absent' AS detail
        FROM run_object r JOIN (
                SELECT DISTINCT s.id, w.name FROM run_object_shape s CROSS JOIN (SELECT 'object' AS name UNION ALL SELECT 'created_at' AS name UNION ALL SELECT 'thread_id' AS name UNION ALL SELECT 'assistant_id' AS name UNION ALL SELECT 'status' AS name UNION ALL SELECT 'required_action' AS name UNION ALL SELECT 'last_error' AS name UNION ALL SELECT 'expires_at' AS name UNION ALL SELECT 'started_at' AS name UNION ALL SELECT 'cancelled_at' AS name UNION ALL SELECT 'failed_at' AS name UNION ALL SELECT 'completed_at' AS name UNION ALL SELECT 'model' AS name UNION ALL SELECT 'instructions' AS name UNION ALL SELECT 'tools' AS name UNION ALL SELECT 'metadata' AS name) w
                WHERE w.name NOT IN (SELECT CASE json_typeof(k.value) WHEN 'array' THEN k.value ->> 1 ELSE k.value #>> '{}' END FROM json_array_elements(s.document::json -> 'keys') AS k (value))
            ) q ON q.id = r.shape
        WHERE 1 = 1 UNION ALL
        SELECT r.id AS run_id, 'null' AS rule, '$.' || q.name AS path,
            'may not be null' AS detail
        FROM run_object r JOIN (
                SELECT DISTINCT s.id, w.name
                FROM run_object_shape s CROSS JOIN (SELECT 'tools' AS name UNION ALL SELECT 'file_ids') w
                WHERE w.name IN (SELECT k.value FROM json_array_elements_text(coalesce(s.document::json -> 'null', '[]')) AS k (value))
            ) q ON q.id = r.shape
        WHERE 1 = 1 UNION ALL
        SELECT r.id AS run_id, 'null' AS rule, '$.created_at' AS path,
            'may not be null' AS detail
        FROM run_object r
        WHERE r.created_at IS NULL AND r.shape IN (SELECT s.id FROM run_object_shape s WHERE 'created_at' IN (SELECT CASE json_typeof(k.value) WHEN 'array' THEN k.value ->> 1 ELSE k.value #>> '{}' END FROM json_array_elements(s.document::json -> 'keys') AS k (value))) AND json_typeof(coalesce(r.extra -> 'created_at', r.extra -> 'createdAt', r.extra -> 'CreatedAt')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'null' AS rule, '$.thread_id' AS path,
            'may not be null' AS detail
        FROM run_object r
        WHERE r.thread_id IS NULL AND r.shape IN (SELECT s.id FROM run_object_shape s WHERE 'thread_id' IN (SELECT CASE json_typeof(k.value) WHEN 'array' THEN k.value ->> 1 ELSE k.value #>> '{}' END FROM json_array_elements(s.document::json -> 'keys') AS k (value))) AND json_typeof(coalesce(r.extra -> 'thread_id', r.extra -> 'threadId', r.extra -> 'ThreadId')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'null' AS rule, '$.assistant_id' AS path,
            'may not be null' AS detail
        FROM run_object r
        WHERE r.assistant_id IS NULL AND r.shape IN (SELECT s.id FROM run_object_shape s WHERE 'assistant_id' IN (SELECT CASE json_typeof(k.value) WHEN 'array' THEN k.value ->> 1 ELSE k.value #>> '{}' END FROM json_array_elements(s.document::json -> 'keys') AS k (value))) AND json_typeof(coalesce(r.extra -> 'assistant_id', r.extra -> 'assistantId', r.extra -> 'AssistantId')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'null' AS rule, '$.status' AS path,
            'may not be null' AS detail
        FROM run_object r
        WHERE r.status IS NULL AND r.shape IN (SELECT s.id FROM run_object_shape s WHERE 'status' IN (SELECT CASE json_typeof(k.value) WHEN 'array' THEN k.value ->> 1 ELSE k.value #>> '{}' END FROM json_array_elements(s.document::json -> 'keys') AS k (value))) AND json_typeof(coalesce(r.extra -> 'status', r.extra -> 'Status')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'null' AS rule, '$.model' AS path,
            'may not be null' AS detail
        FROM run_object r
        WHERE r.model IS NULL AND r.shape IN (SELECT s.id FROM run_object_shape s WHERE 'model' IN (SELECT CASE json_typeof(k.value) WHEN 'array' THEN k.value ->> 1 ELSE k.value #>> '{}' END FROM json_array_elements(s.document::json -> 'keys') AS k (value))) AND json_typeof(coalesce(r.extra -> 'model', r.extra -> 'Model')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'null' AS rule, '$.instructions' AS path,
            'may not be null' AS detail
        FROM run_object r
        WHERE r.instructions_id IS NULL AND r.shape IN (SELECT s.id FROM run_object_shape s WHERE 'instructions' IN (SELECT CASE json_typeof(k.value) WHEN 'array' THEN k.value ->> 1 ELSE k.value #>> '{}' END FROM json_array_elements(s.document::json -> 'keys') AS k (value))) AND json_typeof(coalesce(r.extra -> 'instructions', r.extra -> 'Instructions')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.completed_at' AS path,
            'is null or absent in a run that is completed' AS detail
        FROM run_object r
        WHERE r.status = 'completed' AND r.completed_at IS NULL AND json_typeof(coalesce(r.extra -> 'completed_at', r.extra -> 'completedAt', r.extra -> 'CompletedAt')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.failed_at' AS path,
            'is null or absent in a run that is failed' AS detail
        FROM run_object r
        WHERE r.status = 'failed' AND r.failed_at IS NULL AND json_typeof(coalesce(r.extra -> 'failed_at', r.extra -> 'failedAt', r.extra -> 'FailedAt')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.cancelled_at' AS path,
            'is null or absent in a run that is cancelled' AS detail
        FROM run_object r
        WHERE r.status = 'cancelled' AND r.cancelled_at IS NULL AND json_typeof(coalesce(r.extra -> 'cancelled_at', r.extra -> 'cancelledAt', r.extra -> 'CancelledAt')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.created_at' AS path,
            CAST(r.created_at AS text) || ' is beyond the year 9999: expected seconds, not milliseconds' AS detail
        FROM run_object r
        WHERE r.created_at > 253402300799 UNION ALL
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.started_at' AS path,
            CAST(r.started_at AS text) || ' is beyond the year 9999: expected seconds, not milliseconds' AS detail
        FROM run_object r
        WHERE r.started_at > 253402300799 UNION ALL
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.expires_at' AS path,
            CAST(r.expires_at AS text) || ' is beyond the year 9999: expected seconds, not milliseconds' AS detail
        FROM run_object r
        WHERE r.expires_at > 253402300799 UNION ALL
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.cancelled_at' AS path,
            CAST(r.cancelled_at AS text) || ' is beyond the year 9999: expected seconds, not milliseconds' AS detail
        FROM run_object r
        WHERE r.cancelled_at > 253402300799 UNION ALL
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.failed_at' AS path,
            CAST(r.failed_at AS text) || ' is beyond the year 9999: expected seconds, not milliseconds' AS detail
        FROM run_object r
        WHERE r.failed_at > 253402300799 UNION ALL
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.completed_at' AS path,
            CAST(r.completed_at AS text) || ' is beyond the year 9999: expected seconds, not milliseconds' AS detail
        FROM run_object r
        WHERE r.completed_at > 253402300799 UNION ALL
        SELECT r.id AS run_id, 'required_action' AS rule, '$.required_action' AS path,
            'is null or absent in a run that requires action' AS detail
        FROM run_object r
        WHERE r.status = 'requires_action' AND NOT EXISTS (SELECT 1 FROM run_object_required_action a WHERE a.run_object = r.number) AND json_typeof(coalesce(r.extra -> 'required_action', r.extra -> 'requiredAction', r.extra -> 'RequiredAction')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'required_action' AS rule, '$.required_action' AS path,
            'is present in a run whose status is not requires_action' AS detail
        FROM run_object r JOIN run_object_required_action a ON a.run_object = r.number
        WHERE coalesce(r.status, '') <> 'requires_action' UNION ALL
        SELECT r.id AS run_id, 'required_action' AS rule, '$.required_action.type' AS path,
            coalesce('unknown type ' || '"' || substr(a.type, 1, 100) || '"', 'is null, absent or not a string') AS detail
        FROM run_object r JOIN run_object_required_action a ON a.run_object = r.number
        WHERE coalesce(a.type, '') <> 'submit_tool_outputs' AND json_typeof(coalesce(a.extra -> 'type', a.extra -> 'Type')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'usage' AS rule, '$.usage' AS path,
            'is present in a run that has not ended' AS detail
        FROM run_object r JOIN run_completion_usage u ON u.run_object = r.number
        WHERE coalesce(r.status, '') NOT IN ('cancelled', 'failed', 'completed', 'incomplete', 'expired') UNION ALL
        SELECT r.id AS run_id, 'usage' AS rule, '$.usage.prompt_tokens' AS path,
            'is null or absent' AS detail
        FROM run_object r JOIN run_completion_usage u ON u.run_object = r.number
        WHERE u.prompt_tokens IS NULL AND json_typeof(coalesce(u.extra -> 'prompt_tokens', u.extra -> 'promptTokens', u.extra -> 'PromptTokens')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'usage' AS rule, '$.usage.completion_tokens' AS path,
            'is null or absent' AS detail
        FROM run_object r JOIN run_completion_usage u ON u.run_object = r.number
        WHERE u.completion_tokens IS NULL AND json_typeof(coalesce(u.extra -> 'completion_tokens', u.extra -> 'completionTokens', u.extra -> 'CompletionTokens')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'usage' AS rule, '$.usage.total_tokens' AS path,
            'is null or absent' AS detail
        FROM run_object r JOIN run_completion_usage u ON u.run_object = r.number
        WHERE u.total_tokens IS NULL AND json_typeof(coalesce(u.extra -> 'total_tokens', u.extra -> 'totalTokens', u.extra -> 'TotalTokens')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'last_error' AS rule, '$.last_error.code' AS path,
            coalesce('unknown code ' || '"' || substr(e.code, 1, 100) || '"', 'is null or absent') AS detail
        FROM run_object r JOIN run_object_last_error e ON e.run_object = r.number
        WHERE coalesce(e.code, '') NOT IN ('server_error', 'rate_limit_exceeded', 'invalid_prompt') AND json_typeof(coalesce(e.extra -> 'code', e.extra -> 'Code')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'incomplete_details' AS rule, '$.incomplete_details.reason' AS path,
            'unknown reason ' || '"' || substr(d.reason, 1, 100) || '"' AS detail
        FROM run_object r JOIN run_object_incomplete_details d ON d.run_object = r.number
        WHERE d.reason NOT IN ('max_completion_tokens', 'max_prompt_tokens') UNION ALL
        SELECT r.id AS run_id, 'metadata' AS rule, '$.metadata' AS path,
            CAST((SELECT count(*) FROM json_each(CASE WHEN json_typeof(r.metadata) = 'object' THEN r.metadata ELSE '{}' END)) AS text) || ' pairs, expected at most 16' AS detail
        FROM run_object r
        WHERE r.metadata IS NOT NULL AND (SELECT count(*) FROM json_each(CASE WHEN json_typeof(r.metadata) = 'object' THEN r.metadata ELSE '{}' END)) > 16 UNION ALL
        SELECT r.id AS run_id, 'metadata' AS rule, '$.metadata.' || substr(m.key, 1, 100) AS path,
            'a key of ' || CAST(length(m.key) AS text) || ' characters, expected at most 64' AS detail
        FROM run_object r CROSS JOIN LATERAL json_each(CASE WHEN json_typeof(r.metadata) = 'object' THEN r.metadata ELSE '{}' END) AS m
        WHERE length(m.key) > 64 UNION ALL
        SELECT r.id AS run_id, 'metadata' AS rule, '$.metadata.' || substr(m.key, 1, 100) AS path,
            'the value is not a string' AS detail
        FROM run_object r CROSS JOIN LATERAL json_each(CASE WHEN json_typeof(r.metadata) = 'object' THEN r.metadata ELSE '{}' END) AS m
        WHERE NOT (json_typeof(m.value) = 'string') UNION ALL
        SELECT r.id AS run_id, 'metadata' AS rule, '$.metadata.' || substr(m.key, 1, 100) AS path,
            'a value of ' || CAST(length(m.value #>> '{}') AS text) || ' characters, expected at most 512' AS detail
        FROM run_object r CROSS JOIN LATERAL json_each(CASE WHEN json_typeof(r.metadata) = 'object' THEN r.metadata ELSE '{}' END) AS m
        WHERE json_typeof(m.value) = 'string' AND length(m.value #>> '{}') > 512 UNION ALL
        SELECT r.id AS run_id, 'tools' AS rule, '$.tools' AS path,
            CAST((SELECT count(*) FROM run_object_assistant_object_tools_inner l WHERE l.run_object = r.number) AS text) || ' tools, expected at most 128, or 20 in a run of the first generation' AS detail
        FROM run_object r
        WHERE (SELECT count(*) FROM run_object_assistant_object_tools_inner l WHERE l.run_object = r.number) > CASE WHEN r.shape IN (SELECT s.id FROM run_object_shape s WHERE 'file_ids' IN (SELECT CASE json_typeof(k.value) WHEN 'array' THEN k.value ->> 1 ELSE k.value #>> '{}' END FROM json_array_elements(s.document::json -> 'keys') AS k (value))) OR EXISTS (SELECT 1 FROM run_object_assistant_object_tools_inner l
            JOIN assistant_object_tools_inner t ON t.id = l.assistant_object_tools_inner WHERE l.run_object = r.number AND t.type = 'retrieval') THEN 20 ELSE 128 END UNION ALL
        SELECT r.id AS run_id, 'tools' AS rule, '$.tools[' || CAST(l.position AS text) || '].type' AS path,
            coalesce('unknown type ' || '"' || substr(t.type, 1, 100) || '"', 'is null, absent or not a string') AS detail
        FROM run_object_assistant_object_tools_inner l
            JOIN assistant_object_tools_inner t ON t.id = l.assistant_object_tools_inner JOIN run_object r ON r.number = l.run_object
        WHERE coalesce(t.type, '') NOT IN ('code_interpreter', 'retrieval', 'file_search', 'function') UNION ALL
        SELECT r.id AS run_id, 'tools' AS rule, '$.tools[' || CAST(l.position AS text) || '].function.name' AS path,
            coalesce('"' || substr(n.name, 1, 100) || '"' || ' is not a valid function name', 'is null, absent or not a string') AS detail
        FROM run_object_assistant_object_tools_inner l
            JOIN assistant_object_tools_inner t ON t.id = l.assistant_object_tools_inner JOIN run_object r ON r.number = l.run_object LEFT JOIN function_object n ON n.id = t.function
        WHERE t.type = 'function' AND (n.name IS NULL OR NOT (n.name ~ '^[a-zA-Z0-9_-]{1,64}$')) UNION ALL
        SELECT r.id AS run_id, 'file_ids' AS rule, '$.file_ids' AS path,
            CAST((SELECT count(*) FROM run_object_file_ids l WHERE l.run_object = r.number) AS text) || ' files, expected at most 20' AS detail
        FROM run_object r
        WHERE (SELECT count(*) FROM run_object_file_ids l WHERE l.run_object = r.number) > 20 UNION ALL
        SELECT r.id AS run_id, 'instructions' AS rule, '$.instructions' AS path,
            CAST(length(i.instructions) AS text) || ' characters, expected at most 256000' AS detail
        FROM run_object r JOIN run_object_instructions i ON i.id = r.instructions_id
        WHERE length(i.instructions) > 256000 UNION ALL
        SELECT r.id AS run_id, 'temperature' AS rule, '$.temperature' AS path,
            'expected 0 to 2' AS detail
        FROM run_object r
        WHERE r.temperature NOT BETWEEN 0 AND 2 UNION ALL
        SELECT r.id AS run_id, 'top_p' AS rule, '$.top_p' AS path,
            'expected 0 to 1' AS detail
        FROM run_object r
        WHERE r.top_p NOT BETWEEN 0 AND 1 UNION ALL
        SELECT r.id AS run_id, 'max_prompt_tokens' AS rule, '$.max_prompt_tokens' AS path,
            CAST(r.max_prompt_tokens AS text) || ', expected at least 256' AS detail
        FROM run_object r
        WHERE r.max_prompt_tokens < 256 UNION ALL
        SELECT r.id AS run_id, 'max_completion_tokens' AS rule, '$.max_completion_tokens' AS path,
            CAST(r.max_completion_tokens AS text) || ', expected at least 256' AS detail
        FROM run_object r
        WHERE r.max_completion_tokens < 256 UNION ALL
        SELECT r.id AS run_id, 'truncation_strategy' AS rule, '$.truncation_strategy.type' AS path,
            coalesce('unknown type ' || '"' || substr(t.type, 1, 100) || '"', 'is null, absent or not a string') AS detail
        FROM run_object r JOIN truncation_object t ON t.id = r.truncation_strategy
        WHERE coalesce(t.type, '') NOT IN ('auto', 'last_messages') UNION ALL
        SELECT r.id AS run_id, 'truncation_strategy' AS rule, '$.truncation_strategy.last_messages' AS path,
            CAST(t.last_messages AS text) || ', expected at least 1' AS detail
        FROM run_object r JOIN truncation_object t ON t.id = r.truncation_strategy
        WHERE t.last_messages < 1 UNION ALL
        SELECT r.id AS run_id, 'tool_choice' AS rule, '$.tool_choice' AS path,
            'unknown ' || '"' || substr(c.document, 1, 100) || '"' AS detail
        FROM run_object r JOIN assistants_api_tool_choice_option c ON c.id = r.tool_choice
        WHERE substr(c.document, 1, 1) = '"' AND c.document NOT IN ('"none"', '"auto"', '"required"') UNION ALL
        SELECT r.id AS run_id, 'tool_choice' AS rule, '$.tool_choice.type' AS path,
            coalesce('unknown type ' || '"' || substr(c.type, 1, 100) || '"', 'is null, absent or not a string') AS detail
        FROM run_object r JOIN assistants_api_tool_choice_option c ON c.id = r.tool_choice
        WHERE substr(c.document, 1, 1) <> '"' AND coalesce(c.type, '') NOT IN ('function', 'code_interpreter', 'file_search', 'retrieval') UNION ALL
        SELECT r.id AS run_id, 'response_format' AS rule, '$.response_format' AS path,
            'unknown ' || '"' || substr(f.document, 1, 100) || '"' AS detail
        FROM run_object r JOIN assistants_api_response_format_option f ON f.id = r.response_format
        WHERE substr(f.document, 1, 1) = '"' AND f.document NOT IN ('"none"', '"auto"') UNION ALL
        SELECT r.id AS run_id, 'response_format' AS rule, '$.response_format.type' AS path,
            coalesce('unknown type ' || '"' || substr(f.type, 1, 100) || '"', 'is null, absent or not a string') AS detail
        FROM run_object r JOIN assistants_api_response_format_option f ON f.id = r.response_format
        WHERE substr(f.document, 1, 1) <> '"' AND coalesce(f.type, '') NOT IN ('text', 'json_object', 'json_schema');
