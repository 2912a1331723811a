"""Commands as a person at a terminal sees them: a pseudo-terminal, what appears on it when, and Ctrl-C."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT = 300.0  # seconds after which a command that hangs is killed
MAINS = {
    "lora-study": "from study.__main__ import main",
    "lora-report": "from analysis.__main__ import main",
    "lora-export": "from study.commands.export import main",
}


@dataclass
class Seen:
    """What a command showed: pieces of text with their seconds since its start, and its exit status."""

    pieces: list[tuple[float, str]] = field(default_factory=list)
    status: int = 0

    @property
    def text(self) -> str:
        """Everything that was written, control sequences included."""
        return "".join(text for _, text in self.pieces)

    @property
    def screen(self) -> list[str]:
        """The lines that are left to read at the end; what was erased, or overwritten at once, is not among them."""
        text = re.sub(r"\x1b\[\?25[hl]", "", self.text).replace("\r\n", "\n")
        text = re.sub(r"[^\n]*\n\r?\x1b\[1A\x1b\[2K", "", text)  # lines that are taken back
        text = text.replace("^C", "")  # the terminal's own echo of the key, wherever it falls
        kept = [line.replace("\x1b[2K", "\r").split("\r")[-1] for line in text.split("\n")]
        return [shown for line in kept if (shown := re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line).strip())]


def watch(command: str, folder: Path, *arguments: str, columns: int = 80, stop_at: str | None = None) -> Seen:
    """What a person sees of the command in a terminal of that width, who presses Ctrl-C when `stop_at` appears."""
    process, terminal = _begin(command, folder, arguments, columns)
    seen, begun, pressed = Seen(), time.monotonic(), stop_at is None
    while (seconds := time.monotonic() - begun) < LIMIT:
        if not pressed and stop_at in seen.text:
            os.write(terminal, b"\x03")
            pressed = True
        if terminal in select.select([terminal], [], [], 0.05)[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # Linux: nobody has the terminal open any more
                break
            if not data:
                break
            seen.pieces.append((seconds, data.decode(errors="replace")))
    else:
        os.kill(process, 9)
    seen.status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    os.close(terminal)
    return seen


def _begin(command: str, folder: Path, arguments: tuple[str, ...], columns: int) -> tuple[int, int]:
    """The process and the descriptor of its terminal."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.environ |= {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": str(columns)}
        os.execv(sys.executable, [sys.executable, "-c", f"{MAINS[command]}; main()", *arguments])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    return process, terminal
