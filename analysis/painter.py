"""Draws figures in a process beside the caller's, which imports what drawing takes while the caller reads the runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.printed import inline_svg, save
from study.core import children

if TYPE_CHECKING:
    from analysis.maps import Map
    from analysis.plots import Plot


class Here(Executor):
    """Draws at once, in the caller's own process: for a caller with threads, which must not fork."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call `fn` and return its result as a future that is done; what it raises, it raises here."""
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


@contextmanager
def beside() -> Iterator[Executor]:
    """A process that begins to import matplotlib when it is entered, and ends with the context.

    An error ends it at once, whatever it does: nobody waits for an import to hear of a study that is not there.
    """
    with ProcessPoolExecutor(1, initializer=_prepare) as pool:
        with children.shield():
            pool.submit(int)  # the first task starts the process
        try:
            yield pool
        except BaseException:
            for process in list(pool._processes.values()):
                process.kill()
            raise


def paint(plots: Sequence[Plot | Map], folder: Path, kinds: Sequence[str], where: Executor) -> list[Future[None]]:
    """Have every plot that has a point saved in `folder`, a file of each kind; the futures raise OSError where one
    cannot be written."""
    return [where.submit(save, plot, folder, kinds) for plot in plots if kinds and not plot.empty]


def paint_inline(plots: Sequence[Plot | Map], where: Executor) -> dict[str, Future[str]]:
    """Have every plot drawn as the <svg> element of a page, by its name; one without a point is no drawing."""
    return {plot.name: where.submit(inline_svg, plot) for plot in plots if not plot.empty}


def _prepare() -> None:
    """Import what drawing takes; Ctrl-C is the caller's to answer."""
    children.follow_parent()
    import analysis.drawing  # noqa: F401
