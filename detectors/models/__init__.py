"""Models over several sensors of one machine: how unlike its normal operation do its signals run together?

`registry` names the kinds, `contract` says what each must keep, `fitting` makes one from a declared normal interval,
`conformal` turns its raw number into one that means the same for every model. Pure: rows in, numbers out.
"""
