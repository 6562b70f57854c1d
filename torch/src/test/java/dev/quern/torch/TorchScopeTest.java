package dev.quern.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NoLeaks.class)
class TorchScopeTest {
    @Test
    void allThatAScopeMadeIsFreedWithIt() {
        long before = Pointer.totalCount();
        TorchScope.run(() -> {
            TorchTensor.zeros(10, 10).add(1).matmul(TorchTensor.identity(10));
            assertThat(Pointer.totalCount()).isGreaterThan(before);
        });
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }

    @Test
    void anErrorInsideClosesTheScope() {
        assertThatThrownBy(() -> TorchScope.run(() -> {
                    TorchTensor.zeros(10);
                    throw new IllegalStateException("stop");
                }))
                .hasMessage("stop");
    }

    @Test
    void keepMovesATensorToTheScopeAround() {
        TorchScope.run(() -> {
            TorchTensor kept = TorchScope.keep(() -> TorchTensor.full(3, 2).mul(2));
            TorchScope.run(() -> TorchTensor.zeros(1000));
            assertThat(kept.toFloats()).containsExactly(6, 6);
        });
    }

    @Test
    void aRetainedTensorOutlivesAllScopesAndThreads() throws InterruptedException {
        TorchTensor kept =
                TorchScope.call(() -> List.of(TorchTensor.full(3, 2).retain())).getFirst();
        List<Float> seen = new ArrayList<>();
        Thread thread = new Thread(() -> seen.add(kept.toFloats()[1]));
        thread.start();
        thread.join();
        assertThat(seen).containsExactly(3f);
        kept.release();
    }

    @Test
    void aTensorIsNeitherMadeOutsideNorReturnedFromAScope() {
        assertThatThrownBy(() -> TorchTensor.zeros(1)).hasMessageContaining("inside TorchScope");
        assertThatThrownBy(() -> TorchScope.call(() -> TorchTensor.zeros(1))).hasMessageContaining("TorchScope.keep");
    }

    @Test
    void workersWithTheirOwnScopesGetTheSameResults() throws InterruptedException, ExecutionException {
        double alone = product(3);
        try (ExecutorService workers = Executors.newFixedThreadPool(4)) {
            List<Future<Double>> results = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                results.add(workers.submit(() -> product(3)));
            }
            for (Future<Double> result : results) {
                assertThat(result.get()).isEqualTo(alone);
            }
        }
    }

    private static double product(int seed) {
        return TorchScope.call(() -> {
            java.util.Random random = new java.util.Random(seed);
            float[] values = new float[200 * 200];
            for (int i = 0; i < values.length; i++) {
                values[i] = random.nextFloat() - 0.5f;
            }
            TorchTensor w = TorchTensor.of(values, 200, 200).requireGrad();
            w.matmul(w).silu().square().mean().backward();
            return w.grad().orElseThrow().square().sum().item();
        });
    }

    @Test
    void aHundredStepsKeepMemoryFlat() {
        Path status = Path.of("/proc/self/status");
        Assumptions.assumeTrue(Files.exists(status), "resident memory is read from /proc");
        TorchScope.run(() -> {
            TorchTensor w = TorchTensor.full(0.01, 512, 512).requireGrad();
            List<TorchTensor> parameters = List.of(w);
            try (AdamW adam = new AdamW(parameters, AdamW.Config.DEFAULT)) {
                long early = 0;
                for (int step = 0; step < 120; step++) {
                    TorchScope.run(() -> {
                        TorchTensor leaf = w.detach().requireGrad();
                        TorchTensor x = TorchTensor.full(1, 512, 512);
                        x.matmul(leaf).silu().matmul(leaf).square().mean().backward();
                        adam.step(List.of(leaf.grad().orElseThrow()), 1e-3);
                    });
                    if (step == 20) {
                        early = resident(status);
                    }
                }
                // One step makes more than 10 MB of tensors: 100 leaked ones would be a gigabyte.
                assertThat(resident(status) - early).isLessThan(60_000_000L);
            }
        });
    }

    private static long resident(Path status) {
        try {
            return Files.readAllLines(status).stream()
                            .filter(line -> line.startsWith("RssAnon:"))
                            .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                            .sum()
                    * 1024;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
