"""Made-up panels whose truth is known: with or without arrows, with or without something unseen behind both."""

import numpy as np

from dyadlab.models.given import MakesNoSense, one_number

__all__ = ["simulate_panel"]


def simulate_panel(
    people=300,
    waves=4,
    *,
    stable_share=0.5,
    stable_r=0.6,
    carry_over=(0.3, 0.2),
    x_to_y=0.0,
    y_to_x=0.0,
    unseen=0.0,
    unseen_delay=0,
    seed=0,
):
    """Two measures, x and y, of the same people wave after wave, in standard scores: normal, nothing missing.

    stable_share : the part of each variance that is the person's own for good. stable_r : correlation of the stable
    parts. carry_over, x_to_y, y_to_x : the true arrows between moving parts (standardised); what moves has a
    correlation of .10 at one wave beside what the arrows make. unseen : how strongly a third thing that moves from
    wave to wave (carrying over .6), and that nobody measured, pushes x at its own wave and y ``unseen_delay`` waves
    later. seed : a whole number; the same seed gives the same people.
    Returns x and y, two (people, waves) arrays. Raises MakesNoSense for values that no such world can have.
    """
    people, waves = int(one_number(people, "the number of people")), int(one_number(waves, "the number of waves"))
    if people < 1 or waves < 1:
        raise MakesNoSense(f"{people} people at {waves} waves are no panel.")
    if not 0 <= one_number(stable_share, "the stable share") <= 1:
        raise MakesNoSense(f"The stable share is a proportion between 0 and 1, not {stable_share}.")
    if not -1 <= one_number(stable_r, "the correlation of the stable parts") <= 1:
        raise MakesNoSense(f"A correlation lies between -1 and 1; that of the stable parts is {stable_r}.")
    first, second = carry_over
    arrows = np.array([[first, y_to_x], [x_to_y, second]], dtype=float)
    moving = np.array([[1.0, 0.1], [0.1, 1.0]])
    new = moving - arrows @ moving @ arrows.T
    if np.linalg.eigvalsh(new).min() <= 0 or abs(np.linalg.eigvals(arrows)).max() >= 1:
        raise MakesNoSense("With arrows this strong the measures would grow from wave to wave. Choose smaller ones.")
    left = 1 - unseen**2
    if left <= 0:
        raise MakesNoSense(f"The push of what is unseen should be smaller than 1, not {unseen}.")

    rng = np.random.default_rng(int(seed))
    level = rng.standard_normal((people, 2))
    level[:, 1] = stable_r * level[:, 0] + np.sqrt(1 - stable_r**2) * level[:, 1]
    noise = rng.standard_normal((waves, people, 2))
    hidden_noise = rng.standard_normal((waves + unseen_delay, people))

    root, new_root = np.linalg.cholesky(moving), np.linalg.cholesky(new)
    state = noise[0] @ root.T
    states = [state]
    for wave in range(1, waves):
        state = state @ arrows.T + noise[wave] @ new_root.T
        states.append(state)
    hidden = [hidden_noise[0]]
    for wave in range(1, waves + unseen_delay):
        hidden.append(0.6 * hidden[-1] + 0.8 * hidden_noise[wave])
    pushed = np.stack([np.stack([hidden[t + unseen_delay], hidden[t]], axis=1) for t in range(waves)])
    moves = np.sqrt(left) * np.stack(states) - unseen * pushed
    both = np.sqrt(stable_share) * level + np.sqrt(1 - stable_share) * moves
    return both[:, :, 0].T.copy(), both[:, :, 1].T.copy()
