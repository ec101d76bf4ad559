"""Every job, found by walking the folders."""

import importlib
import pkgutil

import clarion.jobs
from clarion.kernel.errors import ContractError
from clarion.runtime.job import Job

WINGS = ("collect", "customers", "products", "streaming", "prediction", "campaigns", "upkeep")


def find_jobs() -> dict[str, Job]:
    """The JOB of each module in the folders of jobs/, by name.

    Folders come in the order of the business, jobs of a folder by their names.

    Raises:
        ContractError: a file without a JOB, or a JOB with another name than its file.
    """
    jobs: dict[str, Job] = {}
    for wing in WINGS:
        package = importlib.import_module(f"{clarion.jobs.__name__}.{wing}")
        for module in pkgutil.iter_modules(package.__path__):
            job = getattr(importlib.import_module(f"{package.__name__}.{module.name}"), "JOB", None)
            if not isinstance(job, Job) or job.name != module.name:
                raise ContractError(
                    f"jobs/{wing}/{module.name}.py declares no job of its name",
                    found=getattr(job, "name", "no JOB"),
                    fix=f'add JOB = Job(name="{module.name}", …)',
                )
            jobs[job.name] = job
    return jobs


JOBS = find_jobs()
