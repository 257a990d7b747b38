"""Certificate files: what is saved loads again, and only what is proved is written or loaded."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from mdsd_theory import SCHEMES, Certificate, CertificationError, DataFileError, certify
from mdsd_theory.agreement import random_instances
from mdsd_theory.check_certificate import check
from mdsd_theory.reference import certificate_from_law
from mdsd_theory.schemes import Greedy

from .conftest import normalised

P, Q = normalised([1, 8, 1, 4]), normalised([5, 1, 3, 2])
TINY = Fraction(1, 10**12)


class SecondBest(Greedy):
    """A scheme of one's own, under the name that it inherits."""

    def set_law(self, q, n):
        return super().set_law([*q[1:], q[0]], n)


def test_certificates_of_every_scheme_and_kind_come_back():
    seen = set()
    for instance in random_instances(168, seed=5, largest_vocabulary=5):
        certificate = certify(instance.p, instance.q, n=instance.n, scheme=instance.scheme)
        assert Certificate.from_json(certificate.to_json()) == certificate
        assert certificate.q is not None
        seen.add((instance.scheme, instance.kind))
    assert {scheme for scheme, _ in seen} == set(SCHEMES)
    assert len(seen) == 6 * len(SCHEMES)


def test_files_come_back(tmp_path):
    certificate = certify(P, Q, n=2)
    certificate.save(tmp_path / "c.json")
    assert Certificate.load(tmp_path / "c.json") == certificate
    assert Certificate.from_json((tmp_path / "c.json").read_bytes()) == certificate
    assert certificate.q == tuple(Q)


def test_the_statement_names_the_value_the_scheme_and_n():
    certificate = certify(P, Q, n=2, scheme="greedy")
    statement, law = check(certificate.to_json().encode())
    assert statement == f"verified: alpha* is {certificate.value} for its p and q, V = 4, n = 2, greedy"
    assert {drafts: Fraction(*w) for drafts, w in law.items()} == certificate.law


def test_a_law_of_unknown_origin_is_filed_as_a_law():
    law = SCHEMES["greedy"].set_law(Q, 2)
    certificate = certificate_from_law(P, law, "greedy", 2)
    content = json.loads(certificate.to_json())
    assert content["scheme"] == "law"
    assert "law of the set of drafts" in check(certificate.to_json().encode())[0]
    assert Certificate.from_json(certificate.to_json()) == replace(certificate, scheme="law")


def test_a_scheme_of_ones_own_is_not_filed_under_the_name_of_another():
    certificate = certify(P, Q, n=2, scheme=SecondBest())
    assert certificate.q is None
    assert json.loads(certificate.to_json())["scheme"] == "law"


@pytest.mark.parametrize("scheme", ["with_replacement", "greedy", "top_k", "spechub"])
def test_the_law_must_be_that_of_q(scheme):
    certificate = certify(P, Q, n=2, scheme=scheme)
    assert certificate.verify()
    for altered in (
        replace(certificate, q=tuple(P)),
        replace(certificate, scheme="without_replacement"),
        replace(certificate, scheme="mine"),
        replace(certificate, q=(Q[0] + TINY, *Q[1:])),
    ):
        with pytest.raises(CertificationError):
            altered.verify()
        with pytest.raises(CertificationError):
            altered.to_json()


@pytest.mark.parametrize("n", [1, 3])
def test_another_number_of_drafts_is_not_proved(n):
    drafters = certify(P, [Q, P], n=2, scheme="independent")
    law = certify(P, {(0, 1): "1/2", (1, 2): "1/2"}, n=2, scheme="joint")
    for certificate in (drafters, law, certify(P, Q, n=2, scheme="spechub")):
        with pytest.raises(CertificationError):
            replace(certificate, n=n).verify()


def test_what_proves_nothing_is_not_written(tmp_path):
    wrong = replace(certify(P, Q, n=2), value=Fraction(1, 2))
    with pytest.raises(CertificationError, match="cannot be written: the coupling"):
        wrong.save(tmp_path / "c.json")
    assert not (tmp_path / "c.json").exists()


def test_fractions_too_long_to_write_are_said_to_be():
    certificate = certify([Fraction(1, 3)] * 3, normalised([2**20_000 + 1, 2**19_000 + 3, 5]), n=2)
    with pytest.raises(CertificationError, match="give p and q as short fractions"):
        certificate.to_json()


def test_an_altered_file_is_not_loaded(tmp_path):
    text = certify(P, Q, n=2).to_json()
    (tmp_path / "c.json").write_text(text.replace('"n": 2', '"n": 3'))
    with pytest.raises(CertificationError, match="the certificate is refused: "):
        Certificate.load(tmp_path / "c.json")


@pytest.mark.parametrize("text", ["", "\ud800", "{}", "[" * 100_000, b"\xff\xfe", "\0"])
def test_what_is_no_certificate_is_not_loaded(text):
    with pytest.raises(CertificationError, match="the certificate is refused: "):
        Certificate.from_json(text)


def test_files_that_cannot_be_reached(tmp_path):
    with pytest.raises(DataFileError, match="cannot be read"):
        Certificate.load(tmp_path / "none.json")
    with pytest.raises(DataFileError, match="cannot be written"):
        certify(P, Q, n=2).save(tmp_path / "none" / "c.json")


@pytest.mark.parametrize(
    ("scheme", "q"),
    [("top_k", {(0, 1): Fraction(1)}), ("joint", (Fraction(1, 2), Fraction(1, 2), Fraction(0)))],
)
def test_a_q_of_the_wrong_kind_proves_nothing(scheme, q):
    """Such a certificate, made by hand, was once verified for a law that the scheme does not have."""
    made = certify(["1/2", "1/4", "1/4"], ["1/2", "1/2", "0"], n=2, scheme="top_k")
    with pytest.raises(CertificationError, match="does not draw from"):
        replace(made, scheme=scheme, q=q).verify()
