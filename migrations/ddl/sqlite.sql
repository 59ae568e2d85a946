CREATE TABLE assistants_api_response_format_option (
	id INTEGER NOT NULL,
	digest BLOB NOT NULL,
	type TEXT,
	document TEXT NOT NULL,
	CONSTRAINT pk_assistants_api_response_format_option PRIMARY KEY (id)
);
CREATE TABLE function_object (
	id INTEGER NOT NULL,
	digest BLOB NOT NULL,
	name TEXT,
	description TEXT,
	parameters TEXT,
	strict BOOLEAN,
	document TEXT NOT NULL,
	CONSTRAINT pk_function_object PRIMARY KEY (id)
);
CREATE INDEX ix_function_object_name ON function_object (name);
CREATE TABLE run_object_instructions (
	id INTEGER NOT NULL,
	digest BLOB NOT NULL,
	instructions TEXT NOT NULL,
	CONSTRAINT pk_run_object_instructions PRIMARY KEY (id)
);
CREATE TABLE run_object_shape (
	id INTEGER NOT NULL,
	digest BLOB NOT NULL,
	document TEXT NOT NULL,
	CONSTRAINT pk_run_object_shape PRIMARY KEY (id)
);
CREATE TABLE truncation_object (
	id INTEGER NOT NULL,
	digest BLOB NOT NULL,
	type TEXT,
	last_messages INTEGER,
	document TEXT NOT NULL,
	CONSTRAINT pk_truncation_object PRIMARY KEY (id)
);
CREATE TABLE assistant_object_tools_inner (
	id INTEGER NOT NULL,
	digest BLOB NOT NULL,
	type TEXT,
	function INTEGER,
	document TEXT NOT NULL,
	CONSTRAINT pk_assistant_object_tools_inner PRIMARY KEY (id),
	CONSTRAINT fk_assistant_object_tools_inner_function FOREIGN KEY(function) REFERENCES function_object (id)
);
CREATE INDEX ix_assistant_object_tools_inner_function ON assistant_object_tools_inner (function);
CREATE INDEX ix_assistant_object_tools_inner_type ON assistant_object_tools_inner (type);
CREATE TABLE assistants_api_tool_choice_option (
	id INTEGER NOT NULL,
	digest BLOB NOT NULL,
	type TEXT,
	function INTEGER,
	document TEXT NOT NULL,
	CONSTRAINT pk_assistants_api_tool_choice_option PRIMARY KEY (id),
	CONSTRAINT fk_assistants_api_tool_choice_option_function FOREIGN KEY(function) REFERENCES function_object (id)
);
CREATE INDEX ix_assistants_api_tool_choice_option_function ON assistants_api_tool_choice_option (function);
CREATE TABLE run_object (
	id TEXT NOT NULL,
	object TEXT,
	created_at INTEGER,
	thread_id TEXT,
	assistant_id TEXT,
	status TEXT,
	expires_at INTEGER,
	started_at INTEGER,
	cancelled_at INTEGER,
	failed_at INTEGER,
	completed_at INTEGER,
	model TEXT,
	instructions_id INTEGER,
	metadata TEXT,
	max_prompt_tokens INTEGER,
	max_completion_tokens INTEGER,
	truncation_strategy INTEGER,
	tool_choice INTEGER,
	response_format INTEGER,
	temperature NUMERIC,
	top_p NUMERIC,
	parallel_tool_calls BOOLEAN,
	extra TEXT,
	shape INTEGER NOT NULL,
	digest BLOB NOT NULL,
	observed_at INTEGER NOT NULL,
	archived_at INTEGER NOT NULL,
	source TEXT,
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
CREATE TABLE run_completion_usage (
	run_object TEXT NOT NULL,
	completion_tokens INTEGER,
	prompt_tokens INTEGER,
	total_tokens INTEGER,
	extra TEXT,
	CONSTRAINT pk_run_completion_usage PRIMARY KEY (run_object),
	CONSTRAINT fk_run_completion_usage_run_object FOREIGN KEY(run_object) REFERENCES run_object (id) ON DELETE CASCADE
);
CREATE TABLE run_object_assistant_object_tools_inner (
	run_object TEXT NOT NULL,
	position INTEGER NOT NULL,
	assistant_object_tools_inner INTEGER NOT NULL,
	CONSTRAINT pk_run_object_assistant_object_tools_inner PRIMARY KEY (run_object, position),
	CONSTRAINT fk_run_object_assistant_object_tools_inner_run_object FOREIGN KEY(run_object) REFERENCES run_object (id) ON DELETE CASCADE,
	CONSTRAINT fk_run_object_assistant_object_tools_inner_tool FOREIGN KEY(assistant_object_tools_inner) REFERENCES assistant_object_tools_inner (id)
);
CREATE INDEX ix_run_object_assistant_object_tools_inner_tool ON run_object_assistant_object_tools_inner (assistant_object_tools_inner);
CREATE TABLE run_object_change (
	run_object TEXT NOT NULL,
	digest BLOB NOT NULL,
	observed_at INTEGER NOT NULL,
	status TEXT,
	members TEXT NOT NULL,
	absent TEXT,
	CONSTRAINT pk_run_object_change PRIMARY KEY (run_object, digest),
	CONSTRAINT fk_run_object_change_run_object FOREIGN KEY(run_object) REFERENCES run_object (id) ON DELETE CASCADE
);
CREATE TABLE run_object_file_ids (
	run_object TEXT NOT NULL,
	position INTEGER NOT NULL,
	file_ids TEXT NOT NULL,
	CONSTRAINT pk_run_object_file_ids PRIMARY KEY (run_object, position),
	CONSTRAINT fk_run_object_file_ids_run_object FOREIGN KEY(run_object) REFERENCES run_object (id) ON DELETE CASCADE
);
CREATE INDEX ix_run_object_file_ids_file_ids ON run_object_file_ids (file_ids);
CREATE TABLE run_object_incomplete_details (
	run_object TEXT NOT NULL,
	reason TEXT,
	extra TEXT,
	CONSTRAINT pk_run_object_incomplete_details PRIMARY KEY (run_object),
	CONSTRAINT fk_run_object_incomplete_details_run_object FOREIGN KEY(run_object) REFERENCES run_object (id) ON DELETE CASCADE
);
CREATE TABLE run_object_last_error (
	run_object TEXT NOT NULL,
	code TEXT,
	message TEXT,
	extra TEXT,
	CONSTRAINT pk_run_object_last_error PRIMARY KEY (run_object),
	CONSTRAINT fk_run_object_last_error_run_object FOREIGN KEY(run_object) REFERENCES run_object (id) ON DELETE CASCADE
);
CREATE TABLE run_object_required_action (
	run_object TEXT NOT NULL,
	type TEXT,
	extra TEXT,
	CONSTRAINT pk_run_object_required_action PRIMARY KEY (run_object),
	CONSTRAINT fk_run_object_required_action_run_object FOREIGN KEY(run_object) REFERENCES run_object (id) ON DELETE CASCADE
);
CREATE TABLE run_tool_call_object (
	run_object TEXT NOT NULL,
	position INTEGER NOT NULL,
	id TEXT,
	type TEXT,
	function_name TEXT,
	function_arguments TEXT,
	extra TEXT,
	CONSTRAINT pk_run_tool_call_object PRIMARY KEY (run_object, position),
	CONSTRAINT fk_run_tool_call_object_run_object FOREIGN KEY(run_object) REFERENCES run_object_required_action (run_object) ON DELETE CASCADE
);
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
