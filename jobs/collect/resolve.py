"""Find which accounts, devices and cards belong to one person, again for each day."""

from clarion.access.resolution import IDENTIFIER_FACTS
from clarion.collect.identity.settings import IdentitySettings
from clarion.contracts.silver import (
    CONSENTS,
    CUSTOMERS,
    IDENTITIES,
    IDENTITY_LINKS,
    IDENTITY_MODELS,
    RESOLUTIONS,
)
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows.identity_resolution import (
    accounts_to_compare,
    consenting_accounts,
    device_uses,
    earlier_names,
    link_accounts,
    names_of_day,
    write_resolution,
)


def run(scope: Scope) -> None:
    """Compare the accounts of customers who consented, link them, and assign their devices."""
    consenting = scope.persist(consenting_accounts(scope))
    uses = scope.persist(device_uses(scope, consenting))
    earlier = scope.persist(earlier_names(scope))
    accounts = scope.persist(accounts_to_compare(scope, uses, consenting))
    linked = link_accounts(scope, accounts, earlier)
    names = scope.persist(names_of_day(scope, linked, uses, earlier))
    write_resolution(scope, names, linked)


JOB = Job(
    name="resolve",
    summary=__doc__,
    reads=(CUSTOMERS, *(table for table, _ in IDENTIFIER_FACTS), CONSENTS, IDENTITIES),
    writes=(RESOLUTIONS, IDENTITY_LINKS, IDENTITY_MODELS),
    purpose="collection",
    settings=(IdentitySettings,),
    run=run,
)
