"""Two results of a generator, number by number."""


def worst_difference(left, right):
    """Largest relative difference of two numbers at the same place; the trees must have one shape."""
    if isinstance(left, dict):
        assert left.keys() == right.keys()
        return max((worst_difference(left[name], right[name]) for name in left), default=0)
    if isinstance(left, list):
        assert len(left) == len(right)
        return max((worst_difference(a, b) for a, b in zip(left, right)), default=0)
    if isinstance(left, bool) or not isinstance(left, (int, float)):
        assert left == right
        return 0
    return abs(left - right) / abs(left) if left != right else 0
