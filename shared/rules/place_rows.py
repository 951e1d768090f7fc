"""Where the names and words of an event lead: the rows that `places` reads from the top.

Security and admission stand first: who must act decides, not where it shows.
"""

from shared.rules.place import Row
from shared.rules.place_rows_guards import GUARDS
from shared.rules.place_rows_things import THINGS

ROWS: tuple[Row, ...] = GUARDS + THINGS
