"""The published catalogue of attacks on the grader. README.md, beside this file, is the table made from it."""
