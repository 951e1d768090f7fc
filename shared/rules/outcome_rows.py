"""What words amount to: problem or good news, how grave, and whether it deserves a ticket.

The rows are meant to be read from the top: the first whose conditions all hold decides. A state that is named in the
reason counts more than one in the message, since a message also tells what was tried and what will be tried again.
"""

from shared.rules.outcome import Outcome
from shared.rules.outcome_rows_grave import GRAVE
from shared.rules.outcome_rows_plain import PLAIN

ROWS: tuple[Outcome, ...] = GRAVE + PLAIN
