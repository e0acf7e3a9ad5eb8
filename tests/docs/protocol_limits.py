"""The figures in the table of limits of docs/protocol.md are those of the headers, and each limit for those who write a client
has a line.

    protocol_limits.py REPOSITORY
"""
import pathlib
import re
import sys

ROWS = {  # the table's first column: the constant
    "a frame": "frame_bytes_max",
    "requests in a REQUEST": "requests_per_frame_max",
    "replies in a REPLY": "requests_per_frame_max",
    "type, name of a message": "type_bytes_max",
    "name in a HELLO": "node_id_bytes_max",
    "key": "key_bytes_max",
    "args": "args_bytes_max",
    "payload of a request": "message_bytes_max",
    "payload of a reply": "message_bytes_max",
    "text of an error": "error_text_bytes_max",
    "values within values, in msgpack": "decode_depth_max",
    "keys in a page of `list`": "list_page_max",
    "messages that wait for an actor": "mailbox_messages_default",
    "requests that wait for a key to be started": "waiters_per_key_max",
    "questions of watchers that are open, per type": "watches_open_max",
    "time that a question of a watcher is held": "watch_wait_max",
    "connections that have said HELLO": "sessions_per_node_max",
    "silence of a connection that is owed nothing": "session_idle_max",
    "frames that wait for who does not read": "frames_queued_max",
}
OF_THE_WIRE = {"`remaining_ms`": 2**32 - 1}  # by its width
UNITS = {"s": "seconds", "min": "minutes", "ms": "milliseconds"}


def constants(text: str) -> dict[str, str]:
    """Values as they are printed: numbers, and times with their unit."""
    values: dict[str, str] = {}
    for name, value in re.findall(r"^inline constexpr \S+ (\w+) = (.*?);", text, re.M):
        if time := re.fullmatch(r"std::chrono::(\w+)\((\d+)\)", value):
            unit = next((short for short, long in UNITS.items() if long == time[1]), time[1])
            values[name] = f"{time[2]} {unit}"
            continue
        plain = re.sub(r"std::size_t\{(\d+)\}", r"\1", value).replace("'", "")
        plain = re.sub(r"\b[a-z_]+\b", lambda m: values.get(m[0], m[0]), plain)
        if re.fullmatch(r"[\d\s+*()<]+", plain):
            values[name] = str(eval(plain))  # an expression of numbers of our own header
    return values


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    headers = "".join((root / "core/base" / name).read_text() for name in ("limits.hpp", "limits_time.hpp"))
    values = constants(headers)
    table = re.search(r"### Limits\n(.*?)\n\n", (root / "docs/protocol.md").read_text(), re.S)
    rows = dict(re.findall(r"^\| (.*?) \| (\d+(?: (?:s|min|ms))?)\b.* \| .* \|$", table[1] if table else "", re.M))
    wanted = {row: values.get(name, f"no {name}") for row, name in ROWS.items()} | {row: str(n) for row, n in OF_THE_WIRE.items()}
    faults = [f"{row}: the page says {rows.get(row)}, the headers {value}" for row, value in wanted.items() if rows.get(row) != value]
    faults += [f"{row}: nobody knows whose figure that is" for row in rows if row not in wanted]
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
