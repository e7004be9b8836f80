"""The training batches of a run, for every stage that trains."""

from rnascl_tf.data import steps_per_epoch, training_batches


def training_stream(run):
    """Returns (function (first epoch, first step) -> endless batches, steps per epoch)."""
    data, examples = run.config.data, run.dataset.train

    def stream(first_epoch, first_step=0):
        return training_batches(
            examples,
            batch_size=data.batch_size,
            seed=run.config.seed,
            first_epoch=first_epoch,
            first_step=first_step,
            crop_padding=data.crop_padding,
            resized_crop=data.resized_crop,
            flip=data.flip,
        )

    return stream, steps_per_epoch(examples, data.batch_size)
