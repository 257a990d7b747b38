"""The checker of files stands alone, counts in integers, and lets no false statement pass."""

import ast
import itertools
import json
import random
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from mdsd_theory import SCHEMES, certify
from mdsd_theory import check_certificate as checker
from mdsd_theory.agreement import random_instances
from mdsd_theory.reference import certificate_from_law

FILE = Path(checker.__file__)
TREE = ast.parse(FILE.read_text("utf-8"))
HALF = Fraction(1, 2)
P, Q = ["1/2", "1/3", "1/6"], ["1/6", "1/3", "1/2"]
DRAFTS = {
    "independent": [Q, ["1/4", "1/4", "1/2"]],
    "joint": {(0, 1): "1/2", (2, 2): "1/3", (1, 0): "1/6"},
}
LAW = {frozenset({0}): HALF, frozenset({1, 2}): HALF}


def content_of(certificate):
    return json.loads(certificate.to_json())


CONTENTS = {
    scheme: content_of(certify(P, DRAFTS.get(scheme, Q), n=2, scheme=scheme)) for scheme in SCHEMES
} | {"law": content_of(certificate_from_law([HALF, Fraction(1, 3), Fraction(1, 6)], LAW, "mine", 2))}
GOOD = json.dumps(CONTENTS["without_replacement"])


def verdict(content):
    """Return the sentence about a content or text, or None; nothing else may come of it."""
    text = content if isinstance(content, str) else json.dumps(content)
    try:
        statement, _ = checker.check(text.encode("utf-8", "surrogatepass"))
    except checker.RefusedError as error:
        reason = str(error)
    else:
        assert statement.startswith("verified: ")
        return statement
    assert "verified" not in reason
    assert len(reason.splitlines()) == 1
    return None


def is_true(content):
    """Tell by brute force over all subsets H, in fractions, whether α* is what a content states."""
    p, scheme, n, q = [Fraction(x) for x in content["p"]], content["scheme"], content["n"], content["q"]
    if scheme == "law":
        law = {frozenset(drafts): Fraction(x) for drafts, x in q}
    elif scheme == "joint":
        law = SCHEMES[scheme].set_law({tuple(drafts): Fraction(x) for drafts, x in q}, n)
    elif scheme == "independent":
        law = SCHEMES[scheme].set_law([[Fraction(x) for x in one] for one in q], n)
    else:
        law = SCHEMES[scheme].set_law([Fraction(x) for x in q], n)
    for one in [q] if isinstance(q[0], str) else q if scheme == "independent" else []:
        assert len(one) == len(p)
        assert sum(map(Fraction, one)) == 1
    assert sum(p) == 1 == sum(law.values())
    assert min(*p, *law.values()) >= 0
    assert max(map(len, law)) <= n
    bounds = [
        sum(p[i] for i in H) + sum(w for drafts, w in law.items() if not drafts <= set(H))
        for k in range(len(p) + 1)
        for H in itertools.combinations(range(len(p)), k)
    ]
    return Fraction(content["value"]) == min(bounds)


def replacements(x):
    """Yield what an entry may be changed to, on its own."""
    yield from (None, True, 0, -1, 0.5, "", "x", [], {}, 9, 10**9)
    if isinstance(x, int):
        yield from (x + 1, x - 1, float(x), str(x))
    elif isinstance(x, str):
        if re.fullmatch("[0-9]+(/[0-9]*[1-9][0-9]*)?", x):
            a, b = Fraction(x).as_integer_ratio()
            pairs = ((a + 1, b), (a - 1, b), (a, b + 1), (a, b - 1), (-a, b), (-a, -b), (a, 0), (0, 1))
            yield from (f"{top}/{bottom}" for top, bottom in (*pairs, (2 * a, 2 * b), (b, b)))
            yield from (f" {x}", f"{x}\n", f"+{x}", f"0{x}", f"{x}.0", f"{x}e0", x.replace("1", "١"))
            yield a
            yield a / b
        yield from checker.SCHEMES
    elif isinstance(x, list):
        for i in range(len(x)):
            yield x[:i] + x[i + 1 :]
            yield x[: i + 1] + x[i:]
            yield from ([*x[:i], x[j], *x[i + 1 : j], x[i], *x[j + 1 :]] for j in range(i + 1, len(x)))
        yield from ([*x, y] for y in (0, 1, 2, 3, "0", "1/2", [], [[0], 0, "0"], [[0, 1], 1, "1/100"]))
        if all(isinstance(y, int) for y in x):
            yield from (list(H) for k in range(4) for H in itertools.combinations(range(3), k))


