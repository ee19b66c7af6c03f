"""Files of temperature loggers: read, judged, and kept once."""
