"""Check what a wheel holds: `python wheel_content.py FILE.whl KERNELS_FOLDER`."""

import sys
from pathlib import Path
from zipfile import ZipFile


def check(wheel: Path, kernels: Path) -> None:
    """Only `nnkit` and its metadata, every kernel file, and the marker of typed packages."""
    names = set(ZipFile(wheel).namelist())
    tops = {name.partition("/")[0] for name in names}
    strangers = {top for top in tops if top != "nnkit" and not top.endswith(".dist-info")}
    assert not strangers, f"these would land in site-packages beside nnkit: {sorted(strangers)}"
    sources = [path for path in kernels.iterdir() if path.suffix in (".cl", ".h")]
    assert sources, f"no kernel files in {kernels}"
    wanted = {f"nnkit/kernels/{path.name}" for path in sources} | {"nnkit/py.typed"}
    assert wanted <= names, f"the wheel lacks {sorted(wanted - names)}"
    print(f"{wheel.name}: {len(names)} files, {len(sources)} of them kernels")


if __name__ == "__main__":
    check(Path(sys.argv[1]), Path(sys.argv[2]))
