package dev.quern.methods;

import dev.quern.core.GroupedWeight;
import dev.quern.core.PackedWeight;
import dev.quern.core.Progress;
import dev.quern.core.QuantScheme;
import dev.quern.core.QuernException;
import dev.quern.core.UsageException;
import dev.quern.models.Checkpoint;
import dev.quern.models.ConvertOptions;
import dev.quern.models.ConvertType;
import dev.quern.models.Converter;
import dev.quern.models.Linear;
import java.nio.file.Path;
import java.util.List;

/// A finished model as one GGUF file, which takes over the chosen codes: 4 bits become Q4_0 (symmetric) or Q4_1, 8
/// symmetric bits Q8_0, in blocks of 32 that repeat the scale of a larger group.
///
/// Q4_0 and Q8_0 hold exactly the chosen values. Q4_1 stores `−scale · zero` as one F16 number, whose rounding moves a
/// group's values by less than a hundredth of a step.
final class GgufOutput {
    private static final double Q4_1_STEP_SHARE = 0.01;

    private GgufOutput() {}

    /// True where `output` names a GGUF file.
    static boolean wanted(Path output) {
        return output.toString().endsWith(".gguf");
    }

    /// The blocks that hold codes of `format`; throws `UsageException` where there are none.
    static ConvertType type(Path output, WeightFormat format) {
        QuantScheme scheme = switch (format) {
            case WeightFormat.Grouped(QuantScheme s) -> s;
            case WeightFormat.Vectored _, Int8Format _, TableFormat _ -> throw none(output, format);
        };
        if (scheme.groupSize() % 32 == 0 && scheme.bits() == 4) {
            return scheme.symmetric() ? ConvertType.Q4_0 : ConvertType.Q4_1;
        }
        if (scheme.groupSize() % 32 == 0 && scheme.bits() == 8 && scheme.symmetric()) {
            return ConvertType.Q8_0;
        }
        throw none(output, format);
    }

    private static UsageException none(Path output, WeightFormat format) {
        return new UsageException(
                output + ": GGUF has no blocks for " + format
                        + "; it holds 4 bits or 8 symmetric bits in groups of a multiple of 32, other results go to a directory");
    }

    /// Writes the model in `directory` to `output`; returns its size.
    static long write(Path directory, Path output, ConvertType type, Progress progress) {
        try (Checkpoint finished = Checkpoint.open(directory)) {
            ConvertOptions options = new ConvertOptions(ConvertOptions.GGUF, type, true);
            return Converter.convert(finished, output, options, progress).bytes();
        }
    }

    /// Throws where a weight of `output` reads back otherwise than in `directory`.
    static void verify(Path directory, Path output, List<Linear> chosen, ConvertType type) {
        try (Checkpoint finished = Checkpoint.open(directory);
                Checkpoint written = Checkpoint.open(output)) {
            for (Linear linear : chosen) {
                PackedWeight wanted = finished.weights().weight(linear.weightName());
                PackedWeight found = written.weights().weight(linear.weightName());
                if (!(wanted instanceof GroupedWeight grouped) || !same(grouped, found, type)) {
                    throw new QuernException(output + ": " + linear.name() + " read back differs from what was written;"
                            + " the disk or its memory is at fault, so check both and run again with --resume");
                }
                Mapped.release(wanted);
                Mapped.release(found);
            }
        }
    }

    private static boolean same(GroupedWeight wanted, PackedWeight found, ConvertType type) {
        float[] a = new float[wanted.cols()];
        float[] b = new float[wanted.cols()];
        for (int row = 0; row < wanted.rows(); row++) {
            wanted.unpackRow(row, a, 0);
            found.unpackRow(row, b, 0);
            for (int col = 0; col < a.length; col++) {
                double allowed = type == ConvertType.Q4_1 ? Q4_1_STEP_SHARE * wanted.scale(wanted.group(col), row) : 0;
                if (!(Math.abs((double) a[col] - b[col]) <= allowed)) {
                    return false;
                }
            }
        }
        return true;
    }
}
