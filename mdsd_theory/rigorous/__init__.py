"""Rigorous enclosures of α* at any V, in integers and python-flint's balls.

The rule of this folder: floats may guess (an order, a prefix, a step), and what they guess is then
decided or bounded by integers or balls. Where a float does enter a result, the docstring states the
bound on its error.

=================  ================================================================================
``weights``        a distribution as integers; ``prefixes``: the exact order of p/q
``closed_form``    greedy, top_k, spechub: α* as a fraction
``power_prefix``   with replacement; ``second_draft``: without, n = 2
``race``           without, n ≥ 3: 1 − Q(H) of a prefix, from ``race_nodes`` and ``race_error`` (the
                   quadrature), ``light_tokens`` and ``power_sums`` (series), ``heavy_tokens``
``chord_search``   the minimum over all prefixes from a few of them
``all_subsets``    different drafters, V ≤ 14; ``weighted_mean``: beyond
``prove``          a scheme to its proof; ``enclosure``: the result; ``balls``: python-flint
=================  ================================================================================
"""

from mdsd_theory.rigorous.enclosure import Enclosure

__all__ = ["Enclosure"]
