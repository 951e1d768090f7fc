"""Who we are at Elasticsearch or OpenSearch: an API key, or a user and a password."""

import base64

from shared.destinations.elastic.settings import ElasticSettings
from shared.settings.http import is_token


def authorization(settings: ElasticSettings) -> str | None:
    """Return the header's value with the secret as it is now; None where its file cannot be read or holds no key.

    An API key comes as `id:key`, or in the base64 of that, which Elasticsearch shows as `encoded`.
    """
    try:
        if settings.api_key is not None:
            key = settings.api_key.value()
            if not is_token(key):
                return None
            return f"ApiKey {_encoded(key) if ':' in key else key}"
        password = settings.password.value() if settings.password is not None else ""
    except OSError:
        return None
    return f"Basic {_encoded(f'{settings.username}:{password}')}"


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
