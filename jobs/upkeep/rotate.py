"""Seal personal values again with the key in use, and replace old tokens in every layer.

No surrogate changes.
"""

from clarion.collect.privacy.keys import PrivacySettings
from clarion.collect.privacy.rotation import reseal_values
from clarion.contracts.bronze import TABLES
from clarion.contracts.silver import CUSTOMERS
from clarion.contracts.vault import KEYS, PERSONAL_DATA, SUPPRESSED
from clarion.kernel import sql
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows.intake import sealing_key
from clarion.workflows.key_rotation import old_keys, replace_all_tokens, retire_keys


def run(scope: Scope) -> None:
    """Rotate to the key in use.

    Every step can be repeated: what is under the new key is not changed again, and old values are
    deleted last.
    """
    current = sealing_key(scope)
    old = old_keys(scope, current)
    if not old:
        scope.note(f"everything is sealed with {current.key_id}")
        return
    under_old_keys = sql.among("key_id", old)
    old_values = scope.raw(PERSONAL_DATA).where(under_old_keys)
    values = scope.persist(reseal_values(old_values, old=old, new=current))
    scope.merge(PERSONAL_DATA, values.drop("old_token"), update=False)
    changed = replace_all_tokens(scope, values.select("old_token", "token"), tuple(old))
    retire_keys(scope, old)
    # Last: as long as an old value exists, an interrupted run continues.
    scope.delete(PERSONAL_DATA, where=under_old_keys)

    tables = ", ".join(f"{name}: {rows:,} rows" for name, rows in changed.items() if rows)
    scope.note(f"{values.count():,} values are sealed with {current.key_id}; {tables}")
    suppressed = scope.raw(SUPPRESSED).where(under_old_keys).count()
    if suppressed:
        scope.note(
            f"{suppressed:,} names of erased people are recognised by {', '.join(old)}: "
            "keep it under privacy.retired"
        )


JOB = Job(
    name="rotate",
    summary=__doc__,
    reads=(),
    reads_earlier=(*TABLES, CUSTOMERS, PERSONAL_DATA, KEYS, SUPPRESSED),
    writes=(*TABLES, CUSTOMERS, PERSONAL_DATA, KEYS),
    purpose="collection",
    settings=(PrivacySettings,),
    part="upkeep",
    apart_from=("ingest", "monitor", "clean", "resolve"),
    run=run,
)
