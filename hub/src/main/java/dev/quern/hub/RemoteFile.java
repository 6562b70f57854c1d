package dev.quern.hub;

import java.util.Optional;

/// One file of a model as the hub announces it: `sha256` of a large file, else `gitId`, the SHA-1 that git gives a blob
/// (of `blob SIZE\0` and the bytes). Its name in `blobs` is whichever of them there is.
record RemoteFile(String path, long size, Optional<String> sha256, String gitId) {
    String blob() {
        return sha256.orElse(gitId);
    }

    /// The last part of the path.
    String name() {
        return path.substring(path.lastIndexOf('/') + 1);
    }
}
