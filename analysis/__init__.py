"""From MLflow to a trade-off report; reads MLflow alone and never imports torch."""
