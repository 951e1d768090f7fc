"""CESQL's functions (spec §3.5). Lengths and positions count UTF-16 units, as Java and so the Kafka data plane does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.local.broker.cesql.casts import to_boolean, to_integer, to_string
from shared.local.broker.cesql.tree import Value

Fail = Callable[[str, Value], Value]
"""Called with the kind of an error and the value that stands for the result; may raise."""

_HIGHEST = 2**31 - 1
_BLANKS = "".join(map(chr, range(0x21)))
_UNIT = 2  # bytes


@dataclass(frozen=True, slots=True)
class Function:
    """A function: the types of its fixed arguments (None: any), of those that may follow, and of its result."""

    run: Callable[[Sequence[Value], Fail], Value]
    zero: Value
    fixed: tuple[type[Value] | None, ...]
    further: type[Value] | None = None

    def takes(self, count: int) -> bool:
        """Return whether it can be called with so many arguments."""
        return count == len(self.fixed) or (self.further is not None and count > len(self.fixed))

    def type_of(self, number: int) -> type[Value] | None:
        """Return the type that an argument is cast to, None where it stays as it is."""
        return self.fixed[number] if number < len(self.fixed) else self.further


def find(name: str, count: int, *, java: bool = False) -> Function | None:
    """Return the function of this name (upper case) that takes so many arguments, as Java's SDK has it if asked so."""
    known = JAVA if java else FUNCTIONS
    return next((function for function in known.get(name, ()) if function.takes(count)), None)


def _absolute(arguments: Sequence[Value], fail: Fail) -> Value:
    number = abs(int(arguments[0]))
    return number if number <= _HIGHEST else fail("math", _HIGHEST)


def _concatenated(arguments: Sequence[Value], _fail: Fail) -> Value:
    return "".join(map(str, arguments))


def _joined(arguments: Sequence[Value], _fail: Fail) -> Value:
    return str(arguments[0]).join(map(str, arguments[1:]))


def _left(arguments: Sequence[Value], fail: Fail) -> Value:
    text, count = str(arguments[0]), int(arguments[1])
    return fail("functionEvaluation", text) if count < 0 else _cut(text, 0, count)


def _right(arguments: Sequence[Value], fail: Fail) -> Value:
    text, count = str(arguments[0]), int(arguments[1])
    return fail("functionEvaluation", text) if count < 0 else _cut(text, max(_length(text) - count, 0), count)


def _substring(arguments: Sequence[Value], fail: Fail) -> Value:
    text, position = str(arguments[0]), int(arguments[1])
    length = _length(text)
    count = int(arguments[2]) if len(arguments) > 2 else length  # noqa: PLR2004 - the third argument
    if not -length <= position <= length or count < 0:
        return fail("functionEvaluation", "")
    return "" if position == 0 else _cut(text, _start(position, length), count)


def _substring_in_java(arguments: Sequence[Value], fail: Fail) -> Value:
    """Java's SDK adds start and count in 32 bits: a sum beyond them is an error, whose value is empty."""
    text, position, count = str(arguments[0]), int(arguments[1]), int(arguments[2])
    if _start(position, _length(text)) + count > _HIGHEST:
        return fail("functionEvaluation", "")
    return _substring(arguments, fail)


def _start(position: int, length: int) -> int:
    return position - 1 if position > 0 else length + position


def _integer(arguments: Sequence[Value], fail: Fail) -> Value:
    number = to_integer(arguments[0])
    return fail("cast", 0) if number is None else number


def _boolean(arguments: Sequence[Value], fail: Fail) -> Value:
    truth = to_boolean(arguments[0])
    return fail("cast", False) if truth is None else truth  # noqa: FBT003 - a value


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // _UNIT


def _cut(text: str, start: int, count: int) -> str:
    """Return so many units from a start; half a character, where the cut goes through one, is U+FFFD."""
    return text.encode("utf-16-le")[start * _UNIT : (start + count) * _UNIT].decode("utf-16-le", "replace")


FUNCTIONS: dict[str, tuple[Function, ...]] = {
    "ABS": (Function(_absolute, 0, (int,)),),
    "LENGTH": (Function(lambda arguments, _fail: _length(str(arguments[0])), 0, (str,)),),
    "CONCAT": (Function(_concatenated, "", (), str),),
    "CONCAT_WS": (Function(_joined, "", (str,), str),),
    "LOWER": (Function(lambda arguments, _fail: str(arguments[0]).lower(), "", (str,)),),
    "UPPER": (Function(lambda arguments, _fail: str(arguments[0]).upper(), "", (str,)),),
    "TRIM": (Function(lambda arguments, _fail: str(arguments[0]).strip(_BLANKS), "", (str,)),),
    "LEFT": (Function(_left, "", (str, int)),),
    "RIGHT": (Function(_right, "", (str, int)),),
    "SUBSTRING": (Function(_substring, "", (str, int)), Function(_substring, "", (str, int, int))),
    "INT": (Function(_integer, 0, (None,)),),
    "BOOL": (Function(_boolean, False, (None,)),),  # noqa: FBT003 - a value
    "STRING": (Function(lambda arguments, _fail: to_string(arguments[0]), "", (None,)),),
    "IS_INT": (Function(lambda arguments, _fail: _is(arguments[0], int), False, (None,)),),  # noqa: FBT003
    "IS_BOOL": (Function(lambda arguments, _fail: _is(arguments[0], bool), False, (None,)),),  # noqa: FBT003
}
"""By name in upper case."""

JAVA = FUNCTIONS | {"SUBSTRING": (FUNCTIONS["SUBSTRING"][0], Function(_substring_in_java, "", (str, int, int)))}
"""The same, with what Java's SDK and so the Kafka data plane answers otherwise."""


def _is(value: Value, wanted: type[Value]) -> bool:
    """Return whether a value has this type, or is a text that can be cast to it."""
    if isinstance(value, str):
        return (to_boolean(value) if wanted is bool else to_integer(value)) is not None
    return type(value) is wanted
