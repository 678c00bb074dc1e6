"""Greylisting: an unknown network comes again, a known one does not have to."""

from tests.conftest import World
from tools.context import DAY, MINUTE
from tools.greylist import GOOD_FOR, UNSURE_FOR, forget, must_wait

BEA, ADA = "bea@example.net", "ada@agents.example"


async def test_a_network_passes_when_it_comes_again_in_time(world: World) -> None:
    assert await must_wait(world.system, "192.0.2.7", BEA, ADA, 5)
    world.clock.at += 4 * MINUTE
    assert await must_wait(world.system, "192.0.2.7", BEA, ADA, 5), "too early, and the clock goes on"
    world.clock.at += MINUTE
    assert await must_wait(world.system, "192.0.2.7", "eve@example.net", ADA, 5), "another sender is another attempt"
    assert not await must_wait(world.system, "192.0.2.99", BEA.upper(), ADA, 5), "another server of the same network"
    assert not await must_wait(world.system, "192.0.2.8", "eve@example.net", ADA, 5), "the network is known now"
    assert await must_wait(world.system, "192.0.3.7", BEA, ADA, 5)


async def test_an_ipv6_network_is_a_64(world: World) -> None:
    assert await must_wait(world.system, "2001:db8::1", BEA, ADA, 5)
    world.clock.at += 5 * MINUTE
    assert not await must_wait(world.system, "2001:db8::ffff", BEA, ADA, 5)
    assert await must_wait(world.system, "2001:db8:0:1::1", BEA, ADA, 5)


async def test_what_is_long_ago_is_forgotten(world: World) -> None:
    for ip in ("192.0.2.7", "198.51.100.7"):
        assert await must_wait(world.system, ip, BEA, ADA, 5)
    world.clock.at += 5 * MINUTE
    assert not await must_wait(world.system, "192.0.2.7", BEA, ADA, 5)
    world.clock.at += UNSURE_FOR
    await forget(world.system)
    assert not await must_wait(world.system, "192.0.2.7", BEA, ADA, 5)
    assert await must_wait(world.system, "198.51.100.7", BEA, ADA, 5)
    world.clock.at += GOOD_FOR
    await forget(world.system)
    assert await must_wait(world.system, "192.0.2.7", BEA, ADA, 5)


async def test_a_network_that_is_heard_of_stays_known(world: World) -> None:
    assert await must_wait(world.system, "192.0.2.7", BEA, ADA, 5)
    world.clock.at += 5 * MINUTE
    for _ in range(4):
        assert not await must_wait(world.system, "192.0.2.7", BEA, ADA, 5)
        world.clock.at += GOOD_FOR - DAY
        await forget(world.system)
    assert not await must_wait(world.system, "192.0.2.7", "eve@example.net", ADA, 5)
