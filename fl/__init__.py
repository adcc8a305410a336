"""The federated-learning market: mechanisms, scores, training, procurement rounds."""
