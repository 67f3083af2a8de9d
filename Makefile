# darkpkg needs Python 3.11, 3.12, 3.13 or 3.14 with pip, and make. Everything else goes into .venv.
VENV   := .venv
JOBS   ?= 2
# In a copied or moved folder .venv would still import the package of the former one: make it anew.
$(shell grep -qsxF "$(CURDIR)" $(VENV)/ready-* || rm -f $(VENV)/ready-*)
# The Python to make .venv with; once it is there, its own, so that PYTHON need be named only once.
PYTHON ?= $(if $(wildcard $(VENV)/ready-*),$(VENV)/bin/python,python3)

VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
RUN     := $(VENV)/bin/python
READY   := $(VENV)/ready-$(VERSION)
BUILT   := _build/book-without-warnings
# The extras whose packages are pinned in requirements.txt; the generator to validate with and the estimators
# of others have environments of their own.
EXTRAS  := book lab posterior exports test lint build
VALIDATE := $(VENV)/validate
SHOOTOUT := $(VENV)/shootout
EXECUTORS := $(VENV)/executors
UV      := $(RUN) -m uv --no-progress pip

# What these programs would leave in a home directory stays in the environment.
STATE := $(CURDIR)/$(VENV)/state
export MPLCONFIGDIR        := $(STATE)/matplotlib
export IPYTHONDIR          := $(STATE)/ipython
export JUPYTER_CONFIG_DIR  := $(STATE)/jupyter/config
export JUPYTER_DATA_DIR    := $(STATE)/jupyter/data
export JUPYTER_RUNTIME_DIR := $(STATE)/jupyter/runtime
# The package index may be on another disk than .venv: copy, instead of a warning that links are impossible.
export UV_LINK_MODE        := copy
export VIRTUAL_ENV         := $(CURDIR)/$(VENV)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# ipykernel's debugger warns about Python's own frozen modules at every start of a kernel.
export PYDEVD_DISABLE_FILE_VALIDATION := 1
# Another project's packages must not be seen here.
unexport PYTHONPATH
unexport PYTHONHOME
# Each of many short processes would compile the package anew, and each run of the tests their assertions.
unexport PYTHONDONTWRITEBYTECODE

# Chapters and tests run side by side, one to a core: more threads in each would only wait for one another.
book test test-library lowest newest accept shootout executors: export OMP_NUM_THREADS      := 1
book test test-library lowest newest accept shootout executors: export OPENBLAS_NUM_THREADS := 1
book test test-library lowest newest accept shootout executors: export NUMBA_NUM_THREADS    := 1

.DEFAULT_GOAL := help
.PHONY: help env book check-pages lesson test test-library lowest newest lab lint format table accept hepdata benchmark validate shootout executors pins clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1	\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

env: $(READY)  ## make or update the environment .venv (the other targets do it themselves)

# Sphinx warns only about pages that it reads again: after a build that failed or was stopped, it reads all.
book: $(READY)  ## run the chapters and build the book; any warning is an error
	@test -e $(BUILT) || rm -rf _build/.doctrees
	@rm -f $(BUILT)
	@$(VENV)/bin/jupyter-book build . -W -n --keep-going
	@touch $(BUILT)
	@echo "Open in a browser: $(CURDIR)/_build/html/index.html"

# Without Chromium, node and npm what needs no browser is checked, and said.
check-pages: $(READY)  ## check the built pages: links, weight, accessibility in both themes (PAGES="01_ten_lines")
	@$(RUN) book/checks/check_pages.py $(PAGES)

lesson: $(READY)  ## write the exercises without solutions as notebooks, _build/lesson (CHAPTERS="13_kernel")
	@$(RUN) book/lesson.py $(CHAPTERS)

test: $(READY)  ## run the tests, and the chapters against their stored numbers
	@$(RUN) -m pytest -n $(JOBS) --dist loadfile $(FLAGS)

test-library: $(READY)  ## run the library's tests but those of processes (FLAGS=--hypothesis-profile=thorough tries more)
	@$(RUN) -m pytest -n $(JOBS) --dist loadfile -m "not slow" $(FLAGS) tests/library

# In environments of their own, made anew each time: are the ranges of pyproject.toml right?
lowest: RESOLUTION := lowest-direct
newest: RESOLUTION := highest
lowest: $(READY)  ## all of the library's tests with the lowest version of each range
newest: $(READY)  ## the same with the newest version
lowest newest:
	@$(RUN) -m uv --quiet venv --clear --python $(RUN) $(VENV)/$@
	@rm -f $(VENV)/$@.txt
	@$(UV) compile --quiet --no-header --no-annotate --resolution $(RESOLUTION) --extra test \
	    pyproject.toml --output-file $(VENV)/$@.txt
	@$(UV) sync --quiet --compile-bytecode --python $(VENV)/$@ $(VENV)/$@.txt
	@$(UV) install --quiet --python $(VENV)/$@ --no-deps --editable .
# Old packages may warn about new ones below them.
	@$(VENV)/$@/bin/python -m pytest -n $(JOBS) --dist loadfile -W default::DeprecationWarning $(FLAGS) tests/library

# JupyterLab would open a text notebook as plain text.
lab: $(READY)  ## open the chapters in JupyterLab (FLAGS=--no-browser on another machine)
	@$(VENV)/bin/jupytext-config set-default-viewer markdown
	@$(VENV)/bin/jupyter lab $(FLAGS) notebooks