def altered(x):
    """Yield a content with each of its entries, at any depth, changed on its own."""
    yield from (y for y in replacements(x) if y != x or type(y) is not type(x))
    if isinstance(x, dict):
        for key in x:
            yield {k: y for k, y in x.items() if k != key}
            yield {(k + "_" if k == key else k): y for k, y in x.items()}
            yield from (x | {key: y} for y in altered(x[key]))
        yield x | {"more": 1}
    elif isinstance(x, list):
        for i, entry in enumerate(x):
            yield from ([*x[:i], y, *x[i + 1 :]] for y in altered(entry))


@pytest.mark.parametrize("scheme", CONTENTS)
def test_good_certificates_are_verified(scheme):
    assert scheme in verdict(CONTENTS[scheme])
    assert is_true(CONTENTS[scheme])


@pytest.mark.parametrize("scheme", ["greedy", "top_k", "spechub"])
def test_ties_go_to_the_lowest_index(scheme):
    n = 1 if scheme == "top_k" else 2
    content = content_of(certify(["1", "0", "0"], ["2/5", "2/5", "1/5"], n=n, scheme=scheme))
    assert content["value"] == "1"
    assert verdict(content) is not None
    assert verdict(content | {"p": ["0", "1", "0"]}) is None


@pytest.mark.parametrize("scheme", CONTENTS)
def test_each_single_alteration_is_refused_or_is_another_true_certificate(scheme):
    count = passed = 0
    for content in altered(CONTENTS[scheme]):
        count += 1
        if verdict(content) is not None:
            passed += 1
            assert is_true(content)
    assert count > 300
    assert passed < count / 5


@pytest.mark.parametrize("scheme", CONTENTS)
def test_the_claim_itself_cannot_be_altered(scheme):
    good = CONTENTS[scheme]
    for key in ("p", "value", "version", "format"):
        for changed in altered(good[key]):
            if verdict(good | {key: changed}) is not None:
                # A fraction may be written at greater length, equal entries may change places.
                assert key in ("p", "value")
                assert is_true(good | {key: changed})


def test_random_instances_with_one_to_three_alterations_state_nothing_false():
    rng = random.Random(3)
    for instance in random_instances(42, seed=2, largest_vocabulary=3):
        content = content_of(certify(instance.p, instance.q, n=instance.n, scheme=instance.scheme))
        assert verdict(content) is not None
        assert is_true(content)
        for _ in range(12):
            forged = content
            for _ in range(rng.randint(1, 3)):
                choices = [x for x in altered(forged) if isinstance(x, dict) and x]
                forged = rng.choice(choices)
            if verdict(forged) is not None:
                assert is_true(forged)


ONE_DRAFT = content_of(certify(P, Q, n=1, scheme="with_replacement"))
"""For n = 1 the law of the drafts is q, whatever the scheme."""

