package dev.quern.kernels;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/// Memory outside the heap for weights and inputs of machine code, in large pages where the system has them.
///
/// A token reads every weight once, so with pages of 4 KiB each of them misses the table of addresses. Java's own
/// memory is written with zeros when it is made and has small pages by then: this comes from the system as it is, and
/// pieces of one model share pages. Freed when nothing refers to any piece of a chunk. Where machine code does not run
/// it is Java's own.
final class SystemMemory {
    private static final int READ_WRITE = 3;
    private static final int PRIVATE_ANONYMOUS = 0x22;
    private static final int HUGE_PAGES = 14;
    private static final long PAGE = 1L << 21;

    /// What pieces are cut from; only what is written takes memory.
    private static final long CHUNK = 16 * PAGE;

    /// Bytes of a line of the cache.
    static final int LINE = 64;

    /// How far before the products machine code asks for weights. Products that wait fill the queue of a core when a
    /// dozen lines are on their way, half of what keeps memory busy. Measured: 1024 and 16384 bytes are slower.
    static final int AHEAD = 4096;

    private static MemorySegment chunk = MemorySegment.NULL;
    private static long used;

    private SystemMemory() {}

    /// `bytes` of zeros at a multiple of 64 bytes. Throws `OutOfMemoryError` where the system gives none.
    static synchronized MemorySegment allocate(long bytes) {
        if (MachineCode.isa().isEmpty()) {
            return Arena.ofAuto().allocate(bytes, LINE);
        }
        if (bytes > CHUNK / 2) {
            return chunk(bytes).asSlice(0, bytes);
        }
        if (used + bytes > chunk.byteSize()) {
            chunk = chunk(CHUNK);
            used = 0;
        }
        MemorySegment piece = chunk.asSlice(used, bytes);
        used += (bytes + LINE - 1) / LINE * LINE;
        return piece;
    }

    /// The same for a while: it goes back to the system when `arena` closes.
    static MemorySegment allocate(long bytes, Arena arena) {
        return MachineCode.isa().isEmpty()
                ? arena.allocate(bytes, LINE)
                : chunk(bytes, arena).asSlice(0, bytes);
    }

    private static MemorySegment chunk(long bytes) {
        return chunk(bytes, Arena.ofAuto());
    }

    /// Whole large pages.
    private static MemorySegment chunk(long bytes, Arena arena) {
        long size = (bytes + PAGE - 1) / PAGE * PAGE;
        MemorySegment all;
        try {
            all = map(size + PAGE);
        } catch (IllegalStateException none) {
            throw new OutOfMemoryError("the system gives no " + (size >> 20) + " MiB for weights");
        }
        long skipped = -all.address() & PAGE - 1;
        MemorySegment memory = MemorySegment.ofAddress(all.address() + skipped)
                .reinterpret(size, arena, _ -> unmap(all.address(), size + PAGE));
        advise(memory);
        return memory;
    }

    /// New pages of zeros; throws `IllegalStateException` where the system gives none. The caller gives them back.
    static MemorySegment map(long bytes) {
        MemorySegment memory;
        try {
            memory = (MemorySegment) function(
                            "mmap",
                            FunctionDescriptor.of(
                                    ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG))
                    .invokeExact(0L, bytes, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0L);
        } catch (Throwable impossible) {
            throw new AssertionError(impossible);
        }
        if (memory.address() == -1) {
            throw new IllegalStateException("the system gives no memory for it");
        }
        return memory;
    }

    /// Asks for large pages; as good without.
    private static void advise(MemorySegment memory) {
        try {
            int _ = (int) function("madvise", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT))
                    .invokeExact(memory, memory.byteSize(), HUGE_PAGES);
        } catch (Throwable impossible) {
            throw new AssertionError(impossible);
        }
    }

    private static void unmap(long address, long bytes) {
        try {
            int _ = (int) function("munmap", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG))
                    .invokeExact(address, bytes);
        } catch (Throwable impossible) {
            throw new AssertionError(impossible);
        }
    }

    /// A function of the system's library.
    static MethodHandle function(String name, FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(
                linker.defaultLookup().find(name).orElseThrow(() -> new IllegalStateException("no " + name)),
                descriptor);
    }
}
