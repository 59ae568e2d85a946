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
CREATE TABLE run_object_instructions (
	id BIGINT NOT NULL,
	digest BYTEA NOT NULL,
	instructions TEXT NOT NULL,
	CONSTRAINT pk_run_object_instructions PRIMARY KEY (id)
);
COMMENT ON TABLE run_object_instructions IS 'The texts of RunObject.instructions, each once.';
COMMENT ON COLUMN run_object_instructions.id IS 'The first 63 bits of digest: the same value has the same id in every archive.';
COMMENT ON COLUMN run_object_instructions.digest IS 'BLAKE2b (32 bytes) of the value''s canonical text.';
COMMENT ON COLUMN run_object_instructions.instructions IS 'The system message of the runs that refer to it.';
CREATE TABLE run_object_shape (
	id BIGINT NOT NULL,
	digest BYTEA NOT NULL,
	document TEXT NOT NULL,
	CONSTRAINT pk_run_object_shape PRIMARY KEY (id)
);
COMMENT ON TABLE run_object_shape IS 'Order of keys in runs, at the levels that stand in columns (own table).';
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
COMMENT ON COLUMN assistant_object_tools_inner.document IS 'Canonical JSON text of the tool, with null for a function that stands in function_object.';
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
	CONSTRAINT pk_run_object PRIMARY KEY (id),
	CONSTRAINT fk_run_object_instructions_id FOREIGN KEY(instructions_id) REFERENCES run_object_instructions (id),
	CONSTRAINT fk_run_object_truncation_strategy FOREIGN KEY(truncation_strategy) REFERENCES truncation_object (id),
	CONSTRAINT fk_run_object_tool_choice FOREIGN KEY(tool_choice) REFERENCES assistants_api_tool_choice_option (id),
	CONSTRAINT fk_run_object_response_format FOREIGN KEY(response_format) REFERENCES assistants_api_response_format_option (id),
	CONSTRAINT fk_run_object_shape FOREIGN KEY(shape) REFERENCES run_object_shape (id)
);
CREATE INDEX ix_run_object_assistant_id ON run_object (assistant_id, coalesce(created_at, -9223372036854775808));
CREATE INDEX ix_run_object_created_at ON run_object (coalesce(created_at, -9223372036854775808), id);
CREATE INDEX ix_run_object_instructions_id ON run_object (instructions_id);
CREATE INDEX ix_run_object_status ON run_object (status, coalesce(created_at, -9223372036854775808));
CREATE INDEX ix_run_object_thread_id ON run_object (thread_id, coalesce(created_at, -9223372036854775808));
COMMENT ON TABLE run_object IS 'Documented RunObject: assistant runs, each as its newest look has it.';
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
COMMENT ON COLUMN run_object.shape IS 'Key in run_object_shape: the order of the keys.';
COMMENT ON COLUMN run_object.digest IS 'BLAKE2b (32 bytes) of the run''s canonical text, each shared value replaced by its digest.';
COMMENT ON COLUMN run_object.observed_at IS 'When the run was last seen so (Unix microseconds).';
COMMENT ON COLUMN run_object.archived_at IS 'When the run was first stored here (Unix microseconds).';
COMMENT ON COLUMN run_object.source IS 'Where this look came from, as the importer named it.';
CREATE TABLE run_completion_usage (
	run_object TEXT COLLATE "C" NOT NULL,
	completion_tokens BIGINT,
	prompt_tokens BIGINT,
	total_tokens BIGINT,
	extra JSON,
	CONSTRAINT pk_run_completion_usage PRIMARY KEY (run_object),
	CONSTRAINT fk_run_completion_usage_run_object FOREIGN KEY(run_object) REFERENCES run_object (id) ON DELETE CASCADE
);
COMMENT ON TABLE run_completion_usage IS 'Documented RunCompletionUsage: tokens a run used.';
COMMENT ON COLUMN run_completion_usage.run_object IS 'The run''s id.';
COMMENT ON COLUMN run_completion_usage.completion_tokens IS 'Tokens of the completions.';
COMMENT ON COLUMN run_completion_usage.prompt_tokens IS 'Tokens of the prompts.';
COMMENT ON COLUMN run_completion_usage.total_tokens IS 'Tokens in all.';
COMMENT ON COLUMN run_completion_usage.extra IS 'Members that no column holds, as a JSON object; NULL if none.';
CREATE TABLE run_object_assistant_object_tools_inner (
	run_object TEXT COLLATE "C" NOT NULL,
	position INTEGER NOT NULL,
	assistant_object_tools_inner BIGINT NOT NULL,
	CONSTRAINT pk_run_object_assistant_object_tools_inner PRIMARY KEY (run_object, position),
	CONSTRAINT fk_run_object_assistant_object_tools_inner_run_object FOREIGN KEY(run_object) REFERENCES run_object (id) ON DELETE CASCADE,
	CONSTRAINT fk_run_object_assistant_object_tools_inner_tool FOREIGN KEY(assistant_object_tools_inner) REFERENCES assistant_object_tools_inner (id)
);
CREATE INDEX ix_run_object_assistant_object_tools_inner_tool ON run_object_assistant_object_tools_inner (assistant_object_tools_inner);
COMMENT ON TABLE run_object_assistant_object_tools_inner IS 'Documented link RunObjectAssistantObjectToolsInner: the tools of runs, in order.';
COMMENT ON COLUMN run_object_assistant_object_tools_inner.run_object IS 'The run''s id.';
COMMENT ON COLUMN run_object_assistant_object_tools_inner.position IS 'Place, from 0.';
COMMENT ON COLUMN run_object_assistant_object_tools_inner.assistant_object_tools_inner IS 'Key in assistant_object_tools_inner.';
CREATE TABLE run_object_change (
	run_object TEXT COLLATE "C" NOT NULL,
	digest BYTEA NOT NULL,
	observed_at BIGINT NOT NULL,
	status TEXT COLLATE "C",
	members JSON NOT NULL,
	absent JSON,
	CONSTRAINT pk_run_object_change PRIMARY KEY (run_object, digest),
	CONSTRAINT fk_run_object_change_run_object FOREIGN KEY(run_object) REFERENCES run_object (id) ON DELETE CASCADE
);
COMMENT ON TABLE run_object_change IS 'Earlier looks at runs, as what differs from the next newer look (own table).';
COMMENT ON COLUMN run_object_change.run_object IS 'The run''s id.';
COMMENT ON COLUMN run_object_change.digest IS 'Digest of the earlier look.';
COMMENT ON COLUMN run_object_change.observed_at IS 'When it was last seen so: Unix microseconds.';
COMMENT ON COLUMN run_object_change.status IS 'The run''s status in this look.';
COMMENT ON COLUMN run_object_change.members IS 'Members whose value differs in the next newer look, with their value in this one.';
COMMENT ON COLUMN run_object_change.absent IS 'Keys that the next newer look has and this one had not, as a JSON array; NULL if none.';
CREATE TABLE run_object_file_ids (
	run_object TEXT COLLATE "C" NOT NULL,
	position INTEGER NOT NULL,
	file_ids TEXT COLLATE "C" NOT NULL,
	CONSTRAINT pk_run_object_file_ids PRIMARY KEY (run_object, position),
	CONSTRAINT fk_run_object_file_ids_run_object FOREIGN KEY(run_object) REFERENCES run_object (id) ON DELETE CASCADE
);
CREATE INDEX ix_run_object_file_ids_file_ids ON run_object_file_ids (file_ids);
COMMENT ON TABLE run_object_file_ids IS 'Documented link RunObjectFileIds: the files of v1 runs, in order.';
COMMENT ON COLUMN run_object_file_ids.run_object IS 'The run''s id.';
COMMENT ON COLUMN run_object_file_ids.position IS 'Place, from 0.';
COMMENT ON COLUMN run_object_file_ids.file_ids IS 'Id of one file.';
CREATE TABLE run_object_incomplete_details (
	run_object TEXT COLLATE "C" NOT NULL,
	reason TEXT COLLATE "C",
	extra JSON,
	CONSTRAINT pk_run_object_incomplete_details PRIMARY KEY (run_object),
	CONSTRAINT fk_run_object_incomplete_details_run_object FOREIGN KEY(run_object) REFERENCES run_object (id) ON DELETE CASCADE
);
COMMENT ON TABLE run_object_incomplete_details IS 'Documented RunObject_incomplete_details: why a run is incomplete.';
COMMENT ON COLUMN run_object_incomplete_details.run_object IS 'The run''s id.';
COMMENT ON COLUMN run_object_incomplete_details.reason IS 'max_completion_tokens, max_prompt_tokens and others.';
COMMENT ON COLUMN run_object_incomplete_details.extra IS 'Members that no column holds, as a JSON object; NULL if none.';
CREATE TABLE run_object_last_error (
	run_object TEXT COLLATE "C" NOT NULL,
	code TEXT COLLATE "C",
	message TEXT,
	extra JSON,
	CONSTRAINT pk_run_object_last_error PRIMARY KEY (run_object),
	CONSTRAINT fk_run_object_last_error_run_object FOREIGN KEY(run_object) REFERENCES run_object (id) ON DELETE CASCADE
);
COMMENT ON TABLE run_object_last_error IS 'Documented RunObject_last_error: why a run failed.';
COMMENT ON COLUMN run_object_last_error.run_object IS 'The run''s id.';
COMMENT ON COLUMN run_object_last_error.code IS 'server_error, rate_limit_exceeded, invalid_prompt and others.';
COMMENT ON COLUMN run_object_last_error.message IS 'The error for a person to read.';
COMMENT ON COLUMN run_object_last_error.extra IS 'Members that no column holds, as a JSON object; NULL if none.';
CREATE TABLE run_object_required_action (
	run_object TEXT COLLATE "C" NOT NULL,
	type TEXT,
	extra JSON,
	CONSTRAINT pk_run_object_required_action PRIMARY KEY (run_object),
	CONSTRAINT fk_run_object_required_action_run_object FOREIGN KEY(run_object) REFERENCES run_object (id) ON DELETE CASCADE
);
COMMENT ON TABLE run_object_required_action IS 'Documented RunObject_required_action: what the run waits for.';
COMMENT ON COLUMN run_object_required_action.run_object IS 'The run''s id.';
COMMENT ON COLUMN run_object_required_action.type IS 'submit_tool_outputs, or another server''s action.';
COMMENT ON COLUMN run_object_required_action.extra IS 'Members that no column holds; submit_tool_outputs stands here only if it is of another form.';
CREATE TABLE run_tool_call_object (
	run_object TEXT COLLATE "C" NOT NULL,
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
COMMENT ON COLUMN run_tool_call_object.run_object IS 'The run''s id.';
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
               r.truncation_strategy, r.tool_choice, r.response_format, r.temperature
        FROM run_object r
        LEFT JOIN run_object_required_action a ON a.run_object = r.id
        LEFT JOIN run_object_last_error e ON e.run_object = r.id
        LEFT JOIN run_object_incomplete_details d ON d.run_object = r.id
        LEFT JOIN run_completion_usage u ON u.run_object = r.id
        LEFT JOIN run_object_instructions i ON i.id = r.instructions_id;
CREATE VIEW "RunObjectAssistantObjectToolsInner" AS
SELECT run_object AS "runObject", assistant_object_tools_inner AS "assistantObjectToolsInner"
        FROM run_object_assistant_object_tools_inner;
CREATE VIEW "RunObjectFileIds" AS
SELECT run_object AS "runObject", file_ids AS "fileIds" FROM run_object_file_ids;
