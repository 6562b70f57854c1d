package dev.quern.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.quern.core.Progress;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// `Pull` against a hub on this machine that cuts, lies, redirects and corrupts.
class PullTest {
    private static final HubId ID = HubId.of("org/name").orElseThrow();
    private static final byte[] WEIGHTS = new byte[3_000_000];

    static {
        new Random(1).nextBytes(WEIGHTS);
    }

    @TempDir
    Path folder = Path.of("");

    private TestHub hub;

    @BeforeEach
    void start() throws IOException {
        hub = new TestHub();
        hub.put("config.json", "{}".getBytes(java.nio.charset.StandardCharsets.UTF_8));
        hub.put("tokenizer.json", new byte[0]);
        hub.put("model.safetensors", WEIGHTS);
        hub.put("pytorch_model.bin", new byte[] {1});
        hub.put("onnx/model.json", new byte[] {2});
    }

    @AfterEach
    void stop() {
        hub.close();
    }

    private PullReport pull(Progress progress, String... include) {
        return pull(false, progress, include);
    }

    private PullReport pull(boolean offline, Progress progress, String... include) {
        HubSettings settings = new HubSettings(
                hub.address(), Optional.of("secret"), offline, new HubCache(folder), Duration.ofSeconds(1));
        return new Pull(settings, new FileChoice(List.of(include), List.of()), 3, new Download.Retries(2, 1))
                .run(ID, progress);
    }

    @Test
    void theCacheLooksAsTheHubsOwnToolsMakeIt() throws IOException {
        List<Long> done = Collections.synchronizedList(new ArrayList<>());
        PullReport report = pull((_, at, _) -> done.add(at));

        Path model = folder.resolve("models--org--name");
        Path weights = model.resolve("snapshots/" + TestHub.COMMIT + "/model.safetensors");
        assertThat(report.folder()).isEqualTo(weights.getParent());
        assertThat(weights).isSymbolicLink().hasBinaryContent(WEIGHTS);
        assertThat(Files.readSymbolicLink(weights).startsWith("../../blobs")).isTrue();
        assertThat(model.resolve("refs/main")).hasContent(TestHub.COMMIT);
        assertThat(new HubCache(folder).find("org/name")).contains(report.folder());
        try (Stream<Path> files = Files.list(report.folder())) {
            assertThat(files.map(f -> f.getFileName().toString()))
                    .containsExactlyInAnyOrder("config.json", "tokenizer.json", "model.safetensors");
        }
        assertThat(report.received()).isEqualTo(WEIGHTS.length + 2L);
        assertThat(Collections.max(done)).isEqualTo(WEIGHTS.length + 2L);
    }

    @Test
    void aSecondPullFetchesNothing() {
        pull(Progress.NONE);
        hub.requests.clear();
        assertThat(pull(Progress.NONE).received()).isZero();
        assertThat(hub.requests).hasSize(1);
    }

