"""The command line: signatures, and the one place where errors become messages and exit codes.

Everything heavier than typer is imported by the command that needs it, so that ``--help`` answers at once.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from cautify import __version__
from cautify.reports.formats import CheckFormat

if TYPE_CHECKING:
    from cautify.commands.options import Given
    from cautify.model import Outcome
    from cautify.reports.console import Console

app = typer.Typer(
    help="Teach a PyTorch codebase the Cautious Optimizer, keep the patch alive, and take it back.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class Format(str, Enum):
    """How a report is written."""

    text = "text"
    json = "json"


class OnOff(str, Enum):
    """What a switch is by default."""

    on = "on"
    off = "off"


_Target = Annotated[Path, typer.Argument(metavar="PATH", help="The codebase: a directory, or a file in it.")]
_Targets = Annotated[list[Path] | None, typer.Argument(metavar="PATH", help="The codebase, or files of it.")]
_Include = Annotated[list[str] | None, typer.Option("--include", metavar="GLOB", help="Only files that match.")]
_Exclude = Annotated[list[str] | None, typer.Option("--exclude", metavar="GLOB", help="No files that match.")]
_Select = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        metavar="KIND:VALUE",
        help="Only sites like path:src/**, optimizer:AdamW, reason:custom, verdict:wrap. Several: any of them.",
    ),
]
_Ignore = Annotated[
    list[str] | None, typer.Option("--ignore", metavar="KIND:VALUE", help="No such sites, even if they are selected.")
]
_FlagName = Annotated[
    str | None, typer.Option("--flag-name", metavar="NAME", help="Call the switch this, not use_cautious_optimizer.")
]
_Default = Annotated[OnOff | None, typer.Option("--default", help="Whether the switch is on unless users turn it off.")]
_Tests = Annotated[bool | None, typer.Option("--tests/--no-tests", help="Treat test code like other code.")]
_VendorTo = Annotated[
    str | None, typer.Option("--vendor-to", metavar="DIR", help="Put the runtime into this directory of PATH.")
]
_WithTriton = Annotated[
    bool | None,
    typer.Option("--with-triton/--no-with-triton", help="Put a second file beside the runtime: kernels for GPUs."),
]
_Report = Annotated[Format, typer.Option("--format", help="How to print the report.")]
_CheckReport = Annotated[CheckFormat, typer.Option("--format", help="How to print the report.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the diff and write nothing.")]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Write without being asked.")]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but the result, warnings and errors.")]
_Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more: details, and tracebacks of crashes.")]
_HERE = Path(".")


@app.callback(invoke_without_command=True)
def _program(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"cautify {__version__}")
        raise typer.Exit


@app.command()
def scan(
    path: _Target = _HERE,
    format: _Report = Format.text,
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain",
            metavar="FILE:LINE",
            help="Tell how one place was resolved, hop by hop, instead. In text only, not with --format json.",
        ),
    ] = None,
    include: _Include = None,
    exclude: _Exclude = None,
    select: _Select = None,
    ignore: _Ignore = None,
    tests: _Tests = None,
    vendor_to: _VendorTo = None,
    flag_name: _FlagName = None,
    default: _Default = None,
    with_triton: _WithTriton = None,
    quiet: _Quiet = False,
    verbose: _Verbose = False,
) -> None:
    """List every optimizer that is made, its verdict and its switch. Writes nothing."""

    def work(console: Console) -> Outcome:
        from cautify.commands import scan as command
        from cautify.errors import InvalidOption

        if explain is not None and format is Format.json:
            raise InvalidOption("--explain cannot be used with --format json", "it is told in text", "Leave one out.")
        given = _given(
            include, exclude, tests, vendor_to, flag_name, default, with_triton, select=select, ignore=ignore
        )
        if explain is not None:
            return command.explain(path, given, explain, console=console)
        return command.scan(path, given, as_json=format is Format.json, console=console)

    _run(work, quiet, verbose)


@app.command()
def apply(
    path: _Target = _HERE,
    dry_run: _DryRun = False,
    yes: _Yes = False,
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="Ask about each site, as `git add -p` does about hunks.")
    ] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="With --dry-run: exit with 1 if anything would change.")
    ] = False,
    allow_dirty: Annotated[
        bool, typer.Option("--allow-dirty", help="Edit files even if they have uncommitted changes.")
    ] = False,
    plan_out: Annotated[
        Path | None,
        typer.Option("--plan-out", metavar="FILE", help="Write the plan to FILE, show its diff, and patch nothing."),
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", metavar="FILE", help="Write exactly the plan in FILE, unless the code changed since."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a runtime that was edited by hand.")] = False,
    include: _Include = None,
    exclude: _Exclude = None,
    select: _Select = None,
    ignore: _Ignore = None,
    tests: _Tests = None,
    vendor_to: _VendorTo = None,
    flag_name: _FlagName = None,
    default: _Default = None,
    with_triton: _WithTriton = None,
    quiet: _Quiet = False,
    verbose: _Verbose = False,
) -> None:
    """Show the diff, ask, and write it. On a patched codebase: only what is new."""

    def work(console: Console) -> Outcome:
        from cautify.commands import apply as command
        from cautify.commands.apply_plan import apply_plan
        from cautify.commands.options import require_plan_alone
        from cautify.commands.proposal import Consent
        from cautify.errors import InvalidOption

        if exit_code and not dry_run:
            raise InvalidOption("--exit-code cannot be used", "it goes with --dry-run only", "Add --dry-run.")
        if yes and plan_out is not None:
            raise InvalidOption("--yes cannot be used with --plan-out", "no code is written", "Leave one out.")
        given = _given(
            include, exclude, tests, vendor_to, flag_name, default, with_triton, select=select, ignore=ignore
        )
        consent = Consent(dry_run or plan_out is not None, yes)
        if plan is not None:
            require_plan_alone(given, {"--plan-out": plan_out, "--interactive": interactive, "--force": force})
            return apply_plan(path, plan, consent, allow_dirty=allow_dirty, exit_code=exit_code, console=console)
        return command.apply(
            path,
            given,
            consent,
            allow_dirty=allow_dirty,
            exit_code=exit_code,
            force=force,
            console=console,
            interactive=interactive,
            plan_out=plan_out,
        )

    _run(work, quiet, verbose)


@app.command()
def check(
    paths: _Targets = None,
    format: _CheckReport = CheckFormat.text,
    include: _Include = None,
    exclude: _Exclude = None,
    select: _Select = None,
    ignore: _Ignore = None,
    tests: _Tests = None,
    vendor_to: _VendorTo = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="STATES", help="States that are no failure: edited,older,obsolete,..."),
    ] = None,
    quiet: _Quiet = False,
    verbose: _Verbose = False,
) -> None:
    """For CI: tell how the patch stands, exit with 1 if a part fails."""

    def work(console: Console) -> Outcome:
        from cautify.commands import check as command

        given = _given(include, exclude, tests, vendor_to, select=select, ignore=ignore)
        return command.check(paths or [_HERE], given, format=format, console=console, allow=allow or ())

    _run(work, quiet, verbose)


@app.command()
def revert(
    path: _Target = _HERE,
    dry_run: _DryRun = False,
    yes: _Yes = False,
    force: Annotated[bool, typer.Option("--force", help="Remove a runtime that was edited by hand, too.")] = False,
    quiet: _Quiet = False,
    verbose: _Verbose = False,
) -> None:
    """Show the diff, ask, and take the patch back."""

    def work(console: Console) -> Outcome:
        from cautify.commands import revert as command
        from cautify.commands.proposal import Consent, carry_out, repair
        from cautify.commands.target import find_root
        from cautify.errors import FileChanged
        from cautify.patch.survey import under_own_names

        root = find_root(path)
        consent = Consent(dry_run, yes)
        try:
            reversal = command.prepare(root, force=force)
        except FileChanged:
            if not dry_run:
                repair(root, consent, console)  # an edit elsewhere must not keep a half-written tree as it is
            raise
        if verbose:
            console.note(
                "\n".join(f"{f.path}: {reversal.how[f.path].value}" for f in reversal.files if f.path in reversal.how)
            )
        return carry_out(
            console,
            under_own_names(root, reversal.files),
            consent,
            lambda: command.execute(root, reversal.files, force=force),
        )

    _run(work, quiet, verbose)


@app.command("init-ci")
def init_ci(
    path: _Target = _HERE,
    install: Annotated[
        str | None, typer.Option("--install", metavar="WHAT", help="What pip is to install: cautify==X, or a URL.")
    ] = None,
    dry_run: _DryRun = False,
    yes: _Yes = False,
    quiet: _Quiet = False,
    verbose: _Verbose = False,
) -> None:
    """Put a GitHub workflow that runs check into the repository. It is shown first."""

    def work(console: Console) -> Outcome:
        from cautify.commands import init_ci as command
        from cautify.commands.proposal import Consent

        return command.init_ci(path, install, Consent(dry_run, yes), console=console)

    _run(work, quiet, verbose)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The entry point of the ``cautify`` command: ends the process, or raises SystemExit if given arguments."""
    code: object = 0
    if arguments is None:
        gc.disable()  # what is imported and parsed lives to the end: to look through it finds nothing
    try:
        app(args=None if arguments is None else list(arguments), prog_name="cautify")
    except SystemExit as ended:
        code = ended.code
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
        if arguments is None and isinstance(code, int):
            os._exit(code)  # taking millions of syntax nodes apart one by one would only cost time
    sys.exit(code)  # type: ignore[arg-type]


