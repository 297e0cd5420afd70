"""Import of history: rows of a CSV or Parquet file, through a mapping file, into the door. Manual: docs/import.md."""
