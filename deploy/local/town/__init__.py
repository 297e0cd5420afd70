"""A town to try Qunli on: stores, their people and what they do, all made from a seed. Data of nobody."""
