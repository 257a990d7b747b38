"""A launcher that compiles the kernels for the CPU and runs every thread of every block there."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mdsd_theory.cuda.launching import KERNELS, Grid, Source, flags, scalars

HERE = Path(__file__).parent
COMPILER = shutil.which("g++")
ANY_WIDTH = {"ratio_sums.cu", "refine.cu", "log_normaliser.cu"}
"""Sources whose blocks may have any number of threads: 128 of them run faster than 512."""

NAME = re.compile(r"__global__.*?\s(\w+)\(", re.DOTALL)


@dataclass
class HostLauncher:
    """Compiles a source with a C++ compiler; ``multiprocessors`` decides how rows are split."""

    folder: Path
    multiprocessors: int = 4
    seed: int = 0
    launched: list[str] = field(default_factory=list)
    _libraries: dict[Source, ctypes.CDLL] = field(default_factory=dict)

    def launch(self, source: Source, kernel: str, grid: Grid, arguments: Sequence[Any]) -> None:
        if source not in self._libraries:
            self._libraries[source] = self._compiled(source)
        library = self._libraries[source]
        values = [np.array([x]) for x in scalars(arguments)]
        pointers = (ctypes.c_void_p * len(values))(*(x.ctypes.data for x in values))
        library.host_seed(self.seed)
        threads = 128 if source.file in ANY_WIDTH else grid.threads
        self.launched.append(kernel)
        getattr(library, f"host_{kernel}")(
            ctypes.c_uint(grid.blocks), ctypes.c_uint(threads), ctypes.c_size_t(grid.shared), pointers
        )

    def _compiled(self, source: Source) -> ctypes.CDLL:
        text = (KERNELS / source.file).read_text()
        kernels = NAME.findall(
            text.replace("__launch_bounds__(THREADS, 2)", "").replace("__launch_bounds__(THREADS)", "")
        )
        stem = source.file.replace(".", "_") + "".join(f"_{value}" for _, value in source.defines)
        entry, library = self.folder / f"{stem}.cpp", self.folder / f"{stem}.so"
        lines = [
            '#include "on_host.hpp"',
            f'#include "{source.file}"',
            *(f"RUNS_ON_HOST({k})" for k in kernels),
        ]
        entry.write_text("\n".join(lines))
        command = [
            str(COMPILER),
            "-std=c++17",
            "-O1",
            "-shared",
            "-fPIC",
            "-w",
            *flags(dict(source.defines)),
        ]
        command += ["-DBLOCK_THREADS=128"] if source.file in ANY_WIDTH else []
        command += [f"-I{HERE}", f"-I{KERNELS}", "-o", str(library), str(entry)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return ctypes.CDLL(str(library))


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> HostLauncher:
    if COMPILER is None:
        pytest.skip("no C++ compiler: the kernels cannot be run on the CPU")
    return HostLauncher(tmp_path_factory.mktemp("kernels"))
