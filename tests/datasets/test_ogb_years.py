from __future__ import annotations

import numpy as np
import pytest
import torch

import graphrep as gr


@pytest.fixture
def collab(tmp_path, ogb_files):
    """Writes ogbl-collab with given first or last years of its parts, and returns its folder."""

    def make(train, valid, test):
        folder = tmp_path / "ogbl_collab"
        split = ogb_files.write_set(folder, "ogbl-collab")
        for part, year in {"train": train, "valid": valid, "test": test}.items():
            years = np.full_like(split[part]["year"], year)
            if part == "train":
                years -= np.arange(len(years))  # the last year is that of one edge alone
                ogb_files.write_csv(folder / "raw" / "edge_year.csv.gz", years)
            else:
                years += np.arange(len(years))
            torch.save(split[part] | {"year": years}, folder / "split" / "time" / f"{part}.pt")
        return folder.parent

    return make


@pytest.mark.parametrize(("valid", "test"), [(2017, 2030), (2030, 2017), (2016, 2030)])
def test_held_out_years_must_follow_the_last_training_year(collab, valid, test):
    first = min(valid, test)
    with pytest.raises(ValueError, match=f"leaks: .* is 2017, but the first validation or test year is {first}"):
        gr.datasets.load("ogbl-collab", collab(2017, valid, test))


@pytest.mark.parametrize(("valid", "test"), [(2018, 2019), (2018, 2018), (2019, 2018)])
def test_years_after_the_last_training_year_are_taken(collab, valid, test):
    split = gr.datasets.load("ogbl-collab", collab(2017, valid, test)).split
    assert split.attributes["train_year"].max() == 2017
    assert split.attributes["valid_year"].min() == valid
    assert split.attributes["test_year"].min() == test
