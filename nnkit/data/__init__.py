"""Data: datasets, loaders that work ahead, splits, and files that hold data."""

from nnkit.data.dataset import ArrayDataset, Dataset, Subset, TensorDataset
from nnkit.data.loader import DataLoader
from nnkit.data.split import random_split, stratified_split

__all__ = [
    "ArrayDataset",
    "DataLoader",
    "Dataset",
    "Subset",
    "TensorDataset",
    "random_split",
    "stratified_split",
]
