"""Make the animated WebP of a recorded session: ``assemble_recording.py FRAMES_FOLDER OUT.webp``.

``editor-client/vscode/recording/record.mjs`` writes the frames. Each is shown as long as the
browser showed it, so the picture runs at real speed; of frames that follow one another faster than
``FASTEST_S`` the last is taken. Below the frame stands what is done.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FASTEST_S = 0.1
CAPTION_HEIGHT = 40
BACKGROUND, TEXT = (24, 24, 24), (230, 230, 230)
LAST_S = 3.0
FONTS = ("DejaVuSans.ttf", "Arial.ttf", "Helvetica.ttc")


def font(size: int) -> ImageFont.FreeTypeFont:
    """The first of the usual fonts that is here; raises OSError when none is."""
    for name in FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    raise OSError(f"none of these fonts is here: {', '.join(FONTS)}")


def kept(frames: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """The frames of which each was shown for ``FASTEST_S`` at least, with their times."""
    found: list[tuple[float, str]] = []
    for index, (seconds, name) in enumerate(frames):
        following = frames[index + 1][0] if index + 1 < len(frames) else float("inf")
        start = found[-1][0] if found else float("-inf")
        # A frame that soon gives way to another within the same tenth of a second is left out.
        if following - start >= FASTEST_S or not found:
            found.append((max(seconds, start + FASTEST_S), name))
    return found


def pictures(folder: Path) -> list[tuple[float, Image.Image]]:
    """Every picture with the second at which it is shown: frames and captions, equal ones once."""
    recorded = json.loads((folder / "frames.json").read_text("utf-8"))
    start = recorded["frames"][0]["seconds"]
    frames = kept([(each["seconds"] - start, each["name"]) for each in recorded["frames"]])
    captions = [(each["seconds"] - start, each["text"]) for each in recorded["captions"]]
    letters = font(17)
    found: list[tuple[float, Image.Image]] = []
    last = b""
    for seconds, name in frames:
        with Image.open(folder / name) as opened:
            frame = opened.convert("RGB")
        said = [text for since, text in captions if since <= seconds + FASTEST_S]
        whole = Image.new("RGB", (frame.width, frame.height + CAPTION_HEIGHT), BACKGROUND)
        whole.paste(frame)
        place = (14, frame.height + CAPTION_HEIGHT // 2)
        ImageDraw.Draw(whole).text(place, said[-1] if said else "", TEXT, letters, anchor="lm")
        if whole.tobytes() != last:
            found.append((seconds, whole))
            last = whole.tobytes()
    return found


def main() -> None:
    """Write the picture and say how long and how large it is."""
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    shown = pictures(folder)
    times = [seconds for seconds, _ in shown]
    ends = [*times[1:], times[-1] + LAST_S]
    lasting = [round((end - start) * 1000) for start, end in zip(times, ends, strict=True)]
    first, *others = (picture for _, picture in shown)
    first.save(
        out,
        save_all=True,
        append_images=others,
        duration=lasting,
        loop=0,
        lossless=True,
        quality=100,
        method=4,
    )
    print(f"{out}: {len(shown)} pictures, {sum(lasting) / 1000:.0f} s, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
