from .catalogue import ARCHITECTURES as ARCHITECTURES
from .catalogue import FAMILIES as FAMILIES
from .catalogue import TORCHVISION as TORCHVISION
from .catalogue import build as build
