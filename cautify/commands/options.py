"""The options that shape a plan: those on the command line, over those that the manifest recorded.

The optimizers that the target's pyproject.toml names are read anew each time. What it says of the switch's name and
default counts until the patch is made: from then on these are what they are in the code, as the manifest says. The
runtime's second file can be added later; once it is there, it stays until the patch is taken back.

Which files and sites are looked at (include, exclude, tests, select, ignore) and where the runtime goes (vendor-to) is
decided for each option by itself: the command line wins; then what an earlier command line said, which the manifest
recorded; then pyproject.toml, which is never recorded but read anew, so that a change there counts at once. A recorded
value that is the usual one (no globs, no tests) says nothing. Sites that were declined one by one stay so until
somebody is asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from cautify.commands import settings
from cautify.errors import InvalidOption
from cautify.homes import ENABLED, unfit
from cautify.model import Options
from cautify.patch.vendor import TRITON_NAME

if TYPE_CHECKING:
    from cautify.patch.records import Manifest


_SCOPE = ("include", "exclude", "tests", "vendor_to", "select", "ignore")


@dataclass(frozen=True)
class Given:
    """What the command line said; None where it said nothing."""

    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    tests: bool | None = None
    vendor_to: str | None = None
    flag_name: str | None = None
    default_on: bool | None = None
    with_triton: bool | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None


def effective(given: Given, manifest: Manifest | None, root: Path | None = None) -> Options:
    """The options to plan with, for the tree at ``root``.

    Raises:
        InvalidOption: the tree's ``[tool.cautify]`` cannot be used, a switch cannot be called what the command line
            says, or the patch that is there calls it otherwise or has another default; or the runtime would take
            the name of its second file.
    """
    recorded = manifest.options if manifest else Options()
    said = settings.read(root) if root is not None else settings.Settings(recorded.optimizers)
    if given.flag_name is not None and (why := unfit(given.flag_name)) is not None:
        raise InvalidOption(
            f"--flag-name {given.flag_name} cannot be used",
            why,
            "Give it a name like use_cautious; it takes the case and separators of its neighbours by itself.",
        )
    vendor_to = given.vendor_to or said.vendor_to
    if vendor_to is not None and PurePosixPath(vendor_to).name == TRITON_NAME:
        raise InvalidOption(
            f"--vendor-to {vendor_to} cannot be used",
            "that is the name of the runtime's second file",
            "Name a directory, or a file of another name.",
        )
    if manifest is None:
        name = said.flag_name if given.flag_name is None else given.flag_name
        on = said.default_on if given.default_on is None else given.default_on
    else:
        _require_same("the command line", given.flag_name, given.default_on, recorded)
        name, on = recorded.flag_name, recorded.default_on
    triton = said.with_triton if given.with_triton is None else given.with_triton
    options = replace(
        recorded,
        flag_name=None if name == ENABLED else name,
        default_on=bool(on),
        with_triton=recorded.with_triton or bool(triton),
        optimizers=said.optimizers,
    )
    return _scoped(options, given, said)


def _scoped(options: Options, given: Given, said: settings.Settings) -> Options:
    """The recorded options with what the command line says instead, and pyproject.toml where both say nothing."""
    usual = Options()
    for name in _SCOPE:
        value = getattr(given, name)
        if value is not None:
            options = replace(options, **{name: value})
        elif getattr(options, name) == getattr(usual, name) and getattr(said, name) is not None:
            from_settings = options.from_settings | {name}
            options = replace(options, **{name: getattr(said, name)}, from_settings=from_settings)
    return options


def require_plan_alone(given: Given, others: Mapping[str, object]) -> None:
    """Refuse options beside ``--plan`` that would make another plan. ``others`` are some by name, with their values.

    Raises:
        InvalidOption: names them.
    """
    shaping = {name: value for name, value in vars(given).items() if value is not None}
    used = [name for name, value in others.items() if value]
    used += [f"--{name.removesuffix('_on').replace('_', '-')}" for name in shaping]
    if used:
        why = "what it changes is settled"
        raise InvalidOption(f"{', '.join(used)} cannot be used with --plan", why, "Leave one out, or make a new plan.")


def require_settings_of(manifest: Manifest, given: Given, root: Path) -> None:
    """Refuse to go on where pyproject.toml asks for another switch than the patch has, and the command line does not.

    Raises:
        InvalidOption: that is so, or pyproject.toml cannot be used.
    """
    said = settings.read(root)
    name = said.flag_name if given.flag_name is None else None
    on = said.default_on if given.default_on is None else None
    _require_same(str(root / "pyproject.toml"), name, on, manifest.options)


def _require_same(who: str, name: str | None, on: bool | None, recorded: Options) -> None:
    """Refuse a switch that differs from that of the patch; None is no matter."""
    there = recorded.flag_name or ENABLED
    if name is not None and name != there:
        raise _differs(f"{who} calls the switch {name}", f"the patch calls it {there}", f"--flag-name {there}")
    if on is not None and on != recorded.default_on:
        asked, made = ("on", "off") if on else ("off", "on")
        raise _differs(f"{who} wants the switch {asked} by default", f"in the patch it is {made}", f"--default {made}")


def _differs(what: str, why: str, option: str) -> InvalidOption:
    next_step = f"Run `cautify revert` first, then apply anew; or keep the patch as it is with {option}."
    return InvalidOption(what, why, next_step)
