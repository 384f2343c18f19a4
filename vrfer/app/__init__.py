"""The desktop window of vrfer: everything that knows PyQt6."""
