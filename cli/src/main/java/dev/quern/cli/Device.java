package dev.quern.cli;

import dev.quern.core.Nearest;
import dev.quern.core.UsageException;
import java.util.List;

/// Where to compute.
final class Device {
    private Device() {}

    /// Throws `UsageException` where this build has no such device.
    static void require(String name) {
        if (name.equals("cuda")) {
            throw new UsageException("--device cuda: this build of Quern holds the CPU library only; use --device cpu");
        }
        if (!name.equals("cpu")) {
            throw Nearest.unknown("device", name, List.of("cpu", "cuda"));
        }
    }
}
