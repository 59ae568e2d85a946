CREATE TABLE assistants_api_response_format_option (
	id INTEGER NOT NULL,
	digest BLOB NOT NULL,
	type TEXT,
	document TEXT NOT NULL,
	CONSTRAINT pk_assistants_api_response_format_option PRIMARY KEY (id)
);
CREATE TABLE fetched_thread (
	server TEXT NOT NULL,
	source TEXT NOT NULL,
	thread_id TEXT NOT NULL,
	cursor TEXT,
	created_from INTEGER,
	done BOOLEAN NOT NULL,
	failures INTEGER NOT NULL,
	error TEXT,
	asked_at INTEGER NOT NULL,
	completed_at INTEGER,
	CONSTRAINT pk_fetched_thread PRIMARY KEY (server, source, thread_id)
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
CREATE TABLE model_price (
	model TEXT NOT NULL,
	valid_from INTEGER NOT NULL,
	prompt NUMERIC NOT NULL,
	cached NUMERIC,
	completion NUMERIC NOT NULL,
	currency TEXT NOT NULL,
	CONSTRAINT pk_model_price PRIMARY KEY (model, valid_from)
);
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
	number INTEGER NOT NULL,
	CONSTRAINT pk_run_object PRIMARY KEY (number AUTOINCREMENT),
	CONSTRAINT uq_run_object_id UNIQUE (id),
	CONSTRAINT fk_run_object_instructions_id FOREIGN KEY(instructions_id) REFERENCES run_object_instructions (id),
	CONSTRAINT fk_run_object_truncation_strategy FOREIGN KEY(truncation_strategy) REFERENCES truncation_object (id),
	CONSTRAINT fk_run_object_tool_choice FOREIGN KEY(tool_choice) REFERENCES assistants_api_tool_choice_option (id),
	CONSTRAINT fk_run_object_response_format FOREIGN KEY(response_format) REFERENCES assistants_api_response_format_option (id),
	CONSTRAINT fk_run_object_shape FOREIGN KEY(shape) REFERENCES run_object_shape (id)
);
CREATE INDEX ix_run_object_assistant_id ON run_object (assistant_id, coalesce(created_at, -9223372036854775808));
CREATE INDEX ix_run_object_created ON run_object (created_at);
CREATE INDEX ix_run_object_created_at ON run_object (coalesce(created_at, -9223372036854775808), id);
CREATE INDEX ix_run_object_instructions_id ON run_object (instructions_id);
CREATE INDEX ix_run_object_irregular ON run_object (coalesce(created_at, -9223372036854775808), id) WHERE created_at IS NULL AND coalesce(started_at, completed_at, failed_at, cancelled_at, expires_at) IS NOT NULL OR started_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200 OR completed_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200 OR failed_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200 OR cancelled_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200 OR status = 'expired' AND expires_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200;
CREATE INDEX ix_run_object_model ON run_object (model, coalesce(created_at, -9223372036854775808));
CREATE INDEX ix_run_object_seconds ON run_object ((CASE WHEN created_at BETWEEN -62135510400 AND 253402214399 AND CASE status WHEN 'completed' THEN completed_at WHEN 'incomplete' THEN completed_at WHEN 'failed' THEN failed_at WHEN 'cancelled' THEN cancelled_at WHEN 'expired' THEN expires_at END BETWEEN -62135510400 AND 253402214399 THEN CASE status WHEN 'completed' THEN completed_at WHEN 'incomplete' THEN completed_at WHEN 'failed' THEN failed_at WHEN 'cancelled' THEN cancelled_at WHEN 'expired' THEN expires_at END - created_at END));
CREATE INDEX ix_run_object_status ON run_object (status, coalesce(created_at, -9223372036854775808));
CREATE INDEX ix_run_object_thread_id ON run_object (thread_id, coalesce(created_at, -9223372036854775808));
CREATE TABLE run_completion_usage (
	run_object INTEGER NOT NULL,
	completion_tokens INTEGER,
	prompt_tokens INTEGER,
	total_tokens INTEGER,
	extra TEXT,
	CONSTRAINT pk_run_completion_usage PRIMARY KEY (run_object),
	CONSTRAINT fk_run_completion_usage_run_object FOREIGN KEY(run_object) REFERENCES run_object (number) ON DELETE CASCADE
);
CREATE INDEX ix_run_completion_usage_total_tokens ON run_completion_usage (total_tokens);
CREATE TABLE run_object_assistant_object_tools_inner (
	run_object INTEGER NOT NULL,
	position INTEGER NOT NULL,
	assistant_object_tools_inner INTEGER NOT NULL,
	CONSTRAINT pk_run_object_assistant_object_tools_inner PRIMARY KEY (run_object, position),
	CONSTRAINT fk_run_object_assistant_object_tools_inner_run_object FOREIGN KEY(run_object) REFERENCES run_object (number) ON DELETE CASCADE,
	CONSTRAINT fk_run_object_assistant_object_tools_inner_tool FOREIGN KEY(assistant_object_tools_inner) REFERENCES assistant_object_tools_inner (id)
)
 WITHOUT ROWID;
CREATE INDEX ix_run_object_assistant_object_tools_inner_tool ON run_object_assistant_object_tools_inner (assistant_object_tools_inner);
CREATE TABLE run_object_change (
	run_object INTEGER NOT NULL,
	digest BLOB NOT NULL,
	observed_at INTEGER NOT NULL,
	status TEXT,
	members TEXT NOT NULL,
	absent TEXT,
	CONSTRAINT pk_run_object_change PRIMARY KEY (run_object, digest),
	CONSTRAINT fk_run_object_change_run_object FOREIGN KEY(run_object) REFERENCES run_object (number) ON DELETE CASCADE
);
CREATE TABLE run_object_file_ids (
	run_object INTEGER NOT NULL,
	position INTEGER NOT NULL,
	file_ids TEXT NOT NULL,
	CONSTRAINT pk_run_object_file_ids PRIMARY KEY (run_object, position),
	CONSTRAINT fk_run_object_file_ids_run_object FOREIGN KEY(run_object) REFERENCES run_object (number) ON DELETE CASCADE
)
 WITHOUT ROWID;
