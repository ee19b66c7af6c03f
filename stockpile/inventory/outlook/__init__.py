"""Looking ahead: what can be promised by a date, and what expires first and what to do about it."""
