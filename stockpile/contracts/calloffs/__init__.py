"""An order's way from suggestion to acceptance, step by step."""
