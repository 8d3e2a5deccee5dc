"""How a benchmark says whether it reached its goal. It never fails for it: machines are noisy."""


def report(what: str, measured: float, goal: float, unit: str = "", *, at_least: bool = False) -> None:
    """Print one line: what was measured, the goal, and whether it is reached."""
    reached = measured >= goal if at_least else measured <= goal
    sign = ">=" if at_least else "<="
    print(f"\n{what}: {measured:.2f}{unit} (goal {sign} {goal:g}{unit}: {'reached' if reached else 'MISSED'})")
