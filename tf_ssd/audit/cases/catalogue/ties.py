"""Negatives that are equally hard: any of them make the same loss."""

from tf_ssd.audit.cases.case import Known

# The judge knows this one by its loss, which is right, and its gradient, which is right but for the boxes it is at.
OTHER_TIE = Known("another of the equally hard negatives is taken: the sort is unstable, or in another order", permuted=True)
