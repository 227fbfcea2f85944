"""Chance depends on the study's seed and the task alone; an order that cannot be read fails as a task."""

import pickle

import pytest

from respine.study.graph import Stage, Task
from respine.study.perform import Inputs, Order, perform_packed


def make_order(folder, task=Task("draw", "m1", "a", "s0"), seed=0):  # noqa: B008
    stage = Stage("draw", 1, "session", print, random=True)
    return Order(stage, task, {}, (), {}, (), seed, folder, folder / "cache")


def draw(order):
    return Inputs(order).random().random(4).tolist()


def test_the_same_task_draws_the_same(tmp_path):
    assert draw(make_order(tmp_path)) == draw(make_order(tmp_path / "elsewhere"))


def test_other_tasks_and_seeds_draw_others(tmp_path):
    orders = [
        make_order(tmp_path),
        make_order(tmp_path, seed=1),
        make_order(tmp_path, Task("draw", "m1", "a", "s1")),
        make_order(tmp_path, Task("throw", "m1", "a", "s0")),
    ]
    assert len({tuple(draw(order)) for order in orders}) == len(orders)


def test_the_seed_counts_only_where_chance_enters(tmp_path):
    certain = Stage("draw", 1, "session", print)
    keys = [Order(certain, Task("draw"), {}, (), {}, (), seed, tmp_path, tmp_path).key for seed in (0, 1)]
    assert keys[0] == keys[1]
    assert make_order(tmp_path).key != make_order(tmp_path, seed=1).key


def test_an_order_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises((pickle.UnpicklingError, EOFError)):
        perform_packed(b"")
