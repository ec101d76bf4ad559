"""The faults that tests are tried on are drawn by a seed, and each changes one thing."""

import ast
import sys
from dataclasses import astuple
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import mutations  # noqa: E402  (benchmarks/ is put on the path above)
from mutations import Mutant, drawn, importing_tests, places, shares  # noqa: E402  (as above)

NODES = {
    "comparison": (ast.Compare,),
    "constant": (ast.Constant,),
    "join": (ast.Call, ast.Constant),
    "filter": (ast.Call,),
    "sign": (ast.BinOp, ast.UnaryOp),
    "window": (ast.expr,),
}


def _texts(source: str) -> list[tuple[str, str, str]]:
    return [(each.kind, each.before, each.after) for each in places("a.py", source.encode())]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a <= b", [("comparison", "<=", "<")]),
        ("a if b is not c else d not in e", [("comparison", "is not", "is"), ("comparison", "not in", "in")]),
        ("f(0, 1, 2, 0.5, True)", [("constant", "0", "1"), ("constant", "1", "0"), ("constant", "2", "3"), ("constant", "0.5", "1.5")]),
        ('a.join(b, "k", "left_anti")', [("join", '"left_anti"', '"left_semi"')]),
        ('a.merge(b, on="k")', [("join", '"k"', '"k", how="left"')]),
        ('", ".join(a)', []),
        ('a.where("x").drop("y")', [("filter", 'a.where("x")', "a")]),
        ("F.filter(a, f)", []),
        ("-a + b", [("sign", "+", "-"), ("sign", "-a", "a")]),
        ('f"{a + 1}" + b', []),
        ("w.rowsBetween(Window.unboundedPreceding, -1)", [("window", "Window.unboundedPreceding", "-1"), ("window", "-1", "0")]),
        ("timedelta(days=n)", [("window", "n", "n + 1")]),
        ("F.date_sub(a, 7)", [("window", "7", "8")]),
        ("x: Literal[1] = y", []),
        ('def f(a: "1 < 2") -> int:\n    "1 < 2"\n    raise ValueError(1 < 2)', []),
        ('Column("x", width=3)', []),
        ('print("é", 1); é < b', [("comparison", "<", "<=")]),
    ],
)  # fmt: skip
def test_faults_are_put_where_code_decides(
    source: str, expected: list[tuple[str, str, str]]
) -> None:
    assert _texts(source) == expected


def _differing(left: ast.AST, right: ast.AST) -> ast.AST:
    """The smallest node of the first tree that holds all that differs."""
    if type(left) is type(right):
        fields = [name for name in left._fields if not _equal(getattr(left, name, None), getattr(right, name, None))]  # fmt: skip
        if len(fields) == 1:
            one, other = getattr(left, fields[0]), getattr(right, fields[0])
            if isinstance(one, list) and len(one) == len(other):
                unequal = [pair for pair in zip(one, other, strict=True) if not _equal(*pair)]
                one, other = unequal[0] if len(unequal) == 1 else (None, None)
            parts = ast.expr | ast.stmt | ast.keyword | ast.comprehension
            if isinstance(one, parts | ast.match_case | ast.pattern):
                return _differing(one, other)
    return left


def _equal(left: object, right: object) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    if isinstance(left, ast.AST) and isinstance(right, ast.AST):
        return ast.dump(left) == ast.dump(right)
    return type(left) is type(right) and left == right


def test_the_same_seed_draws_the_same_faults_and_each_changes_one_node() -> None:
    mutants = drawn(18, 40)
    assert [astuple(each) for each in mutants] == [astuple(each) for each in drawn(18, 40)]
    assert len(set(mutants)) == 40
    assert set(mutants) != set(drawn(19, 40))
    for mutant in mutants:
        source = (ROOT / mutant.path).read_bytes()
        node = _differing(ast.parse(source), ast.parse(mutant.applied(source)))
        assert isinstance(node, NODES[mutant.kind])
        assert isinstance(node, ast.expr)
        assert node.lineno <= mutant.line <= (node.end_lineno or 0)


def test_capabilities_get_faults_in_proportion_to_their_lines() -> None:
    assert shares({"a": 500, "b": 300, "c": 200}, 10) == {"a": 5, "b": 3, "c": 2}
    assert shares({"a": 55, "b": 29, "c": 16}, 10) == {"a": 5, "b": 3, "c": 2}


def test_the_importing_tests_a_module_are_those_that_import_it_without_spark_first() -> None:
    files = importing_tests("libs/clarion/collect/identity/model.py")
    assert files[0] == "tests/unit/test_identity_model.py"
    assert "tests/spark/test_identity.py" in files


def test_a_fault_is_taken_out_again_whether_it_was_caught_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = tmp_path / "rule.py"
    rule.write_text("def is_old(age):\n    return age > 3\n")

    def first_failing(tests: list[str], *, prefix: str, seconds: float) -> str | None:
        failing = {"wrong", "edge"} if ">=" in rule.read_text() else {"wrong"}
        return next((name for name in tests if name in failing), None)

    monkeypatch.setattr(mutations, "ROOT", tmp_path)
    monkeypatch.setattr(mutations, "first_failing", first_failing)
    (mutant, _) = places("rule.py", rule.read_bytes())

    def tried(*tests: str) -> str:
        return mutations.tried(mutant, tests=list(tests), prefix="", seconds=60)

    assert tried("inside", "wrong") == "survived"  # a test that fails without it, too
    assert tried("inside", "edge") == "caught by edge"
    assert rule.read_text().endswith("age > 3\n")


def test_the_first_test_that_fails_is_named(tmp_path: Path) -> None:
    test = tmp_path / "test_a.py"
    test.write_text("def test_good(): pass\n\ndef test_bad(): assert 1 > 2\n")
    found = mutations.first_failing([str(test)], prefix="", seconds=60)
    assert found
    assert found.endswith("test_a.py::test_bad")


def test_a_fault_of_another_state_of_the_code_is_refused() -> None:
    mutant = Mutant("rule.py", 1, "comparison", 2, "<", "<=")
    assert mutant.applied(b"a < b") == b"a <= b"
    with pytest.raises(AssertionError, match=r"rule\.py has changed"):
        mutant.applied(b"a > b")
