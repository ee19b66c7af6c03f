"""The neutral allocation format `stockpile-allocation/1`: fair, then useful, then cheap; proved stage by stage."""
