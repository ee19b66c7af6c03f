"""Time in the storeroom: how late an entry may be, which periods are closed, and what stood where at an instant."""
