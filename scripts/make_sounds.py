"""Makes the window's short sounds: what a wearer hears who cannot see the screen.

Every sound is computed from the score below: 16-bit mono WAV files at 44.1 kHz. The same score
gives the same bytes.
"""

import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import numpy.typing as npt
import typer

RATE_HZ: Final = 44_100
PEAK: Final = 0.42
"""Of full scale: -7.5 dBFS, so that speech and the scene are still heard."""
FADE_S: Final = 0.024
"""Every tone ends in silence, whatever still rings."""

Wave = npt.NDArray[np.float64]

BELL: Final = (1.0, 0.0, 0.25, 0.0, 0.06)
"""Strengths of a tone's harmonics, the fundamental first."""
FLUTE: Final = (1.0, 0.12, 0.03)
WOOD: Final = (1.0, 0.0, 0.0, 0.5)
REED: Final = (1.0, 0.55, 0.4, 0.25, 0.12)


@dataclass(frozen=True, slots=True)
class Note:
    """One tone of a sound."""

    start_s: float
    length_s: float
    hz: float
    harmonics: tuple[float, ...]
    attack_s: float = 0.008
    decay_s: float = 0.09
    """Seconds after which a ringing tone is down to 37 %."""
    to_hz: float | None = None
    """Where the pitch glides to; None holds it."""
    strength: float = 1.0


G4, A4, C5, D5 = 392.00, 440.00, 523.25, 587.33
E5, G5, C6, E6 = 659.26, 783.99, 1046.50, 1318.51

SCORE: Final[dict[str, tuple[Note, ...]]] = {
    "ready": (
        Note(0.00, 0.45, C5, BELL, decay_s=0.14),
        Note(0.02, 0.43, E5, BELL, decay_s=0.14),
        Note(0.04, 0.41, G5, BELL, decay_s=0.14),
    ),
    "hold": (
        Note(0.00, 0.58, A4, FLUTE, attack_s=0.12, decay_s=0.6),
        Note(0.00, 0.58, E5, FLUTE, attack_s=0.12, decay_s=0.6, strength=0.6),
    ),
    "done": (
        Note(0.00, 0.50, C5, BELL),
        Note(0.09, 0.45, E5, BELL),
        Note(0.18, 0.40, G5, BELL),
        Note(0.27, 0.31, C6, BELL, decay_s=0.14),
    ),
    "attention": (
        Note(0.00, 0.16, E5, REED, decay_s=0.2),
        Note(0.15, 0.14, A4, REED, decay_s=0.2),
        Note(0.29, 0.16, E5, REED, decay_s=0.2),
        Note(0.44, 0.15, A4, REED, decay_s=0.2),
    ),
    "recording-started": (Note(0.00, 0.28, 300.0, FLUTE, attack_s=0.02, decay_s=0.3, to_hz=900.0),),
    "recording-stopped": (Note(0.00, 0.28, 900.0, FLUTE, attack_s=0.02, decay_s=0.3, to_hz=300.0),),
    "marker": (Note(0.00, 0.26, E6, BELL, attack_s=0.004, decay_s=0.06),),
    "neutral-on": (
        Note(0.00, 0.22, D5, FLUTE, attack_s=0.03, decay_s=0.2),
        Note(0.18, 0.36, G4, FLUTE, attack_s=0.03, decay_s=0.2),
    ),
    "neutral-off": (
        Note(0.00, 0.22, G4, FLUTE, attack_s=0.03, decay_s=0.2),
        Note(0.18, 0.36, D5, FLUTE, attack_s=0.03, decay_s=0.2),
    ),
}


def tone(note: Note) -> Wave:
    """Return the samples of one tone, from its own start."""
    time_s = np.arange(round(note.length_s * RATE_HZ)) / RATE_HZ
    hz = np.full_like(time_s, note.hz)
    if note.to_hz is not None:
        hz = note.hz * (note.to_hz / note.hz) ** (time_s / note.length_s)
    phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
    parts = [strength * np.sin(number * phase) for number, strength in enumerate(note.harmonics, 1)]
    rise = np.sin(np.pi / 2 * np.clip(time_s / note.attack_s, 0, 1)) ** 2
    ringing = np.exp(-np.clip(time_s - note.attack_s, 0, None) / note.decay_s)
    end = np.clip((note.length_s - time_s) / FADE_S, 0, 1)
    shaped: Wave = note.strength * np.sum(parts, axis=0) * rise * ringing * end
    return shaped


def mix(notes: tuple[Note, ...]) -> npt.NDArray[np.int16]:
    """Return a whole sound, at the peak that all sounds share."""
    length = max(round((note.start_s + note.length_s) * RATE_HZ) for note in notes)
    mixed = np.zeros(length + 1)
    for note in notes:
        part = tone(note)
        start = round(note.start_s * RATE_HZ)
        mixed[start : start + len(part)] += part
    samples: npt.NDArray[np.int16] = np.round(mixed / np.abs(mixed).max() * PEAK * 32_767).astype(
        "<i2"
    )
    return samples


def write(folder: Path) -> list[Path]:
    """Write every sound of the score into a folder, which is made if needed."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, notes in SCORE.items():
        path = folder / f"{name}.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes(mix(notes).tobytes())
        written.append(path)
    return written


def main(
    out: Annotated[Path, typer.Option(help="Folder of the sounds.")] = Path("assets/sounds"),
) -> None:
    """Write the sounds."""
    for path in write(out):
        typer.echo(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    typer.run(main)
