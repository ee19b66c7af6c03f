"""Items, packs, licences and GS1 codes."""
