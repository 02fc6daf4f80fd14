"""Whether the installation is in order: packages, server, store, device and room; what to do where it is not."""

from __future__ import annotations

from pipeline.doctor.examine import examine
from pipeline.doctor.finding import FAULT, OK, WARNING, Finding, worst
from pipeline.doctor.shown import as_json, as_table, to_send

__all__ = ["FAULT", "OK", "WARNING", "Finding", "as_json", "as_table", "examine", "to_send", "worst"]
