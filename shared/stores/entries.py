"""All entries of a store below a prefix, page by page."""

from collections.abc import AsyncIterator

from shared.stores.protocol import Entry, Store

_PAGE = 1000


async def each_entry(store: Store, prefix: str) -> AsyncIterator[Entry]:
    """Yield them in the order of keys; who is given them may write them meanwhile."""
    after = ""
    while True:
        page = [entry async for entry in store.scan(prefix, after=after, limit=_PAGE)]
        for entry in page:
            yield entry
        if len(page) < _PAGE:
            return
        after = page[-1].key
