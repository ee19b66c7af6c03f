"""Plans computed by number: with progress while they run, ended when asked."""
