package dev.quern.cli;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/// What the operating system tells about this machine.
final class Machine {
    private static final Path CPUS = Path.of("/sys/devices/system/cpu");

    private Machine() {}

    /// Processors that the JVM may use (a container's limit counts).
    static int processors() {
        return Runtime.getRuntime().availableProcessors();
    }

    /// Cores, hyperthreads not counted apart, as far as the JVM may use them; all processors where nothing is known.
    static int cores() {
        return Math.max(1, Math.min(processors(), cores(CPUS)));
    }

    static int cores(Path cpus) {
        Set<String> siblings = new HashSet<>();
        try (DirectoryStream<Path> each = Files.newDirectoryStream(cpus, "cpu[0-9]*")) {
            for (Path cpu : each) {
                Path list = cpu.resolve("topology").resolve("thread_siblings_list");
                if (Files.isReadable(list)) {
                    siblings.add(Files.readString(list).strip());
                }
            }
        } catch (IOException e) {
            return Integer.MAX_VALUE;
        }
        return siblings.isEmpty() ? Integer.MAX_VALUE : siblings.size();
    }

    /// The processor's name; the architecture's where the system gives none.
    static String processorName() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/cpuinfo"))) {
                if (line.startsWith("model name") && line.contains(":")) {
                    return line.substring(line.indexOf(':') + 1).strip();
                }
            }
        } catch (IOException e) {
            // not Linux: the architecture has to do
        }
        return System.getProperty("os.arch");
    }

    /// Bytes of memory of the machine or the container.
    static long memoryBytes() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
                ? system.getTotalMemorySize()
                : 0;
    }
}
