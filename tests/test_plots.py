"""Plots: labels and refusals; bars and bounds are in test_compare."""

from __future__ import annotations

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest

import mdsd_theory as mdsd

mpl.use("Agg")


def test_a_batch_without_rows_is_refused():
    empty = np.zeros((0, 30))
    with pytest.raises(mdsd.InputError, match="nothing to plot: the batch has no rows"):
        mdsd.compare(empty, empty, scheme="greedy").plot()


def test_monte_carlo_rates_show_their_standard_error():
    p, q = np.random.default_rng(3).dirichlet(np.full(300, 0.3), size=(2, 4))
    result = mdsd.compare(p, q, verifiers=["naive", "rrs_without_replacement"])
    exact = result.details["rrs_without_replacement"]
    rate = replace(exact, standard_error=np.array([1e-5, 2e-5, 3e-5, 4e-5]))
    result = mdsd.Comparison(result.optimal, result.details | {"rrs_without_replacement": rate})
    texts = [text.get_text() for text in result.plot().texts]
    assert f"{rate.value.mean():.3f} ± 2.5e-05" in texts
    assert f"{result.rates['naive'].mean():.3f}" in texts


def test_names_are_no_formulas():
    class Marked(mdsd.Scheme):
        """Always draft tokens 0 and 2."""

        name = r"$\frac$ 100%_{"
        summary = "tokens 0 and 2"

        def set_law(self, q, n):
            return {frozenset({0, 2}): 1.0}

    ax = mdsd.compare([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], n=2, scheme=Marked()).plot()
    ax.figure.canvas.draw()
    label = ax.get_yticklabels()[0]
    assert label.get_text() == Marked.name
    assert label.get_fontweight() == "bold"


def test_a_tree_with_chances_on_its_edges():
    from mdsd_theory.errors import InputError
    from mdsd_theory.plots import plot_tree
    from mdsd_theory.tree import AcceptanceTable, parse_tree

    tree = parse_tree("2x2")
    reached = AcceptanceTable({(0, 2): [0.6, 0.2]}).reached(tree)
    ax = plot_tree(tree, reached)
    assert ax.get_title() == "6 drafts, 2.44 tokens a call"
    assert {x.get_text() for x in ax.texts} == {"0.60", "0.20", "0.36", "0.12", "0.04"}
    assert len(ax.lines) == 6
    assert len(plot_tree(parse_tree("sparse")).texts) == 0
    with pytest.raises(InputError, match="expected 7, one a node"):
        plot_tree(tree, [1.0])
