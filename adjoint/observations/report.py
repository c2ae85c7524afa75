"""How many observations of each field and platform were given, were used, and were rejected, and why."""

from collections.abc import Sequence

import numpy as np

from adjoint.observations.points import Points

Array = np.ndarray


def count(points: Sequence[Points]) -> dict[tuple[str, str], int]:
    """Return the numbers of observations by field and platform."""
    found: dict[tuple[str, str], int] = {}
    for p in points:
        for platform, number in zip(*np.unique(p.whole().platform, return_counts=True), strict=True):
            key = p.field, str(platform)
            found[key] = found.get(key, 0) + int(number)
    return found


class Report:
    """The numbers of observations after each step of their selection; `print(report)` shows a table.

    Parameters
    ----------
    points : sequence of Points
        The observations that were given.

    Attributes
    ----------
    given : dict of tuple of str to int
        Numbers that were given, by field and platform.
    rejected : dict of str to dict
        Numbers that each step took away, by its reason.
    """

    def __init__(self, points: Sequence[Points]) -> None:
        self.given = count(points)
        self.rejected: dict[str, dict[tuple[str, str], int]] = {}

    def keep(self, points: Sequence[Points], good: Sequence[Array], reason: str) -> list[Points]:
        """Select observations, and count those that are rejected.

        Parameters
        ----------
        points : sequence of Points
            The observations.
        good : sequence of ndarray of bool
            Which ones are kept, for each of `points`.
        reason : str
            Why the others are rejected: the heading of their column.

        Returns
        -------
        list of Points
            Those that are kept; fields without any are left out.
        """
        kept = [p.select(g) for p, g in zip(points, good, strict=True) if np.any(g)]
        return self.replace(points, kept, reason)

    def replace(self, points: Sequence[Points], others: list[Points], reason: str) -> list[Points]:
        """Count how many fewer observations there are than before.

        Parameters
        ----------
        points : sequence of Points
            The observations before.
        others : list of Points
            Those that take their place, such as super-observations.
        reason : str
            The heading of the column of the difference.

        Returns
        -------
        list of Points
            The others.
        """
        after, column = count(others), self.rejected.setdefault(reason, {})
        for key, number in count(points).items():
            column[key] = column.get(key, 0) + number - after.get(key, 0)
        return others

    @property
    def used(self) -> dict[tuple[str, str], int]:
        """Numbers that are left, by field and platform."""
        lost = {key: sum(column.get(key, 0) for column in self.rejected.values()) for key in self.given}
        return {key: number - lost[key] for key, number in self.given.items()}

    def table(self, platforms: int = 12) -> str:
        """Return the numbers as a table of text.

        Parameters
        ----------
        platforms : int
            A field with more platforms than this has one line for all of them.

        Returns
        -------
        str
            A line for each field and platform, and one for the sums.
        """
        columns = {"given": self.given, "used": self.used} | self.rejected
        columns = {name: a for name, a in columns.items() if name in ("given", "used") or any(a.values())}
        rows = []
        for field in sorted({field for field, _ in self.given}):
            lines = [(platform, [(field, platform)]) for f, platform in sorted(self.given) if f == field]
            if len(lines) > platforms:
                lines = [(f"{len(lines)} platforms", [key for _, keys in lines for key in keys])]
            rows += [(field, name, *(sum(a.get(k, 0) for k in keys) for a in columns.values())) for name, keys in lines]
        sums = [sum(column) for column in list(zip(*rows, strict=True))[2:]]
        texts = [[str(a) for a in row] for row in [("field", "platform", *columns), *rows, ("all", "", *sums)]]
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        return "\n".join(
            "  ".join([a.ljust(w) if n < 2 else a.rjust(w) for n, (a, w) in enumerate(zip(row, widths, strict=True))])
            for row in texts
        )

    def __str__(self) -> str:
        return self.table()
