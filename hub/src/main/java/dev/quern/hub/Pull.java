package dev.quern.hub;

import dev.quern.core.Progress;
import dev.quern.core.QuernException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;

/// Brings a model from a hub into the cache that all of the hub's tools share: several files at a time, each checked
/// against the hub's checksum, resumed where an earlier run broke off. The snapshot appears when all its files are
/// there.
public final class Pull {
    private static final Download.Retries RETRIES = new Download.Retries(4, 500);

    private final HubSettings settings;
    private final FileChoice choice;
    private final int connections;
    private final Download.Retries retries;

    /// `include` and `exclude` are patterns of file names; with no `include` a model's usual files are taken.
    public Pull(HubSettings settings, List<String> include, List<String> exclude, int connections) {
        this(settings, new FileChoice(include, exclude), connections, RETRIES);
    }

    Pull(HubSettings settings, FileChoice choice, int connections, Download.Retries retries) {
        this.settings = settings;
        this.choice = choice;
        this.connections = connections;
        this.retries = retries;
    }

    /// Fetches what is missing of `id`; `progress` counts bytes.
    public PullReport run(HubId id, Progress progress) {
        if (settings.offline()) {
            return offline(id);
        }
        progress.at("asking for " + id, 0, 1);
        try (HubClient client = new HubClient(settings)) {
            Listing listing = list(client, id);
            List<RemoteFile> files = choice.of(id, listing.files());
            Path repository = settings.cache().repository(id);
            Path blobs = Files.createDirectories(repository.resolve("blobs"));
            try (FileChannel channel = lockFile(id);
                    FileLock lock = lock(channel, id)) {
                long received = fetch(client, id, listing.commit(), files, blobs, progress);
                Path snapshot = repository.resolve("snapshots").resolve(listing.commit());
                for (RemoteFile file : files) {
                    link(blobs.resolve(file.blob()), snapshot.resolve(file.path()));
                }
                remember(id, listing.commit());
                long bytes = files.stream().mapToLong(RemoteFile::size).sum();
                return new PullReport(snapshot, listing.commit(), files.size(), bytes, received);
            }
        } catch (IOException e) {
            throw new QuernException(
                    settings.cache().folder() + ": cannot be written: " + e.getMessage()
                            + "; make room, or set HF_HOME to a folder that can be written",
                    e);
        }
    }

    private PullReport offline(HubId id) {
        Path snapshot = settings.cache()
                .snapshot(id)
                .orElseThrow(() -> new QuernException(id + ": not in the hub cache "
                        + settings.cache().folder() + ", and HF_HUB_OFFLINE forbids fetching it; unset it"));
        return new PullReport(snapshot, String.valueOf(snapshot.getFileName()), 0, 0, 0);
    }

    private Listing list(HubClient client, HubId id) {
        for (int tries = 1; ; tries++) {
            try {
                return client.list(id);
            } catch (IOException e) {
                if (tries > retries.count()) {
                    throw new QuernException(
                            settings.endpoint() + ": the hub cannot be asked for " + id + ": " + reason(e)
                                    + "; check the network and HF_ENDPOINT",
                            e);
                }
                retries.pause(tries);
            }
        }
    }

    private static String reason(IOException e) {
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }

    private long fetch(HubClient client, HubId id, String commit, List<RemoteFile> files, Path blobs, Progress progress)
            throws IOException {
        List<RemoteFile> missing = files.stream()
                .filter(file -> !Files.exists(blobs.resolve(file.blob())))
                .distinct()
                .toList();
        long total = missing.stream().mapToLong(RemoteFile::size).sum();
        requireRoom(id, blobs, total - kept(missing, blobs));
        AtomicLong done = new AtomicLong();
        long before = kept(missing, blobs);
        try (ExecutorService pool = Executors.newFixedThreadPool(connections)) {
            List<Future<?>> downloads = new ArrayList<>();
            for (RemoteFile file : missing) {
                downloads.add(pool.submit(() -> new Download(
                                client,
                                id,
                                commit,
                                file,
                                blobs,
                                count -> progress.at(file.path(), done.addAndGet(count), total))
                        .run(retries)));
            }
            try {
                for (Future<?> download : downloads) {
                    download.get();
                }
            } catch (ExecutionException e) {
                pool.shutdownNow();
                if (e.getCause() instanceof QuernException known) {
                    throw known;
                }
                throw new IllegalStateException("a download failed", e.getCause());
            } catch (InterruptedException e) {
                pool.shutdownNow();
                Thread.currentThread().interrupt();
                throw new QuernException(id + ": interrupted; what came is kept", e);
            }
        }
        return total - before;
    }

    private static long kept(List<RemoteFile> files, Path blobs) throws IOException {
        long kept = 0;
        for (RemoteFile file : files) {
            Path incomplete = blobs.resolve(file.blob() + ".incomplete");
            kept += Files.exists(incomplete) ? Files.size(incomplete) : 0;
        }
        return kept;
    }

    private static void requireRoom(HubId id, Path blobs, long wanted) throws IOException {
        long room = Files.getFileStore(blobs).getUsableSpace();
        if (room < wanted) {
            throw new QuernException(id + ": " + wanted + " bytes are to come and " + blobs + " has room for " + room
                    + "; make room, or set HF_HOME to another disk");
        }
    }

    private FileChannel lockFile(HubId id) throws IOException {
        Path folder = Files.createDirectories(settings.cache().folder().resolve(".locks"));
        return FileChannel.open(
                folder.resolve("quern--" + id.org() + "--" + id.name() + ".lock"),
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE);
    }

    private static FileLock lock(FileChannel channel, HubId id) throws IOException {
        try {
            FileLock lock = channel.tryLock();
            if (lock != null) {
                return lock;
            }
        } catch (OverlappingFileLockException _) {
            // this very process
        }
        throw new QuernException(id + ": another process is fetching it; wait for that to end");
    }

    /// A relative link, as the hub's own tools make it; a copy where the system has no links.
    private static void link(Path blob, Path place) throws IOException {
        Path folder = Files.createDirectories(place.resolveSibling(""));
        try {
            Files.createSymbolicLink(place, folder.toAbsolutePath().relativize(blob.toAbsolutePath()));
        } catch (FileAlreadyExistsException _) {
            // by an earlier run; blobs never change
        } catch (UnsupportedOperationException | FileSystemException _) {
            Files.copy(blob, place, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private void remember(HubId id, String commit) throws IOException {
        if (id.revision().equals(commit)) {
            return;
        }
        Path ref = settings.cache().ref(id);
        Files.createDirectories(ref.resolveSibling(""));
        Path fresh = Files.createTempFile(ref.resolveSibling(""), "ref", "");
        Files.writeString(fresh, commit);
        Files.move(fresh, ref, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
}
