"""Stops: stock that does not move because the books about it are wrong; a person sets them aside, nobody else."""
