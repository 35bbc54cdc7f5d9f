from __future__ import annotations

import re
from pathlib import Path


def test_the_first_example_runs() -> None:
    readme = (Path(__file__).resolve().parent / "../README.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert examples
    for example in examples:
        exec(compile(example, "README.md", "exec"), {})


def test_what_can_be_used_is_explained() -> None:
    import bulla

    names = [name for name in dir(bulla) if name[0].isupper()]
    assert len(names) > 80
    without = [name for name in names if not getattr(getattr(bulla, name), "__doc__", None)]
    for name in names:
        for member, of in vars(getattr(bulla, name)).items() if isinstance(getattr(bulla, name), type) else ():
            if not member.startswith("_") and (callable(of) or isinstance(of, (property, classmethod))):
                without += [] if of.__doc__ else [f"{name}.{member}"]
    assert without == []
