"""Pictures of bulk jobs: single files, and those inside zip and tar archives and Parquet tables."""
