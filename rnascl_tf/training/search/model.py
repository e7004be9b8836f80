"""Search: one `train_step` that alternates weights and architecture (paper, eq. 2).

With an attack both steps see the attacked images x' and the teacher sees the clean ones x:
n_f (CE(y, p(x')) + KL(p(x'), q(x)) + gamma_s L_attn(A_t(x), A_s(x'))). They are made once for the whole
batch, before either step, against the most probable student: the supernet in evaluation mode.
"""

from collections.abc import Mapping
from typing import Any, Literal

import keras
import tensorflow as tf

from rnascl_tf.layers import AttentionMaps, GumbelSoftmax, TutorSelection, frozen_statistics
from rnascl_tf.networks import channel_masks
from rnascl_tf.objectives import (
    CostModel,
    Price,
    Terms,
    cross_entropy,
    distillation_loss,
    trades_loss,
)
from rnascl_tf.training.adversarial.folded_network import FoldedNetwork
from rnascl_tf.training.adversarial.hardening import PLAIN, Hardening
from rnascl_tf.training.metrics import TermMeans, active_terms
from rnascl_tf.training.optimizers import architecture_optimizer as new_architecture_optimizer
from rnascl_tf.training.teacher_signals.source import TeacherSignals
from rnascl_tf.training.training_model import Batch, TrainingModel
from rnascl_tf.training.tutors import one_hot_tutors
from teachers import Signals

WEIGHT_SHARE = 0.8
"""Part of each batch that updates the weights; the rest updates the Gumbel parameters."""


