"""What the tests of the edges may ask for besides."""

from collections.abc import AsyncIterator

import pytest
from httpx2 import AsyncClient

from tests.conftest import World
from tests.fakes.web import browsing


@pytest.fixture
async def browser(world: World) -> AsyncIterator[AsyncClient]:
    """A browser on the world's pages, of nobody in particular."""
    async with browsing(world.system) as client:
        yield client
