"""The API specification of a run: types, enumerations, limits, and required and nullable members.

Source: OpenAI's OpenAPI specification, component RunObject, all versions from November 2023 to 2026. Members that were
added after November 2023 are not required, and members that the specification does not mention are accepted, as it
accepts them. Real servers violate most of these rules; therefore an archive enforces them only on request.
:mod:`runstore.wire.deviations` applies them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from runstore.statuses import Status

TokenLimit = Annotated[int, Meta(ge=256)] | None | UnsetType


class CalledFunction(Struct):
    name: str
    arguments: str


class ToolCall(Struct):
    id: str
    type: Literal["function"]
    function: CalledFunction


class SubmitToolOutputs(Struct):
    tool_calls: list[ToolCall]


class RequiredAction(Struct):
    type: Literal["submit_tool_outputs"]
    submit_tool_outputs: SubmitToolOutputs


class LastError(Struct):
    code: Literal["server_error", "rate_limit_exceeded", "invalid_prompt"]
    message: str


class IncompleteDetails(Struct):
    reason: Literal["max_completion_tokens", "max_prompt_tokens"] | UnsetType = UNSET


class Usage(Struct):
    completion_tokens: int
    prompt_tokens: int
    total_tokens: int


class Truncation(Struct):
    type: Literal["auto", "last_messages"]
    last_messages: Annotated[int, Meta(ge=1)] | None | UnsetType = UNSET


class Function(Struct):
    name: Annotated[str, Meta(max_length=64, pattern="^[a-zA-Z0-9_-]+$")]
    description: str | UnsetType = UNSET
    parameters: dict[str, Any] | UnsetType = UNSET
    strict: bool | None | UnsetType = UNSET


class FunctionTool(Struct, tag_field="type", tag="function"):
    function: Function


class CodeInterpreterTool(Struct, tag_field="type", tag="code_interpreter"):
    pass


class RetrievalTool(Struct, tag_field="type", tag="retrieval"):
    pass


class RankingOptions(Struct):
    score_threshold: Annotated[float, Meta(ge=0, le=1)]
    ranker: str | UnsetType = UNSET


class FileSearch(Struct):
    max_num_results: Annotated[int, Meta(ge=1, le=50)] | UnsetType = UNSET
    ranking_options: RankingOptions | UnsetType = UNSET


class FileSearchTool(Struct, tag_field="type", tag="file_search"):
    file_search: FileSearch | UnsetType = UNSET


class ChosenFunction(Struct):
    name: str


class NamedToolChoice(Struct):
    type: Literal["function", "code_interpreter", "file_search", "retrieval"]
    function: ChosenFunction | UnsetType = UNSET


class JSONSchemaFormat(Struct):
    name: Annotated[str, Meta(max_length=64, pattern="^[a-zA-Z0-9_-]+$")]
    description: str | UnsetType = UNSET
    schema: dict[str, Any] | UnsetType = UNSET
    strict: bool | None | UnsetType = UNSET


class TextResponse(Struct, tag_field="type", tag="text"):
    pass


class JSONObjectResponse(Struct, tag_field="type", tag="json_object"):
    pass


class JSONSchemaResponse(Struct, tag_field="type", tag="json_schema"):
    json_schema: JSONSchemaFormat


class Run(Struct):
    id: str
    object: Literal["thread.run", "assistant.run"]
    created_at: int
    thread_id: str
    assistant_id: str
    status: Status
    required_action: RequiredAction | None
    last_error: LastError | None
    expires_at: int | None
    started_at: int | None
    cancelled_at: int | None
    failed_at: int | None
    completed_at: int | None
    model: str
    instructions: Annotated[str, Meta(max_length=256_000)]
    tools: Annotated[
        list[FunctionTool | CodeInterpreterTool | RetrievalTool | FileSearchTool],
        Meta(max_length=128),
    ]
    metadata: (
        Annotated[
            dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]],
            Meta(max_length=16),
        ]
        | None
    )
    file_ids: Annotated[list[str], Meta(max_length=20)] | UnsetType = UNSET
    incomplete_details: IncompleteDetails | None | UnsetType = UNSET
    usage: Usage | None | UnsetType = UNSET
    temperature: Annotated[float, Meta(ge=0, le=2)] | None | UnsetType = UNSET
    top_p: Annotated[float, Meta(ge=0, le=1)] | None | UnsetType = UNSET
    max_prompt_tokens: TokenLimit = UNSET
    max_completion_tokens: TokenLimit = UNSET
    truncation_strategy: Truncation | None | UnsetType = UNSET
    tool_choice: Literal["none", "auto", "required"] | NamedToolChoice | None | UnsetType = UNSET
    parallel_tool_calls: bool | UnsetType = UNSET
    response_format: (
        Literal["auto", "none"] | TextResponse | JSONObjectResponse | JSONSchemaResponse | None | UnsetType
    ) = UNSET
