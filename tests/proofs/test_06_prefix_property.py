"""Page 6 fails when it is made false."""

import pytest

from mdsd_theory.proving import Verdict


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return x.q_mass(h) ** x.n", "return x.q_mass(h) * (2 - x.q_mass(h))"),
        ("q[i] / (1 - gone) * stays(", "q[i] * stays("),
        ("- value[a | {j}]) / s[i])", "- value[a | {j}]) / s[j])"),
        (
            "low = (drawn([*a, y], n, x + r) - drawn(a, n, x + y + r)) / y",
            "low = drawn([*a, y], n, x + r) / y",
        ),
        (
            "delayed(arrivals(inner, x.n, r + x.q[i]), x.q[j]),",
            "delayed(arrivals(inner, x.n, r), x.q[j]),",
        ),
        ("cuts = sorted({ratio(x, i) for i in known})", "cuts = sorted({-ratio(x, i) for i in known})"),
        ("order = [p[k] * q[k + 1] <= p[k + 1] * q[k]", "order = [p[k] <= p[k + 1]"),
        ("slope = x.n * x.q_mass(h) ** (x.n - 1)", "slope = x.q_mass(h) ** (x.n - 1)"),
        ("if left >= 0 or right <= 0:", "if True:"),
        ("q[i] * (s - q[i]) / (1 - q[i])", "q[i] * (s - q[i]) * (2 - s)"),
        ("alone = sizes.count(sizes[0])", "alone = len(found) == sizes.count(sizes[0])"),
        ("len(s[0]) in (0, x.V - 2)", "len(s[0]) in (0, 1, x.V - 2)"),
        ('Drafters.of("0 1/6 1/6 2/3"', 'Drafters.of("0 1/5 1/5 3/5"'),
    ],
)
def test_altered(altered, old, new):
    evidence = altered(6, old, new)
    assert evidence.verdict is Verdict.REFUTED
    refuted = next(f for f in evidence.findings if f.verdict is Verdict.REFUTED)
    assert refuted.witness is not None
