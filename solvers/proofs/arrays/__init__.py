"""The tree checked over arrays: int64 where bounds were checked first, limbs or Python integers elsewhere."""
