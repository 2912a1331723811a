"""Where MLflow shows a run in a browser."""

from __future__ import annotations

from urllib.parse import quote, urlsplit, urlunsplit

WEB = ("http", "https")


def pages_at(uri: str) -> str:
    """The address of the pages of the store at `uri`, without a password; "" where no server keeps it."""
    parts = urlsplit(uri)
    if parts.scheme not in WEB:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


def run_page(pages: str, experiment: str, run: str) -> str:
    """The address of a run's page, "" where there are no pages."""
    return f"{pages}/#/experiments/{quote(experiment, '')}/runs/{quote(run, '')}" if pages else ""
