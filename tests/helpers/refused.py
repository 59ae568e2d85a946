"""What cannot be kept, with the path and the reason of its refusal."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import uuid
from decimal import Decimal
from typing import Any

from tests.helpers.strategies import BUILT_IN

NO_NUMBER = "neither a 64-bit integer nor a double equals the number"
NUL = "has the character U+0000"
SURROGATE = "has the lone surrogate"
TWICE = "the key occurs twice"
DEEP = "is nested deeper than 200 levels"


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    return opening * depth + closing * depth


# The JSON text of a run, the path and the beginning of the reason with which it is refused.
REFUSED: dict[str, tuple[str, str, str]] = {
    # U+0000, escaped and in every kind of place
    "NUL in the id": (r'{"id":"a\u0000"}', "$.id", NUL),
    "NUL in a status": (r'{"id":"a","status":"\u0000"}', "$.status", NUL),
    "NUL in instructions": (r'{"id":"a","instructions":"x\u0000y"}', "$.instructions", NUL),
    "NUL in metadata": (r'{"id":"a","metadata":{"k":"\u0000"}}', "$.metadata.k", NUL),
    "NUL in a key of metadata": (r'{"id":"a","metadata":{"\u0000":1}}', r'$.metadata["\u0000"]', NUL),
    "NUL in a tool": (r'{"id":"a","tools":[{},{"x":["\u0000"]}]}', "$.tools[1].x[0]", NUL),
    "NUL in a key of the run": (r'{"id":"a","\u0000":1}', r'$["\u0000"]', NUL),
    "NUL in a key of usage": (r'{"id":"a","usage":{"\u0000":1}}', r'$.usage["\u0000"]', NUL),
    "NUL in a key of an error": (r'{"id":"a","last_error":{"a\u0000":{}}}', r'$.last_error["a\u0000"]', NUL),
    "NUL in a key of an action": (r'{"id":"a","required_action":{"\u0000":1}}', r'$.required_action["\u0000"]', NUL),
    "NUL in a key of a tool": (r'{"id":"a","tools":[{"\u0000":1}]}', r'$.tools[0]["\u0000"]', NUL),
    "NUL in a file id": (r'{"id":"a","file_ids":["b","\u0000"]}', "$.file_ids[1]", NUL),
    "NUL in the message of an error": (r'{"id":"a","last_error":{"message":"\u0000"}}', "$.last_error.message", NUL),
    "NUL in the arguments of a call": (
        r'{"id":"a","required_action":{"submit_tool_outputs":{"tool_calls":[{"function":{"arguments":"\u0000"}}]}}}',
        "$.required_action.submit_tool_outputs.tool_calls[0].function.arguments",
        NUL,
    ),
    # surrogates
    "surrogate in the id": (r'{"id":"\ud800"}', "$.id", SURROGATE),
    "surrogate in an unknown member": (r'{"id":"a","odd key":["\udfff"]}', '$["odd key"][0]', SURROGATE),
    "surrogates in the wrong order": (r'{"id":"a","model":"\ude00\ud83d"}', "$.model", SURROGATE),
    "surrogate in a key": (r'{"id":"a","metadata":{"\ud800":1}}', r'$.metadata["\ud800"]', SURROGATE),
    "surrogate in instructions": (r'{"id":"a","instructions":"\ud800"}', "$.instructions", SURROGATE),
    # keys
    "id twice": ('{"id":"a","id":"a"}', "$.id", TWICE),
    "id twice, once escaped": (r'{"id":"a","\u0069d":"b"}', "$.id", TWICE),
    "unknown key twice": ('{"id":"a","x":1,"x":1}', "$.x", TWICE),
    "status twice, apart": ('{"id":"a","status":null,"x":1,"status":"queued"}', "$.status", TWICE),
    "key of metadata twice": ('{"id":"a","metadata":{"k":1,"k":2}}', "$.metadata.k", TWICE),
    "key twice in usage": ('{"id":"a","usage":{"total_tokens":1,"total_tokens":2}}', "$.usage.total_tokens", TWICE),
    "key twice deep in a tool": ('{"id":"a","tools":[{"function":{"parameters":{"a":[{"b":1,"b":1}]}}}]}',
                                 "$.tools[0].function.parameters.a[0].b", TWICE),
    "key twice in a call": (
        '{"id":"a","required_action":{"submit_tool_outputs":{"tool_calls":[{"id":"b","id":"b"}]}}}',
        "$.required_action.submit_tool_outputs.tool_calls[0].id",
        TWICE,
    ),
    "empty key twice": ('{"id":"a","":1,"":1}', '$[""]', TWICE),
    "key twice among white space": ('{ "id" : "a" ,\n "x" : {"k" : 1 , "k" : 1 } }', "$.x.k", TWICE),
    # numbers
    "NaN": ('{"id":"a","temperature":NaN}', "$.temperature", NO_NUMBER),
    "Infinity": ('{"id":"a","x":Infinity}', "$.x", NO_NUMBER),
    "-Infinity": ('{"id":"a","metadata":{"x":[-Infinity]}}', "$.metadata.x[0]", NO_NUMBER),
    "more than a double": ('{"id":"a","temperature":1e400}', "$.temperature", NO_NUMBER),
    "less than a double": ('{"id":"a","temperature":1e-400}', "$.temperature", NO_NUMBER),
    "an exponent beyond all": ('{"id":"a","temperature":1e99999999999999999999}', "$.temperature", NO_NUMBER),
    "a negative exponent beyond all": ('{"id":"a","x":[1e-99999999999999999999]}', "$.x[0]", NO_NUMBER),
    "more digits than a double": ('{"id":"a","temperature":0.1234567890123456789}', "$.temperature", NO_NUMBER),
    "a double's own digits": ('{"id":"a","x":0.1000000000000000055511151231257827}', "$.x", NO_NUMBER),
    "2**63": ('{"id":"a","x":9223372036854775808}', "$.x", NO_NUMBER),
    "-2**63-1": ('{"id":"a","created_at":-9223372036854775809}', "$.created_at", NO_NUMBER),
    "2**64": ('{"id":"a","tools":[18446744073709551616]}', "$.tools[0]", NO_NUMBER),
    "an integer of 5,000 digits": ('{"id":"a","x":' + "1" * 5000 + "}", "$.x", NO_NUMBER),
    # depth: the run itself is the first level
    "arrays too deep": ('{"id":"a","x":' + nested(200) + "}", "$.x", DEEP),
    "objects too deep": ('{"id":"a","metadata":' + '{"a":' * 199 + "{}" + "}" * 199 + "}", "$.metadata", DEEP),
    "a tool too deep": ('{"id":"a","tools":[' + nested(199) + "]}", "$.tools[0]", DEEP),
    "an action too deep": ('{"id":"a","required_action":{"x":' + nested(199) + "}}", "$.required_action.x", DEEP),
    "usage too deep": ('{"id":"a","usage":{"x":' + nested(199) + "}}", "$.usage.x", DEEP),
    "100,000 levels": ('{"id":"a","x":' + nested(100_000) + "}", "$", DEEP),
    "100,000 levels that do not end": ('{"id":"a","x":' + "[" * 100_000, "$", DEEP),
    # not JSON
    "nothing": ("", "$", "is empty"),
    "white space": (" \n\t ", "$", "is empty"),
    "half a run": ('{"id":"a","status":"que', "$", "is not JSON"),
    "a run without end": ('{"id":"a"', "$", "ends in the middle of a value"),
    "two runs": ('{"id":"a"}{"id":"b"}', "$", "is not JSON"),
    "single quotes": ("{'id':'a'}", "$", "is not JSON"),
    "a comma too many": ('{"id":"a",}', "$", "is not JSON"),
    "a control character in a string": ('{"id":"a","model":"\n"}', "$", "is not JSON"),
    "a bad escape": (r'{"id":"a","model":"\x41"}', "$", "is not JSON"),
    "a leading zero": ('{"id":"a","created_at":01}', "$", "is not JSON"),
    "a comment": ('{"id":"a"/* b */}', "$", "is not JSON"),
    "an array": ('[{"id":"a"}]', "$", "expected a run object, found array"),
    "a string": ('"run_a"', "$", "expected a run object, found string"),
    "a number": ("7", "$", "expected a run object, found number"),
    "null": ("null", "$", "expected a run object, found null"),
    # the id
    "no id": ('{"object":"thread.run"}', "$.id", "is missing"),
    "null id": ('{"id":null}', "$.id", "expected a string, found null"),
    "NUL in another spelling": (r'{"id":"a","threadId":"\u0000"}', "$.threadId", NUL),
    "NUL in a value of another type": (r'{"id":"a","created_at":"\u0000"}', "$.created_at", NUL),
    "surrogate in usage that is a list": (r'{"id":"a","usage":["\ud800"]}', "$.usage[0]", SURROGATE),
    "key twice in another spelling": ('{"id":"a","threadId":1,"threadId":1}', "$.threadId", TWICE),
    "a number beyond all in another type": ('{"id":"a","model":1e400}', "$.model", NO_NUMBER),
    "file ids of another type too deep": ('{"id":"a","fileIds":' + nested(200) + "}", "$.fileIds", DEEP),
    "a number for an id in another spelling": ('{"Id":7,"Object":"thread.run"}', "$.Id", "expected a string"),
    "a number for an id": ('{"id":7,"object":"thread.run"}', "$.id", "expected a string, found number"),
    "an object for an object": ('{"id":"a","object":{}}', "$.object", "expected a string, found object"),
}  # fmt: skip
NO_UTF8: list[tuple[bytes, str]] = [
    (b'{"id":"\xff"}', "$.id"),
    (b'{"id":"a","model":"\xc3"}', "$.model"),
    (b'{"id":"a","x":{"y":"\xed\xa0\x80"}}', "$.x"),
    (b'{"id":"a","metadata":{"\xff":1}}', "$.metadata"),
    (b'{"\xff":1,"id":"a"}', "$"),
    (b'{"id":"a","instructions":"\xf8\x88\x80\x80\x80"}', "$.instructions"),
    (b'{"id":"a","file_ids":["\xc0\x80"]}', "$.file_ids[0]"),
]
INDEXED: dict[str, str] = {
    "$.id": '{"id":%s}',
    "$.thread_id": '{"id":"a","thread_id":%s}',
    "$.assistant_id": '{"id":"a","assistant_id":%s}',
    "$.status": '{"id":"a","status":%s}',
    "$.model": '{"id":"a","model":%s}',
    "$.file_ids[1]": '{"id":"a","file_ids":["b",%s]}',
    "$.last_error.code": '{"id":"a","last_error":{"code":%s}}',
    "$.incomplete_details.reason": '{"id":"a","incomplete_details":{"reason":%s}}',
    "$.tools[0].type": '{"id":"a","tools":[{"type":%s}]}',
    "$.tools[0].function.name": '{"id":"a","tools":[{"type":"function","function":{"name":%s}}]}',
    "$.tool_choice.function.name": '{"id":"a","tool_choice":{"type":"function","function":{"name":%s}}}',
    "$.Id": '{"Id":%s}',
    "$.threadId": '{"id":"a","threadId":%s}',
    "$.Status": '{"id":"a","Status":%s}',
    "$.fileIds[1]": '{"id":"a","fileIds":["b",%s]}',
    "$.lastError.Code": '{"id":"a","lastError":{"Code":%s}}',
    "$.Tools[0].Type": '{"id":"a","Tools":[{"Type":%s}]}',
    "$.Tools[0].Function.Name": '{"id":"a","Tools":[{"Type":"function","Function":{"Name":%s}}]}',
    "$.toolChoice.function.name": '{"id":"a","toolChoice":{"type":"function","function":{"name":%s}}}',
}
LONGEST = {"letters": "x" * 1024, "two bytes": "é" * 512, "four bytes": "😀" * 256, "escaped": '"\n' * 512}


def circle() -> dict[str, Any]:
    run: dict[str, Any] = {"id": "a"}
    run["self"] = [run]
    return run


class Plain(enum.Enum):
    QUEUED = "queued"


@dataclasses.dataclass
class Usage:
    total_tokens: int = 5


class Failing(dict[str, Any]):
    def items(self) -> Any:
        raise ZeroDivisionError


class FailingList(list[Any]):
    def __iter__(self) -> Any:
        raise ZeroDivisionError


class Key(str):
    """A unique string."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