def _given(
    include: list[str] | None,
    exclude: list[str] | None,
    tests: bool | None,
    vendor_to: str | None,
    flag_name: str | None = None,
    default: OnOff | None = None,
    with_triton: bool | None = None,
    *,
    select: list[str] | None = None,
    ignore: list[str] | None = None,
) -> Given:
    from cautify.commands.options import Given

    # typer hands over an empty list where an option was not given, depending on its version
    globs = (tuple(include) if include else None, tuple(exclude) if exclude else None)
    on = None if default is None else default is OnOff.on
    chosen = (tuple(select) if select else None, tuple(ignore) if ignore else None)
    return Given(*globs, tests, vendor_to, flag_name, on, with_triton, *chosen)


def _run(work: Callable[[Console], Outcome], quiet: bool, verbose: bool) -> None:
    """Call a command, say how it ended, and exit: the one error boundary."""
    from cautify.errors import CautifyError, InvalidOption
    from cautify.reports.console import Console

    console = Console(quiet, verbose)
    outcome: Outcome | None = None
    try:
        if quiet and verbose:
            raise InvalidOption("--quiet and --verbose cannot be used together", "they contradict", "Leave one out.")
        outcome = work(console)
        console.note("\n".join(part for part in (*outcome.details, outcome.message) if part))
        code = outcome.exit_code
    except CautifyError as error:
        console.error(str(error))
        code = error.exit_code
    except KeyboardInterrupt:
        if outcome is None:
            console.error("interrupted: nothing was written")
        code = 130 if outcome is None else outcome.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more to be said, nor at exit
        code = 2 if outcome is None else outcome.exit_code
    except Exception as error:
        if _interrupted(error) and outcome is None:
            console.error("interrupted: nothing was written")
            code = 130
        else:
            from cautify.reports.crash import crash_report

            console.error(crash_report(error, with_traceback=verbose))
            code = 2
    raise typer.Exit(code)


def _interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error: what it strikes in the middle may fail in ways of its own."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
