"""Charts of a period, on the Overview and on the page of a region."""
