"""Builds libkerma with the Go toolchain and puts it into the wheel."""

from __future__ import annotations

import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

here = Path(__file__).parent
repository = here.parent.parent


def version() -> str:
    """The version of the library, which is the package's too."""
    text = (repository / "internal" / "version" / "version.go").read_text()
    return re.search(r'Version = "(.+)"', text)[1]


class LibraryHook(BuildHookInterface):
    """Compiles the library before the wheel is packed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        library = here / "src" / "kerma" / "libkerma.so"
        subprocess.run(
            ["go", "build", "-trimpath", "-ldflags=-s -w", "-buildmode=c-shared", "-o", str(library), "./bindings/c"],
            cwd=repository,
            check=True,
        )
        library.with_suffix(".h").unlink(missing_ok=True)
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"
        build_data["artifacts"].append("src/kerma/libkerma.so")
