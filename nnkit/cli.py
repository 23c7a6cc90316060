"""The command `nnkit`: `nnkit info`, `nnkit tune` and `nnkit demo NAME`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from nnkit import selection
from nnkit.backend import label
from nnkit.errors import NnkitError
from nnkit.examples import programs
from nnkit.version import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0, 1 after an error, 2 after a wrong argument."""
    parser = _parser()
    args = parser.parse_args(arguments)
    try:
        args.command(args)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough, as in `nnkit info | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (NnkitError, ImportError, ValueError, OSError) as error:
        print(f"nnkit: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nnkit", description="Neural networks on whatever is in the machine."
    )
    parser.add_argument("--version", action="version", version=f"nnkit {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    info = commands.add_parser("info", help="say what is in the machine and what is in use")
    info.add_argument("--probe", action="store_true", help="test every device anew")
    info.set_defaults(command=_info)

    tune = commands.add_parser("tune", help="find the fastest form of kernels for a device")
    tune.add_argument("--backend", default="", help="such as opencl:0; by default the one in use")
    tune.set_defaults(command=_tune)

    demo = commands.add_parser("demo", help="run a program; without a name, list them")
    demo.set_defaults(command=_list)
    names = demo.add_subparsers(title="programs", metavar="NAME")
    for name, module in programs().items():
        line = _first_line(module.__doc__)
        program = names.add_parser(name, help=line, description=line)
        module.add_arguments(program)
        program.set_defaults(command=_demo, program=module)
    return parser


def _info(args: argparse.Namespace) -> None:
    from nnkit.info import info_text  # not above: a demo does without

    print(info_text(probe=args.probe))


def _tune(args: argparse.Namespace) -> None:
    backend = selection.open_backend(args.backend) if args.backend else selection.current()
    print(label(backend))
    search = getattr(backend, "tune", None)
    if search is None:
        print("nothing to tune: its products are a library's")
    else:
        search(lambda line: print(line, flush=True))


def _list(_: argparse.Namespace) -> None:
    found = programs()
    width = max(map(len, found))
    for name, module in found.items():
        print(f"{name:<{width}}  {_first_line(module.__doc__)}")
    print("\nRun one with: nnkit demo NAME (its options: nnkit demo NAME --help)")


def _demo(args: argparse.Namespace) -> None:
    if args.backend:
        selection.use(args.backend)
    args.program.run(args)


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main())
