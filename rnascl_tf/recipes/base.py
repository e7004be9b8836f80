"""What every recipe starts from: section A.1 of the paper for CIFAR-10, with our decisions.

Every value can be overridden on the command line, `--config.search.epochs=5`. Departures from A.1 and
their reasons are in README.
"""

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder


def base_config() -> ConfigDict:
    """Returns the paper's CIFAR-10 settings, locked, without a data set or a teacher.

    The schedules scale with `epochs`: learning-rate drops at 75% and 90%, tau = 5 exp(-4.5 epoch /
    epochs).
    """
    config = ConfigDict()
    config.seed = 0

    config.data = ConfigDict()
    config.data.name = ""
    config.data.data_dir = ""  # prepared data; empty: the library's default folder
    config.data.train_examples = placeholder(int)  # only the first n; None: all
    config.data.validation_examples = placeholder(int)  # None: the data set's own choice
    config.data.batch_size = 128
    config.data.image_size = placeholder(int)  # side of the images, where the data leave it free
    config.data.crop_padding = 0  # random crop after padding by this many pixels; 0: no crop
    config.data.resized_crop = False  # random-resized crop, as for ImageNet, in place of it
    config.data.flip = False  # random horizontal flip

    # How replicas (--strategy) share a batch.
    config.replicas = ConfigDict()
    # Whose moments normalise in training: "per_replica", of its part of the batch, or "synchronized",
    # of the whole batch. The moving statistics are the replicas' mean either way.
    config.replicas.batch_norm = "per_replica"

    # Perturbations in pixel units of images in [0, 1].
    config.threat = ConfigDict()
    config.threat.epsilon = "8/255"
    config.threat.norm = "linf"  # or "l2", whose epsilons are larger: 0.5 is usual

    config.teacher = ConfigDict()
    config.teacher.onnx = ""  # an ONNX classifier; empty: train the native network below
    config.teacher.mean = ()  # of a file that wants normalised input, one number per channel
    config.teacher.std = ()
    config.teacher.taps = "main"  # or "all", or a regular expression over convolution names
    # Of its signals: "float32", "bfloat16", or "auto", bfloat16 where this machine needs half the time.
    config.teacher.precision = "float32"
    config.teacher.verify_examples = 64  # real images for the comparison with onnxruntime
    config.teacher.evaluate_examples = 500  # test images for its clean and PGD accuracy
    # The native network: "resnet" of these sizes, or one of the paper's teachers: resnet18, resnet50,
    # wide_resnet34_10, wide_resnet50_2, preact_resnet18.
    config.teacher.network = "resnet"
    config.teacher.widths = (16, 32, 64)  # channels of each network stage
    config.teacher.blocks = (1, 1, 1)  # residual blocks of each network stage
    config.teacher.stem_stride = 1
    # How the native network is trained: "pgd", "trades", "n_fgsm" or "fgsm_rs", see train.attack.
    config.teacher.adversarial = "pgd"
    config.teacher.beta = 6.0  # of TRADES
    config.teacher.attack_steps = 7  # of the adversarial training's inner PGD
    config.teacher.attack_step_size = 0.25  # in parts of epsilon
    # Robust overfitting: the best epoch on attacked validation images is kept, and training ends this
    # many epochs after it. With as many as `epochs` all are trained and the best is kept, for schedules
    # whose later drops bring the gain; with None all are trained and the last one is kept.
    config.teacher.patience = placeholder(int)
    config.teacher.patience = 10
    config.teacher.weight_average = 0.999  # decay of the average that is validated; 0: no average
    config.teacher.update(_optimization(epochs=30, learning_rate=0.1, schedule="cosine"))
    config.teacher.l2 = 5e-4

    # Teacher logits and maps that are computed once instead of in every step.
    config.signals = ConfigDict()
    # Folder that keeps them, shared by all runs that see the same images; it changes the time and not
    # what is learnt. Empty: the teacher runs in every step; of fixed views, DIR/teacher/signals.
    config.signals.store = ""
    # Number of fixed views (crop and flip) of each training image that students see in place of a new
    # one in every epoch; the teacher then runs once for each view, and not in every epoch. 0: none.
    config.signals.views = 0

    # The controls that a gain must be compared with, in search and training alike.
    config.method = ConfigDict()
    config.method.tutor = "search"  # or random, same_depth, reversed, none
    config.method.kl = True  # the KL term of eq. 2 and eq. 3
    config.method.kl_first = "student"  # KL(p, q), the paper's way round, or "teacher", KL(q, p)
    config.method.attention = True  # the attention term, eq. 1

    config.search = ConfigDict()
    config.search.space = "S3"
    config.search.activation = "hard_swish"  # or relu6 or relu, which int8 runs faster on a device
    config.search.architecture = ""  # an architecture.json to take instead of searching
    config.search.gamma = 1.0  # gamma_s
    config.search.noise = "gumbel"  # or "normal", as the paper's text says
    config.search.cost = "macs"  # n_f: "macs", "authors", "none" or "latency"
    config.search.target_macs = placeholder(
        int
    )  # steer towards this cost; None: only the pull of n_f
    # For cost "latency": a file of rnascl latency-table, and a time to steer to.
    config.search.latency_table = ""
    config.search.target_ms = placeholder(float)
    config.search.attention_size = 14  # side of the attention maps, the authors' value
    config.search.architecture_learning_rate = 0.01  # Adam, on the Gumbel parameters
    config.search.update(_attack("none"))
    config.search.update(_optimization(epochs=100, learning_rate=0.1, schedule="step"))

    config.train = ConfigDict()
    config.train.gamma = 1.0  # gamma_t
    config.train.update(_attack("none"))
    config.train.clean_weight = 0.0  # of the clean images' cross-entropy beside the attacked ones'
    config.train.update(_keeping())
    config.train.update(_optimization(epochs=100, learning_rate=0.1, schedule="step"))

    # Adversarial fine-tuning of the trained student.
    config.trades = ConfigDict()
    config.trades.enabled = False
    config.trades.update(_attack("trades"))
    config.trades.update(_keeping())
    config.trades.update(_optimization(epochs=20, learning_rate=0.01, schedule="cosine"))

    # The same architecture without the teacher, with train's settings: what the method is compared
    # with.
    config.baseline = ConfigDict()
    config.baseline.enabled = True

    config.evaluate = ConfigDict()
    config.evaluate.examples = 1000  # evenly spaced test images
    # At threat.epsilon, or at the one after an @: "pgd20@2/255".
    config.evaluate.attacks = ("clean", "fgsm", "pgd20", "mifgsm", "cw")
    config.evaluate.batch_size = 100
    config.evaluate.budget = "standard"  # or "quick", of the attack autoattack
    config.evaluate.masking_examples = 200  # test images of the verdict on masking; 0: no verdict
    config.evaluate.sweep = (
        False  # accuracy over epsilons 0 to 0.1, teacher and students (Figure 3)
    )

    config.export = ConfigDict()
    config.export.kinds = ("float32", "float16", "dynamic", "int8")
    config.export.threads = 1
    config.export.runs = 200  # timed runs for the latency
    config.export.examples = 1000  # test images on which each file's accuracy is measured
    config.export.calibration_examples = 200  # training images that find int8's ranges
    # Each file is attacked by images that these attacks make on the Keras student, and by Square, which
    # queries the file itself.
    config.export.transferred = ("pgd20", "cw")
    config.export.square_examples = 100  # of the test images above; 0: no Square
    config.export.square_queries = 1000  # for each image
    return config.lock()  # so that a recipe's misspelt key is an error