class SearchModel(TrainingModel):
    """The supernet, its teacher, and the tutor parameters, trained together.

    Args:
        supernet: from `build_supernet`.
        signals: what the teacher says.
        cost: from `cost_model`, the price n_f.
        attention_size: side of the maps; the same as the teacher's.
        gamma: gamma_s of eq. 2.
        kl: whether the KL term is in.
        kl_first: whose prediction stands first in it, see `kl_divergence`.
        hardening: attack and label smoothing; its average and validation are for students.
        tutors: "search", or a fixed teacher layer for every student layer, {student tap: teacher
            tap}; None leaves the attention term out.
        noise: of the tutors' Gumbel-softmax.
        seed: of that noise.

    Raises:
        ArchitectureError: a fixed tutor is missing, or is not a layer of the teacher.
    """

    def __init__(
        self,
        supernet: keras.Model,
        signals: TeacherSignals,
        cost: CostModel,
        *,
        attention_size: int,
        gamma: float,
        kl: bool = True,
        kl_first: str = "student",
        hardening: Hardening = PLAIN,
        tutors: Literal["search"] | Mapping[str, str] | None = "search",
        noise: str = "gumbel",
        seed: int = 0,
    ) -> None:
        super().__init__(name="search")
        self.supernet = supernet
        self.signals = signals
        self.cost = cost
        self.gamma = gamma
        self.kl, self.kl_first = kl, kl_first
        self.hardening = hardening
        if hardening.attack is not None:
            # An attribute of the model, so that it is saved with the training state.
            self.start_seeds = hardening.attack.seed_generator
        self._attackable = None if hardening.attack is None else FoldedNetwork(supernet)
        self.student_layers: tuple[str, ...] = tuple(supernet.output["taps"])
        self.attention_maps = AttentionMaps(attention_size)
        self.tutors: TutorSelection | None = None
        self.fixed_tutors = tutors if tutors != "search" else None
        means = ["cost_factor", "architecture_loss", "expected_macs", "temperature"]
        if hardening.by_trades:
            means.append("adversarial_divergence")
        if cost.unit == "ms":
            means.append("expected_ms")
        if tutors == "search":
            self.tutors = TutorSelection(
                len(self.student_layers), len(signals.teacher_layers), noise=noise, seed=seed
            )
            means.append("tutor_entropy")
        elif tutors is not None:
            self._one_hot = tf.constant(
                one_hot_tutors(self.student_layers, signals.teacher_layers, tutors)
            )
        self.means = TermMeans(*means, terms=active_terms(kl, attention=tutors is not None))
        self.built = True

    @property
    def architecture_variables(self) -> list[keras.Variable]:
        """The Gumbel parameters: of every block's filters, then of the tutors that are searched."""
        tutors = [] if self.tutors is None else [self.tutors.logits]
        return [mask.gumbel.logits for mask in channel_masks(self.supernet)] + tutors

    @property
    def weight_variables(self) -> list[keras.Variable]:
        """Every other trainable variable."""
        architecture = {id(variable) for variable in self.architecture_variables}
        return [v for v in self.trainable_variables if id(v) not in architecture]

    def compile(
        self,
        optimizer: keras.optimizers.Optimizer,
        architecture_optimizer: keras.optimizers.Optimizer | None = None,
    ) -> None:
        """Sets both optimizers, each built on its own variables, so that no step creates any.

        Args:
            optimizer: of the weights.
            architecture_optimizer: of the Gumbel parameters; None: Adam, as in section A.1.
        """
        super().compile(optimizer)
        self.architecture_optimizer = architecture_optimizer or new_architecture_optimizer()
        self.architecture_optimizer.build(self.architecture_variables)

    def set_temperature(self, value: float) -> None:
        """Sets tau of every Gumbel-softmax."""
        for selector in self._selectors():
            selector.temperature.assign(value)

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, Any]:
        """Returns the supernet's outputs: logits, taps, gates."""
        return self.supernet(images, training=training)

    def loss_terms(self, batch: Batch, signals: Signals) -> tuple[Terms, tf.Tensor, Price]:
        """Returns the terms of eq. 2, the student's logits and their price, from one forward pass.

        Args:
            batch: part of a training batch, from `attacked`.
            signals: the teacher's of its clean images.

        Returns:
            (terms, logits, price): the logits of the attacked images where the attack is on the
            labels, of the clean ones where there is none and for TRADES.
        """
        attacked = batch.get("attacked")
        images = batch["image"] if attacked is None else attacked
        by_trades = self.hardening.by_trades
        if by_trades:
            # One pass, so that both see the same masks; batch norm takes the moments of both.
            images = tf.concat([batch["image"], attacked], axis=0)
        outputs = self(images, training=True)
        logits, taps = outputs["logits"], list(outputs["taps"].values())
        labels = self.hardening.labels(batch["label"], logits.shape[-1])
        if by_trades:
            logits, attacked_logits = tf.split(logits, 2)
            taps = [tf.split(tap, 2)[0] for tap in taps]
            trades = trades_loss(labels, logits, attacked_logits, self.hardening.beta)
            task, clean_cross_entropy = trades.loss, trades.cross_entropy
            self.means["adversarial_divergence"].update_state(trades.adversarial_divergence)
        else:
            task = clean_cross_entropy = cross_entropy(labels, logits)
        price = self.cost(outputs["gates"])
        terms = distillation_loss(
            task,
            logits,
            self.attention_maps(taps),
            signals.logits,
            signals.maps,
            tutor_weights=self._tutor_weights(),
            gamma=self.gamma,
            kl=self.kl,
            kl_first=self.kl_first,
            cost_factor=price.factor,
        )
        return terms._replace(cross_entropy=clean_cross_entropy), logits, price

    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """One step of each optimizer: weights on the first 80% of the batch, then Gumbel on 20%."""
        signals = self.signals(batch)
        batch = self.attacked(batch)
        size = tf.shape(batch["label"])[0]
        split = tf.cast(tf.round(WEIGHT_SHARE * tf.cast(size, tf.float32)), tf.int32)
        first = tf.nest.map_structure(lambda values: values[:split], (batch, signals))
        second = tf.nest.map_structure(lambda values: values[split:], (batch, signals))
        terms, logits, price = self._update(self.optimizer, self.weight_variables, *first)
        with frozen_statistics():
            architecture_terms, _, _ = self._update(
                self.architecture_optimizer, self.architecture_variables, *second
            )
        self.means.update(first[0]["label"], logits, terms)
        self.means["cost_factor"].update_state(terms.cost_factor)
        self.means["architecture_loss"].update_state(architecture_terms.loss)
        self.means["expected_macs"].update_state(price.expected_macs)
        if self.cost.unit == "ms":
            self.means["expected_ms"].update_state(price.expected_cost)
        if self.tutors is not None:
            self.means["tutor_entropy"].update_state(self.tutors.entropy())
        self.means["temperature"].update_state(self._selectors()[0].temperature)
        return self.means.results()

    def attacked(self, batch: Batch) -> Batch:
        """Returns the batch with the images of the attack, if there is one, as "attacked"."""
        return self.hardening.attacked(self._attackable, batch)

    def logits(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the logits of the most probable student, float [batch, classes]."""
        return self.supernet(images, training=False)["logits"]

    def test_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Cross-entropy and accuracy of the most probable student, nothing random."""
        return self.means.evaluate(batch["label"], self.logits(batch["image"]))

    def _selectors(self) -> list[GumbelSoftmax]:
        selectors = [mask.gumbel for mask in channel_masks(self.supernet)]
        return selectors if self.tutors is None else [*selectors, self.tutors]

    def _tutor_weights(self) -> tf.Tensor | None:
        if self.tutors is not None:
            return self.tutors(training=True)
        return None if self.fixed_tutors is None else self._one_hot

    def _update(
        self,
        optimizer: keras.optimizers.Optimizer,
        variables: list[keras.Variable],
        batch: Batch,
        signals: Signals,
    ) -> tuple[Terms, tf.Tensor, Price]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            terms, logits, price = self.loss_terms(batch, signals)
        self.descend(optimizer, variables, tape, terms.loss)
        return terms, logits, price
