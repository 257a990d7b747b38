"""Trees of drafts: topology, the walk down a tree and its exact law, decoding with real models.

Nothing here imports torch before a model is decoded.
"""

from __future__ import annotations

from mdsd_theory.tree.best import BestRule, best_tree_rule
from mdsd_theory.tree.block_efficiency import AcceptanceTable, block_efficiency, simulate
from mdsd_theory.tree.choose import Chosen, Costs, choose_tree, fastest_tree
from mdsd_theory.tree.decode import Decoded, acceptance_table, multidraft_decode, stream
from mdsd_theory.tree.language import markov
from mdsd_theory.tree.rules import TREE_RULES, Block, NodeWise, Traversal, TreeRule
from mdsd_theory.tree.topology import Tree, balanced, chain, from_nested, from_paths, parse_tree, sparse
from mdsd_theory.tree.walk import completed_law, emitted_law, is_lossless, sample_step

__all__ = [
    "TREE_RULES",
    "AcceptanceTable",
    "BestRule",
    "Block",
    "Chosen",
    "Costs",
    "Decoded",
    "NodeWise",
    "Traversal",
    "Tree",
    "TreeRule",
    "acceptance_table",
    "balanced",
    "best_tree_rule",
    "block_efficiency",
    "chain",
    "choose_tree",
    "completed_law",
    "emitted_law",
    "fastest_tree",
    "from_nested",
    "from_paths",
    "is_lossless",
    "markov",
    "multidraft_decode",
    "parse_tree",
    "sample_step",
    "simulate",
    "sparse",
    "stream",
]
