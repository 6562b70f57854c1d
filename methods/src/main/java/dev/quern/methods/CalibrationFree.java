package dev.quern.methods;

import dev.quern.torch.TorchTensor;

/// The inputs of a run without calibration text: there are none.
final class CalibrationFree implements BlockInputs {
    @Override
    public int sequences() {
        return 0;
    }

    @Override
    public int tokens(int i) {
        throw new IndexOutOfBoundsException(i);
    }

    @Override
    public TorchTensor exact(int i) {
        throw new IndexOutOfBoundsException(i);
    }

    @Override
    public TorchTensor quantized(int i) {
        throw new IndexOutOfBoundsException(i);
    }
}
