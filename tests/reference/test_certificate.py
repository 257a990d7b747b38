"""Certificates: they verify as made, and nothing else verifies."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given

from mdsd_theory.errors import CertificationError, InputError, InputTypeError
from mdsd_theory.reference import certificate_from_law

from .conftest import CASES, floats, instances, normalised, optimum, without_replacement

TINY = Fraction(1, 10**12)
P = normalised([1, 8, 1, 4])
LAW = without_replacement(normalised([5, 1, 3, 2]), 2)
CERTIFICATE = certificate_from_law(P, LAW, "without_replacement", 2)


@given(instance=instances())
def test_certificates_prove_the_optimum(instance):
    p, law = instance
    certificate = certificate_from_law(p, law, "any", 3)
    assert certificate.verify()
    assert certificate.value == optimum(p, law)


@pytest.mark.parametrize("case", CASES)
def test_known_cases_are_certified(case):
    assert certificate_from_law(*CASES[case], "any", 3).value == optimum(*CASES[case])


@pytest.mark.parametrize("sign", [1, -1])
def test_an_altered_value_does_not_verify(sign):
    with pytest.raises(CertificationError, match="the witnesses prove"):
        replace(CERTIFICATE, value=CERTIFICATE.value + sign * TINY).verify()


@pytest.mark.parametrize("sign", [1, -1])
def test_an_altered_coupling_does_not_verify(sign):
    for pair, mass in CERTIFICATE.coupling.items():
        altered = CERTIFICATE.coupling | {pair: mass + sign * TINY}
        with pytest.raises(CertificationError):
            replace(CERTIFICATE, coupling=altered).verify()


def test_another_subset_does_not_verify():
    wrong = CERTIFICATE.subset ^ {0}
    with pytest.raises(CertificationError, match="gap"):
        replace(CERTIFICATE, subset=wrong).verify()


def test_altered_marginals_do_not_verify():
    p = (CERTIFICATE.p[0] + TINY, CERTIFICATE.p[1] - TINY, *CERTIFICATE.p[2:])
    with pytest.raises(CertificationError):
        replace(CERTIFICATE, p=p).verify()
    first, second, *_ = CERTIFICATE.law
    shift = {first: CERTIFICATE.law[first] + TINY, second: CERTIFICATE.law[second] - TINY}
    with pytest.raises(CertificationError):
        replace(CERTIFICATE, law=CERTIFICATE.law | shift).verify()


def test_floats_do_not_verify():
    with pytest.raises(CertificationError, match="not a Fraction"):
        replace(CERTIFICATE, value=float(CERTIFICATE.value)).verify()


def test_more_drafts_than_n_do_not_verify():
    with pytest.raises(CertificationError, match="n is 1"):
        certificate_from_law(P, LAW, "without_replacement", 1)


def test_what_is_not_exact_is_refused():
    with pytest.raises(InputTypeError):
        certificate_from_law(*floats(P, LAW), "without_replacement", 2)
    with pytest.raises(InputError):
        certificate_from_law([*P[:-1], P[-1] + TINY], LAW, "without_replacement", 2)


def test_the_text_says_value_scheme_and_subset():
    text = str(CERTIFICATE)
    assert str(CERTIFICATE.value) in text
    assert "without_replacement with V = 4 and n = 2" in text
    assert len(text.splitlines()) == 3
    assert "coupling" not in repr(CERTIFICATE)


def test_a_value_of_thousands_of_digits_is_summarised():
    weights = [Fraction(2**53 + 2 * k + 1) for k in range(9)]
    q = [x / sum(weights) for x in weights]
    p = normalised([90, 1, 1, 1, 1, 1, 1, 1, 3])
    certificate = certificate_from_law(p, without_replacement(q, 3), "without_replacement", 3)
    assert "(a fraction of " in str(certificate)
    assert len(str(certificate)) < 300
    with pytest.raises(CertificationError, match="a fraction of"):
        replace(certificate, value=certificate.value + TINY).verify()
