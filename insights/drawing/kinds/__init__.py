"""One small module per kind of picture; which node gets which stands in `insights.drawing.choice`."""
