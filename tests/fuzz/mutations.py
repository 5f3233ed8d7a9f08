"""What happens to files on their way to a reader: one to three mutations, determined by a seed."""

import random
import re
from collections.abc import Callable

Mutation = Callable[[bytes, random.Random], bytes]

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_HUGE = (b"1e400", b"-1e400", b"nan", b"inf", b"-1", b"0", b"1e38", b"99999999", b"2147483648")
_HUGER = (b"9223372036854775808", b"-9223372036854775809", b"1" + b"0" * 400, b"9" * 5000, "²".encode())
_WORDS = tuple(bytes.fromhex(word) for word in ("00000000", "ffffffff", "ffffff7f", "00000080", "7fffffff"))
_LONG = 300_000  # bytes of a very long line


def mutated(content: bytes, seed: int) -> tuple[bytes, str]:
    """The content after the mutations of a seed, and their names."""
    draw = random.Random(seed)
    chosen = draw.choices(list(MUTATIONS), k=draw.choice((1, 1, 1, 2, 3)))
    for name in chosen:
        content = MUTATIONS[name](content, draw)
    return content, " then ".join(chosen)


def flip_bits(content: bytes, draw: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 3, 30)) if content else 0):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def flip_bits_of_the_head(content: bytes, draw: random.Random) -> bytes:
    return flip_bits(content[:256], draw) + content[256:]


def truncate(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randrange(len(content) + 1)]


def truncate_at_the_end(content: bytes, draw: random.Random) -> bytes:
    return content[: max(0, len(content) - draw.randint(1, 12))]


def cut_out(content: bytes, draw: random.Random) -> bytes:
    first = draw.randrange(len(content) + 1)
    return content[:first] + content[first + draw.choice((1, 2, 7, 100, 2000)) :]


def insert_noise(content: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(content) + 1)
    return content[:place] + draw.randbytes(draw.choice((1, 4, 50))) + content[place:]


def noise(content: bytes, draw: random.Random) -> bytes:
    return draw.randbytes(draw.choice((1, 10, 1000)))


def empty(content: bytes, draw: random.Random) -> bytes:
    return draw.choice((b"", b"\n", b" \t\n\n", b"\x00", b"\x00" * 100))


def nuls(content: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(content) + 1)
    return content[:place] + b"\x00" * draw.choice((1, 3, 80)) + content[place:]


def huge_word(content: bytes, draw: random.Random) -> bytes:
    """A 32-bit word of a binary file, mostly of its head, set to a limit of its range."""
    place = draw.randrange(max(1, draw.choice((128, 400, len(content))) // 4)) * 4
    return content[:place] + draw.choice(_WORDS) + content[place + 4 :]


def huge_number(content: bytes, draw: random.Random) -> bytes:
    found = list(_NUMBER.finditer(content))
    if not found:
        return content
    # A number of the first lines half of the time: that is where counts stand.
    match = draw.choice(found[:20] if draw.random() < 0.5 else found)
    said = draw.choice(_HUGE + _HUGER)
    # In the width of the number before, where one counts columns.
    said = said[: len(match[0])].rjust(len(match[0])) if draw.random() < 0.3 else said
    return content[: match.start()] + said + content[match.end() :]


def no_number(content: bytes, draw: random.Random) -> bytes:
    found = list(_NUMBER.finditer(content))
    if not found:
        return content
    match = draw.choice(found)
    return content[: match.start()] + b"x" * len(match[0]) + content[match.end() :]


def duplicate_line(content: bytes, draw: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    if lines:
        line = draw.choice(lines)
        lines[draw.randrange(len(lines)) : 0] = [line] * draw.choice((1, 1, 20))
    return b"".join(lines)


def delete_lines(content: bytes, draw: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    for _ in range(draw.choice((1, 1, 5))):
        if lines:
            # The first lines matter most.
            del lines[draw.randrange(min(len(lines), draw.choice((1, 4, len(lines)))))]
    return b"".join(lines)


def swap_lines(content: bytes, draw: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    if lines:
        a, b = draw.randrange(len(lines)), draw.randrange(len(lines))
        lines[a], lines[b] = lines[b], lines[a]
    return b"".join(lines)


def swap_columns(content: bytes, draw: random.Random) -> bytes:
    """Two columns of all lines, or of all but the first, change places."""
    mark = b"," if content.count(b",") > content.count(b"\n") else b" "
    rows = [line.split(mark) for line in content.split(b"\n")]
    wide = max(map(len, rows))
    a, b = draw.randrange(wide), draw.randrange(wide)
    for row in rows[draw.randrange(2) :]:
        if max(a, b) < len(row):
            row[a], row[b] = row[b], row[a]
    return b"\n".join(mark.join(row) for row in rows)


def drop_column(content: bytes, draw: random.Random) -> bytes:
    mark = b"," if content.count(b",") > content.count(b"\n") else b" "
    rows = [line.split(mark) for line in content.split(b"\n")]
    place = draw.randrange(max(map(len, rows)))
    return b"\n".join(mark.join(row[:place] + row[place + 1 :]) for row in rows)


def empty_cell(content: bytes, draw: random.Random) -> bytes:
    parts = re.split(rb"([\s,:]+)", content)
    if parts:
        parts[draw.randrange(len(parts))] = draw.choice((b"", b'"', b"'", b"[", b"{", b"~", b"-", b"\t"))
    return b"".join(parts)


def windows_line_ends(content: bytes, draw: random.Random) -> bytes:
    return content.replace(b"\n", draw.choice((b"\r\n", b"\r")))


def byte_order_mark(content: bytes, draw: random.Random) -> bytes:
    return b"\xef\xbb\xbf" + content


def another_encoding(content: bytes, draw: random.Random) -> bytes:
    text = content.decode("latin-1")
    return text.encode(draw.choice(("utf-16", "utf-16-le", "utf-32", "utf-7")))


def accents(content: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(content) + 1)
    return content[:place] + "µä".encode(draw.choice(("utf-8", "latin-1"))) + content[place:]


def very_long_line(content: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(content) + 1)
    return content[:place] + draw.choice((b"A", b"(", b"9", b" ", b"GC")) * _LONG + content[place:]


def very_deep(content: bytes, draw: random.Random) -> bytes:
    place = draw.choice((0, draw.randrange(len(content) + 1)))
    return content[:place] + draw.choice((b"[", b'{"a":', b"- ", b"[[")) * 20_000 + content[place:]


def twice(content: bytes, draw: random.Random) -> bytes:
    return content + content


def backwards(content: bytes, draw: random.Random) -> bytes:
    return b"\n".join(reversed(content.split(b"\n")))


MUTATIONS: dict[str, Mutation] = {
    mutation.__name__: mutation
    for mutation in (
        flip_bits,
        flip_bits_of_the_head,
        truncate,
        truncate_at_the_end,
        cut_out,
        insert_noise,
        noise,
        empty,
        nuls,
        huge_word,
        huge_number,
        no_number,
        duplicate_line,
        delete_lines,
        swap_lines,
        swap_columns,
        drop_column,
        empty_cell,
        windows_line_ends,
        byte_order_mark,
        another_encoding,
        accents,
        very_long_line,
        very_deep,
        twice,
        backwards,
    )
}  # fmt: skip
