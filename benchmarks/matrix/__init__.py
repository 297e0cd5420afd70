"""What the matrix of groups is measured on and held against."""
