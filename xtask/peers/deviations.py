"""What testers find, held against a file of what they may find.

One deviation a line, in five parts: tester | what it was about | check | part of what it says | why it is so. `*` stands for
any tester, and for anything it was about.
"""

from pathlib import Path


def read_deviations(path: Path) -> list:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip() and not line.startswith("#")]
    deviations = [tuple(part.strip() for part in line.split(" | ")) for line in lines]
    for deviation, line in zip(deviations, lines):
        if len(deviation) != 5 or not all(deviation):
            raise SystemExit(f"{path.name}: not five parts: {line}")
    return deviations


def judged(found, deviations: list, note: str, by_chance: frozenset = frozenset()) -> int:
    """Prints what is found and not listed, and what is listed and not found; 1 if there is any.

    `by_chance` has checks whose findings hang on what was made up this time, the clock included: what they find and what
    they do not is printed, and decides nothing.
    """
    met, unlisted, failed = set(), [], False
    for tester, about, check, said in sorted(found):
        fits = [
            number
            for number, (by, where, what, part, _) in enumerate(deviations)
            if by in ("*", tester) and where in ("*", about) and what == check and part in said
        ]
        met.update(fits)
        if not fits:
            failed = failed or check not in by_chance
            unlisted.append(f"not listed: {tester} | {about} | {check} | {said[:600]}")
    missing = [deviation for number, deviation in enumerate(deviations) if number not in met]
    failed = failed or any(check not in by_chance for _, _, check, _, _ in missing)
    gone = [f"listed and not found: {' | '.join(deviation)}" for deviation in missing]
    for line in (*unlisted, *gone):
        print(line)
    print(f"{note}; {len(met)} deviations as listed")
    return 1 if failed else 0
