"""The catalogue of the domain's data products, as their contracts tell of them.

It is one page (`meshtest.reports.catalogue.page`); what a column's classification hides is hidden in the
console, too.
"""
