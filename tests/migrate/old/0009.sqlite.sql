BEGIN TRANSACTION;
CREATE TABLE assistant_object_tools_inner (
	id INTEGER NOT NULL, 
	digest BLOB NOT NULL, 
	type TEXT, 
	function INTEGER, 
	document TEXT NOT NULL, 
	CONSTRAINT pk_assistant_object_tools_inner PRIMARY KEY (id), 
	CONSTRAINT fk_assistant_object_tools_inner_function FOREIGN KEY(function) REFERENCES function_object (id)
);
INSERT INTO "assistant_object_tools_inner" VALUES(1773587287297586641,X'313A187B5B0AEBA2751FF7C37957F4685FEB4ABFE2437D7F605A6F6621D30095','function',4518759935549170133,'{"type":"function","function":null}');
INSERT INTO "assistant_object_tools_inner" VALUES(3834931188158406135,X'6A70D331D07F3BEE70659BA5F0D9E76E2B06AB32198235F7070555502242825A','file_search',NULL,'{"type":"file_search","file_search":{"max_num_results":8,"ranking_options":{"ranker":"default_2024_08_21","score_threshold":0.35}}}');
INSERT INTO "assistant_object_tools_inner" VALUES(3878561478250135445,X'6BA6D63ADD39FF2AE9675F2856C47CFA5122BAE8F10113BD11D73B9451A29C3E','function',7366175333973875119,'{"type":"function","function":null}');
INSERT INTO "assistant_object_tools_inner" VALUES(5716889704749490211,X'9EACF1CB4F5CC0467326CB14B3A16E6BC65A4DDB0B6D700FA86A27791B70F19A','function',7544739833493905151,'{"type":"function","function":null}');
INSERT INTO "assistant_object_tools_inner" VALUES(6381646070959185748,X'B12052948B943EA90EAE830689892F73ACAB43656D40CBA9C353A014C4C83456','code_interpreter',NULL,'{"type":"code_interpreter"}');
INSERT INTO "assistant_object_tools_inner" VALUES(6814834196746183656,X'BD264F30D87B47D0F658F38159A5DE175193E6BA0792BE0F5FED4D7C919A4E59','function',3301681297349848876,'{"type":"function","function":null}');
INSERT INTO "assistant_object_tools_inner" VALUES(9134849871051623767,X'FD8B031E511C1AAE4E4557D3502D58BAFF96766CDBAA194FD095741472B8E98B','retrieval',NULL,'{"type":"retrieval"}');
CREATE TABLE assistants_api_response_format_option (
	id INTEGER NOT NULL, 
	digest BLOB NOT NULL, 
	type TEXT, 
	document TEXT NOT NULL, 
	CONSTRAINT pk_assistants_api_response_format_option PRIMARY KEY (id)
);
INSERT INTO "assistants_api_response_format_option" VALUES(51934446772566083,X'0171043556F870865B71F8361E778CD314AA0ED05D5C29ABBACC4D9C5F31AD98','json_schema','{"type":"json_schema","json_schema":{"name":"measurements","description":"What was measured, in the order of the protocol.","schema":{"type":"object","properties":{"series":{"type":"array","items":{"type":"object","properties":{"what":{"type":"string"},"value":{"type":"number"},"unit":{"type":"string"}},"required":["what","value","unit"],"additionalProperties":false}}},"required":["series"],"additionalProperties":false},"strict":true}}');
INSERT INTO "assistants_api_response_format_option" VALUES(376319613388865167,X'0A71E9639C1C7D1ECA53DBB5D33278F097AF1D538CB7F3ECACE7F60271B6C6F5',NULL,'"auto"');
INSERT INTO "assistants_api_response_format_option" VALUES(8391399169566741021,X'E8E87A2B9D11243ADB1E270B2AD427FEDCC9ADD5D23AB1A049BB17C791AC4B2A','text','{"type":"text"}');
CREATE TABLE assistants_api_tool_choice_option (
	id INTEGER NOT NULL, 
	digest BLOB NOT NULL, 
	type TEXT, 
	function INTEGER, 
	document TEXT NOT NULL, 
	CONSTRAINT pk_assistants_api_tool_choice_option PRIMARY KEY (id), 
	CONSTRAINT fk_assistants_api_tool_choice_option_function FOREIGN KEY(function) REFERENCES function_object (id)
);
INSERT INTO "assistants_api_tool_choice_option" VALUES(376319613388865167,X'0A71E9639C1C7D1ECA53DBB5D33278F097AF1D538CB7F3ECACE7F60271B6C6F5',NULL,NULL,'"auto"');
INSERT INTO "assistants_api_tool_choice_option" VALUES(2295075766590197532,X'3FB37E7FF06E9E38C86D254FE7BF23D5600B7F4EFD1A56AD470FD8C0A31E75B1','function',4750972317229048334,'{"type":"function","function":null}');
INSERT INTO "assistants_api_tool_choice_option" VALUES(6381646070959185748,X'B12052948B943EA90EAE830689892F73ACAB43656D40CBA9C353A014C4C83456','code_interpreter',NULL,'{"type":"code_interpreter"}');
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
INSERT INTO "function_object" VALUES(3301681297349848876,X'5BA3DB4B342D5E5930E8D48D845D7D92458A9CA2F5EA5E9C822CB5EBA9735F1F','convert_unit','Converts a value into SI units.','{"type":"object","properties":{"value":{"type":"number"},"unit":{"type":"string"}},"required":["value","unit"],"additionalProperties":false}',1,'{"name":"convert_unit","description":"Converts a value into SI units.","parameters":{"type":"object","properties":{"value":{"type":"number"},"unit":{"type":"string"}},"required":["value","unit"],"additionalProperties":false},"strict":true}');
INSERT INTO "function_object" VALUES(4518759935549170133,X'7D6BB8709F59C3AA6272F88BD4E18E54CF461211C054083F52EC363B7F3E1A8A','get_route','Route between two places on foot.','{"type":"object","properties":{"from":{"type":"string"},"to":{"type":"string"},"avoid":{"type":"array","items":{"type":"string"}}},"required":["from","to"]}',NULL,'{"name":"get_route","description":"Route between two places on foot.","parameters":{"type":"object","properties":{"from":{"type":"string"},"to":{"type":"string"},"avoid":{"type":"array","items":{"type":"string"}}},"required":["from","to"]}}');
INSERT INTO "function_object" VALUES(4750972317229048334,X'83DDB04D344DC41CE527505CF6EB8B5197FD41E4DAEFAE4DCE49EAFAE6337F6F','get_route',NULL,NULL,NULL,'{"name":"get_route"}');
INSERT INTO "function_object" VALUES(7366175333973875119,X'CC73D2E08D83B35EB180EA3E08D15C80A9123E8DFF6D7B489462BF983B031186','renew_loan','Extends one loan by four weeks.','{"type":"object","properties":{"loan":{"type":"integer"},"weeks":{"type":"integer","enum":[2,4]}},"required":["loan"]}',NULL,'{"name":"renew_loan","description":"Extends one loan by four weeks.","parameters":{"type":"object","properties":{"loan":{"type":"integer"},"weeks":{"type":"integer","enum":[2,4]}},"required":["loan"]}}');
INSERT INTO "function_object" VALUES(7544739833493905151,X'D16899CF4449BDFF4CC761191204141F9AD1C774680267AE9A0966EBFF5206E0','find_loans','Lists the loans of one reader, the oldest first.','{"type":"object","properties":{"reader":{"type":"string","description":"Number on the reader''s card."},"overdue_only":{"type":"boolean"}},"required":["reader"]}',NULL,'{"name":"find_loans","description":"Lists the loans of one reader, the oldest first.","parameters":{"type":"object","properties":{"reader":{"type":"string","description":"Number on the reader''s card."},"overdue_only":{"type":"boolean"}},"required":["reader"]}}');
CREATE TABLE model_price (
	model TEXT NOT NULL, 
	valid_from INTEGER NOT NULL, 
	prompt NUMERIC NOT NULL, 
	cached NUMERIC, 
	completion NUMERIC NOT NULL, 
	currency TEXT NOT NULL, 
	CONSTRAINT pk_model_price PRIMARY KEY (model, valid_from)
);
CREATE TABLE run_completion_usage (
	run_object TEXT NOT NULL, 
	completion_tokens INTEGER, 
	prompt_tokens INTEGER, 
	total_tokens INTEGER, 
	extra TEXT, 
	CONSTRAINT pk_run_completion_usage PRIMARY KEY (run_object), 
	CONSTRAINT fk_run_completion_usage_run_object FOREIGN KEY(run_object) REFERENCES run_object (id) ON DELETE CASCADE
);
INSERT INTO "run_completion_usage" VALUES('run_J1xSvUq6YhTo4CmRk9WzBnE2',41,958,999,NULL);
INSERT INTO "run_completion_usage" VALUES('run_W5nGzQe8LtRy1VbXk3MhCs6D',512,7312,7824,NULL);
INSERT INTO "run_completion_usage" VALUES('run_Zk6BfT1oWcPr9yMhLs4NvGx0',263,4127,4390,NULL);
INSERT INTO "run_completion_usage" VALUES('run_c7YwEo5Kd0JxVnTq2RzLbPm9',87,1904,1991,NULL);
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
INSERT INTO "run_object" VALUES('',NULL,NULL,NULL,NULL,'💥',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,2027111786210015505,X'F768F6F6A60DDF68A04F03B0A256CA45417DD80FBA6726EE523FD29397E14755',1700000000000011,1795820936521663,'kept');
INSERT INTO "run_object" VALUES('run_J1xSvUq6YhTo4CmRk9WzBnE2','thread.run',1714032600,'thread_aX5LpGt0QbVw7FiKe8NyRcZd','asst_3BmHsOj9WrYq1TxUv6CzPkEf','cancelled',NULL,1714032603,1714032641,NULL,NULL,'gpt-4-turbo-2024-04-09',4383416606877258459,'{"channel":"kiosk 4","language":"de"}',8000,600,6843651927107688151,2295075766590197532,8391399169566741021,0.7,NULL,NULL,NULL,7675639439739142005,X'B71C00303698E08F5988B242741C66CEA9D999B481162893898A52644C15F6A5',1700000000000001,1795820936521663,'kept');
INSERT INTO "run_object" VALUES('run_W5nGzQe8LtRy1VbXk3MhCs6D','thread.run',1724238017,'thread_0TjPoKm2YvBx9EwSfNcLqU7r','asst_gA6dHiZ4RkXt8VyWb1MpQe3J','incomplete',NULL,1724238018,NULL,NULL,NULL,'gpt-4o-2024-08-06',2542439732799862337,'{"protocol":"KW-33/b"}',20000,512,963331061478271840,376319613388865167,51934446772566083,0,0.95,0,NULL,4978412198058885213,X'9A76A44205504CC7FC80519FC8896913FCA267E4759D28A93520C86AB27E60D6',1700000000000009,1795820936521663,'kept');
INSERT INTO "run_object" VALUES('run_Zk6BfT1oWcPr9yMhLs4NvGx0','thread.run',1707998403,'thread_uJ3eRq7XaVd2KtCy5GmBnSw8','asst_P0lFiYz6HbTvWx1MeKqRc4oN','completed',NULL,1707998404,NULL,NULL,1707998419,'gpt-4-turbo-preview',5100130044479177255,'{"desk":"procurement","ticket":"PR-1182"}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,5931770729208949944,X'CC726E08566EE75788ABB88E459D6C1E11843A696B49CB029016FB5BE05B2FCD',1700000000000005,1795820936521663,'kept');
INSERT INTO "run_object" VALUES('run_c7YwEo5Kd0JxVnTq2RzLbPm9','thread.run',1713358920,'thread_fB8iNa3GsXh6UvQkZ1tCeWrM','asst_L4pOyD9jSgTm2KcVx7ZbHqEu','failed',NULL,1713358922,NULL,1713358951,NULL,'gpt-4-turbo',6411415765272427295,'{"report":"tide tables"}',12000,1500,6615443988019013860,6381646070959185748,376319613388865167,0.4,1,NULL,NULL,3519123981753311975,X'A652F46063524C0748A48C24CCACCB86122AF1AFE50395B5B160542155ADBBCD',1700000000000007,1795820936521663,'kept');
INSERT INTO "run_object" VALUES('run_odd','thread.run',-9223372036854775808,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{"z":"ü\"''\\ \n","a":{"nested":[1,null,{}]}}',NULL,NULL,NULL,NULL,NULL,1.0e-07,NULL,NULL,'{"unknown":{"deep":[9007199254740993]}}',2884757782999927286,X'EBFA6627A14EF7A3AB5C834F60F9322CE049594251E8CF08E1DF02283278E6EC',1700000000000010,1795820936521663,'kept');
INSERT INTO "run_object" VALUES('run_q2VtN8LhXw0BzRcY5mJdKe7A','thread.run',1705312847,'thread_Hn4sWb91TgLxEo6QvCzPkU3f','asst_mD7yJr2KpXc5uZaN0tVeBq8i','requires_action',1705313447,1705312848,NULL,NULL,NULL,'gpt-4-1106-preview',5132581310454712800,'{}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,5243752228963052158,X'58D0DDCBF0A9005A0362B570EDBCFE75A22E6FC5238E496BF03B3AAB705A013A',1700000000000003,1795820936521663,'kept');
CREATE TABLE run_object_assistant_object_tools_inner (
	run_object TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	assistant_object_tools_inner INTEGER NOT NULL, 
	CONSTRAINT pk_run_object_assistant_object_tools_inner PRIMARY KEY (run_object, position), 
	CONSTRAINT fk_run_object_assistant_object_tools_inner_run_object FOREIGN KEY(run_object) REFERENCES run_object (id) ON DELETE CASCADE, 
	CONSTRAINT fk_run_object_assistant_object_tools_inner_tool FOREIGN KEY(assistant_object_tools_inner) REFERENCES assistant_object_tools_inner (id)
);
INSERT INTO "run_object_assistant_object_tools_inner" VALUES('run_J1xSvUq6YhTo4CmRk9WzBnE2',0,9134849871051623767);
INSERT INTO "run_object_assistant_object_tools_inner" VALUES('run_J1xSvUq6YhTo4CmRk9WzBnE2',1,1773587287297586641);
INSERT INTO "run_object_assistant_object_tools_inner" VALUES('run_W5nGzQe8LtRy1VbXk3MhCs6D',0,3834931188158406135);
INSERT INTO "run_object_assistant_object_tools_inner" VALUES('run_W5nGzQe8LtRy1VbXk3MhCs6D',1,6814834196746183656);
INSERT INTO "run_object_assistant_object_tools_inner" VALUES('run_Zk6BfT1oWcPr9yMhLs4NvGx0',0,9134849871051623767);
INSERT INTO "run_object_assistant_object_tools_inner" VALUES('run_c7YwEo5Kd0JxVnTq2RzLbPm9',0,6381646070959185748);
INSERT INTO "run_object_assistant_object_tools_inner" VALUES('run_c7YwEo5Kd0JxVnTq2RzLbPm9',1,9134849871051623767);
INSERT INTO "run_object_assistant_object_tools_inner" VALUES('run_odd',0,6381646070959185748);
INSERT INTO "run_object_assistant_object_tools_inner" VALUES('run_odd',1,6381646070959185748);
INSERT INTO "run_object_assistant_object_tools_inner" VALUES('run_q2VtN8LhXw0BzRcY5mJdKe7A',0,6381646070959185748);
INSERT INTO "run_object_assistant_object_tools_inner" VALUES('run_q2VtN8LhXw0BzRcY5mJdKe7A',1,5716889704749490211);
INSERT INTO "run_object_assistant_object_tools_inner" VALUES('run_q2VtN8LhXw0BzRcY5mJdKe7A',2,3878561478250135445);
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
INSERT INTO "run_object_change" VALUES('run_J1xSvUq6YhTo4CmRk9WzBnE2',X'B8C85A9FFE476291FEE02C521E15A99E4234B62AA3C318F7A62790EBBB92741E',1700000000000000,'queued','{"status":"queued"}',NULL);
INSERT INTO "run_object_change" VALUES('run_W5nGzQe8LtRy1VbXk3MhCs6D',X'C0AC43F8AA06FE1AA7996B7BCDEE387F34575D25D9FD57CF20CD988620B4BDF5',1700000000000008,'queued','{"status":"queued"}',NULL);
INSERT INTO "run_object_change" VALUES('run_Zk6BfT1oWcPr9yMhLs4NvGx0',X'7233C74BD3545F5A44104031BBF66EB7F39A76A11044C762867664943C07A100',1700000000000004,'queued','{"completed_at":null,"status":"queued"}',NULL);
INSERT INTO "run_object_change" VALUES('run_c7YwEo5Kd0JxVnTq2RzLbPm9',X'25F02F717C0284D38EC5B43A16E89592111BE3FC34233DA1B3CD35EAFE3B488B',1700000000000006,'queued','{"status":"queued"}',NULL);
INSERT INTO "run_object_change" VALUES('run_q2VtN8LhXw0BzRcY5mJdKe7A',X'EB0546D931102CFC034E6F6589681638517758E07BCEF314E5A49235A10305A2',1700000000000002,'queued','{"status":"queued"}',NULL);
CREATE TABLE run_object_file_ids (
	run_object TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	file_ids TEXT NOT NULL, 
	CONSTRAINT pk_run_object_file_ids PRIMARY KEY (run_object, position), 
	CONSTRAINT fk_run_object_file_ids_run_object FOREIGN KEY(run_object) REFERENCES run_object (id) ON DELETE CASCADE
);
INSERT INTO "run_object_file_ids" VALUES('run_J1xSvUq6YhTo4CmRk9WzBnE2',0,'file-QwE7rTyU2iOpAs5DfGh0JkLz');
INSERT INTO "run_object_file_ids" VALUES('run_Zk6BfT1oWcPr9yMhLs4NvGx0',0,'file-Xa8RwQmUe3YtLzKj0VbNcP5s');
INSERT INTO "run_object_file_ids" VALUES('run_Zk6BfT1oWcPr9yMhLs4NvGx0',1,'file-o1HdGf7TiBk9ZpMxWq2EyCvA');
INSERT INTO "run_object_file_ids" VALUES('run_c7YwEo5Kd0JxVnTq2RzLbPm9',0,'file-9MvKcXrT4bQeYh2WzLpJo6Ua');
CREATE TABLE run_object_incomplete_details (
	run_object TEXT NOT NULL, 
	reason TEXT, 
	extra TEXT, 
	CONSTRAINT pk_run_object_incomplete_details PRIMARY KEY (run_object), 
	CONSTRAINT fk_run_object_incomplete_details_run_object FOREIGN KEY(run_object) REFERENCES run_object (id) ON DELETE CASCADE
);
INSERT INTO "run_object_incomplete_details" VALUES('run_W5nGzQe8LtRy1VbXk3MhCs6D','max_completion_tokens',NULL);
CREATE TABLE run_object_instructions (
	id INTEGER NOT NULL, 
	digest BLOB NOT NULL, 
	instructions TEXT NOT NULL, 
	CONSTRAINT pk_run_object_instructions PRIMARY KEY (id)
);
INSERT INTO "run_object_instructions" VALUES(2542439732799862337,X'46911EEEE0BFEC83EEE8FDE08ABADCABD650C9258D53D51C019D8BC9322048F5','Extract every measurement of the protocol. Leave nothing out.
Units as they stand: °C, µm, ‰.');
INSERT INTO "run_object_instructions" VALUES(4383416606877258459,X'79AA0C5BF6EF25B65C2CD54D1E49A1E816D5CC5A34FD5BDCE0F407599133F267','You plan walks. Ask for the distance first.');
INSERT INTO "run_object_instructions" VALUES(5100130044479177255,X'8D8E9A81F2F5044E6E76B3D84598B68422D27C10F7E5698A609076A2A757D8A8','Answer from the attached price lists only. Give the page.');
INSERT INTO "run_object_instructions" VALUES(5132581310454712800,X'8E752F043CEC93C1C60062BB589C50847CBD8F904DA556A7ABA2C7FD761666E3','You answer for the lending desk of a town library. Look a loan up before you say anything about it.');
INSERT INTO "run_object_instructions" VALUES(6411415765272427295,X'B1F3D956B8CDF63F75C232A0566197B95442CD181EFE0AC2364B9AFFE6C9390B','Draw the chart that is asked for; name both axes.');
CREATE TABLE run_object_last_error (
	run_object TEXT NOT NULL, 
	code TEXT, 
	message TEXT, 
	extra TEXT, 
	CONSTRAINT pk_run_object_last_error PRIMARY KEY (run_object), 
	CONSTRAINT fk_run_object_last_error_run_object FOREIGN KEY(run_object) REFERENCES run_object (id) ON DELETE CASCADE
);
INSERT INTO "run_object_last_error" VALUES('run_c7YwEo5Kd0JxVnTq2RzLbPm9','rate_limit_exceeded','Rate limit reached for tokens per minute. Limit: 30000, used: 29412, requested: 2210.',NULL);
CREATE TABLE run_object_required_action (
	run_object TEXT NOT NULL, 
	type TEXT, 
	extra TEXT, 
	CONSTRAINT pk_run_object_required_action PRIMARY KEY (run_object), 
	CONSTRAINT fk_run_object_required_action_run_object FOREIGN KEY(run_object) REFERENCES run_object (id) ON DELETE CASCADE
);
INSERT INTO "run_object_required_action" VALUES('run_q2VtN8LhXw0BzRcY5mJdKe7A','submit_tool_outputs',NULL);
CREATE TABLE run_object_shape (
	id INTEGER NOT NULL, 
	digest BLOB NOT NULL, 
	document TEXT NOT NULL, 
	CONSTRAINT pk_run_object_shape PRIMARY KEY (id)
);
INSERT INTO "run_object_shape" VALUES(2027111786210015505,X'38437EDBE21C7223743AF8237C1F6A73870E63242B8B895462532E72088D7D60','{"keys":["id","status"]}');
INSERT INTO "run_object_shape" VALUES(2884757782999927286,X'50116FD6CD8213EC24CD10FAA31E258B54C6B41585516CDAC327D863D97FE5D4','{"keys":["id","object","metadata","tools","file_ids","temperature","created_at","unknown"],"null":["file_ids"]}');
INSERT INTO "run_object_shape" VALUES(3519123981753311975,X'61ACE13B89EDC5CE2A9826A60363FB870AF453A999D7F293424107CC3437E895','{"keys":["id","object","created_at","thread_id","assistant_id","status","required_action","last_error","expires_at","started_at","cancelled_at","failed_at","completed_at","incomplete_details","model","instructions","tools","file_ids","metadata","usage","temperature","top_p","max_prompt_tokens","max_completion_tokens","truncation_strategy","tool_choice","response_format"],"last_error":["code","message"],"usage":["prompt_tokens","completion_tokens","total_tokens"]}');
INSERT INTO "run_object_shape" VALUES(4978412198058885213,X'8A2DBF08E58B00BA9111360F417CFF9AE94A5E844EB38FA06EF42B8F1E6EF931','{"keys":["id","object","created_at","thread_id","assistant_id","status","required_action","last_error","expires_at","started_at","cancelled_at","failed_at","completed_at","incomplete_details","model","instructions","tools","metadata","usage","temperature","top_p","max_prompt_tokens","max_completion_tokens","truncation_strategy","tool_choice","parallel_tool_calls","response_format"],"incomplete_details":["reason"],"usage":["prompt_tokens","completion_tokens","total_tokens"]}');
INSERT INTO "run_object_shape" VALUES(5243752228963052158,X'918B19BD4302D4FCE09094148F80F6E5F19DEA614390452520EEE11066D84035','{"keys":["id","object","created_at","thread_id","assistant_id","status","required_action","last_error","expires_at","started_at","cancelled_at","failed_at","completed_at","model","instructions","tools","file_ids","metadata"],"tool_calls":[[["id","type","function"],["name","arguments"]]],"required_action":["type","submit_tool_outputs"]}');
INSERT INTO "run_object_shape" VALUES(5931770729208949944,X'A4A3C419C71E5970CC8FEEB5FF43FF78BF926C7EB32731E457F6615CDC6D11F3','{"keys":["id","object","created_at","thread_id","assistant_id","status","required_action","last_error","expires_at","started_at","cancelled_at","failed_at","completed_at","model","instructions","tools","file_ids","metadata","usage"],"usage":["prompt_tokens","completion_tokens","total_tokens"]}');
INSERT INTO "run_object_shape" VALUES(7675639439739142005,X'D50AB2CE6B427EEB721B1DD20E973B944E3162BE7448CFC3779ADF0BD774719F','{"keys":["id","object","created_at","thread_id","assistant_id","status","required_action","last_error","expires_at","started_at","cancelled_at","failed_at","completed_at","incomplete_details","model","instructions","tools","file_ids","metadata","usage","max_prompt_tokens","max_completion_tokens","truncation_strategy","tool_choice","response_format","temperature"],"usage":["completion_tokens","prompt_tokens","total_tokens"]}');
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
INSERT INTO "run_tool_call_object" VALUES('run_q2VtN8LhXw0BzRcY5mJdKe7A',0,'call_e9FzLq3vRtWmY1sKxBn6PoUd','function','find_loans','{"reader": "B-20417", "overdue_only": true}',NULL);
INSERT INTO "run_tool_call_object" VALUES('run_q2VtN8LhXw0BzRcY5mJdKe7A',1,'call_T5jGh0CkXaVw2NrEiZy8MlQb','function','renew_loan','{"loan": 90311, "weeks": 4}',NULL);
CREATE TABLE runstore_version (
	version_num VARCHAR(32) NOT NULL, readable_by VARCHAR(32), writable_by VARCHAR(32), last_import BIGINT, 
	CONSTRAINT runstore_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "runstore_version" VALUES('0009','0001..0009','0006..0009',1795820936594700);
CREATE TABLE truncation_object (
	id INTEGER NOT NULL, 
	digest BLOB NOT NULL, 
	type TEXT, 
	last_messages INTEGER, 
	document TEXT NOT NULL, 
	CONSTRAINT pk_truncation_object PRIMARY KEY (id)
);
INSERT INTO "truncation_object" VALUES(963331061478271840,X'1ABCE0FE310656C0F9F2286BC3F927281C3E5ABDE038F070767091E3261904DE','auto',NULL,'{"type":"auto","last_messages":null}');
INSERT INTO "truncation_object" VALUES(6615443988019013860,X'B79D8E8392BBD1C912ECA8FECEFE9B0DC62117EE902247C7D2FC92FEADE40203','last_messages',12,'{"type":"last_messages","last_messages":12}');
INSERT INTO "truncation_object" VALUES(6843651927107688151,X'BDF312564357ADAF7F8F68DCB0EF8E9B4187FF8233321F4192E3A11C73379023','auto',NULL,'{"type":"auto"}');
CREATE INDEX ix_function_object_name ON function_object (name);
CREATE INDEX ix_assistant_object_tools_inner_function ON assistant_object_tools_inner (function);
CREATE INDEX ix_assistant_object_tools_inner_type ON assistant_object_tools_inner (type);
CREATE INDEX ix_assistants_api_tool_choice_option_function ON assistants_api_tool_choice_option (function);
CREATE INDEX ix_run_object_assistant_id ON run_object (assistant_id, coalesce(created_at, -9223372036854775808));
CREATE INDEX ix_run_object_created_at ON run_object (coalesce(created_at, -9223372036854775808), id);
CREATE INDEX ix_run_object_instructions_id ON run_object (instructions_id);
CREATE INDEX ix_run_object_status ON run_object (status, coalesce(created_at, -9223372036854775808));
CREATE INDEX ix_run_object_thread_id ON run_object (thread_id, coalesce(created_at, -9223372036854775808));
CREATE INDEX ix_run_object_assistant_object_tools_inner_tool ON run_object_assistant_object_tools_inner (assistant_object_tools_inner);
CREATE INDEX ix_run_object_file_ids_file_ids ON run_object_file_ids (file_ids);
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
CREATE VIEW run_tools AS 
        SELECT l.run_object AS run_id, l.position, t.type, f.name AS function_name, f.description, f.strict,
               t.id AS tool_id
        FROM run_object_assistant_object_tools_inner l
        LEFT JOIN assistant_object_tools_inner t ON t.id = l.assistant_object_tools_inner
        LEFT JOIN function_object f ON f.id = t.function;
CREATE VIEW run_files AS SELECT run_object AS run_id, position, file_ids AS file_id FROM run_object_file_ids;
CREATE VIEW run_metadata AS 
        SELECT r.id AS run_id, m.key, CASE
            WHEN m.type IN ('true', 'false', 'null') THEN m.type
            WHEN m.type = 'real' AND instr(m.key, '"') + instr(m.key, '\') = 0
                THEN coalesce(nullif(substr(json_extract(r.metadata, '$."' || m.key || '"', '$."' || m.key || '"'), 2, (length(json_extract(r.metadata, '$."' || m.key || '"', '$."' || m.key || '"')) - 3) / 2), 'null'), CAST(m.value AS TEXT))
            ELSE CAST(m.value AS TEXT) END AS value
        FROM run_object r
        JOIN json_each(CASE WHEN json_type(r.metadata) = 'object' THEN r.metadata ELSE '{}' END) m;
CREATE VIEW run_changes AS 
        SELECT run_id, row_number() OVER (PARTITION BY run_id ORDER BY status_rank, observed_at, digest) - 1 AS position, status,
            lag(status) OVER (PARTITION BY run_id ORDER BY status_rank, observed_at, digest) AS previous_status,
            observed_at, CASE WHEN observed_at BETWEEN -62135510400000000 AND 253402214399000000 THEN datetime((observed_at - ((observed_at % 1000000) + 1000000) % 1000000) / 1000000, 'unixepoch') END AS observed_time, is_current, members
        FROM (
            SELECT run_object AS run_id, status, observed_at, digest, 0 AS is_current, members,
                CASE WHEN status = 'cancelling' THEN 1
               WHEN status IN ('cancelled', 'failed', 'completed', 'expired', 'incomplete') THEN 2 ELSE 0 END AS status_rank
            FROM run_object_change
            UNION ALL
            SELECT id, status, observed_at, digest, 1, NULL, 3 FROM run_object
        ) looks;
CREATE INDEX ix_run_object_created ON run_object (created_at);
CREATE INDEX ix_run_object_model ON run_object (model, coalesce(created_at, -9223372036854775808));
CREATE INDEX ix_run_object_irregular ON run_object (coalesce(created_at, -9223372036854775808), id) WHERE created_at IS NULL AND coalesce(started_at, completed_at, failed_at, cancelled_at, expires_at) IS NOT NULL
    OR started_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200
    OR completed_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200
    OR failed_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200
    OR cancelled_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200
    OR status = 'expired' AND expires_at / 2 - created_at / 2 NOT BETWEEN 0 AND 43200;
CREATE INDEX ix_run_object_seconds ON run_object ((CASE WHEN created_at BETWEEN -62135510400 AND 253402214399 AND CASE status WHEN 'completed' THEN completed_at WHEN 'incomplete' THEN completed_at
            WHEN 'failed' THEN failed_at WHEN 'cancelled' THEN cancelled_at
            WHEN 'expired' THEN expires_at END BETWEEN -62135510400 AND 253402214399 THEN CASE status WHEN 'completed' THEN completed_at WHEN 'incomplete' THEN completed_at
            WHEN 'failed' THEN failed_at WHEN 'cancelled' THEN cancelled_at
            WHEN 'expired' THEN expires_at END - created_at END));
CREATE INDEX ix_run_completion_usage_total_tokens ON run_completion_usage (total_tokens);
CREATE INDEX ix_run_object_last_error_code ON run_object_last_error (code);
CREATE INDEX ix_run_object_incomplete_details_reason ON run_object_incomplete_details (reason);
CREATE VIEW runs AS 
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
            (SELECT u.prompt_tokens FROM run_completion_usage u WHERE u.run_object = r.id) AS prompt_tokens, (SELECT u.completion_tokens FROM run_completion_usage u WHERE u.run_object = r.id) AS completion_tokens, (SELECT u.total_tokens FROM run_completion_usage u WHERE u.run_object = r.id) AS total_tokens,
            (SELECT coalesce(CASE WHEN json_type(u.extra, '$.prompt_tokens_details.cached_tokens') = 'integer' AND json_extract(u.extra, '$.prompt_tokens_details.cached_tokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.prompt_tokens_details.cached_tokens') END,
                     CASE WHEN json_type(u.extra, '$.promptTokensDetails.cachedTokens') = 'integer' AND json_extract(u.extra, '$.promptTokensDetails.cachedTokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.promptTokensDetails.cachedTokens') END,
                     CASE WHEN json_type(u.extra, '$.PromptTokensDetails.CachedTokens') = 'integer' AND json_extract(u.extra, '$.PromptTokensDetails.CachedTokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.PromptTokensDetails.CachedTokens') END,
                     CASE WHEN json_type(u.extra, '$.prompt_token_details.cached_tokens') = 'integer' AND json_extract(u.extra, '$.prompt_token_details.cached_tokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.prompt_token_details.cached_tokens') END,
                     CASE WHEN json_type(u.extra, '$.promptTokenDetails.cachedTokens') = 'integer' AND json_extract(u.extra, '$.promptTokenDetails.cachedTokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.promptTokenDetails.cachedTokens') END,
                     CASE WHEN json_type(u.extra, '$.PromptTokenDetails.CachedTokens') = 'integer' AND json_extract(u.extra, '$.PromptTokenDetails.CachedTokens') BETWEEN -999999999999999999 AND 999999999999999999 THEN json_extract(u.extra, '$.PromptTokenDetails.CachedTokens') END) FROM run_completion_usage u WHERE u.run_object = r.id) AS cached_tokens,
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
              LIMIT 1) END FROM run_completion_usage u WHERE u.run_object = r.id) AS cost,
            (SELECT p.currency
              FROM model_price p
              WHERE p.valid_from <= r.created_at
                AND (p.model = r.model OR (substr(p.model, length(p.model)) = '*'
                     AND substr(p.model, 1, length(p.model) - 1) = substr(r.model, 1, length(p.model) - 1)))
              ORDER BY CASE WHEN substr(p.model, length(p.model)) = '*' THEN 1 ELSE 0 END, length(p.model) DESC,
                       p.valid_from DESC
              LIMIT 1) AS currency,
            (SELECT e.code FROM run_object_last_error e WHERE e.run_object = r.id) AS error_code, (SELECT e.message FROM run_object_last_error e WHERE e.run_object = r.id) AS error_message,
            (SELECT d.reason FROM run_object_incomplete_details d WHERE d.run_object = r.id) AS incomplete_reason,
            (SELECT CASE WHEN substr(c.document, 1, 1) = '"' THEN json_extract(c.document, '$')
                 WHEN c.id IS NOT NULL THEN coalesce(c.type, 'object') || coalesce(':' ||
                     (SELECT n.name FROM function_object n WHERE n.id = c.function), '') END FROM assistants_api_tool_choice_option c WHERE c.id = r.tool_choice) AS tool_choice,
            (SELECT CASE WHEN substr(f.document, 1, 1) = '"' THEN json_extract(f.document, '$')
                 WHEN f.type = 'json_schema' THEN f.type || coalesce(':' || coalesce(CASE WHEN json_type(f.document, '$.json_schema.name') = 'text' THEN json_extract(f.document, '$.json_schema.name') END, CASE WHEN json_type(f.document, '$.jsonSchema.name') = 'text' THEN json_extract(f.document, '$.jsonSchema.name') END, CASE WHEN json_type(f.document, '$.JsonSchema.Name') = 'text' THEN json_extract(f.document, '$.JsonSchema.Name') END), '')
                 WHEN f.id IS NOT NULL THEN coalesce(f.type, 'object') END FROM assistants_api_response_format_option f WHERE f.id = r.response_format) AS response_format,
            (SELECT CASE WHEN t.last_messages IS NOT NULL
                 THEN coalesce(t.type, 'object') || ':' || CAST(t.last_messages AS TEXT)
                 WHEN t.id IS NOT NULL THEN coalesce(t.type, 'object') END FROM truncation_object t WHERE t.id = r.truncation_strategy) AS truncation,
            (SELECT count(*) FROM run_object_assistant_object_tools_inner l WHERE l.run_object = r.id) AS tool_count,
            (SELECT count(*) FROM run_object_file_ids l WHERE l.run_object = r.id) AS file_count,
            (SELECT count(*) FROM run_tool_call_object l WHERE l.run_object = r.id) AS pending_tool_calls,
            r.source, r.observed_at, CASE WHEN r.observed_at BETWEEN -62135510400000000 AND 253402214399000000 THEN datetime((r.observed_at - ((r.observed_at % 1000000) + 1000000) % 1000000) / 1000000, 'unixepoch') END AS observed_time,
            r.archived_at, CASE WHEN r.archived_at BETWEEN -62135510400000000 AND 253402214399000000 THEN datetime((r.archived_at - ((r.archived_at % 1000000) + 1000000) % 1000000) / 1000000, 'unixepoch') END AS archived_time
        FROM run_object r;
CREATE VIEW run_tool_calls AS 
        SELECT c.run_object AS run_id, c.position, c.id AS call_id, c.type, c.function_name,
            c.function_arguments AS arguments, r.observed_at, CASE WHEN r.observed_at BETWEEN -62135510400000000 AND 253402214399000000 THEN datetime((r.observed_at - ((r.observed_at % 1000000) + 1000000) % 1000000) / 1000000, 'unixepoch') END AS observed_time,
            1 AS pending
        FROM run_tool_call_object c JOIN run_object r ON r.id = c.run_object
        UNION ALL
        SELECT a.run_object AS run_id, e.key AS position, coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.id') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.id') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Id') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Id') END) AS call_id, coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.type') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.type') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Type') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Type') END) AS type,
            coalesce(coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.function.name') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.function.name') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Function.Name') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Function.Name') END), coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.name') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.name') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Name') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Name') END)) AS function_name,
            coalesce(coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.function.arguments') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.function.arguments') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Function.Arguments') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Function.Arguments') END), coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.arguments') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.arguments') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Arguments') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Arguments') END)) AS arguments, r.observed_at,
            CASE WHEN r.observed_at BETWEEN -62135510400000000 AND 253402214399000000 THEN datetime((r.observed_at - ((r.observed_at % 1000000) + 1000000) % 1000000) / 1000000, 'unixepoch') END AS observed_time, 1 AS pending
        FROM run_object_required_action a JOIN run_object r ON r.id = a.run_object
        JOIN json_each(CASE WHEN a.extra IS NOT NULL THEN a.extra ELSE '{}' END) m
        JOIN json_each(CASE WHEN coalesce(json_type(CASE WHEN m.type = 'object' THEN m.value ELSE '{}' END, '$.tool_calls'), json_type(CASE WHEN m.type = 'object' THEN m.value ELSE '{}' END, '$.toolCalls'), json_type(CASE WHEN m.type = 'object' THEN m.value ELSE '{}' END, '$.ToolCalls')) = 'array' THEN coalesce(json_extract(m.value, '$.tool_calls'), json_extract(m.value, '$.toolCalls'), json_extract(m.value, '$.ToolCalls')) ELSE '[]' END) e
        UNION ALL
        SELECT c.run_object AS run_id, e.key AS position, coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.id') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.id') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Id') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Id') END) AS call_id, coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.type') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.type') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Type') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Type') END) AS type,
            coalesce(coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.function.name') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.function.name') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Function.Name') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Function.Name') END), coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.name') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.name') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Name') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Name') END)) AS function_name,
            coalesce(coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.function.arguments') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.function.arguments') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Function.Arguments') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Function.Arguments') END), coalesce(CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.arguments') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.arguments') END, CASE WHEN json_type(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Arguments') = 'text' THEN json_extract(CASE WHEN e.type = 'object' THEN e.value ELSE '{}' END, '$.Arguments') END)) AS arguments, c.observed_at,
            CASE WHEN c.observed_at BETWEEN -62135510400000000 AND 253402214399000000 THEN datetime((c.observed_at - ((c.observed_at % 1000000) + 1000000) % 1000000) / 1000000, 'unixepoch') END AS observed_time, 0 AS pending
        FROM run_object_change c
        JOIN json_each(CASE WHEN coalesce(json_type(c.members, '$.required_action'), json_type(c.members, '$.requiredAction'), json_type(c.members, '$.RequiredAction')) = 'object' THEN coalesce(json_extract(c.members, '$.required_action'), json_extract(c.members, '$.requiredAction'), json_extract(c.members, '$.RequiredAction')) ELSE '{}' END) m
        JOIN json_each(CASE WHEN coalesce(json_type(CASE WHEN m.type = 'object' THEN m.value ELSE '{}' END, '$.tool_calls'), json_type(CASE WHEN m.type = 'object' THEN m.value ELSE '{}' END, '$.toolCalls'), json_type(CASE WHEN m.type = 'object' THEN m.value ELSE '{}' END, '$.ToolCalls')) = 'array' THEN coalesce(json_extract(m.value, '$.tool_calls'), json_extract(m.value, '$.toolCalls'), json_extract(m.value, '$.ToolCalls')) ELSE '[]' END) e;
CREATE VIEW run_findings AS 
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
            CAST(r.created_at AS TEXT) || ' is beyond the year 9999: documented are seconds, not milliseconds' AS detail
        FROM run_object r
        WHERE r.created_at > 253402300799 UNION ALL 
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.started_at' AS path,
            CAST(r.started_at AS TEXT) || ' is beyond the year 9999: documented are seconds, not milliseconds' AS detail
        FROM run_object r
        WHERE r.started_at > 253402300799 UNION ALL 
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.expires_at' AS path,
            CAST(r.expires_at AS TEXT) || ' is beyond the year 9999: documented are seconds, not milliseconds' AS detail
        FROM run_object r
        WHERE r.expires_at > 253402300799 UNION ALL 
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.cancelled_at' AS path,
            CAST(r.cancelled_at AS TEXT) || ' is beyond the year 9999: documented are seconds, not milliseconds' AS detail
        FROM run_object r
        WHERE r.cancelled_at > 253402300799 UNION ALL 
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.failed_at' AS path,
            CAST(r.failed_at AS TEXT) || ' is beyond the year 9999: documented are seconds, not milliseconds' AS detail
        FROM run_object r
        WHERE r.failed_at > 253402300799 UNION ALL 
        SELECT r.id AS run_id, 'timestamp' AS rule, '$.completed_at' AS path,
            CAST(r.completed_at AS TEXT) || ' is beyond the year 9999: documented are seconds, not milliseconds' AS detail
        FROM run_object r
        WHERE r.completed_at > 253402300799 UNION ALL 
        SELECT r.id AS run_id, 'required_action' AS rule, '$.required_action' AS path,
            'is null or absent in a run that requires action' AS detail
        FROM run_object r
        WHERE r.status = 'requires_action' AND NOT EXISTS (SELECT 1 FROM run_object_required_action a WHERE a.run_object = r.id) AND coalesce(json_type(r.extra, '$.required_action'), json_type(r.extra, '$.requiredAction'), json_type(r.extra, '$.RequiredAction')) IS NULL UNION ALL 
        SELECT r.id AS run_id, 'required_action' AS rule, '$.required_action' AS path,
            'stands in a run whose status is not requires_action' AS detail
        FROM run_object r JOIN run_object_required_action a ON a.run_object = r.id
        WHERE coalesce(r.status, '') <> 'requires_action' UNION ALL 
        SELECT r.id AS run_id, 'required_action' AS rule, '$.required_action.type' AS path,
            coalesce('unknown type ' || '"' || substr(a.type, 1, 100) || '"', 'is null, absent or no string') AS detail
        FROM run_object r JOIN run_object_required_action a ON a.run_object = r.id
        WHERE coalesce(a.type, '') <> 'submit_tool_outputs' AND coalesce(json_type(a.extra, '$.type'), json_type(a.extra, '$.Type')) IS NULL UNION ALL 
        SELECT r.id AS run_id, 'usage' AS rule, '$.usage' AS path,
            'stands in a run that has not ended' AS detail
        FROM run_object r JOIN run_completion_usage u ON u.run_object = r.id
        WHERE coalesce(r.status, '') NOT IN ('cancelled', 'failed', 'completed', 'incomplete', 'expired') UNION ALL 
        SELECT r.id AS run_id, 'usage' AS rule, '$.usage.prompt_tokens' AS path,
            'is null or absent' AS detail
        FROM run_object r JOIN run_completion_usage u ON u.run_object = r.id
        WHERE u.prompt_tokens IS NULL AND coalesce(json_type(u.extra, '$.prompt_tokens'), json_type(u.extra, '$.promptTokens'), json_type(u.extra, '$.PromptTokens')) IS NULL UNION ALL 
        SELECT r.id AS run_id, 'usage' AS rule, '$.usage.completion_tokens' AS path,
            'is null or absent' AS detail
        FROM run_object r JOIN run_completion_usage u ON u.run_object = r.id
        WHERE u.completion_tokens IS NULL AND coalesce(json_type(u.extra, '$.completion_tokens'), json_type(u.extra, '$.completionTokens'), json_type(u.extra, '$.CompletionTokens')) IS NULL UNION ALL 
        SELECT r.id AS run_id, 'usage' AS rule, '$.usage.total_tokens' AS path,
            'is null or absent' AS detail
        FROM run_object r JOIN run_completion_usage u ON u.run_object = r.id
        WHERE u.total_tokens IS NULL AND coalesce(json_type(u.extra, '$.total_tokens'), json_type(u.extra, '$.totalTokens'), json_type(u.extra, '$.TotalTokens')) IS NULL UNION ALL 
        SELECT r.id AS run_id, 'last_error' AS rule, '$.last_error.code' AS path,
            coalesce('unknown code ' || '"' || substr(e.code, 1, 100) || '"', 'is null or absent') AS detail
        FROM run_object r JOIN run_object_last_error e ON e.run_object = r.id
        WHERE coalesce(e.code, '') NOT IN ('server_error', 'rate_limit_exceeded', 'invalid_prompt') AND coalesce(json_type(e.extra, '$.code'), json_type(e.extra, '$.Code')) IS NULL UNION ALL 
        SELECT r.id AS run_id, 'incomplete_details' AS rule, '$.incomplete_details.reason' AS path,
            'unknown reason ' || '"' || substr(d.reason, 1, 100) || '"' AS detail
        FROM run_object r JOIN run_object_incomplete_details d ON d.run_object = r.id
        WHERE d.reason NOT IN ('max_completion_tokens', 'max_prompt_tokens') UNION ALL 
        SELECT r.id AS run_id, 'metadata' AS rule, '$.metadata' AS path,
            CAST((SELECT count(*) FROM json_each(CASE WHEN json_type(r.metadata) = 'object' THEN r.metadata ELSE '{}' END)) AS TEXT) || ' pairs, documented are 16 at most' AS detail
        FROM run_object r
        WHERE r.metadata IS NOT NULL AND (SELECT count(*) FROM json_each(CASE WHEN json_type(r.metadata) = 'object' THEN r.metadata ELSE '{}' END)) > 16 UNION ALL 
        SELECT r.id AS run_id, 'metadata' AS rule, '$.metadata.' || substr(m.key, 1, 100) AS path,
            'a key of ' || CAST(length(m.key) AS TEXT) || ' characters, documented are 64 at most' AS detail
        FROM run_object r JOIN json_each(CASE WHEN json_type(r.metadata) = 'object' THEN r.metadata ELSE '{}' END) AS m
        WHERE length(m.key) > 64 UNION ALL 
        SELECT r.id AS run_id, 'metadata' AS rule, '$.metadata.' || substr(m.key, 1, 100) AS path,
            'the value is no string' AS detail
        FROM run_object r JOIN json_each(CASE WHEN json_type(r.metadata) = 'object' THEN r.metadata ELSE '{}' END) AS m
        WHERE NOT (m.type = 'text') UNION ALL 
        SELECT r.id AS run_id, 'metadata' AS rule, '$.metadata.' || substr(m.key, 1, 100) AS path,
            'a value of ' || CAST(length(m.value) AS TEXT) || ' characters, documented are 512 at most' AS detail
        FROM run_object r JOIN json_each(CASE WHEN json_type(r.metadata) = 'object' THEN r.metadata ELSE '{}' END) AS m
        WHERE m.type = 'text' AND length(m.value) > 512 UNION ALL 
        SELECT r.id AS run_id, 'tools' AS rule, '$.tools' AS path,
            CAST((SELECT count(*) FROM run_object_assistant_object_tools_inner l WHERE l.run_object = r.id) AS TEXT) || ' tools, documented are 128 at most, 20 in a run of the first generation' AS detail
        FROM run_object r
        WHERE (SELECT count(*) FROM run_object_assistant_object_tools_inner l WHERE l.run_object = r.id) > CASE WHEN r.shape IN (SELECT s.id FROM run_object_shape s WHERE 'file_ids' IN (SELECT CASE k.type WHEN 'array' THEN json_extract(k.value, '$[1]') ELSE k.value END FROM json_each(s.document, '$.keys') k)) OR EXISTS (SELECT 1 FROM run_object_assistant_object_tools_inner l
            JOIN assistant_object_tools_inner t ON t.id = l.assistant_object_tools_inner WHERE l.run_object = r.id AND t.type = 'retrieval') THEN 20 ELSE 128 END UNION ALL 
        SELECT r.run_object AS run_id, 'tools' AS rule, '$.tools[' || CAST(r.position AS TEXT) || '].type' AS path,
            coalesce('unknown type ' || '"' || substr(t.type, 1, 100) || '"', 'is null, absent or no string') AS detail
        FROM run_object_assistant_object_tools_inner r
            JOIN assistant_object_tools_inner t ON t.id = r.assistant_object_tools_inner
        WHERE coalesce(t.type, '') NOT IN ('code_interpreter', 'retrieval', 'file_search', 'function') UNION ALL 
        SELECT r.run_object AS run_id, 'tools' AS rule, '$.tools[' || CAST(r.position AS TEXT) || '].function.name' AS path,
            coalesce('"' || substr(n.name, 1, 100) || '"' || ' is no name of a function', 'is null, absent or no string') AS detail
        FROM run_object_assistant_object_tools_inner r
            JOIN assistant_object_tools_inner t ON t.id = r.assistant_object_tools_inner LEFT JOIN function_object n ON n.id = t.function
        WHERE t.type = 'function' AND (n.name IS NULL OR NOT ((n.name NOT GLOB '*[^a-zA-Z0-9_-]*' AND length(n.name) BETWEEN 1 AND 64))) UNION ALL 
        SELECT r.id AS run_id, 'file_ids' AS rule, '$.file_ids' AS path,
            CAST((SELECT count(*) FROM run_object_file_ids l WHERE l.run_object = r.id) AS TEXT) || ' files, documented are 20 at most' AS detail
        FROM run_object r
        WHERE (SELECT count(*) FROM run_object_file_ids l WHERE l.run_object = r.id) > 20 UNION ALL 
        SELECT r.id AS run_id, 'instructions' AS rule, '$.instructions' AS path,
            CAST(length(i.instructions) AS TEXT) || ' characters, documented are 256000 at most' AS detail
        FROM run_object r JOIN run_object_instructions i ON i.id = r.instructions_id
        WHERE length(i.instructions) > 256000 UNION ALL 
        SELECT r.id AS run_id, 'temperature' AS rule, '$.temperature' AS path,
            'documented are 0 to 2' AS detail
        FROM run_object r
        WHERE r.temperature NOT BETWEEN 0 AND 2 UNION ALL 
        SELECT r.id AS run_id, 'top_p' AS rule, '$.top_p' AS path,
            'documented are 0 to 1' AS detail
        FROM run_object r
        WHERE r.top_p NOT BETWEEN 0 AND 1 UNION ALL 
        SELECT r.id AS run_id, 'max_prompt_tokens' AS rule, '$.max_prompt_tokens' AS path,
            CAST(r.max_prompt_tokens AS TEXT) || ', documented are 256 or more' AS detail
        FROM run_object r
        WHERE r.max_prompt_tokens < 256 UNION ALL 
        SELECT r.id AS run_id, 'max_completion_tokens' AS rule, '$.max_completion_tokens' AS path,
            CAST(r.max_completion_tokens AS TEXT) || ', documented are 256 or more' AS detail
        FROM run_object r
        WHERE r.max_completion_tokens < 256 UNION ALL 
        SELECT r.id AS run_id, 'truncation_strategy' AS rule, '$.truncation_strategy.type' AS path,
            coalesce('unknown type ' || '"' || substr(t.type, 1, 100) || '"', 'is null, absent or no string') AS detail
        FROM run_object r JOIN truncation_object t ON t.id = r.truncation_strategy
        WHERE coalesce(t.type, '') NOT IN ('auto', 'last_messages') UNION ALL 
        SELECT r.id AS run_id, 'truncation_strategy' AS rule, '$.truncation_strategy.last_messages' AS path,
            CAST(t.last_messages AS TEXT) || ', documented are 1 or more' AS detail
        FROM run_object r JOIN truncation_object t ON t.id = r.truncation_strategy
        WHERE t.last_messages < 1 UNION ALL 
        SELECT r.id AS run_id, 'tool_choice' AS rule, '$.tool_choice' AS path,
            'unknown ' || '"' || substr(c.document, 1, 100) || '"' AS detail
        FROM run_object r JOIN assistants_api_tool_choice_option c ON c.id = r.tool_choice
        WHERE substr(c.document, 1, 1) = '"' AND c.document NOT IN ('"none"', '"auto"', '"required"') UNION ALL 
        SELECT r.id AS run_id, 'tool_choice' AS rule, '$.tool_choice.type' AS path,
            coalesce('unknown type ' || '"' || substr(c.type, 1, 100) || '"', 'is null, absent or no string') AS detail
        FROM run_object r JOIN assistants_api_tool_choice_option c ON c.id = r.tool_choice
        WHERE substr(c.document, 1, 1) <> '"' AND coalesce(c.type, '') NOT IN ('function', 'code_interpreter', 'file_search', 'retrieval') UNION ALL 
        SELECT r.id AS run_id, 'response_format' AS rule, '$.response_format' AS path,
            'unknown ' || '"' || substr(f.document, 1, 100) || '"' AS detail
        FROM run_object r JOIN assistants_api_response_format_option f ON f.id = r.response_format
        WHERE substr(f.document, 1, 1) = '"' AND f.document NOT IN ('"none"', '"auto"') UNION ALL 
        SELECT r.id AS run_id, 'response_format' AS rule, '$.response_format.type' AS path,
            coalesce('unknown type ' || '"' || substr(f.type, 1, 100) || '"', 'is null, absent or no string') AS detail
        FROM run_object r JOIN assistants_api_response_format_option f ON f.id = r.response_format
        WHERE substr(f.document, 1, 1) <> '"' AND coalesce(f.type, '') NOT IN ('text', 'json_object', 'json_schema');
COMMIT;