def _attack(name: str) -> ConfigDict:
    settings = ConfigDict()
    # The images that the student sees, while the teacher sees the clean ones: "none", as in the paper;
    # "n_fgsm" or "fgsm_rs", a single step; "pgd" or "trades", several.
    settings.attack = name
    settings.attack_steps = 10  # of "pgd" and "trades"
    settings.attack_step_size = 0.25  # of one of them in parts of epsilon: 2/255 at 8/255
    settings.beta = 6.0  # of "trades"
    settings.label_smoothing = 0.0
    return settings


def _keeping() -> ConfigDict:
    settings = ConfigDict()
    settings.weight_average = 0.0  # decay of the average that is validated and saved; 0: no average
    settings.keep_best = (
        False  # save the best epoch under PGD-10 on validation images, not the last
    )
    # Late in training the averaged network's predictions replace a growing part of the labels: up to
    # the first number, from the second part of the epochs on.
    settings.self_distillation = 0.0
    settings.self_distillation_start = 0.5
    return settings


def _optimization(epochs: int, learning_rate: float, schedule: str) -> ConfigDict:
    settings = ConfigDict()
    settings.epochs = epochs
    settings.learning_rate = learning_rate
    settings.schedule = schedule  # "step", "cosine" or "warmup_cosine"
    settings.momentum = 0.9
    settings.l2 = 2e-4  # coupled, as PyTorch's weight_decay
    # Of the moving statistics, Keras' convention; None: 0.997, or 0.9 in runs under 2,000 steps,
    # which the paper's value would leave with statistics from initialisation.
    settings.batch_norm_momentum = placeholder(float)
    return settings
