"""Target of a bundle: a Python version, a processor, and the C library of its Amazon Linux."""

from __future__ import annotations

import platform
from dataclasses import dataclass

from packaging.markers import default_environment

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html: Python 3.12 and newer run on Amazon Linux 2023,
# which has glibc 2.34. Older versions run on Amazon Linux 2, which has glibc 2.26.
FIRST_ON_AL2023 = (3, 12)
# pip accepts only the tags it is given. Many wheels still have the names from before PEP 600.
_OLD_NAMES = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}


@dataclass(frozen=True, slots=True)
class Target:
    """Machine that runs a bundle."""

    python: tuple[int, int]
    machine: str
    """`aarch64` or `x86_64`."""
    interpreter: str | None = None
    """Interpreter on this machine, for a bundle that runs here and not on Amazon Linux."""

    @property
    def glibc_minor(self) -> int:
        return 34 if self.python >= FIRST_ON_AL2023 else 26

    @property
    def version(self) -> str:
        return f"{self.python[0]}.{self.python[1]}"

    @property
    def full_version(self) -> str:
        """Version with patch 0, which stands for all patch versions, as in uv. Lambda chooses the patch version."""
        return f"{self.version}.0"

    @property
    def marker_environment(self) -> dict[str, str]:
        """Values that decide environment markers such as `sys_platform == "linux"`.

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
        """Platform name for uv. For Amazon Linux 2 it is manylinux2014, the newest one in uv that is not too new."""
        return f"{self.machine}-manylinux_2_34" if self.glibc_minor >= 34 else f"{self.machine}-manylinux2014"

    def uv_flags(self, default_interpreter: str) -> list[str]:
        """Return the flags that describe the target to uv. uv itself runs Python with `default_interpreter`."""
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
        """Platform tags of the wheels that fit, newest first."""
        tags = []
        for minor in range(self.glibc_minor, 4, -1):
            tags.append(f"manylinux_2_{minor}_{self.machine}")
            if minor in _OLD_NAMES and (self.machine == "x86_64" or minor == 17):
                tags.append(f"{_OLD_NAMES[minor]}_{self.machine}")
        return tags

    @property
    def identity(self) -> str:
        """Part of the bundle's name. The same Python version on another developer machine is another target."""
        if self.interpreter is None:
            return str(self)
        return f"{self} {platform.system()} {platform.machine()} {''.join(platform.libc_ver())}"

    def __str__(self) -> str:
        place = "this machine" if self.interpreter else self.machine
        return f"Python {self.version} on {place}"
