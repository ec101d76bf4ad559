"""Small faults, drawn by a seed, that tests should see.

A mutant is the library with one fault: a comparison flipped, a constant changed, another kind of
join, a filter left out, a sign changed, a bound of a window moved. Every capability gets as many as
its lines ask for. The kind is drawn among its kinds, and the place among the places of the kind.

    python benchmarks/mutations.py --seed 18 --count 40 list       # the mutants
    python benchmarks/mutations.py --seed 18 --count 40 apply 7    # write the seventh into the tree
    python benchmarks/mutations.py --seed 18 --count 40 run 7 8    # try two on the tests

`run` takes the tests that import the changed module, directly or through others. Those without
Spark come first, then the nearest, until one fails or the time is over. A test that fails without
the mutant, too, catches nothing. What only a job or a command reaches needs `--tests`.
"""

import argparse
import ast
import itertools
import random
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "libs" / "clarion"
LANES = ("unit", "spark", "lake", "jobs")
COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
COMPARISON = rb"<=|>=|==|!=|<|>|\bis\s+not\b|\bnot\s+in\b|\bis\b|\bin\b"
JOINS = {
    "left": "inner", "inner": "left", "left_anti": "left_semi", "left_semi": "left_anti",
    "full": "left", "full_outer": "left", "outer": "left", "right": "inner",
}  # fmt: skip
BOUNDED = ("rowsBetween", "rangeBetween", "timedelta", "date_add", "date_sub")
BOUNDS = {"currentRow": "1", "unboundedPreceding": "-1", "unboundedFollowing": "1"}
# What a table, a field or a message says is no behaviour; neither are types.
LOGGED = {"echo", "print", "warn", "debug", "info", "warning", "error", "exception"}
DESCRIPTIONS = {"Column", "Check", "Field", "field", "Literal", *LOGGED}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: at the byte `start` of a file the text `before` is replaced by `after`."""

    path: str
    line: int
    kind: str
    start: int
    before: str
    after: str

    def applied(self, source: bytes) -> bytes:
        """The file with the fault."""
        start, old = self.start, self.before.encode()
        assert source[start:].startswith(old), f"{self.path} has changed"
        return source[:start] + self.after.encode() + source[start + len(old) :]


class _Places(ast.NodeVisitor):
    """Collects the places of a file where a fault can be put."""

    def __init__(self, path: str, source: bytes) -> None:
        self.path, self.source = path, source
        self.found: list[Mutant] = []
        lines = source.splitlines(keepends=True)
        self._starts = list(itertools.accumulate(map(len, lines), initial=0))
        self.visit(ast.parse(source))

    def _span(self, node: ast.expr) -> tuple[int, int]:
        start = self._starts[node.lineno - 1] + node.col_offset
        return start, self._starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)

    def _text(self, node: ast.expr) -> str:
        return self.source[slice(*self._span(node))].decode()

    def _add(self, kind: str, start: int, end: int, after: str) -> None:
        line = self.source.count(b"\n", 0, start) + 1
        before = self.source[start:end].decode()
        self.found.append(Mutant(self.path, line, kind, start, before, after))

    def _between(self, left: ast.expr, right: ast.expr, operators: bytes) -> tuple[int, int]:
        """Where the operator between two operands is."""
        ends = self._span(left)[1], self._span(right)[0]
        (match,) = itertools.islice(re.compile(operators).finditer(self.source, *ends), 1)
        return match.span()

    def visit_Compare(self, node: ast.Compare) -> None:
        sides = itertools.pairwise((node.left, *node.comparators))
        for pair, operator in zip(sides, node.ops, strict=True):
            after = COMPARISONS[type(operator)]
            self._add("comparison", *self._between(*pair, COMPARISON), after)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            self._add("constant", *self._span(node), _changed(node.value))

    def visit_BinOp(self, node: ast.BinOp) -> None:
        is_text = _is_text(node.left) or _is_text(node.right)
        if isinstance(node.op, ast.Add | ast.Sub) and not is_text:
            after = "-" if isinstance(node.op, ast.Add) else "+"
            self._add("sign", *self._between(node.left, node.right, rb"[+-]"), after)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.USub):
            self._add("sign", *self._span(node), self._text(node.operand))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else _name(node.func)
        if name in DESCRIPTIONS or name.endswith(("Error", "Warning")):
            return
        if name in BOUNDED:
            self._bounds(node, name)
            return
        if name in ("filter", "where") and isinstance(node.func, ast.Attribute):
            if len(node.args) == 1 and _name(node.func.value) != "F":
                self._add("filter", *self._span(node), self._text(node.func.value))
        elif name in ("join", "merge"):
            self._join(node)
        self.generic_visit(node)

    def _join(self, node: ast.Call) -> None:
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        how = keywords.get("how") or (node.args[2] if len(node.args) == 3 else None)
        if isinstance(how, ast.Constant) and how.value in JOINS:
            self._add("join", *self._span(how), f'"{JOINS[how.value]}"')
        elif how is None and len(node.args) + ("on" in keywords) == 2:
            last = max((*node.args, *keywords.values()), key=lambda each: self._span(each)[1])
            self._add("join", *self._span(last), f'{self._text(last)}, how="left"')

    def _bounds(self, node: ast.Call, name: str) -> None:
        ends = [*node.args, *(keyword.value for keyword in node.keywords)]
        for end in ends[1:] if name.startswith("date_") else ends:
            value = end.operand if isinstance(end, ast.UnaryOp) else end
            if isinstance(value, ast.Attribute) and value.attr in BOUNDS:
                after = BOUNDS[value.attr]
            elif isinstance(value, ast.Constant) and isinstance(value.value, int):
                after = str(value.value + 1 if value is end else 1 - value.value)
            else:
                after = f"{self._text(end)} + 1"
            self._add("window", *self._span(end), after)

    def generic_visit(self, node: ast.AST) -> None:
        """Everything below, but messages and types."""
        is_type = isinstance(node, ast.Subscript) and _name(node.value) in DESCRIPTIONS
        if is_type or isinstance(node, ast.Raise | ast.JoinedStr | ast.Assert):
            return
        types = [getattr(node, name, None) for name in ("annotation", "returns")]
        for child in ast.iter_child_nodes(node):
            if child not in types:
                self.visit(child)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _is_text(node: ast.expr) -> bool:
    is_string = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return is_string or isinstance(node, ast.JoinedStr | ast.List | ast.Tuple)


def _changed(value: float) -> str:
    return str({0: 1, 1: 0}.get(value, value + 1)) if isinstance(value, int) else str(value + 1)


def places(path: str, source: bytes) -> list[Mutant]:
    """Every fault that can be put into a file."""
    return _Places(path, source).found


def sources() -> dict[str, list[Path]]:
    """The files of each capability; jobs count with the capability of their folder's name."""
    files = defaultdict(list)
    for folder in (LIBRARY, ROOT / "jobs"):
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).parts
            if parts[0] != "jobs":  # libs/clarion/jobs is a link to jobs/
                files[parts[0] if len(parts) > 1 else folder.name].append(path)
    return files