lint: $(READY)  ## check the style of the code, and types: library, benchmarks and what no test runs
	@$(RUN) -m ruff check --quiet .
	@$(RUN) -m ruff format --quiet --check .
	@$(RUN) -m mypy

format: $(READY)  ## bring the code into that style
	@$(RUN) -m ruff check --fix --quiet .
	@$(RUN) -m ruff format .

table: $(READY)  ## simulate the tables of rates that are shipped (an interrupted build of T2K's is continued)
	@$(RUN) -m darkpkg table build -o data/tables/t2k.npz
	@$(RUN) -m paper.booster.rates
	@$(RUN) -m paper.booster.shares

accept: $(READY)  ## run the chapters and store their numbers (BECAUSE="why" for moves beyond their errors)
	@PYTHONPATH=book/_ext $(RUN) tests/book/accept_references.py $(CHAPTERS) $(if $(BECAUSE),--because "$(BECAUSE)")

hepdata: $(READY)  ## write the numbers behind the paper's figures for HEPData, _build/hepdata (FLAGS="--figures 9")
	@$(RUN) -m paper hepdata -o _build/hepdata $(FLAGS)

benchmark: $(READY)  ## measure the speed
	@$(RUN) -m pytest benchmarks --benchmark-only

validate: $(READY)  ## run DarkNews afresh and rewrite data/validation (a quarter of an hour)
	@test -e $(VALIDATE) || $(RUN) -m uv --quiet venv --python $(RUN) $(VALIDATE)
	@$(UV) install --quiet --python $(VALIDATE) --constraints constraints.txt --editable ".[validate]"
	@$(VALIDATE)/bin/python -m paper.validation.run_darknews
	@$(VALIDATE)/bin/python -m paper.validation.run_booster

shootout: $(READY)  ## compare estimators in error and processor time, rewrite data/shootout (half an hour)
	@test -e $(SHOOTOUT) || $(RUN) -m uv --quiet venv --python $(RUN) $(SHOOTOUT)
	@$(UV) install --quiet --python $(SHOOTOUT) --constraints constraints.txt --editable ".[shootout]"
	@$(SHOOTOUT)/bin/python -m paper.shootout.run
	@$(SHOOTOUT)/bin/python -m paper.shootout.run_grid

executors: $(READY)  ## check that executors of loky, MPI and ipyparallel make the same bits as one process
	@test -e $(EXECUTORS) || $(RUN) -m uv --quiet venv --python $(RUN) $(EXECUTORS)
	@$(UV) install --quiet --python $(EXECUTORS) --constraints constraints.txt --editable ".[executors]"
	@$(EXECUTORS)/bin/python tests/library/executors.py loky
	@$(EXECUTORS)/bin/mpiexec -n 3 $(EXECUTORS)/bin/python -m mpi4py.futures tests/library/executors.py mpi4py
	@$(EXECUTORS)/bin/python tests/library/executors.py ipyparallel

# Beside an editable install pip takes no file with hashes: conda and Binder have the same pins without.
pins: $(READY)  ## write the pins anew from pyproject.toml (FLAGS=--upgrade for the newest)
	@$(UV) compile --quiet --universal --fork-strategy fewest --no-header --no-annotate --generate-hashes \
	    $(EXTRAS:%=--extra %) \
	    $(FLAGS) pyproject.toml --output-file requirements.txt
	@sed -n 's/ *\\$$//; /^[^ ]/p' requirements.txt > constraints.txt

clean:  ## remove everything that make made
	rm -rf $(VENV) _build dist .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uv itself is one of the pins. pip is only asked to install it into a new environment, which has no
# pip of its own, so that a Python without ensurepip (Debian's) will do.
$(READY): requirements.txt pyproject.toml
	@case "$(VERSION)" in 3.11|3.12|3.13|3.14) ;; *) \
	  echo "darkpkg needs Python 3.11, 3.12, 3.13 or 3.14, but $(PYTHON) is $(or $(VERSION),not there)." \
	       "Name another, for example: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1;; esac
	@echo "Installing the pinned packages for Python $(VERSION) into $(VENV) (half a minute, plus the download)"
	@test -e $@ || $(PYTHON) -m venv --clear --without-pip $(VENV)
	@test -e $@ || { sed -n '/^uv==/,/[^\]$$/p' requirements.txt > $(VENV)/uv.txt; \
	  if $(PYTHON) -m pip --version >/dev/null 2>&1; \
	  then $(PYTHON) -m pip --python $(RUN) install -qq --require-hashes -r $(VENV)/uv.txt; \
	  else $(RUN) -m ensurepip >/dev/null && $(RUN) -m pip install -qq --require-hashes -r $(VENV)/uv.txt; fi; }
	@$(UV) sync --quiet --compile-bytecode --require-hashes requirements.txt
	@$(UV) install --quiet --no-deps --no-build-isolation --editable .
# On a slow machine matplotlib announces that it lists the fonts: here, and not in a chapter.
	@mkdir -p $(STATE) && $(RUN) -c 'import matplotlib.font_manager'
	@rm -f $(VENV)/ready-* && echo "$(CURDIR)" > $@
