"""What was reported, and what became of it, as tables: CSV for spreadsheets, Parquet for analysis."""

from smsgateway.export.exporting import FORMATS, ExportRefused, export_data, rows_ahead

__all__ = ["FORMATS", "ExportRefused", "export_data", "rows_ahead"]
