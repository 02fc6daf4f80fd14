"""The report: figures and tables of what is in the database, as one HTML file that needs nothing else."""

from pipeline.report.write import check_out, write_report

__all__ = ["check_out", "write_report"]