class Model:
    def __init__(self, to_dict: Any) -> None:
        self.to_dict = to_dict


class Unshown:
    def __repr__(self) -> str:
        raise ZeroDivisionError


PYTHON: dict[str, tuple[Any, str, str]] = {
    "NaN": ({"id": "a", "temperature": float("nan")}, "$.temperature", "nan is not a JSON number"),
    "infinity": ({"id": "a", "x": [float("-inf")]}, "$.x[0]", "-inf is not a JSON number"),
    "decimal": ({"id": "a", "temperature": Decimal(1)}, "$.temperature", "Decimal is not a JSON type"),
    "date": ({"id": "a", "created_at": datetime.datetime.now(datetime.UTC)}, "$.created_at", "datetime is not a JSON"),
    "bytes": ({"id": "a", "model": b"gpt"}, "$.model", "bytes is not a JSON type"),
    "set": ({"id": "a", "tools": {1}}, "$.tools", "set is not a JSON type"),
    "number as key": ({"id": "a", "metadata": {1: "x"}}, "$.metadata", "has a key of type int"),
    "null as key": ({"id": "a", None: "x"}, "$", "has a key of type NoneType"),
    "big integer": ({"id": "a", "x": 2**64}, "$.x", NO_NUMBER),
    "integer of 5,000 digits": ({"id": "a", "metadata": {"x": [10**5000]}}, "$.metadata.x[0]", "neither a 64-bit"),
    "its text": (f'{{"id": "a", "metadata": {{"x": {"9" * 5000}}}}}', "$.metadata.x", NO_NUMBER),
    "negative": ({"id": "a", "created_at": -(10**5000)}, "$.created_at", "neither a 64-bit"),
    "UUID": ({"id": uuid.UUID(int=0)}, "$.id", "UUID is not a JSON type"),
    "enumeration": ({"id": "a", "status": Plain.QUEUED}, "$.status", "Plain is not a JSON type"),
    "dataclass": ({"id": "a", "usage": Usage()}, "$.usage", "Usage is not a JSON type"),
    "generator": ({"id": "a", "tools": (tool for tool in BUILT_IN)}, "$.tools", "generator is not a JSON type"),
    "mapping that fails": ({"id": "a", "metadata": Failing(x=1)}, "$.metadata", "cannot be read: ZeroDivisionError"),
    "list that fails": ({"id": "a", "tools": FailingList([1])}, "$.tools", "cannot be read: ZeroDivisionError"),
    "run that fails": (Failing(id="a"), "$", "cannot be read: ZeroDivisionError"),
    "two keys of one text": ({"id": "a", "x": {Key("k"): 1, Key("k"): 2}}, "$.x.k", "the key occurs twice"),
    "to_dict that fails": (Model(lambda **_: 1 / 0), "$", "cannot be read: ZeroDivisionError"),
    "to_dict without arguments": (Model(lambda: {"id": "a"}), "$", "cannot be read: TypeError"),
    "to_dict of nonsense": (Model(lambda **_: "x"), "$", "expected a run object, found str"),
    "object that cannot be shown": (Unshown(), "$", "expected a run object, found Unshown"),
    "NUL": ({"id": "a", "x": ["\0"]}, "$.x[0]", NUL),
    "NUL in a key": ({"id": "a", "x": {"\0": 1}}, r'$.x["\u0000"]', NUL),
    "surrogate": ({"id": "\ud800"}, "$.id", SURROGATE),
    "circle": (circle(), "$", DEEP),
    "list": ([{"id": "a"}], "$", "expected a run object, found list"),
    "none": (None, "$", "expected a run object, found NoneType"),
    "class": (dict, "$", "expected a run object, found type"),
    "text with a surrogate": ('{"id":"a","x":"\ud800"}', "$", "has a lone surrogate at character 15"),
}
STRICT: dict[str, Any] = {
    **BUILT_IN,
    **dict.fromkeys(("expires_at", "started_at", "cancelled_at", "failed_at"), None),
    "status": "completed",
    "completed_at": 1700000060,
    "required_action": None,
    "last_error": None,
    "tools": [{"type": "code_interpreter"}],
}
DEPARTS: dict[str, tuple[str, Any]] = {
    "status": ("$.status", "paused"),
    "object": ("$.object", ""),
    "instructions": ("$.instructions", None),
    "model": ("$.model", None),
    "tools": ("$.tools", [{"type": "code_interpreter"}] * 129),
    "tools of another type": ("$.tools[0]", [{"type": "mcp"}]),
    "tools that are strings": ("$.tools[0]", ["code_interpreter"]),
    "file_ids": ("$.file_ids", ["f"] * 21),
    "metadata": ("$.metadata[...]", {"k": 1}),
    "metadata of 17 pairs": ("$.metadata", {str(n): "" for n in range(17)}),
    "metadata with a long key": ("$.metadata", {"k" * 65: ""}),
    "metadata with a long value": ("$.metadata", {"k": "v" * 513}),
    "temperature": ("$.temperature", 2.5),
    "top_p": ("$.top_p", -0.1),
    "max_prompt_tokens": ("$.max_prompt_tokens", 16),
    "max_completion_tokens": ("$.max_completion_tokens", 255),
    "last_error": ("$.last_error.code", {"code": "invalid_image_url", "message": ""}),
    "usage": ("$.usage", {}),
    "incomplete_details": ("$.incomplete_details.reason", {"reason": "other"}),
    "truncation_strategy": ("$.truncation_strategy", {}),
    "tool_choice": ("$.tool_choice", "any"),
    "response_format": ("$.response_format", "text"),
    "required_action": ("$.required_action.type", {"type": "submit_tool_approval"}),
}
