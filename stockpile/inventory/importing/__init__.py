"""The import of stock by file: many rows checked and posted as the single operations would, all or nothing."""
