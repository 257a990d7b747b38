"""Captures made up for the tests of the study, as frames and as folders."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa

from mdsd_theory.capture.manifest import NAME
from mdsd_theory.capture.shards import Facts, write_shard

DEFAULTS = {
    "turn": 0,
    "token": 5,
    "temperature": 0.7,
    "n": 3,
    "target_entropy": 1.0,
    "draft_entropy": 1.2,
    "total_variation": 0.4,
    "task": "chat",
}
SCHEMES = {
    "with_replacement": ("naive", "rrs", "k_seq", "optimal"),
    "without_replacement": ("naive", "rrs_without_replacement", "optimal"),
    "greedy": ("naive", "greedy", "optimal"),
}


def rows(*records):
    """A frame as ``read`` returns it, from what differs from the defaults; alpha is known exactly."""
    made = [{**DEFAULTS, "position": k, "pair": "A", **record} for k, record in enumerate(records)]
    frame = pd.DataFrame(made)
    for bound in ("lower", "upper"):
        if bound not in frame:
            frame[bound] = frame["alpha"]
    if "cluster" not in frame:
        frame["cluster"] = frame["prompt"]
    for name in ("pair", "task", "scheme"):
        frame[name] = pd.Categorical(frame[name], categories=frame[name].unique())
    return frame


def simulated(seed=1, prompts=30, positions=6, temperatures=(0.7,), drafts=(3,), tasks=("chat",), **lift):
    """Rows whose α* differ from that with replacement by known means, a scheme each.

    Gaps: RRS 0.03, K-SEQ 0.02, RRS without 0.01, naive 0.1, greedy and optimal 0.
    """
    rng = np.random.default_rng(seed)
    lift = {"without_replacement": 0.05, "greedy": 0.08} | lift
    gaps = {"naive": 0.1, "rrs": 0.03, "k_seq": 0.02, "rrs_without_replacement": 0.01}
    records = []
    for prompt in range(prompts):
        own = rng.uniform(0.4, 0.6)
        for position in range(positions):
            entropy, distance = rng.exponential(1.0), rng.uniform()
            token = int(1e6 * distance)
            base = own + rng.uniform(-0.1, 0.1)
            for t in temperatures:
                for n in drafts:
                    for scheme in ("with_replacement", *lift):
                        alpha = base + lift.get(scheme, 0.0) * rng.uniform(0.5, 1.5)
                        record = {"prompt": prompt, "position": position, "temperature": t, "n": n}
                        record |= {"task": tasks[prompt % len(tasks)], "scheme": scheme, "alpha": alpha}
                        record |= {"token": token, "target_entropy": entropy, "total_variation": distance}
                        for name in SCHEMES.get(scheme, ()):
                            record[name] = alpha - gaps.get(name, 0.0) * rng.uniform(0.5, 1.5)
                        records.append(record)
    return rows(*records)


def capture(folder, frame, target=None, draft=None, finished="2026-11-20", **settings):
    """Write rows as ``mdsd capture`` does, with a manifest where the models are told."""
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pandas(frame.drop(columns=["pair", "cluster"]), preserve_index=False)
    prompts = tuple(int(x) for x in frame["prompt"].unique())
    facts = Facts(0, prompts, (), len(prompts), len(frame), len(frame), {})
    write_shard(folder, facts, table)
    if target:
        models = {"target": {"name": target}, "draft": {"name": draft}}
        manifest = {"format": 1, "models": models, "settings": settings, "finished": finished}
        (folder / NAME).write_text(json.dumps(manifest), encoding="utf-8")
    return folder
