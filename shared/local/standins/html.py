"""How the stand-ins' pages look: to read, and nothing else."""

from html import escape

from shared.local.standins.frame import Response

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd;"
    "vertical-align:top}th{text-transform:capitalize;color:#57606a;font-weight:600}pre{white-space:pre-wrap;background:#f6f8fa;padding:.8rem}"
)


def page(title: str, body: str) -> Response:
    """Return a page; `title` is escaped here, `body` is HTML whose texts the caller escaped."""
    text = (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>"
    )
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Response(200, text.encode(), "text/html;charset=UTF-8", policy)
