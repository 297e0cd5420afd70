"""What segmentation decides, as pure functions: nothing here does I/O, reads a clock or draws by chance.

The solver stands on plain integers alone: `instance` is what it is given, `design`, `plan` and `place` what it is asked
for, `items` what it answers, `check` what must hold of an answer (docs/matrix.md).
"""
