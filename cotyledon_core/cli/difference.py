"""What a reload would change, in lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cotyledon_core.cli.cells import printable

if TYPE_CHECKING:
    from cotyledon_core.control.results import Preview, ServicePreview

SAME = "nothing would change"


def lines(preview: Preview) -> list[str]:
    """``+`` for what is added, ``-`` for what is removed, ``~`` for what is changed,
    ``!`` for what is refused."""
    found = [f"! {text}" for text in preview.refused]
    found += [f"+ service {name}" for name in preview.added]
    found += [f"- service {name}" for name in preview.removed]
    found += [_service(each) for each in preview.changed]
    for sign, kind in (("+", "added"), ("-", "removed"), ("~", "changed")):
        found += [f"{sign} notifier {name}" for name in (preview.notifiers or {}).get(kind, ())]
    found += [f"~ option {name}" for name in preview.live]
    return [printable(line) for line in found] or [SAME]


def _service(changed: ServicePreview) -> str:
    text = f"~ service {changed.service}: {', '.join(changed.effects)}"
    if changed.old_workers != changed.workers:
        text += f"; workers {changed.old_workers} -> {changed.workers}"
    options = (*changed.live, *changed.replacing, *changed.in_place, *changed.restart)
    return f"{text}; options {', '.join(options)}" if options else text
