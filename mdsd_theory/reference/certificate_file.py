"""Certificates as files: written and read as what the standalone checker verifies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from mdsd_theory import check_certificate as checker
from mdsd_theory.errors import CertificationError
from mdsd_theory.reference.check import Number, SetLaw

if TYPE_CHECKING:
    from mdsd_theory.reference.certificate import Certificate

Draft = tuple[Number, ...] | tuple[tuple[Number, ...], ...] | dict[tuple[int, ...], Number]
"""q: a distribution, n of them, or a law over tuples of drafts."""

LONGEST_FILE = checker.BYTES
"""Most bytes that are read."""


def written(certificate: Certificate) -> str:
    """Return the text of a certificate, which the checker accepts (see ``Certificate.to_json``)."""
    lines = [f'"{key}": {json.dumps(x)},' for key, x in _head(certificate).items()]
    masses = ((sorted(map(int, drafts)), int(i), x) for (drafts, i), x in certificate.coupling.items())
    rows = [json.dumps([drafts, i, _text(x)]) for drafts, i, x in sorted(masses)]
    text = "\n".join(["{", *lines, '"coupling": [', ",\n".join(rows), "]", "}"])
    _checked(text.encode(), "the certificate cannot be written")
    return text


def _head(certificate: Certificate) -> dict[str, Any]:
    """Return the fields of a file but for the coupling."""
    name, version = checker.FORMAT
    return {
        "format": name,
        "version": version,
        "scheme": "law" if certificate.q is None else certificate.scheme,
        "n": certificate.n,
        "p": list(map(_text, certificate.p)),
        "q": _listed(certificate.law if certificate.q is None else certificate.q),
        "value": _text(certificate.value),
        "H": sorted(map(int, certificate.subset)),
    }


def _text(x: Number) -> str:
    """Return a number as a file holds it."""
    try:
        return str(x)
    except ValueError as error:
        raise CertificationError(
            f"the certificate cannot be written ({error}); give p and q as short fractions"
        ) from None


def fields_of(text: str | bytes) -> dict[str, Any]:
    """Return the fields of the certificate that a text holds, after the checker has accepted it."""
    content = text.encode(errors="surrogatepass") if isinstance(text, str) else bytes(text)
    law = _checked(content, "the certificate is refused")
    x = json.loads(content)
    return {
        "p": tuple(map(Fraction, x["p"])),
        "law": {drafts: Fraction(*weight) for drafts, weight in law.items()},
        "value": Fraction(x["value"]),
        "coupling": {(frozenset(drafts), i): Fraction(mass) for drafts, i, mass in x["coupling"]},
        "subset": frozenset(x["H"]),
        "scheme": x["scheme"],
        "n": x["n"],
        "q": None if x["scheme"] == "law" else draft_of(x["scheme"], x["q"]),
    }


def law_of(q: Draft, scheme: str, n: int) -> SetLaw:
    """Return the law of the set of n drafts, as the checker of files computes it from q."""
    if scheme not in checker.SCHEMES or scheme == "law":
        raise CertificationError(f"scheme {scheme!r} is none of the package's; leave q out")
    if isinstance(q, Mapping) != (scheme == "joint"):
        raise CertificationError(f"scheme {scheme!r} does not draw from a {type(q).__name__}")
    told = {"independent": {len(q)}, "spechub": {2}}
    if isinstance(q, Mapping):
        told = {"joint": set(map(len, q))}
    if told.get(scheme, {n}) != {n}:
        raise CertificationError(f"q and scheme {scheme!r} are for another number of drafts than n = {n}")
    work = checker.Work()
    work.left = 1 << 200  # the limit is for files
    if isinstance(q, Mapping):
        parts: dict[frozenset[int], list[checker.Ratio]] = {}
        for drafts, weight in q.items():
            parts.setdefault(frozenset(drafts), []).append(weight.as_integer_ratio())
        found = work.sums(parts)
    else:
        lists: Any = q if scheme == "independent" else [q]
        try:
            found = checker.set_law(work, scheme, n, [[x.as_integer_ratio() for x in y] for y in lists])
        except checker.RefusedError as error:
            raise CertificationError(f"there is no law of the drafts: {error}") from None
    return {drafts: Fraction(*weight) for drafts, weight in found.items()}


def draft_of(scheme: str, q: Any) -> Draft | None:
    """Return q in Fractions, from the caller's sequences and mapping or from those of a file."""
    if q is None:
        return None
    if scheme == "joint":
        pairs = q.items() if isinstance(q, Mapping) else q
        return {tuple(map(int, drafts)): Fraction(weight) for drafts, weight in pairs}
    if scheme == "independent":
        return tuple(tuple(map(Fraction, one)) for one in q)
    return tuple(map(Fraction, q))


def positive(law: SetLaw) -> SetLaw:
    """Return the law without sets of probability zero."""
    return {drafts: weight for drafts, weight in law.items() if weight}


def _listed(q: Any) -> list[Any]:
    """Return q, or a law over sets or tuples, as a file holds it."""
    if isinstance(q, Mapping):
        laid_out = ((sorted(t) if isinstance(t, frozenset) else t, x) for t, x in q.items())
        return sorted([list(map(int, tokens)), _text(x)] for tokens, x in laid_out)
    return [_listed(x) if isinstance(x, tuple) else _text(x) for x in q]


def _checked(content: bytes, otherwise: str) -> dict[frozenset[int], checker.Ratio]:
    """Return the law of a text that the checker accepts."""
    try:
        return checker.check(content)[1]
    except (checker.RefusedError, MemoryError) as error:
        raise CertificationError(f"{otherwise}: {error or 'out of memory'}") from None
