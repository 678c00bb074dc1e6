"""Opening what the settings name: the database, the large mail and the secret, as one context."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from server.delivery.dkim import SigningError
from server.domains import published
from server.regions import regions_of
from server.secret import load_secret
from server.settings import DATABASE, Settings, SettingsError
from storage.blobs import Blobs
from storage.database import Database
from storage.migrate import migrate
from storage.sqlite import open_sqlite
from tools.accounts import list_accounts
from tools.context import Context, Site


@asynccontextmanager
async def opened(settings: Settings, *, base_url: str | None = None) -> AsyncIterator[Context]:
    """A context on the migrated database, acting as nobody. Raises SettingsError, storage.errors."""
    async with looked_into(settings, base_url=base_url) as context:
        await migrate(context.db)
        await _check_secret(context)
        yield context


@asynccontextmanager
async def looked_into(settings: Settings, *, base_url: str | None = None) -> AsyncIterator[Context]:
    """The same with the database as it is, whatever its schema. Raises SettingsError, storage.errors."""
    secret = load_secret(settings)
    database = await _database(settings)
    try:
        site = Site(
            base_url or settings.base_url,
            hostname=settings.hostname,
            regions=regions_of(settings),
            approval_hours=settings.approval_hours,
            reminder_hours=settings.reminder_hours,
            undo_seconds=settings.undo_seconds,
            ai_header=settings.ai_header,
            footer=settings.footer,
            limits=settings.limits.table(reputation_at_stake=settings.meets_strangers),
            thresholds=settings.limits.thresholds(),
            spam=settings.spam.thresholds(),
            defer_unknown=settings.inbound.dmarc_temperror == "defer",
            quarantine_days=settings.spam.keep_days,
        )
        yield Context(db=database, blobs=Blobs(settings.data / "blobs"), secret=secret, site=site)
    finally:
        await database.close()


async def _check_secret(context: Context) -> None:
    """Raise SettingsError when the secret is another than the one that the database was set up with."""
    for account in (await list_accounts(context))[:1]:
        try:
            await published(context, account.id, context.site.hostname)
        except SigningError as error:
            raise SettingsError(
                "The secret is not the one that this database was set up with: its keys, links and signatures would "
                "all be worthless. Put back the secret that belongs to it."
            ) from error


async def _database(settings: Settings) -> Database:
    if settings.database_url is None:
        return await open_sqlite(settings.data / DATABASE)
    try:
        from storage.postgres import open_postgres
    except ImportError as error:
        raise SettingsError("PostgreSQL needs its driver: pip install 'gatepost[postgres]'.") from error
    return await open_postgres(settings.database_url)
