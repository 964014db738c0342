"""Bar chart of the measured values, as SVG for light and dark pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from xml.sax.saxutils import escape

WIDTH, LABEL_WIDTH, BAR_HEIGHT, GAP, TOP = 820, 250, 16, 22, 46
_BAR_ROOM = WIDTH - LABEL_WIDTH - 130

_STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.unit { font-size: 12px; fill: #57606a; }
.bar0 { fill: #2457c5; } .bar1 { fill: #3f9b5a; } .bar2 { fill: #9a9fa6; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .unit { fill: #9da7b3; }
  .bar0 { fill: #6c9bff; } .bar1 { fill: #56c47a; } .bar2 { fill: #7d858f; }
}"""


class Measure(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def less_is_better(self) -> bool: ...


def draw(measures: Sequence[Measure], medians: Mapping[str, Mapping[str, float]]) -> str:
    """Return an SVG with a group of bars for each measure. The longest bars of all groups have the same length."""
    parts = [_legend(list(medians))]
    y = TOP
    for measure in measures:
        values = [(index, each[measure.key]) for index, each in enumerate(medians.values()) if measure.key in each]
        longest = max(value for _, value in values)
        better = "less" if measure.less_is_better else "more"
        parts.append(f'<text x="0" y="{y + 12}">{escape(measure.title)}</text>')
        parts.append(f'<text class="unit" x="0" y="{y + 29}">{measure.unit}, {better} is better</text>')
        for index, value in values:
            length = max(1.0, value / longest * _BAR_ROOM)
            parts.append(
                f'<rect class="bar{index}" x="{LABEL_WIDTH + 40}" y="{y}" '
                f'width="{length:.1f}" height="{BAR_HEIGHT - 3}"/>'
                f'<text class="unit" x="{LABEL_WIDTH + 46 + length:.1f}" y="{y + 11}">'
                f"{value:,.{0 if value >= 100 else 1}f}</text>"
            )
            y += BAR_HEIGHT
        y = max(y, y + (2 - len(values)) * BAR_HEIGHT) + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img" '
        f'aria-label="Benchmarks of Lambda runtimes">\n<style>{_STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _legend(names: Sequence[str]) -> str:
    parts, x = [], 0
    for index, name in enumerate(names):
        parts.append(
            f'<rect class="bar{index}" x="{x}" y="6" width="12" height="12"/>'
            f'<text x="{x + 18}" y="17">{escape(name)}</text>'
        )
        x += 40 + round(len(name) * 7.2)
    return "\n".join(parts)
