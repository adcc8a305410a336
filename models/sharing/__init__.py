"""The model trading and sharing market: types of clients, utility, error models, and Problem 2 in Pyomo."""
