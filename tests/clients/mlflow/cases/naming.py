"""Names that do not meet those of other tests on the same server."""
import itertools
import uuid

_numbers = itertools.count()
_session = uuid.uuid4().hex[:8]


def unique(what):
    return f"{what.rsplit('.', 1)[-1]}-{_session}-{next(_numbers)}"
