"""What has become of a dropped batch: files matched with their records (match), told in pages (status, table)."""
