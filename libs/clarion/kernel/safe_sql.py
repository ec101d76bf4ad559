"""SQL that people write, rewritten so that one bad value gives null and ends no run.

The text is read into a tree of brackets, calls and CASE expressions. Rewriting touches operands and
calls only; what it does not understand stays as it is written, for Spark to read or to refuse.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from clarion.kernel import expressions

# Casts and conversions, each with the form that gives null where a value does not fit.
_TRY_CALLS = {
    "cast": "try_cast",
    "to_timestamp": "try_to_timestamp",
    "to_date": "try_to_date",
    "to_number": "try_to_number",
    "to_binary": "try_to_binary",
    "element_at": "try_element_at",
    "mod": "try_mod",
    "url_decode": "try_url_decode",
    "parse_url": "try_parse_url",
}
_TYPE_CALLS = {"tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "boolean"}
_ARITHMETIC = {"+", "-", "*", "/", "%", "div"}
_DIVISION = {"/", "%", "div"}
_COMPARISON = set("<>=!")
# Words beside an operator that are no column.
_KEYWORDS = {
    *("and", "or", "not", "is", "in", "like", "ilike", "rlike", "between", "as", "distinct"),
    *("case", "when", "then", "else", "end", "null", "true", "false", "interval", "escape"),
    *("from", "for", "div", "filter", "within", "where", "date", "timestamp"),
}
_NUMERIC_CALLS = {
    *("abs", "ceil", "ceiling", "floor", "round", "bround", "sign", "signum", "negative"),
    *("positive", "sqrt", "cbrt", "exp", "ln", "log10", "log1p", "log2", "power", "pow", "mod"),
    *("pmod", "try_add", "try_subtract", "try_multiply", "try_divide", "try_mod"),
}
_TEXT_CALLS = {
    *("trim", "ltrim", "rtrim", "btrim", "replace", "regexp_replace", "translate", "substring"),
    *("substr", "left", "right", "regexp_extract", "substring_index", "split_part", "concat"),
    *("lower", "upper", "get_json_object", "regexp_substr", "lpad", "rpad", "overlay"),
}
_ALTERNATIVES = {"coalesce", "ifnull", "nvl", "nullif", "greatest", "least", "if", "iff"}
_ARRAY_CALLS = {"split", "regexp_extract_all", "array", "sort_array", "transform"}
AGGREGATES = {
    *("any", "any_value", "approx_count_distinct", "approx_percentile", "array_agg", "avg"),
    *("bit_and", "bit_or", "bit_xor", "bool_and", "bool_or", "collect_list", "collect_set", "corr"),
    *("count", "count_if", "covar_pop", "covar_samp", "every", "first", "first_value", "kurtosis"),
    *("last", "last_value", "listagg", "max", "max_by", "mean", "median", "min", "min_by", "mode"),
    *("percentile", "percentile_approx", "percentile_cont", "percentile_disc", "regr_avgx"),
    *("regr_avgy", "regr_count", "regr_intercept", "regr_r2", "regr_slope", "regr_sxx"),
    *("regr_sxy", "regr_syy", "skewness", "some", "std", "stddev", "stddev_pop", "stddev_samp"),
    *("string_agg", "sum", "try_avg", "try_sum", "var_pop", "var_samp", "variance"),
}


@dataclass(slots=True)
class _Node:
    """A token, or what stands in brackets.

    Args:
        kind: of a token (see `expressions.tokens`), number, space, call, group, index or case.
        text: the token, or the name of the call.
        parts: lists of nodes: the arguments of a call, what is in brackets, or in CASE ... END.
    """

    kind: str
    text: str
    parts: list[list["_Node"]] = field(default_factory=list)

    @property
    def word(self) -> str:
        """The keyword, name or sign that it is, in small letters; empty for a call or bracket."""
        return self.text.lower() if self.kind in ("word", "other") else ""

    @property
    def is_aggregate(self) -> bool:
        """Whether it sums up several rows."""
        return self.kind == "call" and self.text.lower() in AGGREGATES

    @property
    def is_operand(self) -> bool:
        """Whether it is a value."""
        is_name = self.kind == "word" and self.word not in _KEYWORDS
        return is_name or self.kind in ("quoted", "number", "string", "call", "group", "case")


Reader = Callable[[str], str]


def null_on_error(text: str, *, number: Reader | None = None) -> str:
    """An expression whose casts, divisions and indices give null where they would fail.

    Args:
        text: what a person wrote.
        number: SQL of the number that the SQL of a text states. With it every column is text: the
            operands of arithmetic, of comparisons with a number and of functions of numbers are
            read as numbers. Without it columns have types.

    Returns:
        The expression; as it is written where its brackets are not in pairs.

    Example:
        >>> null_on_error("cast(a AS int) / b")
        'try_cast(a AS int) / nullif(b, 0D)'
        >>> null_on_error("a - 1 > b", number="number({})".format)
        'number(a) - 1 > number(b)'
    """
    tree = _parse(text)
    return text if tree is None else _Writer(number=number).write(tree)


def filter_aggregates(text: str, condition: str) -> str:
    """An expression with a condition on the rows that each of its aggregates counts.

    Args:
        text: an expression with aggregates.
        condition: SQL condition on the rows.

    Example:
        >>> filter_aggregates("sum(a) / count(*)", "b > 1")
        'sum(a) FILTER (WHERE b > 1) / count(*) FILTER (WHERE b > 1)'
    """
    tree = _parse(text)
    return text if tree is None else _Writer(condition=condition).write(tree)


def has_aggregate(text: str) -> bool:
    """Whether an expression has an aggregate.

    Example:
        >>> has_aggregate("1 + sum(a)"), has_aggregate("upper(a)")
        (True, False)
    """
    parts = expressions.tokens(text)
    return any(
        is_call and kind == "word" and part.lower() in AGGREGATES
        for (kind, part), is_call in zip(parts, expressions.calls(parts), strict=True)
    )


def _parse(text: str) -> list[_Node] | None:
    """The tree of an expression; None where its brackets are not in pairs."""
    tokens = _with_numbers(text)
    nodes, end = _parse_until(tokens, 0, "")
    return nodes if end == len(tokens) else None


def _with_numbers(text: str) -> list[_Node]:
    """The tokens, with the digits of a number, lambda arrows and spaces each as one token."""
    tokens: list[_Node] = []
    for kind, part in expressions.tokens(text):
        before = tokens[-1] if tokens else _Node("", "")
        is_suffix = kind == "word" and re.fullmatch(r"[eE]\d*|[lLsSyYdDfF]|[bB][dD]", part)
        if part.isspace():
            tokens.append(_Node("space", part))
        elif before.kind == "number" and (part.isdigit() or part == "." or is_suffix):
            before.text += part
        elif part.isdigit() and before.text == "." and before.kind == "other":
            tokens[-1] = _Node("number", f".{part}")
        elif part == ">" and before.text == "-":
            tokens[-1] = _Node("arrow", "->")
        else:
            tokens.append(_Node("number" if part.isdigit() else kind, part))
    return tokens


_CLOSING = {"(": ")", "[": "]"}


def _parse_until(tokens: list[_Node], start: int, closing: str) -> tuple[list[_Node], int]:
    """The nodes up to a closing token, and its place; the number of tokens where none closes."""
    nodes: list[_Node] = []
    index = start
    while index < len(tokens) and not (closing and tokens[index].word == closing):
        token = tokens[index]
        if token.word in (")", "]"):  # it closes nothing
            return nodes, len(tokens) + 1
        if token.word == "case":
            inner, index = _parse_until(tokens, index + 1, "end")
            nodes.append(_Node("case", f"{token.text}", [inner]))
        elif token.word in _CLOSING:
            callee = _take_callee(nodes, token)
            inner, index = _parse_until(tokens, index + 1, _CLOSING[token.text])
            kind = "index" if token.text == "[" else "group"
            if callee is None:
                nodes.append(_Node(kind, "", [inner]))
            else:
                nodes.append(_Node("call", callee.text, _split_arguments(inner)))
        else:
            nodes.append(token)
        index += 1
    if closing and index == len(tokens):
        index += 1
    return nodes, index


def _take_callee(nodes: list[_Node], bracket: _Node) -> _Node | None:
    """The function before an opening bracket, taken off the nodes; None where there is none."""
    own = [index for index, node in enumerate(nodes) if node.kind != "space"]
    if bracket.text != "(" or not own or nodes[own[-1]].kind != "word":
        return None
    callee = nodes[own[-1]]
    if callee.word in _KEYWORDS - {"date"}:
        return None
    del nodes[own[-1] :]
    return callee


def _split_arguments(nodes: list[_Node]) -> list[list[_Node]]:
    arguments: list[list[_Node]] = [[]]
    for node in nodes:
        if node.word == ",":
            arguments.append([])
        else:
            arguments[-1].append(node)
    return arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writer:
    """Writes a tree as SQL again.

    Args:
        number: reads texts as numbers; None where columns have types.
        condition: which rows aggregates count; None leaves the aggregates as they are.
    """

    number: Reader | None = None
    condition: str | None = None

    def write(self, nodes: list[_Node], *, is_number: bool = False) -> str:
        """SQL of what stands between two brackets or commas.

        Args:
            nodes: the nodes.
            is_number: whether a number is asked for, where they are one operand.
        """
        written: list[str] = []
        own = [index for index, node in enumerate(nodes) if node.kind != "space"]
        is_divisor = False
        skip_to = 0
        for index, node in enumerate(nodes):
            if index < skip_to:
                continue
            if node.kind == "space":
                written.append(node.text)
                continue
            as_number = len(own) == 1 and is_number
            # A text beside an operator may belong to a word before it: date '2026-01-01' - 1.
            is_text = node.kind == "string"
            as_number = as_number or (
                not is_text and _is_beside_number(nodes, own, own.index(index))
            )
            text, skip_to = self._operand(nodes, index, is_number=as_number)
            if is_divisor and node.is_operand and self.condition is None:
                text = text if _is_not_zero(node) else f"nullif({text}, 0D)"
            is_divisor = node.word in _DIVISION or (is_divisor and node.word in ("+", "-"))
            written.append(text)
        return "".join(written)

    def _operand(self, nodes: list[_Node], index: int, *, is_number: bool) -> tuple[str, int]:
        """SQL of a node with what belongs to it, such as an index, and the place after it."""
        node = nodes[index]
        end = index + 1
        is_indexed = end < len(nodes) and nodes[end].kind == "index"
        text = self._node(node, is_number=is_number and not is_indexed)
        if is_indexed and node.kind == "call" and node.text.lower() in _ARRAY_CALLS:
            text = f"get({text}, {self.write(nodes[end].parts[0])})"
            end += 1
            if is_number and self.number is not None:
                text = self.number(text)
        while end < len(nodes) and nodes[end].kind == "index":
            text += f"[{self.write(nodes[end].parts[0])}]"
            end += 1
        if self.condition is not None and node.is_aggregate:
            return self._filtered(text, nodes, end)
        return text, end

    def _node(self, node: _Node, *, is_number: bool) -> str:
        match node.kind:
            case "call":
                return self._call(node, is_number=is_number)
            case "group":
                return f"({self.write(node.parts[0], is_number=is_number)})"
            case "index":
                return f"[{self.write(node.parts[0])}]"
            case "case":
                return self._case(node, is_number=is_number)
            case "word" | "quoted" | "string" if (
                is_number and node.is_operand and self.number is not None
            ):
                return self.number(node.text)
            case _:
                return node.text

    def _call(self, node: _Node, *, is_number: bool) -> str:
        name = node.text.lower()
        if self.condition is not None:
            return f"{node.text}({','.join(self.write(part) for part in node.parts)})"
        are_numbers = name in _NUMERIC_CALLS
        if name in _ALTERNATIVES:
            are_numbers = is_number or any(map(_is_surely_number, _values(name, node.parts)))
        is_condition = name in ("if", "iff")
        arguments = [
            self.write(part, is_number=are_numbers and not (is_condition and place == 0))
            for place, part in enumerate(node.parts)
        ]
        if name in _TYPE_CALLS and len(arguments) == 1 and not arguments[0].strip().isdigit():
            return f"try_cast({arguments[0]} AS {name})"
        text = f"{_TRY_CALLS.get(name, node.text)}({','.join(arguments)})"
        is_text = is_number and self.number is not None and name in _TEXT_CALLS
        return self.number(text) if is_text and self.number is not None else text

    def _case(self, node: _Node, *, is_number: bool) -> str:
        """SQL of CASE ... END; where one of its values is a number, all of them are read as one."""
        branches: list[tuple[str, list[_Node]]] = [("case", [])]
        for part in node.parts[0]:
            if part.word in ("when", "then", "else"):
                branches.append((part.text, []))
            else:
                branches[-1][1].append(part)
        values = [branch for word, branch in branches if word.lower() in ("then", "else")]
        are_numbers = is_number or any(map(_is_surely_number, values))
        written = node.text
        for place, (word, branch) in enumerate(branches):
            is_value = word.lower() in ("then", "else")
            written += word if place else ""
            written += self.write(branch, is_number=are_numbers and is_value)
        return f"{written}END"

    def _filtered(self, call: str, nodes: list[_Node], end: int) -> tuple[str, int]:
        """An aggregate with its own filter, if it has one, and the condition; the place after."""
        own = [index for index in range(end, len(nodes)) if nodes[index].kind != "space"][:2]
        words = [nodes[index].text.lower() for index in own]
        if words == ["within", "group"]:
            end = own[1] + 1
            call += f" {self._plain(nodes[own[0] : end])}"
            return self._filtered(call, nodes, end)
        if words[:1] == ["filter"] and len(own) > 1 and nodes[own[1]].kind == "group":
            inner = self._plain(nodes[own[1]].parts[0]).strip()
            where = re.sub(r"^where\b", "", inner, flags=re.IGNORECASE)
            return f"{call} FILTER (WHERE ({self.condition}) AND ({where.strip()}))", own[1] + 1
        return f"{call} FILTER (WHERE {self.condition})", end

    def _plain(self, nodes: list[_Node]) -> str:
        return "".join(self._node(node, is_number=False) for node in nodes)


def _is_beside_number(nodes: list[_Node], own: list[int], place: int) -> bool:
    """Whether an operand is one of arithmetic, or is compared with a number."""
    before = [nodes[index] for index in reversed(own[:place])]
    after = [nodes[index] for index in own[place + 1 :] if nodes[index].kind != "index"]
    if any(side and side[0].word == "." for side in (before, after)):  # a field of a struct
        return False
    operators = _ARITHMETIC
    if any(node.word == "interval" for node in nodes):  # a time plus an interval
        operators = _ARITHMETIC - {"+", "-"}
    if any(side and side[0].word in operators for side in (before, after)):
        return True
    return any(_is_compared_with_number(side) for side in (before, after))


def _is_compared_with_number(side: list[_Node]) -> bool:
    """Whether a comparison with a number follows; `side` begins beside the operand."""
    rest = side[1:] if side and side[0].word == "not" else side
    if rest and rest[0].word == "in" and len(rest) > 1 and rest[1].kind == "group":
        first = [node for node in rest[1].parts[0] if node.kind != "space"]
        return _starts_with_number(first)
    if rest and rest[0].word == "between":
        return _starts_with_number(rest[1:])
    operator = 0
    while operator < len(rest) and rest[operator].word in _COMPARISON:
        operator += 1
    return operator > 0 and _starts_with_number(rest[operator:])


def _starts_with_number(nodes: list[_Node]) -> bool:
    signed = nodes[1:] if nodes and nodes[0].word in ("+", "-") else nodes
    return bool(signed) and signed[0].kind == "number"


def _is_surely_number(nodes: list[_Node]) -> bool:
    """Whether a value is a number, whatever its columns are: it is one, or arithmetic gives it."""
    own = [node for node in nodes if node.kind != "space"]
    is_timed = any(node.word == "interval" for node in own)
    has_operator = not is_timed and any(node.word in _ARITHMETIC for node in own)
    is_call = len(own) == 1 and own[0].kind == "call" and own[0].text.lower() in _NUMERIC_CALLS
    return _starts_with_number(own) or has_operator or is_call


def _values(name: str, arguments: list[list[_Node]]) -> list[list[_Node]]:
    """The arguments that may be the value of a call; the first of IF is a condition."""
    return arguments[1:] if name in ("if", "iff") else arguments


def _is_not_zero(node: _Node) -> bool:
    return node.kind == "number" and bool(re.search("[1-9]", node.text))
