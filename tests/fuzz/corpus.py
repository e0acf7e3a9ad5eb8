"""Frames that led the fuzzer somewhere new, as text that a repository can keep: one frame a line, in hex.

corpus.py pack FOLDER FILE     from the fuzzer's folder, the shortest first; frames above BYTES_MAX are left out
corpus.py unpack FILE FOLDER   each into a file of its own, as the fuzzer wants them
"""

import hashlib
import pathlib
import sys

BYTES_MAX = 256


def pack(folder, file):
    frames = {found.read_bytes() for found in pathlib.Path(folder).iterdir()}
    short = sorted((frame for frame in frames if 0 < len(frame) <= BYTES_MAX), key=lambda frame: (len(frame), frame))
    pathlib.Path(file).write_text("".join(f"{frame.hex()}\n" for frame in short))


def unpack(file, folder):
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    for line in pathlib.Path(file).read_text().splitlines():
        frame = bytes.fromhex(line)
        # As the fuzzer names its own, so that what is there is not there twice.
        (pathlib.Path(folder) / hashlib.sha1(frame).hexdigest()).write_bytes(frame)


if __name__ == "__main__":
    verbs = {"pack": pack, "unpack": unpack}
    if len(sys.argv) != 4 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    verbs[sys.argv[1]](*sys.argv[2:])
