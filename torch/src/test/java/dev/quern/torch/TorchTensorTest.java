package dev.quern.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.quern.core.DType;
import dev.quern.core.DenseWeight;
import dev.quern.core.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NoLeaks.class)
class TorchTensorTest {
    @Test
    void valuesComeBackAsTheyWentIn() {
        TorchScope.run(() -> {
            float[] values = {1, -2, 3.5f, 0, 5, 6};
            assertThat(TorchTensor.of(values, 2, 3).toFloats()).containsExactly(values);
            assertThat(TorchTensor.of(values, 2, 3).shape()).containsExactly(2, 3);
            assertThat(TorchTensor.of(new double[] {1e-300, 2}, 2).toDoubles()).containsExactly(1e-300, 2);
            assertThat(TorchTensor.of(MemorySegment.ofArray(new float[] {7, 8}), 2)
                            .toFloats())
                    .containsExactly(7, 8);
            assertThat(TorchTensor.ofRange(values, 2, 2, 2).toFloats()).containsExactly(3.5f, 0, 5, 6);
            assertThat(TorchTensor.of(Tensor.of(DType.BF16, values, 2, 3)).toFloats())
                    .containsExactly(values);
            assertThat(TorchTensor.of(new DenseWeight(Tensor.of(values, 3, 2))).toFloats())
                    .containsExactly(values);
        });
    }

    @Test
    void noMemoryIsSharedWithJava() {
        TorchScope.run(() -> {
            float[] values = {1, 2};
            TorchTensor tensor = TorchTensor.of(values, 2);
            values[0] = 9;
            assertThat(tensor.toFloats()).containsExactly(1, 2);
            float[] out = tensor.toFloats();
            out[1] = 9;
            assertThat(tensor.toFloats()).containsExactly(1, 2);
        });
    }

    @Test
    void aViewIsReadInRowMajorOrder() {
        TorchScope.run(() -> {
            TorchTensor tensor = TorchTensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
            assertThat(tensor.transpose().toFloats()).containsExactly(1, 4, 2, 5, 3, 6);
            assertThat(tensor.slice(1, 1, 3).toFloats()).containsExactly(2, 3, 5, 6);
            assertThat(tensor.select(0, 1).toFloats()).containsExactly(4, 5, 6);
            assertThat(tensor.rows(new int[] {1, 1, 0}).toFloats()).containsExactly(4, 5, 6, 4, 5, 6, 1, 2, 3);
            assertThat(tensor.pick(1, new int[] {2, 0}).toFloats()).containsExactly(3, 1, 6, 4);
            assertThat(tensor.flip(0, 1).toFloats()).containsExactly(6, 5, 4, 3, 2, 1);
            assertThat(TorchTensor.cat(List.of(tensor, tensor), 1).shape()).containsExactly(2, 6);
        });
    }

    @Test
    void arithmeticIsThatOfJava() {
        TorchScope.run(() -> {
            TorchTensor a = TorchTensor.of(new float[] {1, 2, 3, 4}, 2, 2);
            TorchTensor b = TorchTensor.of(new float[] {5, 6, 7, 8}, 2, 2);
            assertThat(a.matmul(b).toFloats()).containsExactly(19, 22, 43, 50);
            assertThat(a.linear(b, TorchTensor.of(new float[] {1, 2}, 2)).toFloats())
                    .containsExactly(18, 25, 40, 55);
            assertThat(a.add(b).sub(a).mul(2).div(b).toFloats()).containsExactly(2, 2, 2, 2);
            assertThat(a.sum().item()).isEqualTo(10);
            assertThat(a.mean(-1).toFloats()).containsExactly(1.5f, 3.5f);
            assertThat(a.sum(0).toFloats()).containsExactly(4, 6);
            assertThat(a.max(1).toFloats()).containsExactly(2, 4);
            assertThat(a.argMin(1).toInts()).containsExactly(0, 0);
            assertThat(a.clamp(2, 3).toFloats()).containsExactly(2, 2, 3, 3);
            assertThat(a.softmax(1).sum(1).toFloats()).containsExactly(new float[] {1, 1}, within(1e-6f));
            assertThat(a.crossEntropy(new int[] {1, 0}).item())
                    .isCloseTo((Math.log(1 + Math.exp(-1)) + Math.log(1 + Math.exp(1))) / 2, within(1e-6));
        });
    }

    @Test
    void changesInPlaceReachTheMatrixThroughItsDiagonal() {
        TorchScope.run(() -> {
            TorchTensor h = TorchTensor.zerosDouble(2, 2);
            TorchTensor x = TorchTensor.of(new double[] {1, 2, 3, 4}, 2, 2);
            h.addMatmulInPlace(x.transpose(), x, 1, 2);
            h.diagonal().addInPlace(0.5);
            assertThat(h.toDoubles()).containsExactly(20.5, 28, 28, 40.5);
        });
    }

    @Test
    void choleskyAndTriangularSolvesInvertAMatrix() {
        TorchScope.run(() -> {
            TorchTensor h = TorchTensor.of(new double[] {4, 2, 0.6, 2, 5, 1, 0.6, 1, 3}, 3, 3);
            TorchTensor factor = h.cholesky().orElseThrow();
            assertThat(factor.matmul(factor.transpose()).toDoubles()).containsExactly(h.toDoubles(), within(1e-12));
            TorchTensor identity = TorchTensor.identity(3).toDouble();
            TorchTensor inverse = factor.transpose().solveTriangular(factor.solveTriangular(identity, false), true);
            assertThat(h.matmul(inverse).toDoubles()).containsExactly(identity.toDoubles(), within(1e-12));
            TorchTensor right = factor.solveTriangularRight(h, false);
            assertThat(right.matmul(factor).toDoubles()).containsExactly(h.toDoubles(), within(1e-12));
        });
    }

    @Test
    void choleskyOfWhatIsNotPositiveDefiniteIsEmpty() {
        TorchScope.run(() -> {
            assertThat(TorchTensor.of(new double[] {1, 2, 2, 1}, 2, 2).cholesky())
                    .isEmpty();
            assertThat(TorchTensor.of(new double[] {1, 0, 0, Double.NaN}, 2, 2).cholesky())
                    .isEmpty();
        });
    }

    @Test
    void gradientsReachTheLeaves() {
        TorchScope.run(() -> {
            TorchTensor w = TorchTensor.of(new float[] {2, 3}, 2).requireGrad();
            assertThat(w.grad()).isEmpty();
            w.square().sum().backward();
            assertThat(w.grad().orElseThrow().toFloats()).containsExactly(4, 6);
            w.mul(w.detach()).sum().backward();
            assertThat(w.grad().orElseThrow().toFloats()).containsExactly(6, 9);
            TorchTensor quiet = Torch.noGrad(w::square);
            assertThatThrownBy(() -> quiet.sum().backward()).hasMessageContaining("grad");
        });
    }

    @Test
    void aKeptGradientOutlivesItsLeaf() {
        TorchScope.run(() -> {
            TorchTensor kept = TorchScope.keep(() -> {
                TorchTensor w = TorchTensor.full(2, 3).requireGrad();
                w.square().sum().backward();
                return w.grad().orElseThrow();
            });
            assertThat(kept.toFloats()).containsExactly(4, 4, 4);
        });
    }

    @Test
    void aWrongShapeIsRefusedBeforeAnythingIsMade() {
        TorchScope.run(() -> assertThatThrownBy(() -> TorchTensor.of(new float[5], 2, 3))
                .hasMessageContaining("5 values do not fill shape [2, 3]"));
    }
}
