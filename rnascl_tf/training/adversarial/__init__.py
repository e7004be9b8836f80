"""Training on attacked images: the attack, teachers and TRADES, the best epoch, the moving average."""
