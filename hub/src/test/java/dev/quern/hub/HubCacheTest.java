package dev.quern.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HubCacheTest {
    @TempDir
    Path folder = Path.of("");

    @Test
    void theCacheIsWhereTheEnvironmentSays() {
        assertThat(HubCache.of(Map.of("HF_HUB_CACHE", "/a", "HF_HOME", "/b")).folder())
                .isEqualTo(Path.of("/a"));
        assertThat(HubCache.of(Map.of("HF_HOME", "/b", "XDG_CACHE_HOME", "/c")).folder())
                .isEqualTo(Path.of("/b/hub"));
        assertThat(HubCache.of(Map.of("XDG_CACHE_HOME", "/c")).folder()).isEqualTo(Path.of("/c/huggingface/hub"));
        assertThat(HubCache.of(Map.of()).folder()).endsWithRaw(Path.of(".cache/huggingface/hub"));
    }

    @Test
    void anIdStandsForTheSnapshotOfItsBranchTagOrCommit() throws IOException {
        Path model = folder.resolve("models--org--name");
        Path snapshot = Files.createDirectories(model.resolve("snapshots/0a1b2c"));
        Files.createDirectories(model.resolve("refs/pr"));
        Files.writeString(model.resolve("refs/main"), "0a1b2c");
        Files.writeString(model.resolve("refs/pr/1"), "0a1b2c\n");
        HubCache cache = new HubCache(folder);

        assertThat(cache.find("org/name")).contains(snapshot);
        assertThat(cache.find("org/name@main")).contains(snapshot);
        assertThat(cache.find("org/name@pr/1")).contains(snapshot);
        assertThat(cache.find("org/name@0a1b2c")).contains(snapshot);
    }

    @Test
    void whatIsNotInTheCacheFailsWithTheCommandThatFetchesIt() {
        HubCache cache = new HubCache(folder);
        assertThatThrownBy(() -> cache.find("org/name@v2"))
                .hasMessageContaining("quern pull org/name@v2")
                .hasMessageContaining(folder.toString());
    }

    @Test
    void aSnapshotThatIsOneGgufFileStandsForTheFile() throws IOException {
        Path snapshot = Files.createDirectories(folder.resolve("models--org--name/snapshots/0a1b2c"));
        Path file = Files.createFile(snapshot.resolve("model.Q4_0.gguf"));
        assertThat(new HubCache(folder).find("org/name@0a1b2c")).contains(file);
    }

    @Test
    void aRefThatPointsOutOfTheCacheIsNotFollowed() throws IOException {
        Path model = folder.resolve("models--org--name");
        Files.createDirectories(model.resolve("refs"));
        Files.createDirectories(model.resolve("snapshots"));
        Files.writeString(model.resolve("refs/main"), "../../..");
        HubCache cache = new HubCache(folder);

        assertThatThrownBy(() -> cache.find("org/name")).hasMessageContaining("quern pull");
        assertThat(cache.find("org/name@../../refs")).isEmpty();
        assertThat(cache.find("../name")).isEmpty();
    }
}
