"""Run the checks of pages, several at a time, and say how far they are."""

from __future__ import annotations

import multiprocessing
import queue
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mdsd_theory.proving.evidence import Evidence
from mdsd_theory.proving.levels import Level
from mdsd_theory.proving.pages import Page, page
from mdsd_theory.proving.progress import listening

POLL = 0.1
"""Seconds between two looks at the workers."""

Watcher = Callable[[int, str, int, int | None], None]
"""Called with a page's number, a claim, the instances tried, and how many there are if known."""


@dataclass(frozen=True)
class Outcome:
    """What became of one page's check.

    Attributes
    ----------
    page : Page
    evidence : Evidence
        Empty when the check broke.
    seconds : float
        Of the whole check, the making of instances included.
    error : str
        The traceback of a check that broke, else empty.
    """

    page: Page
    evidence: Evidence
    seconds: float
    error: str = ""


def run(
    chosen: Sequence[Page], level: Level, seed: int, jobs: int, watcher: Watcher | None = None
) -> Iterator[Outcome]:
    """Yield the outcome of each page as it is done.

    Parameters
    ----------
    chosen : sequence of Page
    level : Level
    seed : int
        Each page draws its instances from a generator seeded by this and its number, so that they do
        not depend on which pages are run, nor on ``jobs``.
    jobs : int
        Processes; with one, or with one page, everything runs in this one.
    watcher : callable, optional
        Told how far each page is.
    """
    if min(jobs, len(chosen)) <= 1:
        for each in chosen:
            yield _outcome(each, level, seed, watcher)
    else:
        yield from _in_parallel(chosen, level, seed, jobs, watcher)


def _in_parallel(
    chosen: Sequence[Page], level: Level, seed: int, jobs: int, watcher: Watcher | None
) -> Iterator[Outcome]:
    context = multiprocessing.get_context("spawn")
    news = context.Queue()
    pool = ProcessPoolExecutor(
        min(jobs, len(chosen)), mp_context=context, initializer=_start, initargs=(news,)
    )
    try:
        with _deaf_to_interrupts():
            waiting = {pool.submit(_work, each.number, level, seed) for each in chosen}
        while waiting:
            _pass_on(news, watcher)
            done = {future for future in waiting if future.done()}
            waiting -= done
            for future in done:
                yield _collected(future)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in multiprocessing.active_children():
            worker.terminate()


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Let processes that start here ignore Ctrl-C; who started them ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_news: Any = None
"""In a worker: where its reports go."""


def _start(news: Any) -> None:
    global _news
    _news = news


def _work(number: int, level: Level, seed: int) -> tuple[int, Evidence, float, str]:
    """Run in a worker: a page is known there by its number."""
    done = _outcome(page(number), level, seed, lambda *report: _news.put(report))
    return number, _portable(done.evidence), done.seconds, done.error


def _portable(evidence: Evidence) -> Evidence:
    """Return the evidence with witnesses of a page's own kinds as text, which every process knows."""
    own = "mdsd_theory.", "builtins", "fractions"
    return Evidence(
        tuple(
            finding
            if type(finding.witness).__module__.startswith(own)
            else replace(finding, witness=str(finding.witness))
            for finding in evidence.findings
        )
    )


def _collected(future: Future[tuple[int, Evidence, float, str]]) -> Outcome:
    number, evidence, seconds, error = future.result()
    return Outcome(page(number), evidence, seconds, error)


def _pass_on(news: Any, watcher: Watcher | None) -> None:
    """Wait a moment for reports of the workers and hand them on."""
    deadline = time.monotonic() + POLL
    while (left := deadline - time.monotonic()) > 0:
        try:
            report = news.get(timeout=left)
        except queue.Empty:
            return
        if watcher:
            watcher(*report)


def _outcome(each: Page, level: Level, seed: int, watcher: Watcher | None) -> Outcome:
    started = time.perf_counter()
    evidence, error = Evidence(()), ""
    with listening(lambda *report: watcher(each.number, *report) if watcher else None):
        try:
            evidence = each.check(level, np.random.default_rng([seed, each.number]))
        except Exception:  # a broken check is reported beside the others
            error = traceback.format_exc()
    return Outcome(each, evidence, time.perf_counter() - started, error)