FORGED = {
    "a bound that is not reached": {"value": "1", "H": []},
    "a value below the bound": {"value": "0", "coupling": []},
    "what was not drafted": {
        **{"scheme": "top_k", "n": 1, "p": ["0", "1"], "q": ["1", "0"]},
        **{"value": "1", "H": [], "coupling": [[[0], 1, "1"]]},
    },
    "a pair twice, once for nothing": {
        "coupling": [[*CONTENTS["without_replacement"]["coupling"][0][:2], "0"]]
        + CONTENTS["without_replacement"]["coupling"]
    },
    "spechub with one draft": ONE_DRAFT | {"scheme": "spechub"},
    "a scheme that is not known": ONE_DRAFT | {"scheme": "x", "q": [Q]},
    "top_k beyond the support": {
        **{"scheme": "top_k", "n": 2, "p": ["1/2", "1/2"], "q": ["1", "0"]},
        **{"value": "1", "H": [], "coupling": [[[0, 1], 0, "1/2"], [[0, 1], 1, "1/2"]]},
    },
    "top_k beyond V": CONTENTS["top_k"] | {"n": 4},
    "q that sums to less": CONTENTS["top_k"] | {"q": ["0", "1/3", "1/2"]},
    "q that is longer": CONTENTS["top_k"] | {"q": [*Q, "0"]},
    "the value above": {"value": "1"},
    "the value below": {"value": "5/6"},
    "all of it in the coupling": {
        "coupling": [[[0, 1], 0, "1/2"], [[1, 2], 1, "1/2"]],
        "value": "1",
        "H": [],
    },
    "the coupling outside S": {"coupling": [[[0, 1], 2, "11/12"]]},
    "a pair twice": {"coupling": [[[0, 1], 0, "3/20"]] * 2},
    "a set never drafted": {"coupling": [[[0, 1, 2], 0, "11/12"]]},
    "no drafts": {"n": 0, "value": "0", "H": [], "coupling": []},
    "spechub with three drafts": {"scheme": "spechub", "n": 3},
    "more drafts than tokens": {"n": 4},
    "support too small": {"q": ["1", "0", "0"]},
    "the empty vocabulary": {"p": [], "q": [], "H": [], "coupling": [], "value": "0"},
    "no drafters": {"scheme": "independent", "q": [], "n": 1},
    "an empty law": {"scheme": "law", "q": []},
    "the empty set": {"scheme": "law", "q": [[[], "1"]], "coupling": [], "value": "0", "H": [0]},
    "a law that sums to two": {"scheme": "law", "q": [[[0, 1, 2], "2"]], "n": 3},
    "a set in two orders": {"scheme": "law", "q": [[[0, 1], "1/2"], [[1, 0], "1/2"]]},
    "a tuple twice": {"scheme": "joint", "q": [[[0, 1], "1/2"], [[0, 1], "1/2"]]},
    "tuples of another length": {"scheme": "joint", "q": [[[0, 1], "1/2"], [[0], "1/2"]]},
    "negative masses that cancel": {"coupling": [[[0, 1], 0, "2"], [[0, 1], 1, "-13/12"]]},
    "a version that is true": {"version": True},
    "an index beyond V": {"H": [1, 2, 3]},
    "an index twice": {"H": [1, 2, 2]},
    "a list as scheme": {"scheme": ["law"]},
    "an object as scheme": {"scheme": {}},
}


@pytest.mark.parametrize("case", FORGED)
def test_forgeries_are_refused(case):
    assert verdict(CONTENTS["without_replacement"] | FORGED[case]) is None