def shares(lines: dict[str, int], count: int) -> dict[str, int]:
    """How many mutants each capability gets: by its lines, the largest remainders rounded up."""
    exact = {name: count * each / sum(lines.values()) for name, each in lines.items()}
    given = {name: int(value) for name, value in exact.items()}
    rest = sorted(exact, key=lambda name: (given[name] - exact[name], name))
    larger = rest[: count - sum(given.values())]
    return {name: each + (name in larger) for name, each in given.items()}


def drawn(seed: int, count: int) -> list[Mutant]:
    """The mutants of a seed, by capability."""
    chance = random.Random(seed)
    files = sources()
    texts = {name: b"".join(map(Path.read_bytes, paths)) for name, paths in files.items()}
    given = shares({name: text.count(b"\n") for name, text in texts.items()}, count)
    chosen = []
    for name, number in sorted(given.items()):
        left = defaultdict(list)
        for path in files[name]:
            for mutant in places(path.relative_to(ROOT).as_posix(), path.read_bytes()):
                left[mutant.kind].append(mutant)
        for _ in range(number):
            kind = chance.choice(sorted(kind for kind in left if left[kind]))
            chosen.append(left[kind].pop(chance.randrange(len(left[kind]))))
    return chosen


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module(path: str) -> str:
    name = path.removesuffix(".py").removesuffix("/__init__").removeprefix("libs/")
    return ("clarion/" + name if name.startswith("jobs") else name).replace("/", ".")


