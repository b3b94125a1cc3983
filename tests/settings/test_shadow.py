"""
Shadow mode in the document: which policy is watched, and what answers KEDA meanwhile.
"""

from __future__ import annotations

import pytest

from scaler.settings.loading import ConfigurationError, load
from scaler.settings.policies import ShadowSection

HEAD = "connections:\n  jobs: {type: redis, addresses: ['r:6379']}\npolicies:\n"
QUEUE = "queue: {connection: jobs, target: 3}"


def with_shadow(shadow: str) -> str:
    """A document with a policy that acts, one that is watched, and another."""
    return (
        f"{HEAD}  default: {{{QUEUE}}}\n  new: {{{QUEUE}, shadow: {shadow}}}\n"
        f"  other: {{{QUEUE}, shadow: {{answer: unavailable}}}}\n"
    )


@pytest.mark.parametrize(
    ("text", "section"),
    [
        ("{policy: default}", ShadowSection(policy="default")),
        ("{answer: unavailable}", ShadowSection(answer="unavailable")),
        ("", None),
    ],
)
def test_a_policy_is_watched_where_the_document_says_so(text: str, section: ShadowSection | None) -> None:
    """Another policy answers, or nobody; without the section it acts."""
    assert load(with_shadow(text)).policies["new"].shadow == section


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{}", "is required: the policy that answers KEDA (or set answer: unavailable)"),
        ("{policy: defualt}", "there is no policy 'defualt'; did you mean 'default'?"),
        ("{policy: new}", "policy 'new' is in shadow mode itself, and answers nothing"),
        ("{policy: other}", "policy 'other' is in shadow mode itself, and answers nothing"),
        ("{answer: unavailable, policy: default}", "goes with answer: policy"),
    ],
)
def test_what_cannot_answer_is_refused(text: str, error: str) -> None:
    """Nobody, a policy that there is not, and one that is only watched itself: by its path."""
    with pytest.raises(ConfigurationError) as refused:
        load(with_shadow(text))
    assert refused.value.errors == (f"policies.new.shadow.policy: {error} (line 5)",)
