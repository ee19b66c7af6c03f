"""What is used and will be used: consumption put right, forecasts with intervals, outlooks and scenarios."""
