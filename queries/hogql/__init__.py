"""SQL that users write: read by a small parser of our own, checked against allow-lists, printed anew.

Nothing a user wrote is ever copied into a statement. Texts and numbers are bound, names are looked up in
our tables and printed as ours, aliases are replaced by `c0`, `c1`... What no table lists is an
InvalidQuery that names it and its position.
"""
