"""Settlement: what sharing cost, who bears it by which key, loans in kind, and who helped whom."""
