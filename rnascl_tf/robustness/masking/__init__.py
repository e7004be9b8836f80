"""Does a model withstand attacks, or does it only hide its gradients?"""
