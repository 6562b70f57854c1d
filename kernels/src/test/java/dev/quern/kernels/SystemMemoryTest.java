package dev.quern.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Pieces of memory begin at a line, hold zeros and overlap nothing, whether they share a chunk or have their own.
class SystemMemoryTest {
    @Test
    void piecesAreAlignedZerosThatDoNotOverlap() {
        List<MemorySegment> pieces = new ArrayList<>();
        for (long bytes : new long[] {1, 63, 64, 65, 20 << 20, 7, (16 << 20) - 1, 3 << 20}) {
            MemorySegment piece = SystemMemory.allocate(bytes);
            assertThat(piece.byteSize()).isEqualTo(bytes);
            assertThat(piece.address() % SystemMemory.LINE).isZero();
            assertThat(piece.mismatch(MemorySegment.ofArray(new byte[(int) bytes])))
                    .isEqualTo(-1);
            piece.fill((byte) 1);
            for (MemorySegment other : pieces) {
                assertThat(piece.asOverlappingSlice(other)).isEmpty();
            }
            pieces.add(piece);
        }
    }

    @Test
    void memoryForAWhileIsGivenBack() {
        MemorySegment piece;
        try (Arena arena = Arena.ofConfined()) {
            piece = SystemMemory.allocate(3 << 20, arena);
            assertThat(piece.address() % SystemMemory.LINE).isZero();
            piece.fill((byte) 1);
        }
        assertThat(piece.scope().isAlive()).isFalse();
    }

    @Test
    void moreThanTheSystemHasIsAnErrorThatIsReportedAsSuch() {
        assertThatThrownBy(() -> SystemMemory.allocate(1L << 60)).isInstanceOf(OutOfMemoryError.class);
    }
}
