package dev.quern.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.quern.core.CorruptFileException;
import dev.quern.core.DType;
import dev.quern.core.QuernException;
import dev.quern.core.Tensor;
import dev.quern.core.UnsupportedModelException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AfterProperty;
import net.jqwik.api.lifecycle.BeforeProperty;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SafetensorsTest {
    private Path temporary = Path.of("");

    @BeforeEach
    @BeforeProperty
    void makeFolder() throws IOException {
        temporary = Files.createTempDirectory("safetensors");
    }

    @AfterEach
    @AfterProperty
    void removeFolder() throws IOException {
        try (Stream<Path> files = Files.walk(temporary)) {
            for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                Files.delete(file);
            }
        }
    }

    @Property(tries = 100)
    void everyTensorComesBackToTheByte(
            @ForAll @IntRange(min = 0, max = 12) int count, @ForAll long seed, @ForAll boolean sharded) {
        List<TensorPlan> plans = new ArrayList<>();
        Random random = new Random(seed);
        for (int i = 0; i < count; i++) {
            DType dtype = DType.values()[random.nextInt(DType.values().length)];
            long[] sizes = random.ints(random.nextInt(4), 0, 7).asLongStream().toArray();
            plans.add(TensorPlan.of("layer." + i + ".\"ü\\", Samples.tensor(dtype, seed + i, sizes)));
        }
        Path folder = temporary.resolve("model");
        Safetensors.writeDirectory(folder, plans, sharded ? 100 : Long.MAX_VALUE, Map.of("note", "ü\n\""));
        try (SafetensorsFile file = Safetensors.open(folder)) {
            assertThat(file.names()).hasSize(count);
            for (TensorPlan plan : plans) {
                Tensor read = file.tensor(plan.name());
                assertThat(read.dtype()).isEqualTo(plan.dtype());
                assertThat(read.shape()).isEqualTo(plan.shape());
                assertThat(read.data().mismatch(plan.data().get().data())).isEqualTo(-1);
            }
            assertThat(file.metadata()).containsEntry("note", "ü\n\"");
        }
    }

    @Test
    void dataAndEachTensorLieAligned() throws IOException {
        Path file = temporary.resolve("a.safetensors");
        Safetensors.write(file, Samples.plans(1), Map.of());
        long header = ByteBuffer.wrap(Files.readAllBytes(file))
                .order(ByteOrder.LITTLE_ENDIAN)
                .getLong();
        assertThat((8 + header) % 64).isZero();
        try (SafetensorsFile opened = Safetensors.open(file)) {
            for (String name : opened.names()) {
                Tensor tensor = opened.tensor(name);
                assertThat(tensor.data().address() % tensor.dtype().bytes())
                        .as(name)
                        .isZero();
            }
        }
    }

    @Test
    void orderIsKeptWhereNothingNeedsToMove() {
        Path file = temporary.resolve("a.safetensors");
        List<TensorPlan> plans = List.of(
                TensorPlan.of("b", Samples.tensor(DType.F16, 1, 4)),
                TensorPlan.of("a", Samples.tensor(DType.F32, 1, 4)),
                TensorPlan.of("c", Samples.tensor(DType.I8, 1, 3)));
        Safetensors.write(file, plans, Map.of());
        try (SafetensorsFile opened = Safetensors.open(file)) {
            assertThat(opened.names()).containsExactly("b", "a", "c");
        }
    }

    static Stream<Arguments> contradictions() {
        String f32 = "{'dtype':'F32','shape':[2],'data_offsets':[0,8]}";
        return Stream.of(
                Arguments.of("{'a':" + f32 + "}", 7, "past the end of the file"),
                Arguments.of("{'a':" + f32 + "}", 9, "belong to no tensor"),
                Arguments.of("{'a':" + f32 + ",'a':" + f32 + "}", 8, "uplicate"),
                Arguments.of("{'a':" + f32 + ",'b':" + f32 + "}", 8, "overlaps"),
                Arguments.of("{'a':{'dtype':'F32','shape':[2],'data_offsets':[4,12]}}", 12, "hole of 4 bytes"),
                Arguments.of("{'a':{'dtype':'F32','shape':[3],'data_offsets':[0,8]}}", 8, "takes 12 bytes"),
                Arguments.of("{'a':{'dtype':'F32','shape':[-2],'data_offsets':[0,8]}}", 8, "negative"),
                Arguments.of("{'a':{'dtype':'F32','shape':[2.0],'data_offsets':[0,8]}}", 8, "whole numbers"),
                Arguments.of("{'a':{'dtype':'F32','shape':[2],'data_offsets':[8,0]}}", 8, "data_offsets"),
                Arguments.of("{'a':{'dtype':'F32','shape':[2],'data_offsets':[0]}}", 8, "data_offsets"),
                Arguments.of("{'a':{'dtype':'F32','shape':[2]}}", 8, "lacks"),
                Arguments.of("{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8],'x':1}}", 8, "unknown field x"),
                Arguments.of(
                        "{'a':{'dtype':'F32','shape':[4611686018427387904,4],'data_offsets':[0,8]}}", 8, "2^63 bits"),
                Arguments.of(
                        "{'a':{'dtype':'F32','shape':[1152921504606846976],'data_offsets':[0,8]}}", 8, "2^63 bits"),
                Arguments.of(
                        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,99999999999999999999]}}",
                        8,
                        "not valid JSON"),
                Arguments.of("{'__metadata__':{'x':1},'a':" + f32 + "}", 8, "expected a string"),
                Arguments.of("{'a':" + f32 + "} x", 8, "not valid JSON"),
                Arguments.of("{'a':" + f32 + "} {}", 8, "behind the header"),
                Arguments.of("{'a':" + f32, 8, "not valid JSON"),
                Arguments.of("[1,2]", 0, "does not start with {"));
    }

    @ParameterizedTest
    @MethodSource("contradictions")
    void aHeaderThatContradictsItselfIsRefusedWithTheReason(String header, int dataBytes, String reason)
            throws IOException {
        Path file = file(header.replace('\'', '"').getBytes(StandardCharsets.UTF_8), dataBytes);
        assertThatThrownBy(() -> Safetensors.open(file).close())
                .isInstanceOf(CorruptFileException.class)
                .hasMessageContaining(reason)
                .hasMessageStartingWith(file.toString());
    }

    @Test
    void aHeaderThatIsNotUtf8IsRefused() throws IOException {
        byte[] header = "{\"a?\":{}}".getBytes(StandardCharsets.UTF_8);
        header[3] = (byte) 0xFF;
        Path file = file(header, 0);
        assertThatThrownBy(() -> Safetensors.open(file).close()).hasMessageContaining("UTF-8");
    }

    @Test
    void aTypeThatQuernLacksIsListedAndRefusedWhenAskedFor() throws IOException {
        String header = "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[0,4]}}";
        try (SafetensorsFile file = Safetensors.open(file(header.getBytes(StandardCharsets.UTF_8), 4))) {
            assertThat(file.stored().getFirst().encoding()).isEqualTo("F8_E4M3");
            assertThatThrownBy(() -> file.tensor("a"))
                    .isInstanceOf(UnsupportedModelException.class)
                    .hasMessageContainingAll("tensor a", "F8_E4M3");
        }
    }

    @Test
    void anIndexMayNotPointOutOfItsDirectory() throws IOException {
        for (String shard :
                List.of("../x.safetensors", "/etc/x.safetensors", "a/b.safetensors", "..", "C:x.safetensors")) {
            index("{\"weight_map\":{\"a\":\"" + shard + "\"}}");
            assertThatThrownBy(() -> Safetensors.open(temporary).close())
                    .isInstanceOf(CorruptFileException.class)
                    .hasMessageContainingAll(shard, "no plain file name");
        }
    }

    @Test
    void aMissingShardAndATensorMissingInItsShardAreNamed() throws IOException {
        index("{\"weight_map\":{\"a\":\"one.safetensors\"}}");
        assertThatThrownBy(() -> Safetensors.open(temporary).close())
                .isInstanceOf(QuernException.class)
                .hasMessageContainingAll("one.safetensors", "missing");
        Safetensors.write(
                temporary.resolve("one.safetensors"),
                List.of(TensorPlan.of("b", Samples.tensor(DType.F32, 1, 2))),
                Map.of());
        assertThatThrownBy(() -> Safetensors.open(temporary).close())
                .isInstanceOf(CorruptFileException.class)
                .hasMessageContainingAll("tensor a is missing", "one.safetensors");
    }

    @Test
    void aDirectoryOfPicklesSaysWhyItIsNotRead() throws IOException {
        Files.writeString(temporary.resolve("pytorch_model.bin"), "x");
        assertThatThrownBy(() -> Safetensors.open(temporary).close()).hasMessageContaining("pickles");
    }

    @Test
    void writingShardsRemovesTheSingleFileThatWouldHideThem() {
        List<TensorPlan> plans = Samples.plans(1);
        Safetensors.writeDirectory(temporary, plans, Long.MAX_VALUE, Map.of());
        Safetensors.writeDirectory(temporary, plans, 64, Map.of());
        assertThat(temporary.resolve(Safetensors.SINGLE)).doesNotExist();
        try (SafetensorsFile file = Safetensors.open(temporary)) {
            assertThat(file.names()).hasSize(plans.size());
        }
        Safetensors.writeDirectory(temporary, plans, Long.MAX_VALUE, Map.of());
        assertThat(temporary.resolve(Safetensors.INDEX)).doesNotExist();
    }

    private Path file(byte[] header, int dataBytes) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(8 + header.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(header.length).put(header);
        return Files.write(temporary.resolve("x.safetensors"), bytes.array());
    }

    private void index(String json) throws IOException {
        Files.writeString(temporary.resolve(Safetensors.INDEX), json);
    }
}
