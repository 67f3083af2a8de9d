"""Kernels for the chapters, forked from a process that has imported what chapters import.

These imports, and what `paper.warm_start` does, take eight seconds in a kernel of its own; a fork takes 0.1 s.
`ForkedKernelManager` is for ``nbclient``. The process to fork from is that of `multiprocessing`, one for each process
that starts kernels, and ends with it. What a chapter does in its kernel stays there.
"""

import os
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

PRELOADED = [
    "jupyter_book.cli.main",  # what builds the book is imported again in what it forks
    "ipykernel.debugger",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "ipykernel.zmqshell",
    "matplotlib.pyplot",
    "myst_nb.ext.glue",
    "pandas",
    "scipy.optimize",
    "scipy.stats",
    "paper.tables",
    "paper.warm_start",
]
CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(PRELOADED)


class ForkedKernelManager(AsyncKernelManager):
    """Starts its kernel by a fork."""

    async def _async_pre_start_kernel(self, **options: Any) -> Any:
        self.provisioner = ForkingProvisioner(parent=self, kernel_spec=self.kernel_spec)
        return await super()._async_pre_start_kernel(**options)


class ForkingProvisioner(LocalProvisioner):
    """Runs the kernel in a forked process, where the usual one would start Python again."""

    async def launch_kernel(self, cmd: list[str], **options: Any) -> KernelConnectionInfo:
        """Fork, and run the kernel with the arguments that stand behind the name of its module in ``cmd``."""
        arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
        self.process = ForkedProcess(arguments, options["env"], options.get("cwd"))
        self.pid, self.pgid = self.process.pid, None
        return self.connection_info


class ForkedProcess:
    """A forked kernel, with the methods of `subprocess.Popen` that a provisioner calls."""

    stdin = stdout = stderr = None

    def __init__(self, arguments: list[str], env: dict[str, str], cwd: str | None) -> None:
        self._process: ForkServerProcess = CONTEXT.Process(target=run_kernel, args=(arguments, env, cwd))
        self._process.start()
        self.pid = self._process.pid
        self.kill, self.terminate = self._process.kill, self._process.terminate

    def poll(self) -> int | None:
        """Exit status, or None while the kernel runs."""
        return self._process.exitcode

    def wait(self) -> int | None:
        """Exit status at the end."""
        self._process.join()
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the kernel has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


def run_kernel(arguments: list[str], env: dict[str, str], cwd: str | None) -> None:
    """Be a kernel until it is shut down. It ends with the process that it was forked from."""
    import matplotlib
    from ipykernel.kernelapp import IPKernelApp

    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd or ".")
    matplotlib.rcParams["backend"] = env.get("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    IPKernelApp.launch_instance([*arguments, f"--IPKernelApp.parent_handle={os.getppid()}"])