    @Test
    void aCutConnectionIsGoneOnWithFromWhereItBroke() {
        hub.fault = TestHub.Fault.CUT;
        hub.spoiled = 12;
        PullReport report = pull(Progress.NONE, "*.safetensors");
        assertThat(report.folder().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
        assertThat(hub.requests.stream().filter(r -> r.contains("bytes="))).hasSizeGreaterThan(3);
    }

    @Test
    void aHubThatNeverSendsAllFailsAndKeepsWhatCame() throws IOException {
        hub.fault = TestHub.Fault.BROKEN;
        Path blobs = Files.createDirectories(folder.resolve("models--org--name/blobs"));
        String name = hub.listing().replaceFirst("(?s).*\"sha256\": \"(\\w+)\".*", "$1");
        Files.write(blobs.resolve(name + ".incomplete"), java.util.Arrays.copyOf(WEIGHTS, 1000));

        assertThatThrownBy(() -> pull(Progress.NONE, "*.safetensors"))
                .hasMessageContaining("model.safetensors did not arrive (1000 of 3000000 bytes)")
                .hasMessageContaining("run the same command again");
        assertThat(folder.resolve("models--org--name/snapshots")).doesNotExist();

        hub.fault = TestHub.Fault.NONE;
        assertThat(pull(Progress.NONE, "*.safetensors").received()).isEqualTo(WEIGHTS.length - 1000L);
    }

    @Test
    void aServerThatIgnoresRangesSendsTheFileAnew() throws IOException {
        hub.fault = TestHub.Fault.WHOLE;
        Path blobs = Files.createDirectories(folder.resolve("models--org--name/blobs"));
        String name = hub.listing().replaceFirst("(?s).*\"sha256\": \"(\\w+)\".*", "$1");
        Files.write(blobs.resolve(name + ".incomplete"), new byte[500]);
        assertThat(pull(Progress.NONE, "*.safetensors").folder().resolve("model.safetensors"))
                .hasBinaryContent(WEIGHTS);
    }

    @Test
    void corruptBytesNeverGetAName() throws IOException {
        hub.fault = TestHub.Fault.CORRUPT;
        assertThatThrownBy(() -> pull(Progress.NONE, "*.safetensors"))
                .hasMessageContaining("model.safetensors arrived damaged")
                .hasMessageContaining("thrown away");
        try (Stream<Path> left = Files.list(folder.resolve("models--org--name/blobs"))) {
            assertThat(left).isEmpty();
        }
    }

    @Test
    void aFileLongerThanListedIsRefused() {
        hub.fault = TestHub.Fault.LONGER;
        assertThatThrownBy(() -> pull(Progress.NONE, "*.safetensors"))
                .hasMessageContaining("longer than the 2999999 bytes that the hub lists");
    }

    @Test
    void aSilentServerIsNotWaitedForForEver() {
        hub.fault = TestHub.Fault.SILENT;
        hub.spoiled = 1;
        assertThat(pull(Progress.NONE, "*.safetensors").folder().resolve("model.safetensors"))
                .hasBinaryContent(WEIGHTS);
    }

    @Test
    void theTokenStaysWithTheHub() {
        hub.fault = TestHub.Fault.ELSEWHERE;
        pull(Progress.NONE, "*.safetensors");
        assertThat(hub.requests)
                .anyMatch(r -> r.contains("resolve") && r.endsWith("Bearer secret"))
                .anyMatch(r -> r.endsWith("elsewhere"))
                .noneMatch(r -> r.contains("secret") && r.contains("elsewhere"));
    }

    @Test
    void aPrivateModelFailsWithWhatToDo() {
        hub.fault = TestHub.Fault.FORBIDDEN;
        assertThatThrownBy(() -> pull(Progress.NONE))
                .hasMessageContaining("org/name: the hub refuses it (403)")
                .hasMessageContaining("HF_TOKEN");
    }

    @Test
    void offlineTakesWhatIsThereAndAsksNobody() {
        assertThatThrownBy(() -> pull(true, Progress.NONE)).hasMessageContaining("HF_HUB_OFFLINE");
        assertThat(hub.requests).isEmpty();
        PullReport report = pull(Progress.NONE);
        hub.requests.clear();
        assertThat(pull(true, Progress.NONE).folder()).isEqualTo(report.folder());
        assertThat(hub.requests).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"sha\": \"0123456789abcdef0123456789abcdef01234567\", \"siblings\": [{\"rfilename\": \"../x.safetensors\","
                        + " \"size\": 1, \"blobId\": \"0123456789abcdef0123456789abcdef01234567\"}]}",
                "{\"sha\": \"0123456789abcdef0123456789abcdef01234567\", \"siblings\": [{\"rfilename\": \"/etc/x\","
                        + " \"size\": 1, \"blobId\": \"0123456789abcdef0123456789abcdef01234567\"}]}",
                "{\"sha\": \"0123456789abcdef0123456789abcdef01234567\", \"siblings\": [{\"rfilename\": \"a\","
                        + " \"size\": -1, \"blobId\": \"0123456789abcdef0123456789abcdef01234567\"}]}",
                "{\"sha\": \"0123456789abcdef0123456789abcdef01234567\", \"siblings\": [{\"rfilename\": \"a\","
                        + " \"size\": 1, \"blobId\": \"../../x\"}]}",
                "{\"sha\": \"../..\", \"siblings\": []}",
                "{\"sha\": \"0123456789abcdef0123456789abcdef01234567\", \"siblings\": []}",
                "<html>"
            })
    void aHostileListIsRefusedBeforeAnythingIsWritten(String listing) {
        hub.listing = listing;
        assertThatThrownBy(() -> pull(Progress.NONE)).isInstanceOf(dev.quern.core.QuernException.class);
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void manyGgufFilesAreTheUsersChoice() {
        TestHub other = hub;
        other.listing =
                other.listing().replace("model.safetensors", "a.Q4_0.gguf").replace("config.json", "b.Q8_0.gguf");
        assertThatThrownBy(() -> pull(Progress.NONE))
                .hasMessageContaining("holds 2 GGUF files")
                .hasMessageContaining("--include");
    }

    @Test
    void aPatternThatMatchesNothingSaysWhatThereIs() {
        assertThatThrownBy(() -> pull(Progress.NONE, "*.gguf"))
                .hasMessageContaining("--include *.gguf matches none of")
                .hasMessageContaining("model.safetensors");
    }

    @Test
    void anotherProcessOnTheSameModelIsRefused() throws IOException {
        Path locks = Files.createDirectories(folder.resolve(".locks"));
        try (FileChannel held = FileChannel.open(
                        locks.resolve("quern--org--name.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                var lock = held.lock()) {
            assertThat(lock.isValid()).isTrue();
            assertThatThrownBy(() -> pull(Progress.NONE)).hasMessageContaining("another process is fetching it");
        }
    }
}
