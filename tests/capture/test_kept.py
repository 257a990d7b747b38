"""Kept distributions: the same few in any order, and the logits that were there."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from capture_fakes import generate, prompts_of, run, score
from safetensors.torch import load_file

from mdsd_theory.capture import kept
from mdsd_theory.errors import DataFileError

SEED = 3
NAMES = ("prompt", "turn", "position")


def batches(count, dtype=torch.float32):
    return list(score(generate(prompts_of(count))[0], dtype))


def rank_of(row):
    return int(kept.ranks(*(np.array([k]) for k in row[0]), SEED)[0])


def by_hand(found, size):
    """Return keys and both rows of the positions of smallest rank."""
    rows = [
        (tuple(int(getattr(x, name)[i]) for name in NAMES), x.target[i], x.draft[i])
        for x in found
        for i in range(len(x.prompt))
    ]
    rows.sort(key=rank_of)
    return sorted(rows[:size], key=lambda row: row[0])


def keys_of(found):
    return list(zip(*(found[name].tolist() for name in NAMES), strict=True))


def sampled(out, found, size):
    sample = kept.Sample(size, SEED)
    for positions in found:
        sample.offer(positions)
    sample.save(out, 0)
    kept.merge(out, size, SEED)
    return load_file(out / kept.KEPT)


@pytest.mark.parametrize("size", [1, 4, 30, 10_000])
def test_the_smallest_ranks_are_kept_with_their_rows(tmp_path, size):
    found = sampled(tmp_path, batches(20), size)
    expected = by_hand(batches(20), size)
    assert keys_of(found) == [row[0] for row in expected]
    for name, place in (("target_logits", 1), ("draft_logits", 2)):
        rows = torch.stack([row[place] for row in expected])
        assert torch.equal(found[name], (rows - rows.amax(-1, keepdim=True)).half())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_kept_as_it_is(tmp_path, dtype):
    found = sampled(tmp_path, batches(9, dtype), 5)
    expected = by_hand(batches(9, dtype), 5)
    assert found["target_logits"].dtype == dtype
    assert torch.equal(found["target_logits"], torch.stack([row[1] for row in expected]))


def test_order_of_batches_is_of_no_account(tmp_path):
    forwards = sampled(tmp_path, batches(20), 6)
    (tmp_path / kept.KEPT).unlink()
    backwards = sampled(tmp_path, batches(20)[::-1], 6)
    assert all(torch.equal(forwards[name], backwards[name]) for name in forwards)


def test_blocks_of_any_size_keep_the_same(tmp_path):
    found = []
    for block in (1, 3, 7, 100):
        run(tmp_path / str(block), keep=6, block=block)
        found.append(load_file(tmp_path / str(block) / kept.KEPT))
        assert kept.files(tmp_path / str(block)) == [tmp_path / str(block) / kept.KEPT]
    for one, other in itertools.pairwise(found):
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert keys_of(found[0]) == [row[0] for row in by_hand(batches(20), 6)]


@pytest.mark.parametrize("size", range(1, 13))
def test_later_blocks_keep_less_but_never_too_little(tmp_path, size):
    early, late = batches(10), batches(20)[::-1]
    sample = kept.Sample(size, SEED)
    for positions in early:
        sample.offer(positions)
    sample.save(tmp_path, 0)
    bound = kept.limit(tmp_path, size, SEED)
    last = max(by_hand(early, size), key=rank_of)
    assert bound == rank_of(last) < kept.EVERY == kept.limit(tmp_path, size + 1, SEED)
    sample = kept.Sample(size, SEED, bound)
    for positions in late:
        sample.offer(positions)
    sample.save(tmp_path, 1)
    kept.merge(tmp_path, size, SEED)
    assert keys_of(load_file(tmp_path / kept.KEPT)) == [row[0] for row in by_hand(late, size)]


def test_a_merge_that_was_killed_is_done_again(tmp_path):
    run(tmp_path, keep=6)
    whole = (tmp_path / kept.KEPT).read_bytes()
    sample = kept.Sample(6, SEED)
    for positions in batches(20):
        sample.offer(positions)
    sample.save(tmp_path, 0)
    assert kept.merge(tmp_path, 6, SEED) == 6
    assert (tmp_path / kept.KEPT).read_bytes() == whole
    assert kept.files(tmp_path) == [tmp_path / kept.KEPT]


def test_ranks_look_random():
    grid = np.array(list(itertools.product(range(40), range(2), range(50)))).T
    ranks = kept.ranks(*grid, 0)
    assert len(set(ranks.tolist())) == len(ranks)
    share = ranks.astype(float) / 2.0**64
    counts = np.histogram(share, bins=20, range=(0, 1))[0]
    assert ((counts - 200) ** 2 / 200).sum() < 43.8  # chi-square, 19 degrees of freedom, 0.1%
    assert abs(np.corrcoef(share[:-1], share[1:])[0, 1]) < 4 / np.sqrt(len(share))
    assert (kept.ranks(*grid, 1) != ranks).all()


def test_nothing_is_kept_when_nothing_is_asked(tmp_path):
    sample = kept.Sample(0, SEED)
    for positions in batches(20):
        sample.offer(positions)
    sample.save(tmp_path, 0)
    assert kept.merge(tmp_path, 0, SEED) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_one_line(tmp_path):
    (tmp_path / "kept-000001.safetensors").write_bytes(b"short")
    with pytest.raises(DataFileError, match=r"kept-000001\.safetensors cannot be read"):
        kept.limit(tmp_path, 3, SEED)
