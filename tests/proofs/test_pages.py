"""Every page has a text, a proof, a false neighbour, a source, and a check that holds."""

import re

import numpy as np
import pytest
from markdown_it import MarkdownIt

from mdsd_theory.proving import Kind, Level, Verdict
from mdsd_theory.proving.pages import folder, pages

PAGES = pages()
NAMES = [page.path.stem for page in PAGES]
HEADINGS = ("## Proof", "## The neighbouring statement", "## Source", "## Check")


def test_numbers_are_1_to_15():
    assert [page.number for page in PAGES] == list(range(1, 16))


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_quick_check_holds(page):
    evidence = page.check(Level.QUICK, np.random.default_rng([0, page.number]))
    assert [f.claim for f in evidence.findings if f.verdict is not Verdict.HOLDS] == []
    kinds = {finding.kind for finding in evidence.findings}
    assert Kind.COUNTEREXAMPLE in kinds, "the false neighbour is not confirmed"
    assert kinds & {Kind.SYMBOLIC, Kind.GRID, Kind.RANDOM}


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_standard_check_holds_with_another_seed(page):
    evidence = page.check(Level.STANDARD, np.random.default_rng([1, page.number]))
    assert evidence.verdict is Verdict.HOLDS


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_page_has_every_part(page):
    assert page.text.startswith(f"# {page.number}. ")
    assert f"**Theorem {page.number}" in page.text
    for heading in HEADINGS:
        assert re.search(rf"^{heading}", page.text, re.MULTILINE), heading
    assert f"mdsd prove {page.number}" in page.text


@pytest.mark.parametrize("page", sorted(folder().glob("*.md")), ids=lambda path: path.stem)
def test_links_resolve(page):
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", sorted(folder().glob("*.md")), ids=lambda path: path.stem)
def test_markdown_leaves_the_mathematics_alone(page):
    """No emphasis and no escape inside a formula: where they are read first, formulas break."""
    text = page.read_text(encoding="utf-8")
    inline = [t for t in MarkdownIt().enable("table").parse(text) if t.type == "inline"]
    broken = [span for token in inline for span in formulas(token) if "\0" in span]
    assert broken == []
    spans = re.findall(r"\$\$.*?\$\$|\$[^$]+\$", text, re.DOTALL)
    assert [span for span in spans if re.search(r"\\[,;!:{}|]|\\operatorname|\n[+*-] ", span)] == []


def formulas(token):
    """The text between dollars of an inline token, with a mark where emphasis begins or ends."""
    shown = "".join(
        "\0" if child.type.startswith(("em_", "strong_")) else child.content or "\n"
        for child in token.children
    )
    return re.findall(r"\$\$.*?\$\$|\$[^$]+\$", shown, re.DOTALL)
