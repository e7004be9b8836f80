"""Is a model robust, or does it only hide its gradients from attacks?"""
