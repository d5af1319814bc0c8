"""The instructor's side: building, checking, collecting, grading, returning.

Nothing in here is imported by a student's notebook, and nbgrader is known only in here.
"""

import sys

# jsonschema compiles the grammar of international web addresses when it is imported (1.4 s), which no
# Jupyter format uses. Without that module it goes on without the check.
sys.modules.setdefault("rfc3987_syntax", None)
