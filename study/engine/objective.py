"""What a pack minimises: the task's loss, and with λ the distance of each member's factors from their targets."""

from __future__ import annotations

from collections.abc import Callable

import torch

from study.config.members import Member


class Objective:
    """Σ over members of L1 + L2/λ, or of L1 alone where λ (`method.lam`) is null; no member's term depends on another.

    It is λ·L1 + L2 but for its scale, with the same minimum. The scale is that of the task loss, so that λ moves
    neither how often `train.clip` cuts nor what AdamW's ε weighs, and null is the limit of a large λ.
    """

    def __init__(self, members: list[Member], device: torch.device, dtype: torch.dtype) -> None:
        lams = [m.configuration.method.lam for m in members]
        self._regularised = [lam is not None for lam in lams]
        # 1/λ of each member [P], by which its distance counts; 0 where λ is null.
        self._weights = torch.tensor([0.0 if lam is None else 1 / lam for lam in lams], device=device, dtype=dtype)

    def __call__(self, task: torch.Tensor, distance: Callable[[], torch.Tensor], share: float = 1.0) -> torch.Tensor:
        """The objective, a scalar, from L1 [P] and, where any member has a λ, L2 [P].

        `share` is the part of L2 that counts. It is 1 but for a batch in portions: each brings its part of L1, and the
        last one alone L2.
        """
        if not any(self._regularised) or not share:
            return task.sum()
        return (task + share * self._weights * distance()).sum()

    def keep(self, members: list[int]) -> None:
        """Go on with the members at these places alone."""
        self._weights = self._weights[torch.tensor(members, device=self._weights.device)]
        self._regularised = [self._regularised[i] for i in members]
