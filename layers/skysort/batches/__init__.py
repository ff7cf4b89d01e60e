"""The status of dropped batches: files matched with their records (match), in pages (status), as a CSV (table)."""