CREATE INDEX ix_run_object_file_ids_file_ids ON run_object_file_ids (file_ids);
CREATE TABLE run_object_incomplete_details (
	run_object INTEGER NOT NULL,
	reason TEXT,
	extra TEXT,
	CONSTRAINT pk_run_object_incomplete_details PRIMARY KEY (run_object),
	CONSTRAINT fk_run_object_incomplete_details_run_object FOREIGN KEY(run_object) REFERENCES run_object (number) ON DELETE CASCADE
);
CREATE INDEX ix_run_object_incomplete_details_reason ON run_object_incomplete_details (reason);
CREATE TABLE run_object_last_error (
	run_object INTEGER NOT NULL,
	code TEXT,
	message TEXT,
	extra TEXT,
	CONSTRAINT pk_run_object_last_error PRIMARY KEY (run_object),
	CONSTRAINT fk_run_object_last_error_run_object FOREIGN KEY(run_object) REFERENCES run_object (number) ON DELETE CASCADE
);
CREATE INDEX ix_run_object_last_error_code ON run_object_last_error (code);
CREATE TABLE run_object_required_action (
	run_object INTEGER NOT NULL,
	type TEXT,
	extra TEXT,
	CONSTRAINT pk_run_object_required_action PRIMARY KEY (run_object),
	CONSTRAINT fk_run_object_required_action_run_object FOREIGN KEY(run_object) REFERENCES run_object (number) ON DELETE CASCADE
);
CREATE TABLE run_tool_call_object (
	run_object INTEGER NOT NULL,
	position INTEGER NOT NULL,
	id TEXT,
	type TEXT,
	function_name TEXT,
	function_arguments TEXT,
	extra TEXT,
	CONSTRAINT pk_run_tool_call_object PRIMARY KEY (run_object, position),
	CONSTRAINT fk_run_tool_call_object_run_object FOREIGN KEY(run_object) REFERENCES run_object_required_action (run_object) ON DELETE CASCADE
)
 WITHOUT ROWID;
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
            CASE WHEN r.created_at BETWEEN -62135510400 AND 253402214399 THEN datetime(r.created_at, 'unixepoch') END AS created_time,
            CASE WHEN r.started_at BETWEEN -62135510400 AND 253402214399 THEN datetime(r.started_at, 'unixepoch') END AS started_time,
            CASE WHEN r.expires_at BETWEEN -62135510400 AND 253402214399 THEN datetime(r.expires_at, 'unixepoch') END AS expires_time,
            CASE WHEN r.cancelled_at BETWEEN -62135510400 AND 253402214399 THEN datetime(r.cancelled_at, 'unixepoch') END AS cancelled_time,
            CASE WHEN r.failed_at BETWEEN -62135510400 AND 253402214399 THEN datetime(r.failed_at, 'unixepoch') END AS failed_time,
            CASE WHEN r.completed_at BETWEEN -62135510400 AND 253402214399 THEN datetime(r.completed_at, 'unixepoch') END AS completed_time,
            (CASE r.status WHEN 'completed' THEN r.completed_at WHEN 'incomplete' THEN r.completed_at
            WHEN 'failed' THEN r.failed_at WHEN 'cancelled' THEN r.cancelled_at
            WHEN 'expired' THEN r.expires_at END) AS finished_at,
            CASE WHEN (CASE r.status WHEN 'completed' THEN r.completed_at WHEN 'incomplete' THEN r.completed_at
            WHEN 'failed' THEN r.failed_at WHEN 'cancelled' THEN r.cancelled_at
            WHEN 'expired' THEN r.expires_at END) BETWEEN -62135510400 AND 253402214399 THEN datetime((CASE r.status WHEN 'completed' THEN r.completed_at WHEN 'incomplete' THEN r.completed_at
            WHEN 'failed' THEN r.failed_at WHEN 'cancelled' THEN r.cancelled_at
            WHEN 'expired' THEN r.expires_at END), 'unixepoch') END AS finished_time,
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
            CASE WHEN r.created_at BETWEEN -62135510400 AND 253402214399 THEN strftime('%Y-%m-%dT%H', r.created_at, 'unixepoch') END AS created_hour,
            CASE WHEN r.created_at BETWEEN -62135510400 AND 253402214399 THEN strftime('%Y-%m-%d', r.created_at, 'unixepoch') END AS created_day,
            CASE WHEN r.created_at BETWEEN -62135510400 AND 253402214399 THEN strftime('%Y', r.created_at, 'unixepoch', '-3 days', 'weekday 4') || '-W' || printf('%02d', (strftime('%j', r.created_at, 'unixepoch', '-3 days', 'weekday 4') - 1) / 7 + 1) END AS created_week,
            CASE WHEN r.created_at BETWEEN -62135510400 AND 253402214399 THEN strftime('%Y-%m', r.created_at, 'unixepoch') END AS created_month,
            (SELECT u.prompt_tokens FROM run_completion_usage u WHERE u.run_object = r.number) AS prompt_tokens, (SELECT u.completion_tokens FROM run_completion_usage u WHERE u.run_object = r.number) AS completion_tokens, (SELECT u.total_tokens FROM run_completion_usage u WHERE u.run_object = r.number) AS total_tokens,
            (SELECT coalesce(CASE WHEN json_type(u.extra, '$.prompt_tokens_details.cached_tokens') = 'integer' AND json_extract(u.extra, '$.prompt_tokens_details.cached_tokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.prompt_tokens_details.cached_tokens') END,
                     CASE WHEN json_type(u.extra, '$.promptTokensDetails.cachedTokens') = 'integer' AND json_extract(u.extra, '$.promptTokensDetails.cachedTokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.promptTokensDetails.cachedTokens') END,
                     CASE WHEN json_type(u.extra, '$.PromptTokensDetails.CachedTokens') = 'integer' AND json_extract(u.extra, '$.PromptTokensDetails.CachedTokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.PromptTokensDetails.CachedTokens') END,
                     CASE WHEN json_type(u.extra, '$.prompt_token_details.cached_tokens') = 'integer' AND json_extract(u.extra, '$.prompt_token_details.cached_tokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.prompt_token_details.cached_tokens') END,
                     CASE WHEN json_type(u.extra, '$.promptTokenDetails.cachedTokens') = 'integer' AND json_extract(u.extra, '$.promptTokenDetails.cachedTokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.promptTokenDetails.cachedTokens') END,
                     CASE WHEN json_type(u.extra, '$.PromptTokenDetails.CachedTokens') = 'integer' AND json_extract(u.extra, '$.PromptTokenDetails.CachedTokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.PromptTokenDetails.CachedTokens') END) FROM run_completion_usage u WHERE u.run_object = r.number) AS cached_tokens,
            (SELECT CASE WHEN u.prompt_tokens BETWEEN 0 AND 999999999999999999
                  AND u.completion_tokens BETWEEN 0 AND 999999999999999999
                  AND coalesce(coalesce(CASE WHEN json_type(u.extra, '$.prompt_tokens_details.cached_tokens') = 'integer' AND json_extract(u.extra, '$.prompt_tokens_details.cached_tokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.prompt_tokens_details.cached_tokens') END,
                     CASE WHEN json_type(u.extra, '$.promptTokensDetails.cachedTokens') = 'integer' AND json_extract(u.extra, '$.promptTokensDetails.cachedTokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.promptTokensDetails.cachedTokens') END,
                     CASE WHEN json_type(u.extra, '$.PromptTokensDetails.CachedTokens') = 'integer' AND json_extract(u.extra, '$.PromptTokensDetails.CachedTokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.PromptTokensDetails.CachedTokens') END,
                     CASE WHEN json_type(u.extra, '$.prompt_token_details.cached_tokens') = 'integer' AND json_extract(u.extra, '$.prompt_token_details.cached_tokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.prompt_token_details.cached_tokens') END,
                     CASE WHEN json_type(u.extra, '$.promptTokenDetails.cachedTokens') = 'integer' AND json_extract(u.extra, '$.promptTokenDetails.cachedTokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.promptTokenDetails.cachedTokens') END,
                     CASE WHEN json_type(u.extra, '$.PromptTokenDetails.CachedTokens') = 'integer' AND json_extract(u.extra, '$.PromptTokenDetails.CachedTokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.PromptTokenDetails.CachedTokens') END), 0) BETWEEN 0 AND u.prompt_tokens
            THEN (SELECT ((u.prompt_tokens - coalesce(coalesce(CASE WHEN json_type(u.extra, '$.prompt_tokens_details.cached_tokens') = 'integer' AND json_extract(u.extra, '$.prompt_tokens_details.cached_tokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.prompt_tokens_details.cached_tokens') END,
                     CASE WHEN json_type(u.extra, '$.promptTokensDetails.cachedTokens') = 'integer' AND json_extract(u.extra, '$.promptTokensDetails.cachedTokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.promptTokensDetails.cachedTokens') END,
                     CASE WHEN json_type(u.extra, '$.PromptTokensDetails.CachedTokens') = 'integer' AND json_extract(u.extra, '$.PromptTokensDetails.CachedTokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.PromptTokensDetails.CachedTokens') END,
                     CASE WHEN json_type(u.extra, '$.prompt_token_details.cached_tokens') = 'integer' AND json_extract(u.extra, '$.prompt_token_details.cached_tokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.prompt_token_details.cached_tokens') END,
                     CASE WHEN json_type(u.extra, '$.promptTokenDetails.cachedTokens') = 'integer' AND json_extract(u.extra, '$.promptTokenDetails.cachedTokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.promptTokenDetails.cachedTokens') END,
                     CASE WHEN json_type(u.extra, '$.PromptTokenDetails.CachedTokens') = 'integer' AND json_extract(u.extra, '$.PromptTokenDetails.CachedTokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.PromptTokenDetails.CachedTokens') END), 0)) * p.prompt
                     + coalesce(coalesce(CASE WHEN json_type(u.extra, '$.prompt_tokens_details.cached_tokens') = 'integer' AND json_extract(u.extra, '$.prompt_tokens_details.cached_tokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.prompt_tokens_details.cached_tokens') END,
                     CASE WHEN json_type(u.extra, '$.promptTokensDetails.cachedTokens') = 'integer' AND json_extract(u.extra, '$.promptTokensDetails.cachedTokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.promptTokensDetails.cachedTokens') END,
                     CASE WHEN json_type(u.extra, '$.PromptTokensDetails.CachedTokens') = 'integer' AND json_extract(u.extra, '$.PromptTokensDetails.CachedTokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.PromptTokensDetails.CachedTokens') END,
                     CASE WHEN json_type(u.extra, '$.prompt_token_details.cached_tokens') = 'integer' AND json_extract(u.extra, '$.prompt_token_details.cached_tokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.prompt_token_details.cached_tokens') END,
                     CASE WHEN json_type(u.extra, '$.promptTokenDetails.cachedTokens') = 'integer' AND json_extract(u.extra, '$.promptTokenDetails.cachedTokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.promptTokenDetails.cachedTokens') END,
                     CASE WHEN json_type(u.extra, '$.PromptTokenDetails.CachedTokens') = 'integer' AND json_extract(u.extra, '$.PromptTokenDetails.CachedTokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.PromptTokenDetails.CachedTokens') END), 0) * coalesce(p.cached, p.prompt)
                     + u.completion_tokens * p.completion) * 0.000001
              FROM model_price p
              WHERE p.valid_from <= r.created_at
                AND (p.model = r.model OR (substr(p.model, length(p.model)) = '*'
                     AND substr(p.model, 1, length(p.model) - 1) = substr(r.model, 1, length(p.model) - 1)))
              ORDER BY CASE WHEN substr(p.model, length(p.model)) = '*' THEN 1 ELSE 0 END, length(p.model) DESC,
                       p.valid_from DESC
              LIMIT 1) END FROM run_completion_usage u WHERE u.run_object = r.number) AS cost,
            (SELECT p.currency
              FROM model_price p
              WHERE p.valid_from <= r.created_at
                AND (p.model = r.model OR (substr(p.model, length(p.model)) = '*'
                     AND substr(p.model, 1, length(p.model) - 1) = substr(r.model, 1, length(p.model) - 1)))
              ORDER BY CASE WHEN substr(p.model, length(p.model)) = '*' THEN 1 ELSE 0 END, length(p.model) DESC,
                       p.valid_from DESC
              LIMIT 1) AS currency,
            (SELECT e.code FROM run_object_last_error e WHERE e.run_object = r.number) AS error_code, (SELECT e.message FROM run_object_last_error e WHERE e.run_object = r.number) AS error_message,
            (SELECT d.reason FROM run_object_incomplete_details d WHERE d.run_object = r.number) AS incomplete_reason,
            (SELECT CASE WHEN substr(c.document, 1, 1) = '"' THEN json_extract(c.document, '$')
                 WHEN c.id IS NOT NULL THEN coalesce(c.type, 'object') || coalesce(':' ||
                     (SELECT n.name FROM function_object n WHERE n.id = c.function), '') END FROM assistants_api_tool_choice_option c WHERE c.id = r.tool_choice) AS tool_choice,
            (SELECT CASE WHEN substr(f.document, 1, 1) = '"' THEN json_extract(f.document, '$')
                 WHEN f.type = 'json_schema' THEN f.type || coalesce(':' || coalesce(CASE WHEN json_type(f.document, '$.json_schema.name') = 'text' THEN json_extract(f.document, '$.json_schema.name') END, CASE WHEN json_type(f.document, '$.jsonSchema.name') = 'text' THEN json_extract(f.document, '$.jsonSchema.name') END, CASE WHEN json_type(f.document, '$.JsonSchema.Name') = 'text' THEN json_extract(f.document, '$.JsonSchema.Name') END), '')
                 WHEN f.id IS NOT NULL THEN coalesce(f.type, 'object') END FROM assistants_api_response_format_option f WHERE f.id = r.response_format) AS response_format,
            (SELECT CASE WHEN t.last_messages IS NOT NULL
                 THEN coalesce(t.type, 'object') || ':' || CAST(t.last_messages AS TEXT)
                 WHEN t.id IS NOT NULL THEN coalesce(t.type, 'object') END FROM truncation_object t WHERE t.id = r.truncation_strategy) AS truncation,
            (SELECT count(*) FROM run_object_assistant_object_tools_inner l
             WHERE l.run_object = r.number) AS tool_count,
            (SELECT count(*) FROM run_object_file_ids l WHERE l.run_object = r.number) AS file_count,
            (SELECT count(*) FROM run_tool_call_object l WHERE l.run_object = r.number) AS pending_tool_calls,
            r.source, r.observed_at, CASE WHEN r.observed_at BETWEEN -62135510400000000 AND 253402214399000000 THEN datetime((r.observed_at - ((r.observed_at % 1000000) + 1000000) % 1000000) / 1000000, 'unixepoch') END AS observed_time,
            r.archived_at, CASE WHEN r.archived_at BETWEEN -62135510400000000 AND 253402214399000000 THEN datetime((r.archived_at - ((r.archived_at % 1000000) + 1000000) % 1000000) / 1000000, 'unixepoch') END AS archived_time
        FROM run_object r;
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
            c.function_arguments AS arguments, r.observed_at, CASE WHEN r.observed_at BETWEEN -62135510400000000 AND 253402214399000000 THEN datetime((r.observed_at - ((r.observed_at % 1000000) + 1000000) % 1000000) / 1000000, 'unixepoch') END AS observed_time,
            1 AS pending
        FROM run_tool_call_object c JOIN run_object r ON r.number = c.run_object
        UNION ALL
        SELECT r.id AS run_id, e.key AS position, coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.id') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.id') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Id') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Id') END) AS call_id, coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.type') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.type') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Type') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Type') END) AS type,
            coalesce(coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.function.name') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.function.name') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Function.Name') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Function.Name') END), coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.name') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.name') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Name') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Name') END)) AS function_name,
            coalesce(coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.function.arguments') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.function.arguments') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Function.Arguments') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Function.Arguments') END), coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.arguments') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.arguments') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Arguments') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Arguments') END)) AS arguments, r.observed_at,
            CASE WHEN r.observed_at BETWEEN -62135510400000000 AND 253402214399000000 THEN datetime((r.observed_at - ((r.observed_at % 1000000) + 1000000) % 1000000) / 1000000, 'unixepoch') END AS observed_time, 1 AS pending
        FROM run_object_required_action a JOIN run_object r ON r.number = a.run_object
        JOIN json_each(CASE WHEN a.extra IS NOT NULL THEN a.extra ELSE '{}' END) m
        JOIN json_each(CASE WHEN coalesce(json_type(CASE WHEN m.type = 'object' THEN m.value ELSE '{}' END, '$.tool_calls'), json_type(CASE WHEN m.type = 'object' THEN m.value ELSE '{}' END, '$.toolCalls'), json_type(CASE WHEN m.type = 'object' THEN m.value ELSE '{}' END, '$.ToolCalls')) = 'array' THEN coalesce(json_extract(m.value, '$.tool_calls'), json_extract(m.value, '$.toolCalls'), json_extract(m.value, '$.ToolCalls')) ELSE '[]' END) e
        UNION ALL
        SELECT r.id AS run_id, e.key AS position, coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.id') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.id') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Id') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Id') END) AS call_id, coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.type') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.type') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Type') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Type') END) AS type,
            coalesce(coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.function.name') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.function.name') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Function.Name') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Function.Name') END), coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.name') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.name') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Name') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Name') END)) AS function_name,
            coalesce(coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.function.arguments') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.function.arguments') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Function.Arguments') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Function.Arguments') END), coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.arguments') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.arguments') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Arguments') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Arguments') END)) AS arguments, c.observed_at,
            CASE WHEN c.observed_at BETWEEN -62135510400000000 AND 253402214399000000 THEN datetime((c.observed_at - ((c.observed_at % 1000000) + 1000000) % 1000000) / 1000000, 'unixepoch') END AS observed_time, 0 AS pending
        FROM run_object_change c JOIN run_object r ON r.number = c.run_object
        JOIN json_each(CASE WHEN coalesce(json_type(c.members, '$.required_action'), json_type(c.members, '$.requiredAction'), json_type(c.members, '$.RequiredAction')) = 'object' THEN coalesce(json_extract(c.members, '$.required_action'), json_extract(c.members, '$.requiredAction'), json_extract(c.members, '$.RequiredAction')) ELSE '{}' END) m
        JOIN json_each(CASE WHEN coalesce(json_type(CASE WHEN m.type = 'object' THEN m.value ELSE '{}' END, '$.tool_calls'), json_type(CASE WHEN m.type = 'object' THEN m.value ELSE '{}' END, '$.toolCalls'), json_type(CASE WHEN m.type = 'object' THEN m.value ELSE '{}' END, '$.ToolCalls')) = 'array' THEN coalesce(json_extract(m.value, '$.tool_calls'), json_extract(m.value, '$.toolCalls'), json_extract(m.value, '$.ToolCalls')) ELSE '[]' END) e;
