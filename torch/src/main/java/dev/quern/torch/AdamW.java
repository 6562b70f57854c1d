package dev.quern.torch;

import java.util.ArrayList;
import java.util.List;

/// Adam with decoupled weight decay (arXiv:1711.05101, alg. 2), in float32, updating parameters in place.
///
/// Parameters of two or more dimensions decay, vectors (norms, biases) do not, as is usual for transformers.
/// The moments live until `close`, outside all scopes. Not thread-safe.
public final class AdamW implements AutoCloseable {
    /// `beta1`, `beta2`: decay of the mean and of the square; `eps` keeps the quotient finite.
    public record Config(double beta1, double beta2, double eps, double weightDecay) {
        public static final Config DEFAULT = new Config(0.9, 0.95, 1e-8, 0.1);
    }

    /// Steps done so far and the moments of each parameter: all that a later optimizer needs to go on from here.
    public record State(int step, List<float[]> means, List<float[]> squares) {}

    private final Config config;
    private final List<TorchTensor> parameters;
    private final List<TorchTensor> means = new ArrayList<>();
    private final List<TorchTensor> squares = new ArrayList<>();
    private int step;

    /// `parameters` belong to the caller and outlive this optimizer.
    public AdamW(List<TorchTensor> parameters, Config config) {
        this.config = config;
        this.parameters = List.copyOf(parameters);
        TorchScope.run(() -> {
            for (TorchTensor parameter : this.parameters) {
                means.add(TorchTensor.zeros(parameter.shape()).retain());
                squares.add(TorchTensor.zeros(parameter.shape()).retain());
            }
        });
    }

    /// One step along `gradients`, one for each parameter in the same order, with this learning rate.
    public void step(List<TorchTensor> gradients, double rate) {
        if (gradients.size() != parameters.size()) {
            throw new IllegalArgumentException(
                    gradients.size() + " gradients for " + parameters.size() + " parameters");
        }
        step++;
        double meanCorrection = 1 - Math.pow(config.beta1, step);
        double squareCorrection = 1 - Math.pow(config.beta2, step);
        TorchScope.run(() -> {
            for (int i = 0; i < parameters.size(); i++) {
                TorchTensor parameter = parameters.get(i).detach();
                TorchTensor gradient = gradients.get(i);
                TorchTensor mean = means.get(i);
                TorchTensor square = squares.get(i);
                mean.mulInPlace(config.beta1);
                mean.addInPlace(gradient, 1 - config.beta1);
                square.mulInPlace(config.beta2);
                square.addInPlace(gradient.square(), 1 - config.beta2);
                if (parameter.rank() > 1) {
                    parameter.mulInPlace(1 - rate * config.weightDecay);
                }
                TorchTensor denominator =
                        square.mul(1 / squareCorrection).sqrt().add(config.eps);
                parameter.addInPlace(mean.div(denominator), -rate / meanCorrection);
            }
        });
    }

    /// A copy of what has been gathered so far.
    public State state() {
        return TorchScope.call(() -> new State(
                step,
                means.stream().map(TorchTensor::toFloats).toList(),
                squares.stream().map(TorchTensor::toFloats).toList()));
    }

    /// Goes on from `state`, which an optimizer of the same parameters gave.
    public void restore(State state) {
        if (state.means().size() != parameters.size()) {
            throw new IllegalArgumentException(
                    "moments of " + state.means().size() + " parameters for " + parameters.size());
        }
        step = state.step();
        TorchScope.run(() -> {
            for (int i = 0; i < parameters.size(); i++) {
                long[] shape = parameters.get(i).shape();
                replace(means.get(i), TorchTensor.of(state.means().get(i), shape));
                replace(squares.get(i), TorchTensor.of(state.squares().get(i), shape));
            }
        });
    }

    private static void replace(TorchTensor target, TorchTensor values) {
        target.mulInPlace(0);
        target.addInPlace(values);
    }

    /// Scales gradients in place so that the norm of all together is at most `maxNorm`; returns the norm before.
    public static double clip(List<TorchTensor> gradients, double maxNorm) {
        return TorchScope.call(() -> {
            double sum = 0;
            for (TorchTensor gradient : gradients) {
                sum += gradient.square().sum().item();
            }
            double norm = Math.sqrt(sum);
            if (norm > maxNorm) {
                gradients.forEach(g -> g.mulInPlace(maxNorm / norm));
            }
            return norm;
        });
    }

    @Override
    public void close() {
        means.forEach(TorchTensor::release);
        squares.forEach(TorchTensor::release);
        means.clear();
        squares.clear();
    }
}