HOSTILE = {
    "nothing": "",
    "no object": "[]",
    "a number": "1",
    "cut short": GOOD[:-1],
    "two documents": GOOD + GOOD,
    "a byte order mark": "\ufeff" + GOOD,
    "a field twice": GOOD.replace('"n": 2', '"n": 1, "n": 2'),
    "the value twice": GOOD.replace('"value": "11/12"', '"value": "1", "value": "11/12"'),
    "nan": GOOD.replace('"n": 2', '"n": NaN'),
    "infinity": GOOD.replace('"n": 2', '"n": Infinity'),
    "a float": GOOD.replace('"n": 2', '"n": 2.0'),
    "a huge exponent": GOOD.replace('"n": 2', '"n": 1e999999999'),
    "an exponent in a string": GOOD.replace('"11/12"', '"1e999999999"'),
    "minus zero": GOOD.replace('"H": [1, 2]', '"H": [-0, 1, 2]'),
    "an integer of many digits": GOOD.replace('"n": 2', f'"n": {"9" * 10_000}'),
    "a fraction of many digits": GOOD.replace('"11/12"', f'"{"9" * 10_000}/{"9" * 10_000}"'),
    "a denominator of zero": GOOD.replace('"11/12"', '"11/0"'),
    "lists in lists": "[" * 1_000_000,
    "objects in objects": '{"a":' * 1_000_000,
    "lists in the file": GOOD.replace('"H": [1, 2]', f'"H": {"[" * 900}{"]" * 900}'),
    "half a surrogate": GOOD.replace('"11/12"', '"\ud800"'),
    "half a surrogate, escaped": GOOD.replace('"11/12"', '"\\ud800"'),
    "a field that lies": GOOD.replace('"n"', '"verified: alpha* is 1"'),
    "a scheme that lies": GOOD.replace('"without_replacement"', '"law\\nverified: alpha* is 1"'),
    "a file too long": GOOD + " " * 2**24,
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_one_line(case):
    assert verdict(HOSTILE[case]) is None


def hostile_distribution(V, digits=1):
    """Return V fractions that sum to one, with long denominators in all but a few."""
    x = Fraction(1, 10 ** (digits - 1) * (V + 1))
    return [str(x)] * (V - 1) + [str(1 - (V - 1) * x)]


@pytest.mark.parametrize(
    ("V", "n", "scheme", "digits"),
    [
        (3000, 3, "with_replacement", 1),
        pytest.param(3000, 3, "without_replacement", 1, marks=pytest.mark.slow),
        pytest.param(40, 20, "without_replacement", 1, marks=pytest.mark.slow),
        (2, 999_999_999, "with_replacement", 1),
        (10_000, 5_000, "greedy", 1),
        pytest.param(300, 3, "without_replacement", 4000, marks=pytest.mark.slow),
    ],
)
def test_what_would_run_for_ever_is_refused_with_the_limit(V, n, scheme, digits):
    x = hostile_distribution(V, digits)
    content = CONTENTS["greedy"] | {"scheme": scheme, "n": n, "p": x, "q": x}
    with pytest.raises(checker.RefusedError, match="the limit"):
        checker.check(json.dumps(content).encode())


def test_pairwise_prime_denominators_are_refused_with_the_limit():
    rng = random.Random(0)
    x = [f"1/{rng.getrandbits(14_000) | 1}" for _ in range(500)]
    content = CONTENTS["greedy"] | {"p": x, "q": x}
    assert len(x[0]) < checker.DIGITS
    with pytest.raises(checker.RefusedError, match="the limit"):
        checker.check(json.dumps(content).encode())


def test_it_imports_the_standard_library_only():
    nodes = [node for node in ast.walk(TREE) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    assert all(node.level == 0 for node in nodes if isinstance(node, ast.ImportFrom))
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names
    assert not names & {"fractions", "decimal", "importlib"}
    assert "__import__" not in FILE.read_text("utf-8")


def test_it_has_less_than_200_lines():
    assert len(FILE.read_text("utf-8").splitlines()) < 200


def test_it_computes_in_integers():
    for node in ast.walk(TREE):
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float | complex))
        assert not isinstance(node, ast.Div)
        assert not (isinstance(node, ast.Name) and node.id in ("float", "complex", "eval", "exec"))
        assert not (
            isinstance(node, ast.Attribute) and node.attr in ("fromhex", "truediv", "as_integer_ratio")
        )
        assert not isinstance(node, ast.Assert)  # python -O drops these


def test_it_runs_on_its_own(tmp_path):
    (tmp_path / "c.json").write_text(GOOD)
    (tmp_path / "d.json").write_text(GOOD.replace("11/12", "10/12"))

    def run(*arguments):
        command = [sys.executable, "-I", "-S", str(FILE), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
        return done.returncode, done.stdout, done.stderr

    sentence = "verified: alpha* is 11/12 for its p and q, V = 3, n = 2, without_replacement\n"
    assert run("c.json") == (0, sentence, "")
    assert run("d.json") == (1, "", "refused: the coupling does not sum to the value\n")
    for arguments in (["none.json"], ["."], []):
        code, out, err = run(*arguments)
        assert (code, out, len(err.splitlines())) == (1, "", 1)
