"""Drawing from the optimal rule's plan for i.i.d. drafts on the device: drafts in, tokens out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mdsd_theory.cuda.iid_plan import IIDDevicePlan, base_of
from mdsd_theory.cuda.launching import Grid, Launcher

THREADS = 512
WARPS = THREADS // 32
STRIP = 1024


@dataclass(frozen=True)
class DeviceEmission:
    """What the kernels emit.

    Attributes
    ----------
    token : tensor of int64, shape (rows, count)
        Of law p; −1 where the tuple of drafts was refused or its row is no pair of distributions.
    index : tensor of int64, shape (rows, count)
        Place of the first draft that equals the token, −1 if none does.
    refused : tensor of int32, shape (2,)
        Whether some draft was outside the vocabulary, and whether some draft had q = 0.
    """

    token: Any
    index: Any
    refused: Any


def iid_emit(launcher: Launcher, plan: IIDDevicePlan, drafts: Any, uniforms: Any) -> DeviceEmission:
    """Emit a token for each tuple of drafts; nothing waits for the device.

    Parameters
    ----------
    launcher : Launcher
    plan : IIDDevicePlan
    drafts : tensor of int64, shape (rows, count, n)
        Drawn from q.
    uniforms : tensor of float64, shape (rows, 3n + 2, count)
        On [0, 1), multiples of 2⁻⁵³.

    Returns
    -------
    DeviceEmission

    Notes
    -----
    A thread a tuple; p and q are read again only of rows with a rejected pick, once for all its tuples.
    """
    import torch

    rows, n = plan.rows, plan.n
    device, count, tuples = rows.p.device, drafts.shape[1], drafts.shape[0] * drafts.shape[1]
    shapes = [(rows.count, count, n), (rows.count, 3 * n + 2, count)]
    if [tuple(drafts.shape), tuple(uniforms.shape)] != shapes:
        raise ValueError(
            f"drafts and uniforms have shapes {drafts.shape}, {uniforms.shape}: not {shapes}"
        )
    drafts, uniforms = drafts.to(torch.int64).contiguous(), uniforms.to(torch.float64).contiguous()
    token, index = (torch.empty(drafts.shape[:2], dtype=torch.int64, device=device) for _ in range(2))
    flags = torch.zeros(2 * rows.count + 2, dtype=torch.int32, device=device)
    rejected, tickets, refused = flags[2:], flags[2 + rows.count :], flags[:2]
    if not tuples:
        return DeviceEmission(token, index, refused)
    strips = -(-rows.vocabulary // STRIP)
    shares = torch.empty((rows.count, strips, 2), dtype=torch.float64, device=device)
    kept = torch.empty(rows.count, dtype=torch.float64, device=device)
    base, source = np.int32(base_of(n)), rows.source("iid_emit.cu")
    read = [*rows.arguments, rows.scales, plan.records]
    sizes = [np.int32(rows.vocabulary), base]
    more = [np.int32(n), np.int64(count), np.int64(tuples)]

    def launch(kernel: str, blocks: int, *arguments: Any) -> None:
        launcher.launch(source, kernel, Grid(blocks, THREADS), [*read, *arguments])

    drawn = [drafts, uniforms, token, index]
    launch("iid_pick", -(-tuples // THREADS), *drawn, rejected, refused, *sizes, *more)
    blocks = rows.count * -(-strips // WARPS)
    launch("iid_residual", blocks, rejected, tickets, shares, kept, *sizes)
    launch("iid_redraw", -(-tuples // WARPS), *drawn, shares, kept, *sizes, *more)
    return DeviceEmission(token, index, refused)
