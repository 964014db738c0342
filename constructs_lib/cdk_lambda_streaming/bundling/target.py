"""Where a bundle runs: a Python version, a processor, and the C library of its Amazon Linux."""

from __future__ import annotations

import platform
from dataclasses import dataclass

from packaging.markers import default_environment

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html: Python 3.12 and newer run on Amazon Linux 2023,
# which has glibc 2.34; the older ones on Amazon Linux 2, which has 2.26.
FIRST_ON_AL2023 = (3, 12)
# pip takes only the tags it is given; the names before PEP 600 are those of many wheels.
_OLD_NAMES = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}


@dataclass(frozen=True)
class Target:
    python: tuple[int, int]
    machine: str
    """`aarch64` or `x86_64`."""
    interpreter: str | None = None
    """One on this machine that the bundle is for, whatever Amazon Linux has: for runs at the desk."""

    @property
    def glibc_minor(self) -> int:
        return 34 if self.python >= FIRST_ON_AL2023 else 26

    @property
    def version(self) -> str:
        return f"{self.python[0]}.{self.python[1]}"

    @property
    def full_version(self) -> str:
        """Stands for all patch versions, which Lambda changes by itself; uv takes the first too."""
        return f"{self.version}.0"

    @property
    def marker_environment(self) -> dict[str, str]:
        """What conditions such as `sys_platform == "linux"` are decided by.

        https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers
        """
        python = {
            "python_version": self.version,
            "python_full_version": self.full_version,
            "implementation_version": self.full_version,
        }
        if self.interpreter is not None:
            return {**{name: str(value) for name, value in default_environment().items()}, **python}
        return {
            **python,
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "os_name": "posix",
            "sys_platform": "linux",
            "platform_system": "Linux",
            "platform_machine": self.machine,
            "platform_release": "",
            "platform_version": "",
        }

    @property
    def uv_platform(self) -> str:
        """uv's name of it: uv knows Amazon Linux 2's as manylinux2014, the newest it has that is no newer."""
        return f"{self.machine}-manylinux_2_34" if self.glibc_minor >= 34 else f"{self.machine}-manylinux2014"

    def uv_flags(self, default_interpreter: str) -> list[str]:
        """Return what tells uv of the target; `default_interpreter` runs what uv itself needs Python for."""
        if self.interpreter is not None:
            return ["--python", self.interpreter]
        return [
            "--python",
            default_interpreter,
            "--python-version",
            self.version,
            "--python-platform",
            self.uv_platform,
        ]

    @property
    def pip_platforms(self) -> list[str]:
        """All tags that wheels for it may have, newest first."""
        tags = []
        for minor in range(self.glibc_minor, 4, -1):
            tags.append(f"manylinux_2_{minor}_{self.machine}")
            if minor in _OLD_NAMES and (self.machine == "x86_64" or minor == 17):
                tags.append(f"{_OLD_NAMES[minor]}_{self.machine}")
        return tags

    @property
    def identity(self) -> str:
        """What a bundle's name has of it: another machine's Python of the same version is another target."""
        if self.interpreter is None:
            return str(self)
        return f"{self} {platform.system()} {platform.machine()} {''.join(platform.libc_ver())}"

    def __str__(self) -> str:
        place = "this machine" if self.interpreter else self.machine
        return f"Python {self.version} on {place}"
