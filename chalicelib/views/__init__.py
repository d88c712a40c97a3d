"""The views: one file per question. To add one, write its file and name it here."""

from __future__ import annotations

from chalicelib.views import (
    catalog,
    contributions,
    desk,
    names,
    orders,
    queue,
    sales,
    scores,
    tickets,
    todos,
)

VIEWS = (
    catalog.VIEW,
    contributions.VIEW,
    scores.VIEW,
    names.VIEW,
    desk.VIEW,
    orders.VIEW,
    queue.VIEW,
    sales.VIEW,
    tickets.VIEW,
    todos.VIEW,
)
