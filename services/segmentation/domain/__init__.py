"""What segmentation decides, as pure functions: nothing here does I/O, reads a clock or draws by chance."""
