from .catalogue import NETWORKS as NETWORKS
from .catalogue import STEMS as STEMS
from .catalogue import build as build
from .small_resnet import resnet as resnet
