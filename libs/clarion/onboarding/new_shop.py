"""A new shop: its configuration, and a first mapping of one of its files."""

import importlib.resources
from collections.abc import Mapping
from pathlib import Path

from clarion.collect.sources.proposal import Proposal, propose_mapping
from clarion.collect.sources.sample import sample_file
from clarion.config import Config
from clarion.declarations.shop import column_words, missing_words, personal_words, value_words
from clarion.kernel.errors import SourceError, UsageError
from clarion.onboarding.ready_mappings import ready_note
from clarion.onboarding.similar_files import pattern_of_similar

_BASE = """\
# The shop's own settings, laid over the packaged ones: name only what differs.
# 'clarion config show' prints every setting, its value and where it came from.
shop:
  name: {name}
  time_zone: {time_zone}
  currency: {currency}
  sources: []                      # names of files in sources/, without .yml
"""


def start_shop(
    folder: Path, *, name: str, time_zone: str, currency: str, scale: Mapping[str, float]
) -> list[Path]:
    """Write a new shop's configuration: base.yml, offers.yml and an empty folder for sources.

    Args:
        folder: where to write it.
        name: what the shop is called.
        time_zone: where its days begin.
        currency: of its money.
        scale: what its orders are worth, its budget and its targets, by setting; as far as known.

    Returns:
        The files that were written.

    Raises:
        UsageError: the folder has a configuration already, or cannot be made.
    """
    if (folder / "base.yml").exists():
        raise UsageError(
            f"{folder} has a configuration",
            found=str(folder / "base.yml"),
            fix="name another folder",
        )
    try:
        (folder / "sources").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be made",
            found=error.strerror,
            fix="name a folder that can be written",
        ) from error
    packaged = importlib.resources.files("clarion.conf")
    contents = {
        "base.yml": _BASE.format(name=name, time_zone=time_zone, currency=currency)
        + _scale_lines(scale),
        "offers.yml": (packaged / "offers.yml").read_text("utf-8"),
    }
    for file, content in contents.items():
        (folder / file).write_text(content, encoding="utf-8")
    Config.load(conf_dir=folder)  # it must be valid
    return [folder / file for file in contents]


def _scale_lines(scale: Mapping[str, float]) -> str:
    """YAML lines of settings, by section; the first ones go on with the section shop."""
    sections: dict[str, list[str]] = {"shop": []}
    for key, value in scale.items():
        section, _, name = key.partition(".")
        sections.setdefault(section, []).append(f"  {name}: {value:.15g}\n")
    rest = "".join(
        f"{section}:\n{''.join(lines)}" for section, lines in sections.items() if section != "shop"
    )
    return "".join(sections["shop"]) + rest


def infer_mapping(config: Config, path: str, *, kind: str | None) -> Proposal:
    """A mapping for a file, for a person to correct.

    Raises:
        UsageError: there is no proposal for that kind.
        SourceError: the file cannot be sampled, or resembles no kind.
    """
    words = column_words(config)
    if kind is not None and kind not in words:
        raise UsageError(
            f"a mapping of kind '{kind}' cannot be proposed",
            found=", ".join(words),
            fix="name one of these, or write it by hand",
        )
    sample = sample_file(path)
    has_names = bool(sample.options.get("header"))
    files = pattern_of_similar(
        path, first_lines=sample.layout.get("lines_before", 0) + 1 if has_names else 0
    )
    ready = ready_note(config, sample.columns)
    try:
        proposal = propose_mapping(
            path,
            sample,
            words,
            vocabularies=value_words(config),
            missing_words=missing_words(config),
            personal_words=personal_words(config),
            kind=kind,
            time_zone=str(config.get("shop.time_zone")),
            where=files.where,
        )
    except SourceError as error:
        if not ready:
            raise
        raise SourceError(error.what, found=error.found, fix=ready[0]) from error
    proposal.notes[:0] = [*ready, *filter(None, [files.note])]
    return proposal
