"""Playing the person: opens the mailed link as a browser would, reads the page, and presses Approve."""

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import httpx2

from server.demo.agent import Failed

_LINK = re.compile(r"https?://\S+/approve/\S+")


def link_in(text: str) -> str:
    """The approval link in a notice. Raises Failed."""
    found = _LINK.search(text)
    if found is None:
        raise Failed("the notice to the overseer holds no approval link")
    return found.group()


async def approve(link: str) -> None:
    """Open the page and submit its approve form. Raises Failed."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(link))
    async with httpx2.AsyncClient(headers={"Origin": origin}, timeout=30) as browser:
        page = await browser.get(link)
        forms = _Forms()
        forms.feed(page.text)
        form = next((fields for fields in forms.found if fields.get("action") == "approve"), None)
        if form is None:
            raise Failed(f"the approval page has no approve button (status {page.status_code})")
        answer = await browser.post(link, data=form, follow_redirects=True)
        if answer.status_code != httpx2.codes.OK:
            raise Failed(f"approving was refused with status {answer.status_code}")


class _Forms(HTMLParser):
    """The forms of a page as field names and values; a button counts as a field."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append({})
        elif tag in ("input", "button") and "name" in given and self.found:
            self.found[-1].setdefault(given["name"], given.get("value", ""))