CREATE VIEW "run_metadata" AS
SELECT r.id AS run_id, m.key, CASE
            WHEN m.type IN ('true', 'false', 'null') THEN m.type
            WHEN m.type = 'real' AND instr(m.key, '"') + instr(m.key, '\') = 0
                THEN coalesce(nullif(substr(json_extract(r.metadata, '$."' || m.key || '"', '$."' || m.key || '"'), 2, (length(json_extract(r.metadata, '$."' || m.key || '"', '$."' || m.key || '"')) - 3) / 2), 'null'), CAST(m.value AS TEXT))
            ELSE CAST(m.value AS TEXT) END AS value
        FROM run_object r
        JOIN json_each(CASE WHEN json_type(r.metadata) = 'object' THEN r.metadata ELSE '{}' END) m;
CREATE VIEW "run_changes" AS
SELECT run_id, row_number() OVER (PARTITION BY run_id ORDER BY status_rank, observed_at, digest) - 1 AS position, status,
            lag(status) OVER (PARTITION BY run_id ORDER BY status_rank, observed_at, digest) AS previous_status,
            observed_at, CASE WHEN observed_at BETWEEN -62135510400000000 AND 253402214399000000 THEN datetime((observed_at - ((observed_at % 1000000) + 1000000) % 1000000) / 1000000, 'unixepoch') END AS observed_time, is_current, members
        FROM (
            SELECT r.id AS run_id, c.status, c.observed_at, c.digest, 0 AS is_current, c.members,
                CASE WHEN c.status = 'cancelling' THEN 1
               WHEN c.status IN ('cancelled', 'failed', 'completed', 'expired', 'incomplete') THEN 2 ELSE 0 END AS status_rank
            FROM run_object_change c JOIN run_object r ON r.number = c.run_object
            UNION ALL
            SELECT id, status, observed_at, digest, 1, NULL, 3 FROM run_object
        ) looks;
CREATE VIEW "run_findings" AS
SELECT r.id AS run_id, 'object' AS rule, '$.object' AS path,
            coalesce('unknown object ' || '"' || substr(r.object, 1, 100) || '"', 'is null') AS detail
        FROM run_object r
        WHERE (r.object IS NULL OR r.object NOT IN ('thread.run', 'assistant.run')) AND r.shape IN (SELECT s.id FROM run_object_shape s WHERE 'object' IN (SELECT CASE k.type WHEN 'array' THEN json_extract(k.value, '$[1]') ELSE k.value END FROM json_each(s.document, '$.keys') k)) UNION ALL
        SELECT r.id AS run_id, 'status' AS rule, '$.status' AS path,
            'unknown status ' || '"' || substr(r.status, 1, 100) || '"' AS detail
        FROM run_object r
        WHERE r.status NOT IN ('queued', 'in_progress', 'requires_action', 'cancelling', 'cancelled', 'failed', 'completed', 'incomplete', 'expired') UNION ALL
        SELECT r.id AS run_id, 'missing' AS rule, '$.' || q.name AS path,
            'a required member is absent' AS detail
        FROM run_object r JOIN (
                SELECT DISTINCT s.id, w.name FROM run_object_shape s CROSS JOIN (SELECT 'object' AS name UNION ALL SELECT 'created_at' AS name UNION ALL SELECT 'thread_id' AS name UNION ALL SELECT 'assistant_id' AS name UNION ALL SELECT 'status' AS name UNION ALL SELECT 'required_action' AS name UNION ALL SELECT 'last_error' AS name UNION ALL SELECT 'expires_at' AS name UNION ALL SELECT 'started_at' AS name UNION ALL SELECT 'cancelled_at' AS name UNION ALL SELECT 'failed_at' AS name UNION ALL SELECT 'completed_at' AS name UNION ALL SELECT 'model' AS name UNION ALL SELECT 'instructions' AS name UNION ALL SELECT 'tools' AS name UNION ALL SELECT 'metadata' AS name) w
                WHERE w.name NOT IN (SELECT CASE k.type WHEN 'array' THEN json_extract(k.value, '$[1]') ELSE k.value END FROM json_each(s.document, '$.keys') k)
            ) q ON q.id = r.shape
        WHERE 1 = 1 UNION ALL
        SELECT r.id AS run_id, 'null' AS rule, '$.' || q.name AS path,
            'may not be null' AS detail
        FROM run_object r JOIN (
                SELECT DISTINCT s.id, w.name
                FROM run_object_shape s CROSS JOIN (SELECT 'tools' AS name UNION ALL SELECT 'file_ids') w
                WHERE w.name IN (SELECT k.value FROM json_each(s.document, '$.null') k)
            ) q ON q.id = r.shape
        WHERE 1 = 1 UNION ALL
        SELECT r.id AS run_id, 'null' AS rule, '$.created_at' AS path,
            'may not be null' AS detail
        FROM run_object r
        WHERE r.created_at IS NULL AND r.shape IN (SELECT s.id FROM run_object_shape s WHERE 'created_at' IN (SELECT CASE k.type WHEN 'array' THEN json_extract(k.value, '$[1]') ELSE k.value END FROM json_each(s.document, '$.keys') k)) AND coalesce(json_type(r.extra, '$.created_at'), json_type(r.extra, '$.createdAt'), json_type(r.extra, '$.CreatedAt')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'null' AS rule, '$.thread_id' AS path,
            'may not be null' AS detail
        FROM run_object r
        WHERE r.thread_id IS NULL AND r.shape IN (SELECT s.id FROM run_object_shape s WHERE 'thread_id' IN (SELECT CASE k.type WHEN 'array' THEN json_extract(k.value, '$[1]') ELSE k.value END FROM json_each(s.document, '$.keys') k)) AND coalesce(json_type(r.extra, '$.thread_id'), json_type(r.extra, '$.threadId'), json_type(r.extra, '$.ThreadId')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'null' AS rule, '$.assistant_id' AS path,
            'may not be null' AS detail
        FROM run_object r
        WHERE r.assistant_id IS NULL AND r.shape IN (SELECT s.id FROM run_object_shape s WHERE 'assistant_id' IN (SELECT CASE k.type WHEN 'array' THEN json_extract(k.value, '$[1]') ELSE k.value END FROM json_each(s.document, '$.keys') k)) AND coalesce(json_type(r.extra, '$.assistant_id'), json_type(r.extra, '$.assistantId'), json_type(r.extra, '$.AssistantId')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'null' AS rule, '$.status' AS path,
            'may not be null' AS detail
        FROM run_object r
        WHERE r.status IS NULL AND r.shape IN (SELECT s.id FROM run_object_shape s WHERE 'status' IN (SELECT CASE k.type WHEN 'array' THEN json_extract(k.value, '$[1]') ELSE k.value END FROM json_each(s.document, '$.keys') k)) AND coalesce(json_type(r.extra, '$.status'), json_type(r.extra, '$.Status')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'null' AS rule, '$.model' AS path,
            'may not be null' AS detail
        FROM run_object r
        WHERE r.model IS NULL AND r.shape IN (SELECT s.id FROM run_object_shape s WHERE 'model' IN (SELECT CASE k.type WHEN 'array' THEN json_extract(k.value, '$[1]') ELSE k.value END FROM json_each(s.document, '$.keys') k)) AND coalesce(json_type(r.extra, '$.model'), json_type(r.extra, '$.Model')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'null' AS rule, '$.instructions' AS path,
            'may not be null' AS detail
        FROM run_object r
        WHERE r.instructions_id IS NULL AND r.shape IN (SELECT s.id FROM run_object_shape s WHERE 'instructions' IN (SELECT CASE k.type WHEN 'array' THEN json_extract(k.value, '$[1]') ELSE k.value END FROM json_each(s.document, '$.keys') k)) AND coalesce(json_type(r.extra, '$.instructions'), json_type(r.extra, '$.Instructions')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.completed_at' AS path,
            'is null or absent in a run that is completed' AS detail
        FROM run_object r
        WHERE r.status = 'completed' AND r.completed_at IS NULL AND coalesce(json_type(r.extra, '$.completed_at'), json_type(r.extra, '$.completedAt'), json_type(r.extra, '$.CompletedAt')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.failed_at' AS path,
            'is null or absent in a run that is failed' AS detail
        FROM run_object r
        WHERE r.status = 'failed' AND r.failed_at IS NULL AND coalesce(json_type(r.extra, '$.failed_at'), json_type(r.extra, '$.failedAt'), json_type(r.extra, '$.FailedAt')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.cancelled_at' AS path,
            'is null or absent in a run that is cancelled' AS detail
        FROM run_object r
        WHERE r.status = 'cancelled' AND r.cancelled_at IS NULL AND coalesce(json_type(r.extra, '$.cancelled_at'), json_type(r.extra, '$.cancelledAt'), json_type(r.extra, '$.CancelledAt')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.created_at' AS path,
            CAST(r.created_at AS TEXT) || ' is beyond the year 9999: expected seconds, not milliseconds' AS detail
        FROM run_object r
        WHERE r.created_at > 253402300799 UNION ALL
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.started_at' AS path,
            CAST(r.started_at AS TEXT) || ' is beyond the year 9999: expected seconds, not milliseconds' AS detail
        FROM run_object r
        WHERE r.started_at > 253402300799 UNION ALL
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.expires_at' AS path,
            CAST(r.expires_at AS TEXT) || ' is beyond the year 9999: expected seconds, not milliseconds' AS detail
        FROM run_object r
        WHERE r.expires_at > 253402300799 UNION ALL
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.cancelled_at' AS path,
            CAST(r.cancelled_at AS TEXT) || ' is beyond the year 9999: expected seconds, not milliseconds' AS detail
        FROM run_object r
        WHERE r.cancelled_at > 253402300799 UNION ALL
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.failed_at' AS path,
            CAST(r.failed_at AS TEXT) || ' is beyond the year 9999: expected seconds, not milliseconds' AS detail
        FROM run_object r
        WHERE r.failed_at > 253402300799 UNION ALL
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.completed_at' AS path,
            CAST(r.completed_at AS TEXT) || ' is beyond the year 9999: expected seconds, not milliseconds' AS detail
        FROM run_object r
        WHERE r.completed_at > 253402300799 UNION ALL
        SELECT r.id AS run_id, 'required_action' AS rule, '$.required_action' AS path,
            'is null or absent in a run that requires action' AS detail
        FROM run_object r
        WHERE r.status = 'requires_action' AND NOT EXISTS (SELECT 1 FROM run_object_required_action a WHERE a.run_object = r.number) AND coalesce(json_type(r.extra, '$.required_action'), json_type(r.extra, '$.requiredAction'), json_type(r.extra, '$.RequiredAction')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'required_action' AS rule, '$.required_action' AS path,
            'is present in a run whose status is not requires_action' AS detail
        FROM run_object r JOIN run_object_required_action a ON a.run_object = r.number
        WHERE coalesce(r.status, '') <> 'requires_action' UNION ALL
        SELECT r.id AS run_id, 'required_action' AS rule, '$.required_action.type' AS path,
            coalesce('unknown type ' || '"' || substr(a.type, 1, 100) || '"', 'is null, absent or not a string') AS detail
        FROM run_object r JOIN run_object_required_action a ON a.run_object = r.number
        WHERE coalesce(a.type, '') <> 'submit_tool_outputs' AND coalesce(json_type(a.extra, '$.type'), json_type(a.extra, '$.Type')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'usage' AS rule, '$.usage' AS path,
            'is present in a run that has not ended' AS detail
        FROM run_object r JOIN run_completion_usage u ON u.run_object = r.number
        WHERE coalesce(r.status, '') NOT IN ('cancelled', 'failed', 'completed', 'incomplete', 'expired') UNION ALL
        SELECT r.id AS run_id, 'usage' AS rule, '$.usage.prompt_tokens' AS path,
            'is null or absent' AS detail
        FROM run_object r JOIN run_completion_usage u ON u.run_object = r.number
        WHERE u.prompt_tokens IS NULL AND coalesce(json_type(u.extra, '$.prompt_tokens'), json_type(u.extra, '$.promptTokens'), json_type(u.extra, '$.PromptTokens')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'usage' AS rule, '$.usage.completion_tokens' AS path,
            'is null or absent' AS detail
        FROM run_object r JOIN run_completion_usage u ON u.run_object = r.number
        WHERE u.completion_tokens IS NULL AND coalesce(json_type(u.extra, '$.completion_tokens'), json_type(u.extra, '$.completionTokens'), json_type(u.extra, '$.CompletionTokens')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'usage' AS rule, '$.usage.total_tokens' AS path,
            'is null or absent' AS detail
        FROM run_object r JOIN run_completion_usage u ON u.run_object = r.number
        WHERE u.total_tokens IS NULL AND coalesce(json_type(u.extra, '$.total_tokens'), json_type(u.extra, '$.totalTokens'), json_type(u.extra, '$.TotalTokens')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'last_error' AS rule, '$.last_error.code' AS path,
            coalesce('unknown code ' || '"' || substr(e.code, 1, 100) || '"', 'is null or absent') AS detail
        FROM run_object r JOIN run_object_last_error e ON e.run_object = r.number
        WHERE coalesce(e.code, '') NOT IN ('server_error', 'rate_limit_exceeded', 'invalid_prompt') AND coalesce(json_type(e.extra, '$.code'), json_type(e.extra, '$.Code')) IS NULL UNION ALL
        SELECT r.id AS run_id, 'incomplete_details' AS rule, '$.incomplete_details.reason' AS path,
            'unknown reason ' || '"' || substr(d.reason, 1, 100) || '"' AS detail
        FROM run_object r JOIN run_object_incomplete_details d ON d.run_object = r.number
        WHERE d.reason NOT IN ('max_completion_tokens', 'max_prompt_tokens') UNION ALL
        SELECT r.id AS run_id, 'metadata' AS rule, '$.metadata' AS path,
            CAST((SELECT count(*) FROM json_each(CASE WHEN json_type(r.metadata) = 'object' THEN r.metadata ELSE '{}' END)) AS TEXT) || ' pairs, expected at most 16' AS detail
        FROM run_object r
        WHERE r.metadata IS NOT NULL AND (SELECT count(*) FROM json_each(CASE WHEN json_type(r.metadata) = 'object' THEN r.metadata ELSE '{}' END)) > 16 UNION ALL
        SELECT r.id AS run_id, 'metadata' AS rule, '$.metadata.' || substr(m.key, 1, 100) AS path,
            'a key of ' || CAST(length(m.key) AS TEXT) || ' characters, expected at most 64' AS detail
        FROM run_object r JOIN json_each(CASE WHEN json_type(r.metadata) = 'object' THEN r.metadata ELSE '{}' END) AS m
        WHERE length(m.key) > 64 UNION ALL
        SELECT r.id AS run_id, 'metadata' AS rule, '$.metadata.' || substr(m.key, 1, 100) AS path,
            'the value is not a string' AS detail
        FROM run_object r JOIN json_each(CASE WHEN json_type(r.metadata) = 'object' THEN r.metadata ELSE '{}' END) AS m
        WHERE NOT (m.type = 'text') UNION ALL
        SELECT r.id AS run_id, 'metadata' AS rule, '$.metadata.' || substr(m.key, 1, 100) AS path,
            'a value of ' || CAST(length(m.value) AS TEXT) || ' characters, expected at most 512' AS detail
        FROM run_object r JOIN json_each(CASE WHEN json_type(r.metadata) = 'object' THEN r.metadata ELSE '{}' END) AS m
        WHERE m.type = 'text' AND length(m.value) > 512 UNION ALL
        SELECT r.id AS run_id, 'tools' AS rule, '$.tools' AS path,
            CAST((SELECT count(*) FROM run_object_assistant_object_tools_inner l WHERE l.run_object = r.number) AS TEXT) || ' tools, expected at most 128, or 20 in a run of the first generation' AS detail
        FROM run_object r
        WHERE (SELECT count(*) FROM run_object_assistant_object_tools_inner l WHERE l.run_object = r.number) > CASE WHEN r.shape IN (SELECT s.id FROM run_object_shape s WHERE 'file_ids' IN (SELECT CASE k.type WHEN 'array' THEN json_extract(k.value, '$[1]') ELSE k.value END FROM json_each(s.document, '$.keys') k)) OR EXISTS (SELECT 1 FROM run_object_assistant_object_tools_inner l
            JOIN assistant_object_tools_inner t ON t.id = l.assistant_object_tools_inner WHERE l.run_object = r.number AND t.type = 'retrieval') THEN 20 ELSE 128 END UNION ALL
        SELECT r.id AS run_id, 'tools' AS rule, '$.tools[' || CAST(l.position AS TEXT) || '].type' AS path,
            coalesce('unknown type ' || '"' || substr(t.type, 1, 100) || '"', 'is null, absent or not a string') AS detail
        FROM run_object_assistant_object_tools_inner l
            JOIN assistant_object_tools_inner t ON t.id = l.assistant_object_tools_inner JOIN run_object r ON r.number = l.run_object
        WHERE coalesce(t.type, '') NOT IN ('code_interpreter', 'retrieval', 'file_search', 'function') UNION ALL
        SELECT r.id AS run_id, 'tools' AS rule, '$.tools[' || CAST(l.position AS TEXT) || '].function.name' AS path,
            coalesce('"' || substr(n.name, 1, 100) || '"' || ' is not a valid function name', 'is null, absent or not a string') AS detail
        FROM run_object_assistant_object_tools_inner l
            JOIN assistant_object_tools_inner t ON t.id = l.assistant_object_tools_inner JOIN run_object r ON r.number = l.run_object LEFT JOIN function_object n ON n.id = t.function
        WHERE t.type = 'function' AND (n.name IS NULL OR NOT ((n.name NOT GLOB '*[^a-zA-Z0-9_-]*' AND length(n.name) BETWEEN 1 AND 64))) UNION ALL
        SELECT r.id AS run_id, 'file_ids' AS rule, '$.file_ids' AS path,
            CAST((SELECT count(*) FROM run_object_file_ids l WHERE l.run_object = r.number) AS TEXT) || ' files, expected at most 20' AS detail
        FROM run_object r
        WHERE (SELECT count(*) FROM run_object_file_ids l WHERE l.run_object = r.number) > 20 UNION ALL
        SELECT r.id AS run_id, 'instructions' AS rule, '$.instructions' AS path,
            CAST(length(i.instructions) AS TEXT) || ' characters, expected at most 256000' AS detail
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
            CAST(r.max_prompt_tokens AS TEXT) || ', expected at least 256' AS detail
        FROM run_object r
        WHERE r.max_prompt_tokens < 256 UNION ALL
        SELECT r.id AS run_id, 'max_completion_tokens' AS rule, '$.max_completion_tokens' AS path,
            CAST(r.max_completion_tokens AS TEXT) || ', expected at least 256' AS detail
        FROM run_object r
        WHERE r.max_completion_tokens < 256 UNION ALL
        SELECT r.id AS run_id, 'truncation_strategy' AS rule, '$.truncation_strategy.type' AS path,
            coalesce('unknown type ' || '"' || substr(t.type, 1, 100) || '"', 'is null, absent or not a string') AS detail
        FROM run_object r JOIN truncation_object t ON t.id = r.truncation_strategy
        WHERE coalesce(t.type, '') NOT IN ('auto', 'last_messages') UNION ALL
        SELECT r.id AS run_id, 'truncation_strategy' AS rule, '$.truncation_strategy.last_messages' AS path,
            CAST(t.last_messages AS TEXT) || ', expected at least 1' AS detail
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
