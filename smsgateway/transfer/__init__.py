"""Programme files: people in and out of the service as four CSV files, and looked up in them without a database."""

from smsgateway.transfer.exporting import export_people, rows_to_export
from smsgateway.transfer.faults import Fault, ImportRefused
from smsgateway.transfer.importing import RegisterBusy, import_people, rows_ahead
from smsgateway.transfer.people import Count
from smsgateway.transfer.programme import Entry, Listed, ProgrammeFiles
from smsgateway.transfer.writing import Summary

__all__ = [
    "Count",
    "Entry",
    "Fault",
    "ImportRefused",
    "Listed",
    "ProgrammeFiles",
    "RegisterBusy",
    "Summary",
    "export_people",
    "import_people",
    "rows_ahead",
    "rows_to_export",
]
