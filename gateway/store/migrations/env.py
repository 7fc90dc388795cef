"""Runs migrations on the connection that `gateway.store.upgrade` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from gateway.store.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
