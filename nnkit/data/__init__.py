"""Data: datasets, loaders that work ahead, splits, and files that hold data."""

from nnkit.data.archive import read_npz
from nnkit.data.dataset import ArrayDataset, Dataset, Subset, TensorDataset
from nnkit.data.idx import read_idx
from nnkit.data.loader import DataLoader
from nnkit.data.split import random_split, stratified_split
from nnkit.data.table import Table, read_csv

__all__ = [
    "ArrayDataset",
    "DataLoader",
    "Dataset",
    "Subset",
    "Table",
    "TensorDataset",
    "random_split",
    "read_csv",
    "read_idx",
    "read_npz",
    "stratified_split",
]
