"""The care of stock: release, expiry extension, returns, disposal, temperature."""