def importing_tests(path: str) -> list[str]:
    """The files of tests that import a module, without Spark first, then the nearest first."""
    users = defaultdict(set)
    for file in itertools.chain(ROOT.glob("tests/**/*.py"), *sources().values()):
        for name in _imported(file):
            users[name].add(_module(file.relative_to(ROOT).as_posix()))
    seen, step = [], {_module(path)}
    while step:
        seen += sorted(step)
        step = {user for name in step for user in users[name]} - set(seen)
    tests = [name for name in seen if re.match(rf"tests\.({'|'.join(LANES)})\.test_", name)]
    tests.sort(key=lambda name: LANES.index(name.split(".")[1]))
    return [name.replace(".", "/") + ".py" for name in tests]


def first_failing(tests: list[str], *, prefix: str, seconds: float) -> str | None:
    """The first test that fails, or None."""
    command = f"{prefix} timeout {seconds} {sys.executable} -B -m pytest -x -q"
    done = subprocess.run([*command.split(), *tests], cwd=ROOT, capture_output=True, text=True)
    match = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", done.stdout, re.MULTILINE)
    return match[1] if match else None


def tried(mutant: Mutant, *, tests: list[str], prefix: str, seconds: float) -> str:
    """What became of a mutant; the file is afterwards as it was."""
    path = ROOT / mutant.path
    source = path.read_bytes()
    until = time.monotonic() + seconds
    for file in tests or importing_tests(mutant.path):
        before = "" if file.startswith("tests/unit/") else prefix
        try:
            path.write_bytes(mutant.applied(source))
            test = first_failing([file], prefix=before, seconds=until - time.monotonic())
        finally:
            path.write_bytes(source)
        if test and not first_failing([test], prefix=before, seconds=seconds):
            return f"caught by {test}"
        if time.monotonic() > until:
            return "not caught in the time"
    return "survived"


def main() -> None:
    """List mutants, write one into the tree, or try some."""
    parser = argparse.ArgumentParser(description="Small faults that tests should see.")
    for name, default in (("--seed", 18), ("--count", 40)):
        parser.add_argument(name, type=int, default=default)
    parser.add_argument("--prefix", default="", help="a command before pytest with Spark")
    parser.add_argument("--seconds", type=float, default=240, help="for the tests of one mutant")
    parser.add_argument("--tests", nargs="*", default=[], help="instead of those that import it")
    parser.add_argument("action", choices=("list", "apply", "run"))
    parser.add_argument("numbers", type=int, nargs="*", help="of mutants; all by default")
    given = parser.parse_args()
    mutants = dict(enumerate(drawn(given.seed, given.count), start=1))
    for number in given.numbers or mutants:
        mutant = mutants[number]
        change = re.sub(r"\s+", " ", f"{mutant.before} -> {mutant.after}")
        print(f"{number}\t{mutant.path}:{mutant.line}\t{mutant.kind}\t{change}")
        if given.action == "apply":
            path = ROOT / mutant.path
            path.write_bytes(mutant.applied(path.read_bytes()))
        if given.action == "run":
            limits = {"prefix": given.prefix, "seconds": given.seconds}
            print(f"\t{tried(mutant, tests=given.tests, **limits)}", flush=True)


if __name__ == "__main__":
    main()
