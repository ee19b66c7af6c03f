"""A region from CSV templates: checked whole first, then loaded whole, or not at all.

The templates are those of the demo region (fixtures/region); members, sites,
items, licences and lanes are needed, the rest may be missing.
"""
