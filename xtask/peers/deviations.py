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
    met, told, failing = set(), [], []
    for tester, about, check, said in sorted(found):
        fits = [
            number
            for number, (by, where, what, part, _) in enumerate(deviations)
            if by in ("*", tester) and where in ("*", about) and what == check and part in said
        ]
        met.update(fits)
        if not fits:
            line = f"not listed: {tester} | {about} | {check} | {said[:600]}"
            (told if check in by_chance else failing).append(line)
    for number, deviation in enumerate(deviations):
        if number not in met:
            line = f"listed and not found: {' | '.join(deviation)}"
            (told if deviation[2] in by_chance else failing).append(line)
    # What fails comes last: whoever sees the end of a long output sees that.
    for line in (*told, *failing):
        print(line)
    print(f"{note}; {len(met)} deviations as listed")
    return 1 if failing else 0
